"""Converters: from a column's current to a code, and from the code to a partial sum.

code = clip(round(gain I + offset + noise), 0, 2^bits - 1), partial sum = zero + step code. Where it is given a
difference of two currents a code stands for 0, and errors of gain turn about it. Three choices make gain,
offset, zero and step: the unit of the current (``adc.reference``: fixed by the lone ON cell, or re-ranged on
calibration inputs), how it is re-ranged (``adc.fit``), and the range that the codes cover (``adc.range``). Passes may
bend what is rounded (``bent_references``), on a grid of finer codes (``threshold_grid``), space codes otherwise
(``nonuniform_codes``), add what the digital side knows of the read (``popcount_term``) or look it up together with the
code (``digital_table``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd

import numpy as np
from jaxtyping import Float, Float32, Int64, Integer, Real, UInt8

from simcore.design_axes import Adc
from simcore.mapping.row_groups import RowGroup
from simcore.mapping.tiling import LayerMapping
from simcore.mitigation.base import Mitigation, Spacing
from simcore.mitigation.re_ranging import ReRanging, re_ranging
from simcore.mitigation.transfer import IDENTITY, Curve, PerColumn, ScopeReads, Transfer
from simcore.noise import NOISES, Noise
from simcore.noise.gaussian import Gaussian
from simcore.readout.bends import Bends, bends_of, bent, on_grid, straight

_TAIL = 0.001  # share of calibration reads that a range by percentile leaves beyond either end; a judgement
_CANDIDATES = 16  # ends of a range that are tried on either side
_SAMPLE = 2048  # calibration reads that a range is tried on
_ALL = 2**30  # rows: more than there are
_ROUNDS = 3  # that passes which depend on one another are fitted in turn; from the second on little moves


@dataclass(frozen=True)
class ConverterSettings:
    """What turns column currents (in nominal LSB) into partial sums, one value a row group and column.

    code = clip(round(curve(on_grid(gain * current + offset + noise))), 0, top), and in a read with X rows on
    partial sum = zero + step * levels_X(code) + per_row * X.

    Attributes:
        gain: codes an LSB.
        offset: codes.
        step: partial sum of a code.
        zero: partial sum of code 0.
        top: the highest code, 2^bits - 1.
        noise: its source, in codes.
        curve: of each row group, from codes at equal distances to those of the thresholds.
        grid: of each row group, a place and the distance of those that thresholds may take; distance 0: any.
        levels: from codes to those at equal distances.
        level_of: of each row group, which of ``levels`` by the rows that are on: the first, how many rows share one,
            the last.
        per_row: of each row group, in partial sums.
    """

    gain: Float32[np.ndarray, "groups columns"]
    offset: Float32[np.ndarray, "groups columns"]
    step: Float32[np.ndarray, "groups columns"]
    zero: Float32[np.ndarray, "groups columns"]
    top: int
    noise: Noise
    curve: Bends
    grid: Float32[np.ndarray, "groups 2"]
    levels: Bends
    level_of: Int64[np.ndarray, "groups 3"]
    per_row: Float32[np.ndarray, " groups"]

    def of_columns(self, columns: Integer[np.ndarray, " chosen"]) -> ConverterSettings:
        """The converters of some columns, in the order of their indices."""
        gain, offset, step, zero = (values[:, columns] for values in (self.gain, self.offset, self.step, self.zero))
        return replace(self, gain=gain, offset=offset, step=step, zero=zero)

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
        even = self.gain[group] * current + self.offset[group] + noise
        if self.grid[group, 1] > 0:
            even = on_grid(even, self.grid[group])
        codes: np.ndarray = np.rint(bent(even, self.curve.line[group], self.curve.knots[group]))
        return codes

    def sums(
        self,
        codes: Float[np.ndarray, "reads columns"],
        group: int,
        applied: Real[np.ndarray, " reads"] | float,
    ) -> Float[np.ndarray, "reads columns"]:
        """Partial sums, in LSB, that the codes of a row group stand for, held at the ends.

        Args:
            codes: of every read and column.
            group: index of the row group.
            applied: rows that are on in each read.
        """
        held = np.clip(codes, 0, self.top)
        places = self._levels_of(group, np.broadcast_to(np.asarray(applied), held.shape[:1]))
        levels = np.empty_like(held)
        for place in np.unique(places):
            reads = places == place
            levels[reads] = bent(held[reads], self.levels.line[place], self.levels.knots[place])
        added = self.per_row[group] * np.asarray(applied)[..., None]
        sums: np.ndarray = self.zero[group] + self.step[group] * levels + added
        return sums

    def _levels_of(self, group: int, applied: Real[np.ndarray, " reads"]) -> Int64[np.ndarray, " reads"]:
        """Which of ``levels`` each read takes."""
        first, shared, last = self.level_of[group]
        return np.minimum(first + applied.astype(np.int64) // shared, last)

    def convert(
        self, current: Float[np.ndarray, "reads columns"], group: int, applied: Real[np.ndarray, " reads"] | float
    ) -> Float[np.ndarray, "reads columns"]:
        """Partial sums of a row group's column currents in nominal LSB, without noise; ``applied`` as in ``sums``."""
        return self.sums(self.codes(current, group), group, applied)


