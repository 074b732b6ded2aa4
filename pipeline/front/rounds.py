"""The rounds of a race: how many images of how many chips each design gets before it is decided who goes on."""

from __future__ import annotations

import math

from pipeline.sweep.extent import Extent

FIRST_SHARDS = 2
FIRST_PART = 16
"""Of this many parts of the images the first round has one, where that is more than FIRST_SHARDS."""
FIRST_CHIPS = 8
"""How chips scatter is known from so many: at a level of 1e-6 Student's quantile is 15 with eight, and 49 with five."""
GROWTH = 4
"""Of images times chips, from round to round."""


def rounds(whole: Extent, shard_images: int, first_chips: int = FIRST_CHIPS) -> list[Extent]:
    """Images and chips after each round: few at first, four times as many evaluations each time, all in the end.

    Chips double at most, images take the rest, until all of either are there.

    Args:
        whole: of the sweep.
        shard_images: of a shard.
        first_chips: of the first round.
    """
    first = max(FIRST_SHARDS, math.ceil(whole.images / FIRST_PART / shard_images)) * shard_images
    found = [Extent(first, first_chips).within(whole)]
    while (before := found[-1]) != whole:
        evaluations = GROWTH * before.images * before.chips
        chips = min(2 * before.chips, whole.chips)
        images = min(math.ceil(evaluations / chips / shard_images) * shard_images, whole.images)
        found.append(Extent(images, max(chips, math.ceil(evaluations / images))).within(whole))
    return found


def most_rounds(chips: int) -> int:
    """Most rounds of a race over so many chips, whatever its images and shards.

    Args:
        chips: of a design.
    """
    evaluations = FIRST_PART * max(chips, FIRST_CHIPS)  # in units of the fewest that the first round may have
    return 1 + next(power for power in range(64) if FIRST_CHIPS * GROWTH**power >= evaluations)
