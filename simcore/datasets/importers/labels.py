"""Labels as people store them: whole numbers from 0 on, whatever their type."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simcore.datasets.shards import Labels
from simcore.errors import InputError

# Labels are stored as int16.
MAX_CLASSES = 2**15 - 1


def whole_labels(values: np.ndarray, place: Callable[[int], str]) -> Labels:
    """Numbers of a file as labels.

    Args:
        values: (n,) of any type of numbers.
        place: where the one of an index stands, for messages.

    Returns:
        int64 (n,).

    Raises:
        InputError: one is no whole number, negative or larger than classes can be.
    """
    if values.dtype.kind not in "biuf":
        raise InputError(f"labels are of type {values.dtype}; expected whole numbers", place(0))
    with np.errstate(invalid="ignore"):
        wrong = ~((values >= 0) & (values < MAX_CLASSES) & (values == np.floor(values)))
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"the label is {values[index]}; expected a whole number from 0 to {MAX_CLASSES - 1}", place(index)
        )
    return values.astype(np.int64)
