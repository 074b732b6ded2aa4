"""How many shards go into one task, so that a task takes seconds: a shard alone may take a millisecond."""

from __future__ import annotations

import math

TASK_SECONDS = 4.0
MOST_SHARDS = 512
_WEIGHT = 0.3


class TaskSizer:
    """Learns what an image costs in each class of designs, from earlier runs and from every task that ends.

    The shard stays what is stored and summed, whatever the size of a task, so that no result depends on it.

    Args:
        most_shards: no task takes more of them.
    """

    def __init__(self, most_shards: int = MOST_SHARDS) -> None:
        self._most_shards = most_shards
        self._seconds_per_image: dict[str, float] = {}

    def learn(self, time_class: str, images: int, seconds: float) -> None:
        """Takes a finished shard into account."""
        measured = seconds / images
        known = self._seconds_per_image.get(time_class)
        self._seconds_per_image[time_class] = measured if known is None else (1 - _WEIGHT) * known + _WEIGHT * measured

    def shards(self, time_class: str, shard_images: int, earlier: float | None, shards_left: int, slots: int) -> int:
        """How many shards the next task takes.

        Args:
            earlier: seconds an image took in earlier runs; None: unknown, then the first task takes one shard.
            shards_left: all that are not submitted yet; towards the end tasks get smaller, so that all workers end
                together.
        """
        seconds = self._seconds_per_image.get(time_class, earlier)
        if seconds is None:
            return 1
        wanted = TASK_SECONDS / max(seconds * shard_images, 1e-9)
        fair = math.ceil(shards_left / (2 * slots))
        return max(1, min(int(min(wanted, self._most_shards)), fair))
