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
    """Cuts shards, in order, into bundles as long as may be without a gap; one may hold a single shard.

    Full bundles stay what they are when more shards follow.
    """
    found: list[Bundle] = []
    for index, (first, count) in enumerate(shards):
        before = found[-1] if found else None
        following = shards[index + 1][1] if index + 1 < len(shards) else None
        if (
            before is not None
            and before.end == first  # the next chip's images need not follow
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
    """Covers 0..images without overlap with the fewest images missing, gaps cut at multiples of ``shard_images``.

    Of choices that leave as few missing, the one that an undisturbed run would have made is taken, else the longest
    range; a range that reaches beyond ``images`` cannot be used, for its sums hold images not asked for.
    """
    taken = _choose_ranges(images, shard_images, stored)
    starts = sorted(taken)
    used: list[Range] = []
    missing: list[Range] = []
    position = 0
    while position < images:
        if position in taken:
            count = taken[position]
            used.append((position, count))
        else:
            following = bisect.bisect_right(starts, position)
            gap = (starts[following] if following < len(starts) else images) - position
            count = min(_regular(position, images, shard_images), gap)
            missing.append((position, count))
        position += count
    return Cover(tuple(used), tuple(missing))


def cover_chips(images: int, chips: int, split_images: int, shard_images: int, stored: Iterable[Range]) -> Cover:
    """As ``cover``, of several chips: image i of chip c has the number c ``split_images`` + i.

    Args:
        images: of every chip.
        chips: how many.
        split_images: of the whole split, so that more images or more chips move no number.
        shard_images: of a shard.
        stored: ranges, each of one chip.
    """
    by_chip: dict[int, list[Range]] = {}
    for first, count in stored:
        chip, image = divmod(first, split_images)
        by_chip.setdefault(chip, []).append((image, count))
    used: list[Range] = []
    missing: list[Range] = []
    for chip in range(chips):
        found = cover(images, shard_images, by_chip.get(chip, []))
        start = chip * split_images
        used += [(start + first, count) for first, count in found.stored]
        missing += [(start + first, count) for first, count in found.missing]
    return Cover(tuple(used), tuple(missing))


def longest_chain(stored: Iterable[Range]) -> tuple[Range, ...]:
    """Stored ranges that follow one another from image 0 on, without gap or overlap, as far as any of them reach."""
    stored = sorted(stored)
    ends = {0}
    for first, count in stored:
        if first in ends:
            ends.add(first + count)
    images = max(ends)
    return cover(images, max(images, 1), stored).stored


def _choose_ranges(images: int, shard_images: int, stored: Iterable[Range]) -> dict[int, int]:
    """The count of the range to take at each image where one begins, should that image be reached.

    An image is left out where its ranges would cost more images than they hold. Found from the last image backwards:
    what is missing behind a range depends on nothing before it.
    """
    by_first: dict[int, list[int]] = {}
    for first, count in stored:
        if first + count <= images:
            by_first.setdefault(first, []).append(count)
    borders = [*sorted(by_first), images]
    fewest = [0] * len(borders)  # images missing from each border on

    def missing_from(position: int) -> int:
        following = bisect.bisect_left(borders, position)
        return borders[following] - position + fewest[following]

    taken: dict[int, int] = {}
    for index in reversed(range(len(borders) - 1)):
        first = borders[index]
        regular = _regular(first, images, shard_images)
        options = [(missing_from(first + count), count != regular, -count) for count in by_first[first]]
        best = min(options)
        none_taken = 1 + missing_from(first + 1)
        fewest[index] = min(best[0], none_taken)
        if best[0] <= none_taken:
            taken[first] = -best[2]
    return taken


def _regular(position: int, images: int, shard_images: int) -> int:
    """Images from ``position`` to the end of the shard that an undisturbed run would make there."""
    return min((position // shard_images + 1) * shard_images, images) - position
