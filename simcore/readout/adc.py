"""Converters: from a column's current to a code, and from the code to a partial sum.

code = clip(round(gain I + offset + noise), 0, 2^bits - 1), partial sum = zero + step code. Three choices make gain,
offset, zero and step: the unit of the current (``adc.reference``: fixed by the lone ON cell, or re-ranged on
calibration inputs), how it is re-ranged (``adc.fit``), and the range that the codes cover (``adc.range``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.design import Adc
from simcore.mapping.row_groups import RowGroup
from simcore.mitigation.re_ranging import re_ranging
from simcore.noise import NOISES, Noise
from simcore.noise.gaussian import Gaussian

_TAIL = 0.001  # share of calibration reads that a range by percentile leaves beyond either end; a judgement
_CANDIDATES = 16  # ends of a range that are tried on either side
_SAMPLE = 2048  # calibration reads that a range is tried on


@dataclass(frozen=True)
class ConverterSettings:
    """What turns column currents (in nominal LSB) into partial sums, one value a group and column.

    Attributes:
        gain, offset: (G, M) float32; code = clip(round(gain * current + offset + noise), 0, top).
        step, zero: (G, M) float32; partial sum = zero + step * code.
        top: 2^bits - 1. noise: its source, in codes.
    """

    gain: np.ndarray
    offset: np.ndarray
    step: np.ndarray
    zero: np.ndarray
    top: int
    noise: Noise

    def of_columns(self, columns: np.ndarray) -> ConverterSettings:
        """Those of some columns."""
        gain, offset, step, zero = (values[:, columns] for values in (self.gain, self.offset, self.step, self.zero))
        return ConverterSettings(gain, offset, step, zero, self.top, self.noise)

    def codes(self, current: np.ndarray, group: int, noise: np.ndarray | float = 0.0) -> np.ndarray:
        """(B, M) codes of (B, M) currents in nominal LSB, not yet held at the ends; ``noise`` in codes."""
        codes: np.ndarray = np.rint(self.gain[group] * current + self.offset[group] + noise)
        return codes

    def sums(self, codes: np.ndarray, group: int) -> np.ndarray:
        """(B, M) partial sums that (B, M) codes stand for, held at the ends."""
        sums: np.ndarray = self.zero[group] + self.step[group] * np.clip(codes, 0, self.top)
        return sums

    def convert(self, current: np.ndarray, group: int) -> np.ndarray:
        """(B, M) partial sums of (B, M) currents in nominal LSB, without noise."""
        return self.sums(self.codes(current, group), group)


@dataclass(frozen=True)
class CalibrationReads:
    """Reads of one row group that converters are set on.

    Attributes:
        current: (B, M) column currents in nominal LSB. partial_sum: (B, M) ideal partial sums.
        largest: (M,) largest partial sum that each column can have.
    """

    current: np.ndarray
    partial_sum: np.ndarray
    largest: np.ndarray

    @classmethod
    def of(cls, group: RowGroup, bits: np.ndarray, current: np.ndarray) -> CalibrationReads:
        """Of a row group whose (B, N) applied ``bits`` drew ``current``."""
        return cls(current, group.partial_sums(bits), group.largest_sums)


def ideal_settings(groups: int, columns: int) -> ConverterSettings:
    """A code for every sum and no error of its own."""
    one, none = np.ones((groups, columns), np.float32), np.zeros((groups, columns), np.float32)
    return ConverterSettings(one, none, one, none, 2**16 - 1, Gaussian(np.float32(0)))


def converter_settings(adc: Adc, reads: list[CalibrationReads]) -> ConverterSettings:
    """The converters of a layer's row groups.

    ``calibrated`` fits a line a row group, ``calibrated_layer`` one for all, ``calibrated_column`` one for each column;
    the range is set for the same columns together, that of ``nominal`` for the whole layer. Where calibration inputs
    show no spread the nominal unit stays, shifted to their mean.
    """
    shape = (len(reads), reads[0].current.shape[1])
    slope, intercept = np.ones(shape), np.zeros(shape)
    zero, step = np.zeros(shape), np.ones(shape)
    ranging = re_ranging(adc.reference, adc.fit)
    for groups in ranging.scopes(shape[0]):
        current = np.concatenate([reads[g].current for g in groups])
        sums = np.concatenate([reads[g].partial_sum for g in groups])
        largest = np.max([reads[g].largest for g in groups], axis=0)
        slope[groups], intercept[groups] = ranging.line(current, sums)
        measured = slope[groups[0]] * current + intercept[groups[0]]
        zero[groups], step[groups] = _range(adc, measured, sums, largest, ranging.by_column)
    return ConverterSettings(
        (slope * adc.gain / step).astype(np.float32),
        ((intercept - zero) * adc.gain / step + adc.offset_lsb).astype(np.float32),
        step.astype(np.float32),
        zero.astype(np.float32),
        2**adc.bits - 1,
        NOISES[adc.noise](np.float32(adc.noise_lsb)),
    )


def _range(
    adc: Adc, measured: np.ndarray, sums: np.ndarray, largest: np.ndarray, by_column: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(zero, step) of the codes, scalars or (M,), in partial sums.

    Args:
        measured: (B, M) what the line makes of the currents. sums: (B, M). largest: (M,).
    """
    if not by_column:
        measured, sums, largest = measured.reshape(-1, 1), sums.reshape(-1, 1), largest.max(keepdims=True)
    top = 2**adc.bits - 1
    low, high = np.zeros(len(largest)), largest.astype(np.float64)
    if adc.range == "percentile":
        low, high = np.quantile(measured, [_TAIL, 1 - _TAIL], axis=0)
    if adc.range == "least_error":
        low, high = _least_error(measured, sums, high, top)
    zero, step = (np.zeros(len(largest)), np.ones(len(largest))) if adc.range == "fixed" else _codes(low, high, top)
    return (zero, step) if by_column else (zero[0], step[0])


def _codes(low: np.ndarray, high: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """(zero, step) whose codes cover low .. high. Sums are whole: no step is smaller than one, and steps of one begin
    at a whole sum, at 0 where that is enough."""
    step = np.maximum((high - low) / top, 1.0)
    whole = np.where(high <= top, 0.0, np.rint(np.maximum(low, 0)))
    return np.where(step > 1, low, whole), step


def _least_error(
    measured: np.ndarray, sums: np.ndarray, largest: np.ndarray, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """The ends, of those tried, with the least squared error of partial sums on the calibration reads, (columns,)."""
    every = -(-len(measured) // _SAMPLE)
    measured, sums = measured[::every], sums[::every]
    least, most, middle = measured.min(axis=0), measured.max(axis=0), np.median(measured, axis=0)
    best_low, best_high = np.zeros(len(largest)), largest
    best = np.full(len(largest), np.inf)
    for a in np.linspace(0, 1, _CANDIDATES):
        for b in np.linspace(0, 1, _CANDIDATES):
            low, high = least + a * (middle - least), most + b * (middle - most)
            zero, step = _codes(low, high, top)
            error = ((zero + step * np.clip(np.rint((measured - zero) / step), 0, top) - sums) ** 2).mean(axis=0)
            better = error < best
            best_low, best_high, best = (
                np.where(better, x, y) for x, y in ((low, best_low), (high, best_high), (error, best))
            )
    return best_low, best_high
