"""Results that are wanted again in the same process, kept up to a stated number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class Recent:
    """Arrays by a digest of all that they follow from, so that one which is kept is the one that would be made.

    Args:
        most: arrays that are kept; the oldest goes first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[bytes, np.ndarray] = {}

    def get(self, digest: bytes, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of that digest, made where it is not kept; not to be changed."""
        if digest not in self._kept:
            made = make()
            if len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[digest] = made
        return self._kept[digest]
