"""Reading a pickle without running anything it names.

A pickle is a program: it may import any function and call it. Here it can name three things only, those that numpy
arrays are pickled with, and each stands for an inert record of this module. No numpy object is made while the pickle
runs; the array is built afterwards from the recorded state, once its type, shape and size have been checked.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simcore.datasets.importers.base import reason
from simcore.errors import InputError

_UINT8_NAMES = ("u1", b"u1", "|u1", b"|u1")
# The C unpickler allocates its memo up to the largest index named; real batches name some ten thousand.
_MAX_MEMO_INDEX = 2**20
_MEMO_OPCODES = ("PUT", "BINPUT", "LONG_BINPUT")


class _InertType:
    """Stands for ``numpy.dtype``: keeps the type's name and ignores the state that describes byte order."""

    def __init__(self, name: object = None, *flags: object) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        pass


class InertArray:
    """Stands for a numpy array: keeps the state it was pickled with."""

    def __init__(self) -> None:
        self._state: object = None

    def __setstate__(self, state: object) -> None:
        self._state = state

    def to_uint8(self, what: str) -> NDArray[np.uint8]:
        """The array, if it is one of uint8 whose bytes fit its shape.

        Raises:
            InputError: it is not.
        """
        match self._state:
            case (int(), tuple() as shape, _InertType(name=name), bool() | int() as fortran, bytes() as data):
                sizes_valid = all(type(size) is int and size >= 0 for size in shape)
                if name in _UINT8_NAMES and sizes_valid and math.prod(shape) == len(data):
                    order: Literal["C", "F"] = "F" if fortran else "C"
                    return np.frombuffer(data, dtype=np.uint8).reshape(shape, order=order)
        raise InputError(f"{what} holds an array that is not a plain one of uint8")


class _Unchangeable:
    """A pickle may set the state of whatever it holds; these callables have none and refuse any."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("state for a function")


class _ReconstructArray(_Unchangeable):
    """Stands for numpy's ``_reconstruct``, which makes an empty array to be filled with state."""

    def __call__(self, *arguments: object) -> InertArray:
        return InertArray()


class _EncodeLatin1(_Unchangeable):
    """Stands for ``_codecs.encode``, by which Python 3 writes bytes into pickles that Python 2 can read."""

    def __call__(self, text: object, encoding: object) -> bytes:
        if not isinstance(text, str) or encoding != "latin1":
            raise pickle.UnpicklingError("bytes in an encoding other than latin1")
        return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy.core.multiarray", "_reconstruct"): _ReconstructArray(),
    ("numpy._core.multiarray", "_reconstruct"): _ReconstructArray(),
    ("numpy", "ndarray"): InertArray,
    ("numpy", "dtype"): _InertType,
    ("_codecs", "encode"): _EncodeLatin1(),
}


class _Refused(pickle.UnpicklingError):
    """The pickle names something that a dataset has no need of."""


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., object]:
        if (module, name) not in _ALLOWED:
            raise _Refused(f"{module}.{name}")
        return _ALLOWED[module, name]


def load_inert(data: bytes, what: str) -> object:
    """What a pickle holds: dictionaries, lists, strings, numbers, bytes and ``InertArray`` records.

    Args:
        data: the pickle.
        what: the file's name, for the error message.

    Raises:
        InputError: the pickle names anything else, or is damaged.
    """
    try:
        _check_memo(data)
        # encoding="bytes": strings that Python 2 pickled come back as they are.
        return _InertUnpickler(io.BytesIO(data), encoding="bytes").load()
    except _Refused as error:
        raise InputError(
            f"{what} is a pickle that would run {error}; it is refused, nothing of it was executed"
        ) from error
    except InputError:
        raise
    except Exception as error:  # A damaged pickle can make the unpickler raise almost anything.
        raise InputError(f"{what} is no readable pickle ({reason(error)})") from error


def _check_memo(data: bytes) -> None:
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _MEMO_OPCODES and int(argument or 0) > _MAX_MEMO_INDEX:
            raise pickle.UnpicklingError("memo index out of range")
