"""What is stored of a design, read and checked; a file that cannot be trusted is set aside, so that it is missing."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.storage.records import DamagedRecord, DesignRecord, decode_design, design_path
from pipeline.storage.shard_files import ShardFiles, ShardReading, read_shards
from pipeline.storage.shards import Range
from pipeline.storage.store import Store


class SetAside(UserWarning):
    """A stored file is damaged and was moved out of the way."""


@dataclass(frozen=True)
class TrustedDesign:
    """The record of a design, None where there is none, its shards, and what was set aside in doing so."""

    record: DesignRecord | None
    shards: ShardReading
    set_aside: list[str]

    def warn(self) -> None:
        """Tells of every file that was set aside."""
        for text in self.set_aside:
            warnings.warn(SetAside(f"set aside {text}"), stacklevel=2)


def read_trusted(store: Store, key: str, files: ShardFiles, wanted: Iterable[Range]) -> TrustedDesign:
    """Reads the record of a design and the shards ``wanted``.

    Args:
        store: the results.
        key: of the design.
        files: its shards as they were listed.
        wanted: in this order.
    """
    record: DesignRecord | None = None
    damaged: dict[str, DamagedRecord] = {}
    data = store.read(design_path(key))
    try:
        record = decode_design(data, key) if data is not None else None
    except DamagedRecord as error:
        damaged[design_path(key)] = error
    reading = read_shards(store, key, files, wanted)
    damaged |= reading.damaged
    return TrustedDesign(record, reading, [_put_away(store, path, error) for path, error in damaged.items()])


def _put_away(store: Store, path: str, error: DamagedRecord) -> str:
    try:
        return f"{path}: {error}; moved to {store.set_aside(path)}"
    except FileNotFoundError:
        return f"{path}: the file was deleted in the meantime"
