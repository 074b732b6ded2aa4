"""A sample of very many designs that is the same wherever and whenever it is taken."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Any


def sample_others(rows: Iterable[Mapping[str, Any]], size: int) -> set[str]:
    """The keys of a sample of the designs that are not on the front: the first ``size`` in the order of their keys.

    Keys are digests, so their order has nothing to do with what the designs are: the sample is as good as drawn, and a
    sweep that grows keeps most of it.

    Args:
        rows: of ``designs``; ``design_key`` and ``on_front`` are looked at.
    """
    return set(heapq.nsmallest(size, (row["design_key"] for row in rows if not row["on_front"])))
