"""Converters: from column current to a code, PS_hat = clip(round(I / I_unit), 0, 2^bits - 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.design import Adc


@dataclass(frozen=True)
class ConverterSettings:
    """Affine map from column current (in nominal LSB) to code, one value a group and column.

    Attributes:
        gain, offset: (G, M) float32; code = clip(round(gain * current + offset + noise), 0, top).
        top: 2^bits - 1. noise: standard deviation in LSB.
    """

    gain: np.ndarray
    offset: np.ndarray
    top: int
    noise: float


def nominal_settings(adc: Adc, groups: int, columns: int) -> ConverterSettings:
    """I_unit is the lone ON cell's current."""
    shape = (groups, columns)
    return ConverterSettings(
        np.full(shape, adc.gain, dtype=np.float32),
        np.full(shape, adc.offset_lsb, dtype=np.float32),
        2**adc.bits - 1,
        adc.noise_lsb,
    )


def calibrated_settings(adc: Adc, current: list[np.ndarray], partial_sum: list[np.ndarray]) -> ConverterSettings:
    """Unit and zero re-ranged so that codes follow the ideal partial sums of calibration inputs in least squares.

    Args:
        current: per group (B, M) column currents in nominal LSB. partial_sum: per group (B, M) ideal partial sums.

    A group (or column) whose calibration inputs show no spread keeps the nominal unit, shifted to its mean.
    """
    shape = (len(current), current[0].shape[1])
    gain, offset = np.empty(shape, dtype=np.float64), np.empty(shape, dtype=np.float64)
    axes = 0 if adc.reference == "calibrated_column" else None
    for group, (x, y) in enumerate(zip(current, partial_sum, strict=True)):
        mean_x, mean_y = x.mean(axis=axes), y.mean(axis=axes)
        variance = ((x - mean_x) ** 2).mean(axis=axes)
        covariance = ((x - mean_x) * (y - mean_y)).mean(axis=axes)
        usable = (variance > 1e-6) & (covariance > 0)
        slope = np.where(usable, covariance / np.maximum(variance, 1e-12), 1.0)
        gain[group] = slope
        offset[group] = mean_y - slope * mean_x
    return ConverterSettings(
        (gain * adc.gain).astype(np.float32),
        (offset * adc.gain + adc.offset_lsb).astype(np.float32),
        2**adc.bits - 1,
        adc.noise_lsb,
    )


def convert(
    current: np.ndarray, settings: ConverterSettings, group: int, noise: np.ndarray | float = 0.0
) -> np.ndarray:
    """Codes of (B, M) currents in nominal LSB; ``noise`` in LSB, of the currents' shape."""
    codes = np.rint(settings.gain[group] * current + settings.offset[group] + noise)
    return np.clip(codes, 0, settings.top)