@dataclass(frozen=True)
class CalibrationReads:
    """Reads of one row group that converters are set on.

    Attributes:
        current: what the converters meet of column currents, in nominal LSB.
        partial_sum: the partial sums that an ideal array would deliver.
        largest: largest partial sum that each column can have.
        applied: rows that are on in each read.
        signed: columns are differences of two, whose sums can be as far below 0.
    """

    current: Float[np.ndarray, "reads columns"]
    partial_sum: Real[np.ndarray, "reads columns"]
    largest: Real[np.ndarray, " columns"]
    applied: Real[np.ndarray, " reads"]
    signed: bool = False

    @classmethod
    def of(
        cls, group: RowGroup, bits: UInt8[np.ndarray, "reads rows"], current: Float[np.ndarray, "reads columns"]
    ) -> CalibrationReads:
        """Reads of a row group.

        Args:
            group: the row group.
            bits: as applied.
            current: what the converters meet of the column currents that they drew, in nominal LSB.
        """
        applied = bits.sum(axis=1, dtype=np.int64)
        signed = group.encoding.subtracts_currents
        return cls(current, group.sums_of_conversions(bits), group.largest_sums, applied, signed)


def ideal_settings(mapping: LayerMapping) -> ConverterSettings:
    """A code for every sum of a layer, and no error of its own."""
    groups = len(mapping.spans)
    one = np.ones((groups, mapping.conversions), np.float32)
    zero = np.full_like(one, -(2**15) if mapping.encoding.subtracts_currents else 0)
    even, added = straight(groups), np.zeros(groups, np.float32)
    own = np.array([(group, _ALL, group) for group in range(groups)], np.int64)
    return ConverterSettings(
        one, 0 - zero, one, zero, 2**16 - 1, Gaussian(np.float32(0)), even, _any_place(groups), even, own, added
    )


