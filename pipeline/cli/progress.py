"""What commands that compute for a while without Ray tell of it."""

from __future__ import annotations

import sys
import time

from pipeline.execution.progress import duration


class StepLines:
    """A line on standard error now and then, with the time that is left: ``3/12 variants, about 40 s left: without
    driver``.

    Args:
        steps: what there are several of.
        every_s: seconds between lines.
    """

    def __init__(self, steps: str, every_s: float) -> None:
        self._steps, self._every_s = steps, every_s
        self._begin = self._last = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """``what`` is done, or begun where nothing is done yet; silent at the end."""
        now = time.monotonic()
        if done == total or (done and now - self._last < self._every_s):
            return
        self._last = now
        left = f", about {duration((now - self._begin) / done * (total - done))} left" if done else ""
        print(f"{done}/{total} {self._steps}{left}: {what}", file=sys.stderr)
