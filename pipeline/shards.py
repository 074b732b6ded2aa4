"""Which ranges of images are already there and which are missing. Ranges are (first image, count)."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Range = tuple[int, int]

BUNDLE_SHARDS = 1000
"""Most shards of a bundle: what is read, checked and held together."""


@dataclass(frozen=True)
class Bundle:
    """Shards of ``each`` images that follow one another, from ``first`` on; the last one may be shorter."""

    first: int
    count: int
    each: int

    @property
    def end(self) -> int:
        """The first image behind the bundle."""
        return self.first + self.count

    @property
    def shards(self) -> int:
        """How many shards it holds."""
        return -(-self.count // self.each)

    def ranges(self) -> Iterator[Range]:
        """Its shards in order."""
        for first in range(self.first, self.end, self.each):
            yield first, min(self.each, self.end - first)

    def holds(self, shard: Range) -> bool:
        """Whether this very range is one of its shards."""
        first, count = shard
        return (
            self.first <= first < self.end
            and (first - self.first) % self.each == 0
            and count == min(self.each, self.end - first)
        )


def bundles_of(shards: Sequence[Range]) -> list[Bundle]:
    """Cuts shards, in order and without gaps, into bundles as long as may be; one may hold a single shard.

    Full bundles stay what they are when more shards follow.
    """
    found: list[Bundle] = []
    for index, (first, count) in enumerate(shards):
        before = found[-1] if found else None
        following = shards[index + 1][1] if index + 1 < len(shards) else None
        if (
            before is not None
            and before.count % before.each == 0
            and before.shards < BUNDLE_SHARDS
            # A shorter one ends a bundle, unless it begins one of its own size.
            and (count == before.each or count < before.each and following != count)
        ):
            found[-1] = Bundle(before.first, before.count + count, before.each)
        else:
            found.append(Bundle(first, count, count))
    return found


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
