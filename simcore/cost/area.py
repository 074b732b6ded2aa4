"""Area of each part. Arithmetic alone: arguments in SI units (or with units), results in square metres."""

from __future__ import annotations

from simcore.cost.energy import Number, popcount_adders, sum_bits


def flash_area(bits: int, comparator: Number) -> Number:
    """a_c (2^b - 1). Source: CiMLoop's fit to a measured 7 nm macro."""
    return comparator * (2**bits - 1)


def sar_area(bits: int, at_4_bits: Number, at_8_bits: Number) -> Number:
    """Geometric between and beyond 4 and 8 bits: A_4 (A_8 / A_4)^((b - 4) / 4).

    Source: FORMS (4 bit) and ISAAC (8 bit), scaled to 7 nm; the line between them is this project's.
    """
    return at_4_bits * (at_8_bits / at_4_bits) ** ((bits - 4) / 4)


def accumulator_area(width: int, converters: int, columns: int, full_adder: Number, flip_flop: Number) -> Number:
    """An adder for each converter, a register for each column, before placement."""
    return width * (converters * full_adder + columns * flip_flop)


def popcount_area(bits: int, full_adder: Number) -> Number:
    """Adders of a popcount of n bits, before placement."""
    return popcount_adders(bits) * full_adder


def input_flip_area(bits: int, full_adder: Number, xor: Number) -> Number:
    """Comparison and XOR for a sub-vector of n bits, before placement."""
    return sum_bits(bits) * full_adder + bits * xor


def column_flags_area(columns: int, flip_flop: Number) -> Number:
    """A flip bit for each stored column, before placement."""
    return columns * flip_flop


def stored_sums_area(columns: int, rows: int, stored_bit: Number) -> Number:
    """sum(W) of each stored column of so many rows, before placement."""
    return columns * sum_bits(rows) * stored_bit
