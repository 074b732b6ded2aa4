"""What a sweep asks for beside what its tables hold: a run of some designs (``--only``) or one that was killed leaves
tables that read like those of a whole sweep."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.storage.store import Store
from pipeline.tables.files import SWEEPS_FOLDER


@dataclass(frozen=True)
class Asked:
    """The size of a sweep as its latest run planned it.

    Attributes:
        designs: design points.
        images: of each, or of those that a race does not stop.
        racing: whether a race stops some.
        chips: of each whose chips differ.
    """

    designs: int
    images: int
    racing: bool
    chips: int = 1


def write_asked(asked: Asked, sweep_name: str, store: Store) -> None:
    """Notes before the work what the sweep is to hold after it."""
    store.put(_path(sweep_name), (json.dumps(asdict(asked)) + "\n").encode())


def what_is_missing(designs: pa.Table, sweep_name: str, store: Store) -> str:
    """One line on designs, images and chips that the sweep asks for and the table has not.

    Empty where it is complete, or where nothing is known of it.

    Args:
        designs: the table ``designs``.
    """
    data = store.read(_path(sweep_name))
    try:
        asked = Asked(**json.loads(data)) if data else None
    except (ValueError, TypeError):
        return ""  # torn, or of another version: the next run writes it anew
    if asked is None:
        return ""
    if designs.num_rows < asked.designs:
        return f"incomplete: {designs.num_rows} of the {asked.designs} designs of sweep '{sweep_name}' are here"
    whole = designs.filter(pc.equal(pc.fill_null(designs["stopped"], ""), "")) if asked.racing else designs
    behind = sum(seen < asked.images for seen in whole["images"].to_pylist())
    if behind:
        return f"incomplete: {behind} of the {asked.designs} designs saw less than the {asked.images} images asked for"
    fewer = sum(seen is not None and seen < asked.chips for seen in whole["chips"].to_pylist())
    if fewer:
        return f"incomplete: {fewer} of the {asked.designs} designs have fewer than the {asked.chips} chips asked for"
    return ""


def _path(sweep_name: str) -> str:
    return f"{SWEEPS_FOLDER}/{sweep_name}/asked.json"