def converter_settings(adc: Adc, reads: list[CalibrationReads], passes: Sequence[Mitigation] = ()) -> ConverterSettings:
    """The converters of a layer's row groups.

    ``calibrated`` fits a line a row group, ``calibrated_layer`` one for all, ``calibrated_column`` one for each column;
    the range is set for the same columns together, that of ``nominal`` for the whole layer. Where calibration inputs
    show no spread the nominal unit stays, shifted to their mean.

    Args:
        adc: bits, reference, fit, range and the converter's own gain, offset and noise.
        reads: calibration reads of every row group, in the order of the groups.
        passes: that act on the converters after re-ranging, in their order.

    Returns:
        Settings of every row group and column.

    Example:
        Wires take a tenth of the current; a calibrated converter tells the sums all the same:

        >>> sums = np.arange(8.0)[:, None]
        >>> reads = CalibrationReads(0.9 * sums, sums, np.array([7]), sums.ravel())
        >>> settings = converter_settings(Adc(bits=3, reference="calibrated"), [reads])
        >>> settings.convert(reads.current, group=0, applied=reads.applied).ravel().tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """
    shape = (len(reads), reads[0].current.shape[1])
    slope, intercept, zero, step = np.ones(shape), np.zeros(shape), np.zeros(shape), np.ones(shape)
    ends, per_row, grid = np.zeros((2, *shape)), np.zeros(shape[0]), _any_place(shape[0])
    curves: list[Curve | None] = [None] * shape[0]
    levels: list[Curve | None] = []
    level_of = np.zeros((shape[0], 3), np.int64)
    ranging = re_ranging(adc.reference, adc.fit)
    for groups in ranging.scopes(shape[0]):
        scope = _scope_settings(adc, ranging, passes, [reads[g] for g in groups])
        slope[groups], intercept[groups], per_row[groups] = (
            scope.transfer.slope, scope.transfer.intercept, scope.transfer.per_row,
        )  # fmt: skip
        zero[groups], step[groups], grid[groups] = scope.zero, scope.step, scope.grid
        for end, at in zip(ends, scope.ends, strict=True):
            end[groups] = at
        for group in groups:
            curves[group] = scope.curve
            level_of[group] = len(levels), scope.rows_a_level, len(levels) + len(scope.levels) - 1
        levels += scope.levels
    apart = next((one.reference_step for one in passes if one.reference_step is not None), None)
    if apart is not None:
        slope, intercept = _kept(slope, intercept, ends[0], ends[1], apart)
    offset = (intercept - zero) * adc.gain / step
    if reads[0].signed:
        offset = (intercept * adc.gain - zero) / step
    return ConverterSettings(
        (slope * adc.gain / step).astype(np.float32),
        (offset + adc.offset_lsb).astype(np.float32),
        step.astype(np.float32),
        zero.astype(np.float32),
        2**adc.bits - 1,
        NOISES[adc.noise](np.float32(adc.noise_lsb)),
        bends_of(curves),
        grid,
        bends_of(levels),
        level_of,
        per_row.astype(np.float32),
    )


@dataclass(frozen=True)
class _Scope:
    """Converters that are set together.

    Attributes:
        transfer: from currents to partial sums.
        zero: partial sum of code 0.
        step: partial sum of a code.
        ends: of the range, on the line.
        curve: of ``ConverterSettings``, in codes at equal distances; None: changes nothing.
        grid: of ``ConverterSettings``.
        levels: curves that its reads choose from.
        rows_a_level: so many rows that are on share one.
    """

    transfer: Transfer
    zero: PerColumn
    step: PerColumn
    ends: tuple[PerColumn, PerColumn]
    curve: Curve | None
    grid: tuple[float, float]
    levels: tuple[Curve | None, ...]
    rows_a_level: int


def _scope_settings(
    adc: Adc, ranging: ReRanging, passes: Sequence[Mitigation], reads: Sequence[CalibrationReads]
) -> _Scope:
    """Converters of row groups, given their reads, that share a line; of each of its columns one where it has them."""
    scope = ScopeReads(
        np.concatenate([one.current for one in reads]),
        np.concatenate([one.partial_sum for one in reads]),
        np.concatenate([one.applied for one in reads]),
    )
    transfer = fit_transfer(ranging, passes, scope)
    measured, target = transfer.measured(scope.current), transfer.target(scope)
    spacing = next(filter(None, (one.space(measured, target, 2**adc.bits) for one in passes)), None)
    table = next(filter(None, (one.tabulate(measured, scope) for one in passes)), None)
    zero: PerColumn
    step: PerColumn
    if spacing is not None or table is not None or transfer.per_row:
        zero, step = _span(measured, adc)
    else:
        largest = np.max([one.largest for one in reads], axis=0)
        least = -largest if reads[0].signed else np.zeros_like(largest)
        by_column = ranging.by_column and transfer.curve is None
        zero, step = _range(adc, measured, scope.sums, (least, largest), by_column)
    low, high = np.atleast_1d(zero), np.atleast_1d(zero + (2**adc.bits - 1) * step)
    if transfer.curve is not None:
        low, high = transfer.curve.inverse(low), transfer.curve.inverse(high)
    first_zero, first_step = float(np.ravel(zero)[0]), float(np.ravel(step)[0])
    curve, own = _bends(transfer, spacing, first_zero, first_step)
    finer = next((one.finer_bits for one in passes if one.finer_bits is not None), None)
    grid = (0.0, 0.0) if finer is None or curve is None else _grid(curve, 2**adc.bits, 2**finer)
    levels, rows = ((own,), _ALL) if table is None else (table.in_units(first_zero, first_step), table.rows_each)
    return _Scope(transfer, zero, step, (low, high), curve, grid, levels, rows)


