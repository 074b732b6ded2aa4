"""Energy of each component. Arithmetic alone: arguments in SI units (or with units), results in joules.

``sum_bits(n)`` = ceil(log2(n + 1)) is the width of a sum of n bits.
"""

from __future__ import annotations

import math
from typing import Any

# Numbers here may carry units (the tests' dimensional checks do), so their type is open.
Number = Any


def array_charge(current: Number, on_time: Number) -> Number:
    """Σ I t_on over the column reads.

    Args:
        current: solved column currents, summed over reads that follow one another, A.
        on_time: how long a column conducts in each read, s.

    Returns:
        Coulombs.
    """
    return current * on_time


def array_energy(charge: Number, supply: Number) -> Number:
    """V Q of the charge that all column reads draw.

    Args:
        charge: C.
        supply: V, of the supply that the charge is drawn from, not the voltage across the cells.

    Source: Ohm and Kirchhoff; all current that leaves at a sink came from the supply.
    """
    return supply * charge


def line_capacitance(length: Number, wire: Number, cells: int, load: Number) -> Number:
    """C of a line with devices on it: length x wire + cells x load.

    Args:
        length: m.
        wire: F/m.
        cells: devices on the line.
        load: F a device.

    Returns:
        Farads.

    Source: form of NeuroSim V1.4 SubArray.cpp.
    """
    return length * wire + cells * load


def word_line_energy(driven_rows: Number, capacitance: Number, v_dd: Number) -> Number:
    """C V² for each row that is driven: N_driven C_WL V_DD².

    Args:
        driven_rows: rows at 1, summed over reads and column tiles.
        capacitance: of a word line, F.
        v_dd: V.

    Source: form of NeuroSim V1.4 SubArray.cpp.
    """
    return driven_rows * capacitance * v_dd**2


def bit_line_energy(column_reads: Number, capacitance: Number, v_read: Number) -> Number:
    """C V² for each column read: N_reads C_BL v_read².

    Source: form of NeuroSim V1.4 SubArray.cpp.
    """
    return column_reads * capacitance * v_read**2


def flash_energy(bits: int, comparator: Number) -> Number:
    """One conversion of a flash converter, a comparator for each threshold: e_c (2^b - 1).

    Args:
        bits: b.
        comparator: J a comparator.

    Source: flash converter; e_c of CiMLoop's fit to a measured 7 nm macro.
    """
    return comparator * (2**bits - 1)


def sar_energy(bits: int, per_bit: Number) -> Number:
    """One conversion by successive approximation, a cycle a bit: e_b b.

    Args:
        bits: b.
        per_bit: J a bit. Source: ISAAC's converter, scaled (accelergy-library-plug-in).
    """
    return per_bit * bits


def accumulate_energy(width: int, full_adder: Number, flip_flop: Number) -> Number:
    """Adding one code to an output's sum.

    Args:
        width: bits of adder and register (``accumulator_bits``).
        full_adder: J a bit. Source: ASAP7 liberty, activity 0.5.
        flip_flop: J a bit. Source: ASAP7 liberty, activity 0.5.
    """
    return width * (full_adder + flip_flop)


def popcount_energy(bits: int, full_adder: Number) -> Number:
    """sum(X) of n bits: n - w full adders and w - 1 half adders (half as much), w = ceil(log2(n + 1)).

    Args:
        bits: n, the rows of a sub-vector.
        full_adder: J.
    """
    return popcount_adders(bits) * full_adder


def popcount_adders(bits: int) -> float:
    """Full adders of a popcount, a half adder counted half. Source: tree of carry-save adders; the half is a judgement
    (a full adder is made of two)."""
    width = sum_bits(bits)
    return max(bits - width, 0) + 0.5 * (width - 1)


def comparison_energy(bits: int, full_adder: Number) -> Number:
    """sum(X) > n/2, a subtraction of the sum's width: what decides whether a sub-vector is flipped.

    Args:
        bits: n, the rows of a sub-vector.
        full_adder: J a bit. Source: ASAP7 liberty.
    """
    return sum_bits(bits) * full_adder


def xor_energy(bits: Number, xor: Number) -> Number:
    """Complementing (or not) the bits of a sub-vector.

    Args:
        bits: input bits that pass.
        xor: J a bit. Source: ASAP7 liberty, activity 0.5.
    """
    return bits * xor


def undo_energy(bits: int, full_adder: Number, flip_flop: Number) -> Number:
    """One conditional addition of sum(X) or sum(W) of n rows to a column's result.

    Rules: flipped column Σa(1 - w) = Σa - Σaw; flipped sub-vector Σ(1 - a)w = Σw - Σaw.

    Args:
        bits: n, the rows of the row group.
        full_adder: J a bit.
        flip_flop: J a bit.
    """
    return sum_bits(bits) * (full_adder + flip_flop)


def stored_sum_energy(bits: int, read: Number) -> Number:
    """Reading the stored sum(W) of one column.

    Args:
        bits: n, the rows of the row group.
        read: J a bit.
    """
    return sum_bits(bits) * read


def sum_bits(count: int) -> int:
    """Bits of a sum of ``count`` bits, ceil(log2(count + 1))."""
    return max(1, math.ceil(math.log2(count + 1)))


def accumulator_bits(inputs: int) -> int:
    """Bits of a dot product of ``inputs`` signs, -K to K: ceil(log2(2 K + 1))."""
    return max(1, math.ceil(math.log2(2 * inputs + 1)))
