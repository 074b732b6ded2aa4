"""Converters: from a column's current to a code, and from the code to a partial sum.

code = clip(round(gain I + offset + noise), 0, 2^bits - 1), partial sum = zero + step code. Three choices make gain,
offset, zero and step: the unit of the current (``adc.reference``: fixed by the lone ON cell, or re-ranged on
calibration inputs), how it is re-ranged (``adc.fit``), and the range that the codes cover (``adc.range``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Integer, Real, UInt8

from simcore.design_axes import Adc
from simcore.mapping.row_groups import RowGroup
from simcore.mitigation.base import PerColumn
from simcore.mitigation.re_ranging import re_ranging
from simcore.noise import NOISES, Noise
from simcore.noise.gaussian import Gaussian

_TAIL = 0.001  # share of calibration reads that a range by percentile leaves beyond either end; a judgement
_CANDIDATES = 16  # ends of a range that are tried on either side
_SAMPLE = 2048  # calibration reads that a range is tried on


@dataclass(frozen=True)
class ConverterSettings:
    """What turns column currents (in nominal LSB) into partial sums, one value a row group and column.

    code = clip(round(gain * current + offset + noise), 0, top), partial sum = zero + step * code.

    Attributes:
        gain: codes an LSB.
        offset: codes.
        step: partial sum of a code.
        zero: partial sum of code 0.
        top: the highest code, 2^bits - 1.
        noise: its source, in codes.
    """

    gain: Float32[np.ndarray, "groups columns"]
    offset: Float32[np.ndarray, "groups columns"]
    step: Float32[np.ndarray, "groups columns"]
    zero: Float32[np.ndarray, "groups columns"]
    top: int
    noise: Noise

    def of_columns(self, columns: Integer[np.ndarray, " chosen"]) -> ConverterSettings:
        """The converters of some columns, in the order of their indices."""
        gain, offset, step, zero = (values[:, columns] for values in (self.gain, self.offset, self.step, self.zero))
        return ConverterSettings(gain, offset, step, zero, self.top, self.noise)

    def codes(
        self,
        current: Float[np.ndarray, "reads columns"],
        group: int,
        noise: Float[np.ndarray, "reads columns"] | float = 0.0,
    ) -> Float[np.ndarray, "reads columns"]:
        """Codes of a row group, not yet held at the ends.

        Args:
            current: column currents in nominal LSB.
            group: index of the row group.
            noise: of each conversion, in codes.
        """
        codes: np.ndarray = np.rint(self.gain[group] * current + self.offset[group] + noise)
        return codes

    def sums(self, codes: Float[np.ndarray, "reads columns"], group: int) -> Float[np.ndarray, "reads columns"]:
        """Partial sums, in LSB, that the codes of a row group stand for, held at the ends."""
        sums: np.ndarray = self.zero[group] + self.step[group] * np.clip(codes, 0, self.top)
        return sums

    def convert(self, current: Float[np.ndarray, "reads columns"], group: int) -> Float[np.ndarray, "reads columns"]:
        """Partial sums of a row group's column currents in nominal LSB, without noise."""
        return self.sums(self.codes(current, group), group)


@dataclass(frozen=True)
class CalibrationReads:
    """Reads of one row group that converters are set on.

    Attributes:
        current: column currents in nominal LSB.
        partial_sum: the partial sums that an ideal array would deliver.
        largest: largest partial sum that each column can have.
    """

    current: Float[np.ndarray, "reads columns"]
    partial_sum: Real[np.ndarray, "reads columns"]
    largest: Real[np.ndarray, " columns"]

    @classmethod
    def of(
        cls, group: RowGroup, bits: UInt8[np.ndarray, "reads rows"], current: Float[np.ndarray, "reads columns"]
    ) -> CalibrationReads:
        """Reads of a row group.

        Args:
            group: the row group.
            bits: as applied.
            current: column currents in nominal LSB that they drew.
        """
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

    Args:
        adc: bits, reference, fit, range and the converter's own gain, offset and noise.
        reads: calibration reads of every row group, in the order of the groups.

    Returns:
        Settings of every row group and column.

    Example:
        Wires take a tenth of the current; a calibrated converter tells the sums all the same:

        >>> sums = np.arange(8.0)[:, None]
        >>> reads = CalibrationReads(0.9 * sums, sums, np.array([7]))
        >>> settings = converter_settings(Adc(bits=3, reference="calibrated"), [reads])
        >>> settings.convert(reads.current, group=0).ravel().tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
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
    adc: Adc,
    measured: Float[np.ndarray, "reads columns"],
    sums: Real[np.ndarray, "reads columns"],
    largest: Real[np.ndarray, " columns"],
    by_column: bool,
) -> tuple[PerColumn, PerColumn]:
    """(zero, step) of the codes, in partial sums; ``measured`` is what the line makes of the currents."""
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


def _codes(
    low: Float[np.ndarray, " columns"], high: Float[np.ndarray, " columns"], top: int
) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]]:
    """(zero, step) whose codes cover low .. high. Sums are whole: no step is smaller than one, and steps of one begin
    at a whole sum, at 0 where that is enough."""
    step = np.maximum((high - low) / top, 1.0)
    whole = np.where(high <= top, 0.0, np.rint(np.maximum(low, 0)))
    return np.where(step > 1, low, whole), step


def _least_error(
    measured: Float[np.ndarray, "reads columns"],
    sums: Real[np.ndarray, "reads columns"],
    largest: Float[np.ndarray, " columns"],
    top: int,
) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]]:
    """The ends, of those tried, with the least squared error of partial sums on the calibration reads."""
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
