"""One array as NumPy stores it, in a file or in an archive: its header is held against its bytes before anything is
read, and nothing but numbers is."""

from __future__ import annotations

import math
import tokenize
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from simcore.datasets.importers.base import reading, reason
from simcore.datasets.importers.labels import MAX_CLASSES
from simcore.errors import InputError

_MOST_HEADER_BYTES = 10_000
_MOST_NAME_BYTES = 4096
# A header is a Python literal, and NumPy looks at what it holds only in part: damaged ones end in any of these.
_UNREADABLE = (ValueError, TypeError, LookupError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError)


class NpyArray:
    """An array whose header has been read.

    Attributes:
        what: the file, for messages.
        shape: of the array.
        dtype: of its numbers, or of text.
    """

    def __init__(self, what: str, size: int, open_file: Callable[[], IO[bytes]]) -> None:
        """Reads the header.

        Args:
            what: the file, for messages.
            size: its bytes.
            open_file: opens it at its beginning.

        Raises:
            InputError: no NumPy file, neither numbers nor text, or another size than the header says.
        """
        self.what, self._open = what, open_file
        with reading(what), open_file() as file:
            self.shape, self._fortran, self.dtype = _header(file, what)
            start = file.tell()
        if self.dtype.hasobject:
            raise InputError("it holds Python objects (a pickle), which are never read; save plain numbers", what)
        if self.dtype.kind not in "biufUS":
            raise InputError(f"it holds {self.dtype}; expected numbers", what)
        if math.prod(self.shape) * self.dtype.itemsize != size - start:
            raise InputError(
                f"its header claims the shape {self.shape} of {self.dtype}, it has {size - start} bytes", what
            )

    @property
    def is_text(self) -> bool:
        """Names, of classes perhaps."""
        return self.dtype.kind in "US"

    def names(self) -> tuple[str, ...]:
        """All of a text array.

        Raises:
            InputError: the array has several axes or is too large for names of classes, or they are no Unicode.
        """
        if len(self.shape) != 1 or self.shape[0] > MAX_CLASSES or not 0 < self.dtype.itemsize <= _MOST_NAME_BYTES:
            raise InputError(f"it holds {self.dtype} of shape {self.shape}; expected names of classes", self.what)
        # NumPy itself fails on text that is no Unicode.
        encoding = "utf-8" if self.dtype.kind == "S" else "utf-32-be" if self.dtype.str[0] == ">" else "utf-32-le"
        data, size = b"".join(block.tobytes() for block in self.blocks(MAX_CLASSES)), self.dtype.itemsize
        try:
            return tuple(data[at : at + size].decode(encoding).rstrip("\0") for at in range(0, len(data), size))
        except UnicodeDecodeError as error:
            raise InputError(f"its names are no Unicode ({reason(error)})", self.what) from None

    def blocks(self, count: int) -> Iterator[NDArray[np.generic]]:
        """The array in pieces along its first axis.

        Args:
            count: of a piece.

        Raises:
            InputError: the file ends early or is damaged.
        """
        with reading(self.what), self._open() as file:
            _header(file, self.what)
            if self._fortran:  # the first axis is the fastest: a piece lies all over the file
                whole = self._read(file, self.shape[0]).reshape(self.shape[::-1]).T
                for start in range(0, self.shape[0], count):
                    yield whole[start : start + count]
                return
            for start in range(0, self.shape[0], count):
                rows = min(count, self.shape[0] - start)
                yield self._read(file, rows).reshape(rows, *self.shape[1:])

    def _read(self, file: IO[bytes], rows: int) -> NDArray[np.generic]:
        wanted = rows * math.prod(self.shape[1:]) * self.dtype.itemsize
        data = file.read(wanted)
        if len(data) != wanted:
            raise InputError("it is truncated", self.what)
        return np.frombuffer(data, self.dtype)


def _header(file: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = npy_format.read_magic(file)
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, fortran, dtype = read(file, max_header_size=_MOST_HEADER_BYTES)
    except _UNREADABLE as error:
        raise InputError(f"no readable NumPy array ({reason(error)})", what) from None
    if any(size < 0 for size in shape):
        raise InputError(f"its header claims the shape {shape}", what)
    return tuple(shape), bool(fortran), dtype
