"""Minutes shared out among the parts of a run."""

from __future__ import annotations

import time


class Budget:
    """Every part may take its share of the time that is left when it begins: what one leaves over, the later ones get.

    Args:
        end: when all must be done, on ``time.monotonic``'s clock, seconds.
        shares: of each part, in any unit.
    """

    def __init__(self, end: float, shares: dict[str, float]) -> None:
        self.end = end
        self._waiting = dict(shares)

    def end_of(self, part: str) -> float:
        """When ``part``, which begins now, must be done."""
        now = time.monotonic()
        share = self._waiting[part] / sum(self._waiting.values())
        del self._waiting[part]
        return now + max(0.0, self.end - now) * share
