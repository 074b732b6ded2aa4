"""A monotone curve through noisy points: a sum of I-splines with coefficients of zero or more.

Source: J. O. Ramsay, "Monotone regression splines in action", Statistical Science 3 (1988) 425-441; the coefficients
by non-negative least squares (scipy), points far from the curve weighted down as Huber's estimator does, and as many
pieces as Schwarz's criterion (BIC) finds worth their coefficients: noisier points give a smoother curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import BSpline
from scipy.optimize import nnls

_DEGREE = 3
_PIECES = (12, 8, 6, 4, 3, 2, 1)
_ROUNDS = 8
_HUBER = 1.345  # of the scale of the residuals: 95 % efficient for normal ones
_RELATIVE = 0.03  # below this share of the current its noise counts as constant: a judgement
_LEAST_SLOPE = 1e-3  # of the chord: a table of currents has to rise strictly


@dataclass(frozen=True)
class MonotoneCurve:
    """A rising curve through the origin, and how well the points lie on it.

    Attributes:
        voltage: V, a grid from 0.
        current: A, strictly rising from 0.
        residual: of each point that was fitted, in A.
        noise: robust standard deviation of the residuals relative to the curve, over the upper half of the voltages.
    """

    voltage: Float[np.ndarray, " grid"]
    current: Float[np.ndarray, " grid"]
    residual: Float[np.ndarray, " points"]
    noise: float

    def at(self, voltage: float) -> float:
        """The current in amperes at a voltage of the grid's range."""
        return float(np.interp(voltage, self.voltage, self.current))


def fit_monotone(
    voltage: Float[np.ndarray, " points"], current: Float[np.ndarray, " points"], grid: Float[np.ndarray, " grid"]
) -> MonotoneCurve:
    """The rising curve through the origin that lies nearest to the points.

    Args:
        voltage: positive, V, in any order.
        current: A.
        grid: voltages from 0 at which the curve is given; points above its end should not be there.
    """
    scale = float(np.median(np.abs(current[voltage >= np.median(voltage)])))
    end = float(max(grid[-1], voltage.max()))
    most = len(np.unique(np.round(voltage / end, 3))) // 4
    measured = current / scale
    candidates = [np.linspace(0, end, pieces + 1) for pieces in _PIECES if pieces <= most] or [np.array([0.0, end])]
    # All are judged by the weights of the finest.
    weight = _weights(_rising(voltage, candidates[0]), voltage, measured)
    fits = [_coefficients(_rising(voltage, knots), measured, weight) for knots in candidates]
    residuals = [measured - _rising(voltage, knots) @ fit for knots, fit in zip(candidates, fits, strict=True)]
    criteria = [
        _schwarz(weight * residual, int(np.count_nonzero(fit))) for residual, fit in zip(residuals, fits, strict=True)
    ]
    best = int(np.argmin(criteria))
    knots, coefficients, fitted = candidates[best], fits[best], measured - residuals[best]
    curve = scale * (_rising(grid, knots) @ coefficients)
    steps = np.maximum(np.diff(curve), _LEAST_SLOPE * curve[-1] * np.diff(grid) / grid[-1])
    upper = (voltage >= end / 2) & (fitted > 0)
    noise = _scale_of((measured[upper] - fitted[upper]) / fitted[upper])
    return MonotoneCurve(grid, np.concatenate([[0.0], np.cumsum(steps)]), scale * (measured - fitted), noise)


def _weights(basis: np.ndarray, voltage: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """One over the noise of each point: a share of the current, and a floor found from the residuals at low voltage."""
    fitted = _running_median(voltage, np.abs(measured))
    low = voltage <= voltage.max() / 3
    for _ in range(_ROUNDS):
        floor = _scale_of((measured - fitted)[low])
        weight: np.ndarray = 1 / np.hypot(_RELATIVE * np.maximum(fitted, 0), max(floor, 1e-6))
        fitted = basis @ _coefficients(basis, measured, weight)
    return weight


def _coefficients(basis: np.ndarray, measured: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Non-negative coefficients of the basis, by repeated least squares with Huber's weights."""
    huber = np.ones(len(measured))
    for _ in range(_ROUNDS):
        root = weight * np.sqrt(huber)
        coefficients: np.ndarray = nnls(root[:, None] * basis, root * measured)[0]
        residual = weight * (measured - basis @ coefficients)
        huber = np.minimum(1.0, _HUBER * (_scale_of(residual) or 1.0) / np.maximum(np.abs(residual), 1e-12))
    return coefficients


def _schwarz(residual: np.ndarray, coefficients: int) -> float:
    """n ln(mean square) + k ln(n), the squares limited as the fit limits them."""
    limit = _HUBER * _scale_of(residual)
    squares = np.where(np.abs(residual) <= limit, residual**2, limit * (2 * np.abs(residual) - limit))
    return float(len(residual) * np.log(max(float(squares.mean()), 1e-18)) + coefficients * np.log(len(residual)))


def _rising(voltage: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """(points, functions) I-splines: sums of the B-splines from each to the last, 0 at the first knot."""
    padded = np.concatenate([np.full(_DEGREE, knots[0]), knots, np.full(_DEGREE, knots[-1])])
    splines = BSpline.design_matrix(np.clip(voltage, knots[0], knots[-1]), padded, _DEGREE).toarray()
    rising: np.ndarray = np.cumsum(splines[:, ::-1], axis=1)[:, ::-1][:, 1:]
    return rising


def _scale_of(values: np.ndarray) -> float:
    """Standard deviation from the median of the sizes."""
    return 1.4826 * float(np.median(np.abs(values))) if len(values) else 0.0


def _running_median(voltage: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Median of the points whose voltages are near, in the order of the points."""
    order = np.argsort(voltage, kind="stable")
    width = max(1, len(values) // 40)
    near = [np.median(values[order[max(0, i - width) : i + width + 1]]) for i in range(len(values))]
    result = np.empty(len(values))
    result[order] = near
    return result
