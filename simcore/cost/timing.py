"""Time of each part of a read. Arithmetic alone: arguments in SI units (or with units), results in seconds."""

from __future__ import annotations

import math

from simcore.cost.energy import Number


def word_line_delay(driver: Number, resistance: Number, capacitance: Number) -> Number:
    """Until half of the swing reaches the far end: ln 2 R_driver C + 0.38 R_wire C of the whole line.

    Args:
        driver: ohms.
        resistance: of the wire from end to end, ohms.
        capacitance: of the line with its loads, F.

    Source: delay of a driver and a distributed RC line (Rabaey, Digital Integrated Circuits, section 4.4.4).
    """
    return math.log(2) * driver * capacitance + 0.38 * resistance * capacitance


def elmore_delay(terminal: Number, wire: Number, cells: int, cell_capacitance: Number) -> Number:
    """First moment of a line of n cells: Σ_i C (R_terminal + i R_wire) = n C (R_terminal + R_wire (n + 1) / 2).

    Args:
        terminal: ohms of sink or driver.
        wire: ohms from cell to cell; the first segment lies between the terminal and the first cell.
        cells: n.
        cell_capacitance: F a cell.

    Source: Elmore, J. Appl. Phys. 19 (1948).
    """
    return cells * cell_capacitance * (terminal + wire * (cells + 1) / 2)


def settling_time(time_constant: Number, bits: int) -> Number:
    """Until a single pole is within half a code of 2^b: τ ln(2^(b+1)) = τ (b + 1) ln 2.

    Args:
        time_constant: τ, s.
        bits: b.
    """
    return time_constant * (bits + 1) * math.log(2)


def flash_time(delay: Number, per_ohm: Number, column: Number) -> Number:
    """One conversion of a flash converter, slower the less current there is: t_0 + s R_column.

    Args:
        delay: t_0, s.
        per_ohm: s, seconds an ohm.
        column: R_column = v_read / mean column current, ohms.

    Source: fit in NeuroSim V1.4 MultilevelSenseAmp.cpp.
    """
    return delay + per_ohm * column


def sar_time(bits: int, bit_time: Number) -> Number:
    """One conversion by successive approximation: b + 1 cycles.

    Args:
        bits: b.
        bit_time: s a cycle. Source: NeuroSim V1.4 SarADC.cpp.
    """
    return (bits + 1) * bit_time


def read_time(word_line: Number, groups: int, settling: Number, conversion: Number) -> Number:
    """One read, the columns of a converter one after another: t_WL + n_mux (t_settle + t_ADC).

    Args:
        word_line: t_WL, s.
        groups: n_mux, columns of a converter.
        settling: t_settle, s.
        conversion: t_ADC, s.
    """
    return word_line + groups * (settling + conversion)


def flip_time(bits: int, full_adder: Number, comparison: Number, xor: Number) -> Number:
    """Popcount, comparison and XOR of a sub-vector; a carry-save tree is 2 log2(n) - 2 full adders deep.

    Args:
        bits: n, the rows of a sub-vector.
        full_adder: s.
        comparison: s.
        xor: s.
    """
    depth = max(1, 2 * math.ceil(math.log2(max(bits, 2))) - 2)
    return depth * full_adder + comparison + xor


def rounds(positions: float, groups: int, steps: int, row_tiles: int, column_tiles: int, parallel: int | None) -> float:
    """Reads after one another for an image: the longest tile's reads, or all reads over the tiles that work at once.

    ``row_tiles`` x ``column_tiles`` tiles do P reads for each of their row groups (at most ``steps``). With
    ``parallel`` tiles at work the bound max(longest, total / parallel) is met by wrapping the reads around.

    Args:
        positions: output positions P of an image.
        groups: row groups of the layer.
        steps: row groups of a tile, read one after another.
        row_tiles: tiles above one another.
        column_tiles: tiles side by side.
        parallel: tiles that read at the same time; None: all of them.

    Source: McNaughton, Management Science 6 (1959).
    """
    longest = positions * min(steps, groups)
    if parallel is None or parallel >= row_tiles * column_tiles:
        return longest
    return max(longest, positions * groups * column_tiles / parallel)
