"""Numbers of any type as the float32 samples of a data set, refused where they would not arrive as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simcore.datasets.importers.base import ImportOptions
from simcore.datasets.sample_format import EXACT_INTEGERS, SampleFormat, Shape
from simcore.errors import InputError


def sample_of(shape: Shape, options: ImportOptions, what: str) -> SampleFormat:
    """What samples become whose shape in the source is ``shape``.

    Args:
        shape: of one of them.
        options: the shape and the order of axes that the user asked for.
        what: the file, for messages.

    Raises:
        InputError: they do not fit into the shape asked for, or have no axis for channels.
    """
    wanted = options.shape or shape
    if np.prod(wanted, dtype=object) != np.prod(shape, dtype=object):
        raise InputError(f"--shape {'x'.join(map(str, wanted))} does not hold the values of a sample of {shape}", what)
    if options.channels_last:
        if len(wanted) < 2:
            raise InputError(f"samples of shape {wanted} have no axis of channels; leave out --channels-last", what)
        wanted = (wanted[-1], *wanted[:-1])
    return SampleFormat.tensor(wanted, what)


def as_samples(
    values: np.ndarray, sample: SampleFormat, options: ImportOptions, place: Callable[[int], str]
) -> NDArray[np.float32]:
    """Samples as a data set stores them.

    Args:
        values: (n, ...) of any type of numbers.
        sample: what ``sample_of`` said of them.
        options: as given there.
        place: where the sample of an index stands, for messages.

    Raises:
        InputError: as ``as_float32``.
    """
    converted = as_float32(values, place)
    if options.channels_last:
        converted = np.moveaxis(converted.reshape(-1, *sample.shape[1:], sample.shape[0]), -1, 1)
    return np.ascontiguousarray(converted.reshape(-1, *sample.shape))


def as_float32(values: np.ndarray, place: Callable[[int], str]) -> NDArray[np.float32]:
    """Numbers as float32.

    Args:
        values: (n, ...) of any type of numbers.
        place: where the one of an index along the first axis stands, for messages.

    Raises:
        InputError: a value is not finite, or float32 cannot hold it: a whole number beyond ``EXACT_INTEGERS``. Of an
            integer type all of these are refused; of floats those that would change, up to where a double itself holds
            every whole number: beyond it all doubles are whole, measured values too.
    """
    what = f"a whole number beyond {EXACT_INTEGERS}, which float32 does not hold"
    if values.dtype.kind in "iu" and values.size and max(abs(int(values.min())), int(values.max())) > EXACT_INTEGERS:
        _refuse((values > EXACT_INTEGERS) | (values < -EXACT_INTEGERS), values, what, place)
    with np.errstate(over="ignore"):
        converted = values.astype(np.float32)
    _refuse(~np.isfinite(converted), values, "no finite number in float32", place)
    if values.dtype.kind == "f" and values.dtype.itemsize > converted.dtype.itemsize:
        counted = (np.abs(values) > EXACT_INTEGERS) & (np.abs(values) <= 2**53) & (np.floor(values) == values)
        _refuse(counted & (converted != values), values, what, place)
    return converted


def _refuse(wrong: NDArray[np.bool_], values: np.ndarray, what: str, place: Callable[[int], str]) -> None:
    if wrong.any():
        index = int(np.flatnonzero(wrong.reshape(-1))[0])
        raise InputError(f"{values.reshape(-1)[index]} is {what}", place(index // (values.size // len(values))))