def fit_transfer(ranging: ReRanging, passes: Sequence[Mitigation], reads: ScopeReads) -> Transfer:
    """From currents to partial sums, by the line and then by each pass in turn, several times over where there are
    more passes than one, or a line for each column beside a pass for all: what one of them adds changes what the others
    are fitted to.

    Args:
        ranging: the line.
        passes: that act after it.
        reads: calibration reads.
    """
    transfer = IDENTITY
    for _ in range(_ROUNDS if len(passes) > 1 or (passes and ranging.by_column) else 1):
        for one in (ranging, *passes):
            transfer = one.sense(transfer, reads)
    return transfer


def _span(measured: Float[np.ndarray, "reads columns"], adc: Adc) -> tuple[float, float]:
    """(zero, step) of codes that cover all that is measured: it is no whole number, so that finer steps than one tell
    more."""
    low, high = float(measured.min()), float(measured.max())
    return low, max(high - low, 1.0) / (2**adc.bits - 1)


def _bends(transfer: Transfer, spacing: Spacing | None, zero: float, step: float) -> tuple[Curve | None, Curve | None]:
    """(curve, levels) of ``ConverterSettings``, in codes at equal distances."""
    curve = transfer.curve
    if spacing is None:
        return (None if curve is None else curve.in_units(zero, step)), None
    thresholds = spacing.codes if curve is None else curve.then(spacing.codes)
    return (
        Curve((thresholds.at - zero) / step, thresholds.values),
        Curve(spacing.levels.at, (spacing.levels.values - zero) / step),
    )


def _kept(
    slope: Float[np.ndarray, "groups columns"],
    intercept: Float[np.ndarray, "groups columns"],
    low: Float[np.ndarray, "groups columns"],
    high: Float[np.ndarray, "groups columns"],
    apart: float,
) -> tuple[Float[np.ndarray, "groups columns"], Float[np.ndarray, "groups columns"]]:
    """The lines whose currents at both ends, ``low`` and ``high`` on the line, are whole multiples of ``apart``."""
    least = np.rint((low - intercept) / slope / apart)
    most = np.maximum(np.rint((high - intercept) / slope / apart), least + 1)
    steeper = (high - low) / ((most - least) * apart)
    return steeper, low - steeper * least * apart


def _any_place(groups: int) -> Float32[np.ndarray, "groups 2"]:
    """Thresholds wherever they are wanted."""
    return np.zeros((groups, 2), np.float32)


def _grid(curve: Curve, codes: int, finer: int) -> tuple[float, float]:
    """A place and the distance of those that thresholds lie between: ``finer`` for each code, over all that codes tell
    apart."""
    low, high = curve.inverse(np.array([-0.5, codes - 0.5]))
    distance = (high - low) / (codes * finer)
    return low + distance / 2, distance


