"""Fast solver: second-order physics as a few matrix products, the rest fitted to exact solutions.

Write a_ij for the first-order current of cell (i, j) in LSB (one lone ON cell at v_read): the current it carries when
the bit lines are at ground. A read with input bits X draws S = sum_i X_i a_ij to first order. Rows i and k share the
resistance K_ik on their column, so to second order the column loses q = sum_ik X_i a_ij K_ik X_k a_kj (in LSB, with K
in units of v_read per LSB). K - kappa has few dominant eigenvectors: q = kappa S^2 + sum_m lambda_m z_m^2 with
projections z_m = sum_i X_i phi_m,i a_ij, each one more matrix product beside S.

tau = q / (S + q) is the share of the current lost, summed to all orders for a lumped resistance, and stays in [0, 1)
for any circuit. The column delivers S P(tau, S) with a polynomial P fitted by least squares to exactly solved reads;
for input_sourced arrays every column adds a correction of its own in tau, S and the share of rows that are on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.exact import solve

PROJECTIONS = 2
CORRECTIONS = 7  # terms of a column's own correction
# Exponents (of tau, of S) in P: degree 4 in tau, 2 in S, total at most 4.
EXPONENTS = tuple((a, b) for a in range(5) for b in range(3) if a + b <= 4)
_RIDGE = 1e-9
_MARGIN = 1.15  # the fit is trusted this far beyond the reads it has seen; held fast there, it would err at once


@dataclass(frozen=True)
class SharedResistance:
    """The low-rank form of K for one row group.

    Attributes:
        kappa: the constant part, LSB lost per LSB^2.
        eigenvalues: (m,). eigenvectors: (N, m).
    """

    kappa: float
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray


@dataclass(frozen=True)
class Polynomial:
    """P(tau, S) with both variables scaled to [0, 1] over the range of the fit and held at its ends.

    Attributes:
        coefficients: (len(EXPONENTS),). tau_max, s_max: upper ends of the range, a little beyond the fitted reads.
    """

    coefficients: np.ndarray
    tau_max: float
    s_max: float

    def evaluate(self, s: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Column current in LSB from S and q (same shapes)."""
        scaled_tau, scaled_s = self.variables(s, q)
        return np.maximum(s, 0) * (_terms(scaled_tau, scaled_s) @ self.coefficients)

    def variables(self, s: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(tau, S) scaled to the range."""
        tau = share_lost(s, q)
        return np.clip(tau / self.tau_max, 0, 1), np.clip(s / self.s_max, 0, 1)


def share_lost(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """tau = q / (S + q), 0 where no current flows."""
    s, q = np.maximum(s, 0), np.maximum(q, 0)
    return q / np.maximum(s + q, 1e-12)


def shared_resistance(circuit: Circuit, rows: int, offset: int, used: int) -> SharedResistance:
    """K of the rows offset .. offset+used-1 of a column of ``rows`` rows, as a constant and its leading eigenvectors.

    Bit line: r_sink + r_col (R - max(i, k)). Source line of gate_driven columns: r_driver + r_source (min(i, k) + 1)
    when fed at the far end, r_driver + r_source (R - max(i, k)) at the near end.
    """
    index = np.arange(offset, offset + used)
    below = rows - np.maximum.outer(index, index)
    shared = circuit.r_sink + circuit.r_col * below.astype(np.float64)
    if circuit.topology == "gate_driven":
        above = np.minimum.outer(index, index) + 1
        shared += circuit.r_driver + circuit.r_source * (above if circuit.source_end == "far" else below)
    shared *= circuit.on_current() / circuit.v_read
    kappa = float(shared.min())
    values, vectors = np.linalg.eigh(shared - kappa)
    leading = np.argsort(-np.abs(values), kind="stable")[:PROJECTIONS]
    eigenvalues = np.zeros(PROJECTIONS)
    eigenvectors = np.zeros((used, PROJECTIONS))
    eigenvalues[: len(leading)] = values[leading]
    eigenvectors[:, : len(leading)] = vectors[:, leading]
    # eigh leaves the sign open; fix it so that results do not depend on the library's choice
    signs = np.where(eigenvectors.sum(axis=0) < 0, -1.0, 1.0)
    return SharedResistance(kappa, eigenvalues, eigenvectors * signs)


def first_order_currents(circuit: Circuit, weights: np.ndarray, cols: int) -> np.ndarray:
    """Cell currents in LSB with the bit lines at ground and each row driven alone.

    Args:
        weights: (N, M) bits. cols: columns of a tile; rows of an input_sourced array sag along them.

    Returns:
        (N, M) float64.
    """
    if circuit.topology == "gate_driven":
        off = circuit.off_current() / circuit.on_current()
        return np.where(weights != 0, 1.0, off)
    grounded = circuit.model_copy(update={"r_col": 0.0, "r_sink": 0.0, "gated": True})
    currents = np.empty(weights.shape)
    for start in range(0, weights.shape[1], cols):
        tile = weights[:, start : start + cols]
        # A row at a time, each as its own one-row tile: with grounded bit lines rows do not see each other.
        solution = solve(grounded, tile[:, None, :], np.ones((1, 1), dtype=np.uint8), tol=1e-9)
        currents[:, start : start + cols] = solution.sink_currents[:, 0]
    return currents / circuit.on_current()


def second_order(inputs: np.ndarray, currents: np.ndarray, shared: SharedResistance) -> tuple[np.ndarray, np.ndarray]:
    """S and q in LSB.

    Args:
        inputs: (B, N) bits. currents: (N, M) first-order currents.

    Returns:
        two (B, M) arrays.
    """
    bits = inputs.astype(np.float64)
    s = bits @ currents
    q = shared.kappa * s**2
    for value, vector in zip(shared.eigenvalues, shared.eigenvectors.T, strict=True):
        q = q + value * (bits @ (currents * vector[:, None])) ** 2
    return s, np.maximum(q, 0)


def fit_polynomial(s: np.ndarray, q: np.ndarray, exact: np.ndarray) -> Polynomial:
    """Least squares for P on exactly solved reads (flat arrays, LSB)."""
    tau_max = max(_MARGIN * float(share_lost(s, q).max()), 1e-6)
    s_max = max(_MARGIN * float(s.max()), 1e-6)
    shape = Polynomial(np.zeros(len(EXPONENTS)), tau_max, s_max)
    design = np.maximum(s, 0)[:, None] * _terms(*shape.variables(s, q))
    gram = design.T @ design
    # The ridge keeps the many nearly parallel terms small without moving the fit.
    # It is never zero, so that reads without any current can be fitted, by P = 0.
    gram[np.diag_indices_from(gram)] += max(_RIDGE * np.trace(gram) / len(gram), 1e-30)
    return Polynomial(np.linalg.solve(gram, design.T @ exact), tau_max, s_max)


def fit_columns(
    inputs: np.ndarray, s: np.ndarray, q: np.ndarray, exact: np.ndarray, polynomial: Polynomial
) -> np.ndarray:
    """Corrections of every column of one tile, least squares over exactly solved reads.

    Args:
        inputs: (B, N) bits. s, q, exact: (B, M) in LSB.

    Returns:
        (CORRECTIONS, M) factors of the terms of ``column_correction``.
    """
    terms = s[..., None] * _correction_terms(inputs, s, q, polynomial)
    gram = np.einsum("bmi,bmj->mij", terms, terms)
    # The ridge keeps nearly parallel terms small where a column saw little variety.
    gram += (1e-5 * np.trace(gram, axis1=1, axis2=2)[:, None, None] / CORRECTIONS + 1e-12) * np.eye(CORRECTIONS)
    left = exact - polynomial.evaluate(s, q)
    return np.linalg.solve(gram, np.einsum("bmi,bm->mi", terms, left)[..., None])[..., 0].T


def column_correction(
    inputs: np.ndarray, s: np.ndarray, q: np.ndarray, polynomial: Polynomial, factors: np.ndarray
) -> np.ndarray:
    """(B, M) LSB to add to P's currents: S (k0 + k1 tau + k2 S + k3 d + k4 d^2 + k5 tau d + k6 tau^2).

    d is the share of the rows that are on: the more of them, the higher all bit lines, the less every row sags. tau
    and S are scaled as in the polynomial.
    """
    return s * np.einsum("bmi,im->bm", _correction_terms(inputs, s, q, polynomial), factors)


def _correction_terms(inputs: np.ndarray, s: np.ndarray, q: np.ndarray, polynomial: Polynomial) -> np.ndarray:
    tau, scaled = polynomial.variables(s, q)
    density = np.broadcast_to(inputs.mean(axis=1, dtype=np.float64)[:, None], s.shape)
    return np.stack([np.ones_like(tau), tau, scaled, density, density**2, tau * density, tau**2], axis=-1)


def _terms(tau: np.ndarray, s: np.ndarray) -> np.ndarray:
    """(..., len(EXPONENTS)) monomials of P."""
    return np.stack([tau**a * s**b for a, b in EXPONENTS], axis=-1)
