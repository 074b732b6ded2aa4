"""Which ranges of images are already there and which are missing. Ranges are (first image, count)."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass

Range = tuple[int, int]


@dataclass(frozen=True)
class Cover:
    """The images 0..images cut into stored ranges that are used and missing ones to be computed, in order."""

    stored: tuple[Range, ...]
    missing: tuple[Range, ...]


def cover(images: int, shard_images: int, stored: Iterable[Range]) -> Cover:
    """Covers 0..images without overlap, stored ranges first, gaps cut at multiples of ``shard_images``.

    Where several stored ranges begin at the same image, the one that an undisturbed run would have made is taken,
    else the longest; a range that reaches beyond ``images`` cannot be used, for its sums hold images not asked for.
    """
    by_first: dict[int, list[int]] = {}
    for first, count in stored:
        if first + count <= images:
            by_first.setdefault(first, []).append(count)
    starts = sorted(by_first)
    used: list[Range] = []
    missing: list[Range] = []
    position = 0
    while position < images:
        regular = min((position // shard_images + 1) * shard_images, images) - position
        counts = by_first.get(position)
        if counts:
            count = regular if regular in counts else max(counts)
            used.append((position, count))
        else:
            following = bisect.bisect_right(starts, position)
            gap = starts[following] - position if following < len(starts) else regular
            count = min(regular, gap)
            missing.append((position, count))
        position += count
    return Cover(tuple(used), tuple(missing))
