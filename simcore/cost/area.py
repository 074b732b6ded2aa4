"""Area of each part. Arithmetic alone: arguments in SI units (or with units), results in square metres."""

from __future__ import annotations

from simcore.cost.energy import Number, popcount_adders, sum_bits


def flash_area(bits: int, comparator: Number) -> Number:
    """A flash converter, a comparator for each threshold: a_c (2^b - 1).

    Args:
        bits: b.
        comparator: m² a comparator. Source: CiMLoop's fit to a measured 7 nm macro.
    """
    return comparator * (2**bits - 1)


def sar_area(bits: int, at_4_bits: Number, at_8_bits: Number) -> Number:
    """A converter by successive approximation, geometric between and beyond 4 and 8 bits.

    A_4 (A_8 / A_4)^((b - 4) / 4).

    Args:
        bits: b.
        at_4_bits: m².
        at_8_bits: m².

    Source: FORMS (4 bit) and ISAAC (8 bit), scaled to 7 nm; the line between them is this project's.
    """
    return at_4_bits * (at_8_bits / at_4_bits) ** ((bits - 4) / 4)


def accumulator_area(width: int, converters: float, columns: float, full_adder: Number, flip_flop: Number) -> Number:
    """An adder for each converter and a register for each column, before placement.

    Args:
        width: bits of both.
        converters: of a tile.
        columns: of a tile.
        full_adder: m² a bit.
        flip_flop: m² a bit.
    """
    return width * (converters * full_adder + columns * flip_flop)


def popcount_area(bits: int, full_adder: Number) -> Number:
    """Adders of a popcount, before placement.

    Args:
        bits: n, the rows of a sub-vector.
        full_adder: m².
    """
    return popcount_adders(bits) * full_adder


def input_flip_area(bits: int, counted: int, full_adder: Number, xor: Number) -> Number:
    """Comparison and XOR of a sub-vector, before placement.

    Args:
        bits: n, the rows of a sub-vector.
        counted: of them, those that the comparison counts.
        full_adder: m² a bit of the comparison.
        xor: m² a row.
    """
    return sum_bits(counted) * full_adder + bits * xor


def column_flags_area(columns: int, flip_flop: Number) -> Number:
    """A register of one bit for each stored column, which says whether it is complemented; before placement.

    Args:
        columns: stored columns of a tile, all of its row groups.
        flip_flop: m² a bit.
    """
    return columns * flip_flop


def stored_sums_area(columns: float, rows: int, stored_bit: Number) -> Number:
    """Memory for sum(W) of each stored column, before placement.

    Args:
        columns: stored columns of a tile, all of its row groups.
        rows: of a row group.
        stored_bit: m² a bit.
    """
    return columns * sum_bits(rows) * stored_bit
