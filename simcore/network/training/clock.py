"""How long a training will still take."""

from __future__ import annotations

import statistics
import time
from collections import deque


class Clock:
    """Judges the time left by the median of the last steps, so that a few slow ones, or a pause, count little; writing
    states and measuring accuracy does not count."""

    def __init__(self) -> None:
        self._steps = 0
        self._last = time.monotonic()
        self._taken: deque[float] = deque(maxlen=100)

    def tick(self, effort: float) -> None:
        """A step is over that was ``effort`` as much work as one with whole images."""
        now = time.monotonic()
        self._steps += 1
        if self._steps > 1:  # the first step also pays for setting things up
            self._taken.append((now - self._last) / effort)
        self._last = now

    def resume(self) -> None:
        """Time since the last step went into something else, which does not count."""
        self._last = time.monotonic()

    def seconds_left(self, effort: float) -> float | None:
        """Seconds for ``effort`` steps with whole images; None before there is anything to judge by."""
        return effort * statistics.median(self._taken) if self._taken else None
