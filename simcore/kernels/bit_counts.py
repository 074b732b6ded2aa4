"""Partial sums by counting bits: eight rows a byte, 32 columns at once.

A partial sum counts the cells of a column that are ON and applied. So the bits of eight rows are stored in a byte, and
a read takes popcount(applied & stored) of every byte, added up in 16 bits: no rounding, no order of summation, several
times faster than a product of floating-point matrices.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

COLUMNS_AT_ONCE = 32
_ROWS_A_BYTE = 8


def bytes_of(rows: int) -> int:
    """Bytes that hold ``rows`` bits."""
    return -(-rows // _ROWS_A_BYTE)


def pack_columns(bits: np.ndarray, columns: int) -> np.ndarray:
    """(N, M) bits as (bytes, columns) uint8, row 8 b + k in bit k of byte b; columns beyond M are 0."""
    rows, width = bits.shape
    spread = np.zeros((rows, columns), dtype=np.uint8)
    spread[:, :width] = bits
    return np.packbits(spread, axis=0, bitorder="little")


def padded_columns(columns: int) -> int:
    """``columns`` filled up to what the kernels handle at once."""
    return -(-columns // COLUMNS_AT_ONCE) * COLUMNS_AT_ONCE


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def pack_bits(bits, reads, packed):  # type: ignore[no-untyped-def]
    """Pack the first ``reads`` rows of (reads or more, 8 n) uint8 of 0 and 1 as ``pack_columns`` does: ``packed``
    (reads, bytes) uint8."""
    words = bits.view(np.uint64)
    for read in range(reads):
        for byte in range(packed.shape[1]):
            # A product that brings the lowest bits of all eight bytes of a word side by side into its top one.
            packed[read, byte] = (words[read, byte] * np.uint64(0x0102040810204080)) >> np.uint64(56)


def _splat(builder: Any, scalar: Any, kind: Any) -> Any:
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None))


@intrinsic
def count_ones(typingctx, applied, read, stored, column, sums):  # type: ignore[no-untyped-def]
    """Partial sums of 32 columns from ``column`` on: row ``read`` of applied (reads, bytes), stored (bytes, columns)
    uint8, sums (columns,) float32 out."""
    bytes_ = ir.VectorType(ir.IntType(8), COLUMNS_AT_ONCE)
    words = ir.VectorType(ir.IntType(16), COLUMNS_AT_ONCE)
    floats = ir.VectorType(ir.FloatType(), COLUMNS_AT_ONCE)

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds = dict(zip(("applied", "read", "stored", "column", "sums"), signature.args, strict=True))
        values = dict(zip(kinds, args, strict=True))
        arrays = {
            name: context.make_array(kind)(context, builder, values[name])
            for name, kind in kinds.items()
            if isinstance(kind, types.Array)
        }
        first_column = context.cast(builder, values["column"], kinds["column"], types.intp)
        row = context.cast(builder, values["read"], kinds["read"], types.intp)

        def pointer(name: str, *indices: Any) -> Any:
            return cgutils.get_item_pointer(context, builder, kinds[name], arrays[name], indices, wraparound=False)

        popcount = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(bytes_, [bytes_]), f"llvm.ctpop.v{COLUMNS_AT_ONCE}i8"
        )
        nothing = ir.Constant(words, None)
        total = cgutils.alloca_once_value(builder, nothing)
        builder.store(nothing, total)  # the allocation is made once, the kernel may run in a loop
        with cgutils.for_range(builder, builder.extract_value(arrays["stored"].shape, 0)) as loop:
            where = builder.bitcast(pointer("stored", loop.index, first_column), bytes_.as_pointer())
            stored_bits = builder.load(where, align=1, typ=bytes_)
            met = builder.and_(_splat(builder, builder.load(pointer("applied", row, loop.index)), bytes_), stored_bits)
            ones = builder.zext(builder.call(popcount, [met]), words)
            builder.store(builder.add(builder.load(total, typ=words), ones), total)
        where = builder.bitcast(pointer("sums", first_column), floats.as_pointer())
        builder.store(builder.sitofp(builder.load(total, typ=words), floats), where, align=4)
        return context.get_dummy_value()

    return types.void(applied, read, stored, column, sums), codegen
