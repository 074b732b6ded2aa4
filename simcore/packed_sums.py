"""Sums over the rows of a read by counting bits: eight rows a byte, 32 columns at once.

Where all ON cells of a column are alike, everything the fast solver asks of a read is a weighted count of the cells
that are ON and applied: the partial sum itself, and projections of the ON rows on a few slow profiles along the column,
which are as good when they are held constant over an eighth of the column or eight rows. So the bits of that many rows
are stored in a byte, a read takes popcount(applied & stored) of every byte once, and adds it up with whole-numbered
weights in 16 bits: no rounding, no order of summation, several times faster than a product of floating-point matrices.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from simcore import kernel_cache  # noqa: F401  (before the first cached kernel)

COLUMNS_AT_ONCE = 32
PROFILES = 4
FEW_PROFILES = 2
_LARGEST_SUM = 2**15 - 1


def rows_a_byte(read_together: int) -> int:
    """Rows over which profiles are held constant: a power of two, an eighth of the column, at most eight."""
    return 1 << min(max(read_together // 8, 1).bit_length() - 1, 3)


def bytes_of(rows: int, per_byte: int) -> int:
    """Bytes that hold ``rows`` bits."""
    return -(-rows // per_byte)


def pack_columns(bits: np.ndarray, columns: int, per_byte: int) -> np.ndarray:
    """(N, M) bits as (bytes, columns) uint8, row ``per_byte`` b + k in bit k of byte b; columns beyond M are 0."""
    rows, width = bits.shape
    count = bytes_of(rows, per_byte)
    spread = np.zeros((count * per_byte, columns), dtype=np.uint8)
    spread[:rows, :width] = bits
    return np.packbits(spread.reshape(count, per_byte, columns), axis=1, bitorder="little")[:, 0]


def padded_columns(columns: int) -> int:
    """``columns`` filled up to what the kernels handle at once."""
    return -(-columns // COLUMNS_AT_ONCE) * COLUMNS_AT_ONCE


def whole_numbers(profiles: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Profiles over the bytes of a read as whole numbers whose sums over ``rows`` rows fit 16 bits.

    Args:
        profiles: (bytes, m) floats.

    Returns:
        (bytes, m) int16 and the (m,) values of one unit.
    """
    largest = max(min(127, _LARGEST_SUM // max(rows, 1)), 1)
    units = np.maximum(np.abs(profiles).max(axis=0, initial=0.0), 1e-300) / largest
    return np.rint(profiles / units).astype(np.int16), units


_BITS_SET = np.array([value.bit_count() for value in range(256)], dtype=np.int16)


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def pack_bits(bits, reads, per_byte, packed, ones):  # type: ignore[no-untyped-def]
    """Pack the first ``reads`` rows of (reads or more, 8 n) uint8 of 0 and 1 as ``pack_columns`` does: ``packed``
    (reads, bytes) uint8, ``ones`` (reads, bytes) int16."""
    words = bits.view(np.uint64)
    parts = 8 // per_byte
    mask = np.uint64((1 << per_byte) - 1)
    for read in range(reads):
        for byte in range(packed.shape[1]):
            # A product that brings the lowest bits of all eight bytes of a word side by side into its top one.
            eight = (words[read, byte // parts] * np.uint64(0x0102040810204080)) >> np.uint64(56)
            value = (eight >> np.uint64(per_byte * (byte % parts))) & mask
            packed[read, byte] = value
            ones[read, byte] = _BITS_SET[value]


def _splat(builder: Any, scalar: Any, kind: Any) -> Any:
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None))


def _weighted_counts(profiles: int) -> Any:
    """The kernel for a number of profiles that is known when it is compiled, so that its sums stay in registers."""

    @intrinsic
    def kernel(typingctx, applied, read, stored, weights, affine, column, sums):  # type: ignore[no-untyped-def]
        names = ("applied", "read", "stored", "weights", "affine", "column", "sums")
        bytes_ = ir.VectorType(ir.IntType(8), COLUMNS_AT_ONCE)
        words = ir.VectorType(ir.IntType(16), COLUMNS_AT_ONCE)
        floats = ir.VectorType(ir.FloatType(), COLUMNS_AT_ONCE)

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            kinds = dict(zip(names, signature.args, strict=True))
            values = dict(zip(names, args, strict=True))
            arrays = {
                name: context.make_array(kind)(context, builder, values[name])
                for name, kind in kinds.items()
                if isinstance(kind, types.Array)
            }
            first_column = context.cast(builder, values["column"], kinds["column"], types.intp)
            row = context.cast(builder, values["read"], kinds["read"], types.intp)

            def pointer(name: str, *indices: Any) -> Any:
                where = [context.get_constant(types.intp, i) if isinstance(i, int) else i for i in indices]
                return cgutils.get_item_pointer(context, builder, kinds[name], arrays[name], where, wraparound=False)

            def splat(name: str, kind: Any, *indices: Any) -> Any:
                return _splat(builder, builder.load(pointer(name, *indices)), kind)

            def write(row: int, value: Any) -> None:
                where = builder.bitcast(pointer("sums", row, first_column), floats.as_pointer())
                builder.store(value, where, align=4)

            popcount = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(bytes_, [bytes_]), f"llvm.ctpop.v{COLUMNS_AT_ONCE}i8"
            )
            nothing = ir.Constant(words, None)
            totals = [cgutils.alloca_once_value(builder, nothing) for _ in range(1 + profiles)]
            for total in totals:
                builder.store(nothing, total)  # the allocation is made once, the kernel may run in a loop
            with cgutils.for_range(builder, builder.extract_value(arrays["stored"].shape, 0)) as loop:
                where = builder.bitcast(pointer("stored", loop.index, first_column), bytes_.as_pointer())
                stored_bits = builder.load(where, align=1, typ=bytes_)
                met = builder.and_(splat("applied", bytes_, row, loop.index), stored_bits)
                ones = builder.zext(builder.call(popcount, [met]), words)
                terms = [ones]
                terms += [builder.mul(ones, splat("weights", words, loop.index, m)) for m in range(profiles)]
                for total, term in zip(totals, terms, strict=True):
                    builder.store(builder.add(builder.load(total, typ=words), term), total)
            results = [builder.sitofp(builder.load(total, typ=words), floats) for total in totals]
            write(0, results[0])
            for index, result in enumerate(results if profiles else ()):
                scaled = builder.fmul(result, splat("affine", floats, index, 1), flags=("contract",))
                write(1 + index, builder.fadd(scaled, splat("affine", floats, index, 0), flags=("contract",)))
            return context.get_dummy_value()

        return types.void(applied, read, stored, weights, affine, column, sums), codegen

    return kernel


count_ones = _weighted_counts(0)
count_and_project_two = _weighted_counts(FEW_PROFILES)
count_and_project = _weighted_counts(PROFILES)
"""Kernels of 32 columns from ``column`` on: row ``read`` of applied (reads, bytes), stored (bytes, columns) uint8,
weights (bytes, PROFILES) int16 whole-numbered profiles, affine (1 + PROFILES, 2) float32, sums (2 + PROFILES, columns)
float32 out: the counts n, then a_0 + b_0 n, then a_m + b_m times every weighted count. ``count_and_project_two`` looks
at two of the profiles, ``count_ones`` writes the counts alone."""
