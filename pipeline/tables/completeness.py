"""What a sweep asks for beside what its tables hold: a run of some designs (``--only``) or one that was killed leaves
tables that read like those of a whole sweep."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from pipeline.storage.store import Store
from pipeline.tables.files import SWEEPS_FOLDER


@dataclass(frozen=True)
class Asked:
    """The size of a sweep as its latest run planned it.

    Attributes:
        designs: design points.
        images: of each, or of those that a race does not stop.
        racing: whether a race stops some.
    """

    designs: int
    images: int
    racing: bool


def write_asked(asked: Asked, sweep_name: str, store: Store) -> None:
    """Notes before the work what the sweep is to hold after it."""
    store.put(_path(sweep_name), (json.dumps(asdict(asked)) + "\n").encode())


def what_is_missing(images: Collection[int], sweep_name: str, store: Store) -> str:
    """One line on designs and images that the sweep asks for and the table has not.

    Empty where it is complete, or where nothing is known of it.

    Args:
        images: of every row of ``designs``.
    """
    data = store.read(_path(sweep_name))
    try:
        asked = Asked(**json.loads(data)) if data else None
    except (ValueError, TypeError):
        return ""  # torn, or of another version: the next run writes it anew
    if asked is None:
        return ""
    if len(images) < asked.designs:
        return f"incomplete: {len(images)} of the {asked.designs} designs of sweep '{sweep_name}' are here"
    behind = sum(seen < asked.images for seen in images)
    if behind == len(images) or (behind and not asked.racing):
        return f"incomplete: {behind} of the {asked.designs} designs saw less than the {asked.images} images asked for"
    return ""


def _path(sweep_name: str) -> str:
    return f"{SWEEPS_FOLDER}/{sweep_name}/asked.json"