def _range(
    adc: Adc,
    measured: Float[np.ndarray, "reads columns"],
    sums: Real[np.ndarray, "reads columns"],
    ends: tuple[Real[np.ndarray, " columns"], Real[np.ndarray, " columns"]],
    by_column: bool,
) -> tuple[PerColumn, PerColumn]:
    """(zero, step) of the codes, in partial sums; ``measured`` is what the line makes of the currents, ``ends`` the
    least and the largest sum that each column can have."""
    side_by_side = 1
    if not by_column:
        side_by_side = measured.shape[1]
        measured, sums = measured.reshape(-1, 1), sums.reshape(-1, 1)
        ends = ends[0].min(keepdims=True), ends[1].max(keepdims=True)
    top = 2**adc.bits - 1
    least, largest = (end.astype(np.float64) for end in ends)
    if adc.range == "fixed" or (adc.range == "full_scale" and least.min() < 0):
        step = np.ones(len(largest)) if adc.range == "fixed" else _twos_step(largest, adc.bits)
        zero = np.where(least < 0, -step * 2.0 ** (adc.bits - 1), 0.0)
    else:
        low, high = least, largest
        if adc.range == "percentile":
            low, high = np.quantile(measured, [_TAIL, 1 - _TAIL], axis=0)
        if adc.range == "least_error":
            few = slice(None, None, _stride(len(measured), side_by_side))
            low, high = _least_error(measured[few], sums[few], (least, largest), top)
        zero, step = _codes(low, high, least, top)
        if adc.range == "percentile" and least.min() < 0:
            # Steps of one begin at a whole sum, so that 0 has a code; where all sums are of one sign it needs none.
            apart = (step > 1) & (low < 0) & (high > 0)
            zero[apart], step[apart] = _around_zero(low[apart], high[apart], top)
    return (zero, step) if by_column else (zero[0], step[0])


def _twos_step(largest: Float[np.ndarray, " columns"], bits: int) -> Float[np.ndarray, " columns"]:
    """The least step, of one at least, with which codes of two's complement reach from -largest to largest. Of the two
    codes of one bit that which is not 0 stands for -largest."""
    return np.maximum(largest / max(2 ** (bits - 1) - 1, 1), 1.0)


def _codes(
    low: Float[np.ndarray, " columns"],
    high: Float[np.ndarray, " columns"],
    least: Float[np.ndarray, " columns"],
    top: int,
) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]]:
    """(zero, step) whose codes cover low .. high. Sums are whole: no step is smaller than one, and steps of one begin
    at a whole sum, at the least that there can be where that is enough."""
    step = np.maximum((high - low) / top, 1.0)
    whole = np.where(high - least <= top, least, np.rint(np.maximum(low, least)))
    return np.where(step > 1, low, whole), step


def _around_zero(
    low: Float[np.ndarray, " columns"], high: Float[np.ndarray, " columns"], top: int
) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]]:
    """(zero, step) of the least step, of one at least, with which codes reach both ends and one of them stands for 0,
    the most frequent difference. Of the two codes of one bit that which does not stands for the lower end."""
    below = np.arange(top + 1)[:, None]  # codes for less than 0
    with np.errstate(divide="ignore"):
        steps = np.maximum(-low / below, high / (top - below)).clip(min=1.0)
    if top == 1:
        steps[1] = np.maximum(-low, 1.0)
    step, number = steps.min(axis=0), steps.argmin(axis=0)
    return -step * number, step


def _stride(values: int, side_by_side: int) -> int:
    """Every which of the values makes about ``_SAMPLE`` of them. It shares no factor with the columns that lie
    side by side: else it would meet the same few of them in every read."""
    stride = -(-values // _SAMPLE)
    while gcd(stride, side_by_side) > 1:
        stride += 1
    return stride


def _least_error(
    measured: Float[np.ndarray, "reads columns"],
    sums: Real[np.ndarray, "reads columns"],
    ends: tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]],
    top: int,
) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]]:
    """The ends, of those tried, with the least squared error of partial sums on the calibration reads."""
    least, most, middle = measured.min(axis=0), measured.max(axis=0), np.median(measured, axis=0)
    best_low, best_high = ends
    best = np.full(len(best_low), np.inf)
    for a in np.linspace(0, 1, _CANDIDATES):
        for b in np.linspace(0, 1, _CANDIDATES):
            low, high = least + a * (middle - least), most + b * (middle - most)
            zero, step = _codes(low, high, ends[0], top)
            error = ((zero + step * np.clip(np.rint((measured - zero) / step), 0, top) - sums) ** 2).mean(axis=0)
            better = error < best
            best_low, best_high, best = (
                np.where(better, x, y) for x, y in ((low, best_low), (high, best_high), (error, best))
            )
    return best_low, best_high
