"""Fast solver of arrays whose rows carry current: second-order physics as a few matrix products, the rest fitted to
exact solutions.

Write a_ij for the first-order current of cell (i, j) in LSB (one lone ON cell at v_read): the current it carries when
the bit lines are at ground. A read with input bits X draws S = sum_i X_i a_ij to first order. Rows i and k share the
resistance K_ik on their column, so to second order the column loses q = sum_ik X_i a_ij K_ik X_k a_kj (in LSB, with K
in units of v_read per LSB). K - kappa has few dominant eigenvectors: q = kappa S^2 + sum_m lambda_m z_m^2 with
projections z_m = sum_i X_i phi_m,i a_ij, each one more matrix product beside S.

tau = q / (S + q) is the share of the current lost, summed to all orders for a lumped resistance, and stays in [0, 1)
for any circuit. The column delivers S P(tau, S) with a polynomial P fitted by least squares to exactly solved reads,
and every column corrections of its own. Gate-driven columns have a fast solver of their own (``column_fit``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba.extending import register_jitable

from simcore.crossbar.cells import Cells
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.exact import solve
from simcore.mapping.row_groups import UnsolvedError

# Exponents (of tau, of S) in P: degree 4 in tau, 2 in S, total at most 4.
EXPONENTS = tuple((a, b) for a in range(5) for b in range(3) if a + b <= 4)
_PROJECTIONS = 4
_RIDGE = 1e-7
_MARGIN = 1.15  # the fit is trusted this far beyond the reads it has seen; held fast there, it would err at once


@dataclass(frozen=True)
class SharedResistance:
    """The low-rank form of K for one row group.

    Attributes:
        kappa: the constant part, LSB lost per LSB^2.
        eigenvalues: (m,).
        eigenvectors: (N, m).
    """

    kappa: float
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray


@dataclass(frozen=True)
class Reads:
    """What the fast solver knows of B reads of M columns, to second order; currents in LSB.

    Attributes:
        s, q: (B, M).
        z: (B, M, m) projections of the currents.
        density: (B,) share of the rows that are on.
        x: (B, m) projections of the inputs, over sqrt(N).
        tile_s, tile_z: as s and z, their means over the columns of the tile.
    """

    s: np.ndarray
    q: np.ndarray
    z: np.ndarray
    density: np.ndarray
    x: np.ndarray
    tile_s: np.ndarray
    tile_z: np.ndarray

    @classmethod
    def joined(cls, parts: list[Reads]) -> Reads:
        """All reads one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class Polynomial:
    """P(tau, S) with both variables scaled to the range of the fit and held at its ends.

    Attributes:
        coefficients: (len(EXPONENTS),).
        tau_max, s_max: upper ends of the range, a little beyond the fitted reads.
    """

    coefficients: np.ndarray
    tau_max: float
    s_max: float

    def evaluate(self, s: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Column currents in LSB, of the arguments' shape."""
        return np.maximum(s, 0) * delivered_share(*self.variables(s, q), tuple(self.coefficients))

    def variables(self, s: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(tau, S) scaled to the range."""
        return np.clip(share_lost(s, q) / self.tau_max, 0, 1), np.clip(s / self.s_max, 0, 1)


@register_jitable(inline="always")
def delivered_share(tau, s, coefficients):  # type: ignore[no-untyped-def]
    """P(tau, S), the share of the first-order current that a column delivers.

    Numbers of a kernel or numpy arrays.

    Args:
        tau: share of the current lost to second order, scaled to the range of the fit.
        s: first-order current, scaled likewise.
        coefficients: a tuple, of the terms of ``EXPONENTS`` in their order.
    """
    c00, c01, c02, c10, c11, c12, c20, c21, c22, c30, c31, c40 = coefficients
    share = c30 + s * c31 + tau * c40
    share = (c20 + s * (c21 + s * c22)) + tau * share
    share = (c10 + s * (c11 + s * c12)) + tau * share
    return (c00 + s * (c01 + s * c02)) + tau * share


def share_lost(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """tau = q / (S + q), 0 where no current flows."""
    s, q = np.maximum(s, 0), np.maximum(q, 0)
    return q / np.maximum(s + q, 1e-12)


def correction_terms(modes: int) -> int:
    """Terms of the correction of a column's own with ``modes`` projections."""
    return 9 + 5 * modes


def shared_resistance(circuit: Circuit, rows: int, offset: int, used: int) -> SharedResistance:
    """K of the rows offset .. offset+used-1 of a column of ``rows`` rows, as a constant and its leading eigenvectors:
    r_sink + r_col (R - max(i, k))."""
    index = np.arange(offset, offset + used)
    shared = circuit.r_sink + circuit.r_col * (rows - np.maximum.outer(index, index)).astype(np.float64)
    shared *= circuit.on_current() / circuit.v_read
    kappa = float(shared.min())
    return SharedResistance(kappa, *_leading(shared - kappa, _PROJECTIONS))


def _leading(symmetric: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` eigenvalues of largest size and their eigenvectors (n, count); zeros where there are fewer."""
    values, vectors = np.linalg.eigh(symmetric)
    leading = np.argsort(-np.abs(values), kind="stable")[:count]
    eigenvalues = np.zeros(count)
    eigenvectors = np.zeros((len(symmetric), count))
    eigenvalues[: len(leading)] = values[leading]
    eigenvectors[:, : len(leading)] = vectors[:, leading]
    # eigh leaves the sign open; fix it so that results do not depend on the library's choice
    return eigenvalues, eigenvectors * np.where(eigenvectors.sum(axis=0) < 0, -1.0, 1.0)


def first_order_currents(circuit: Circuit, cells: Cells, cols: int, device: str | None = None) -> np.ndarray:
    """Cell currents in LSB with the bit lines at ground and each row driven alone.

    Args:
        cells: (N, M).
        cols: columns of a tile; rows sag along them.
        device: as ``crossbar.solve`` has it.

    Returns:
        (N, M) float64.

    Raises:
        UnsolvedError: a solve did not converge.
    """
    grounded = circuit.model_copy(update={"r_col": 0.0, "r_sink": 0.0, "gated": True})
    rows, columns_in_all = cells.states.shape
    currents = np.empty((rows, columns_in_all))
    driven = np.ones((1, 1), dtype=np.uint8)
    for start in range(0, columns_in_all, cols):
        columns = slice(start, start + cols)
        states = cells.states[:, None, columns]
        spread = None if cells.factors is None else cells.factors[:, None, columns]
        # A row at a time, each as its own one-row tile: with grounded bit lines rows do not see each other.
        solution = solve(grounded, states, driven, tol=1e-9, device=device, factors=spread)
        if not solution.converged:
            raise UnsolvedError("reads of single rows, on which the fast solver rests, did not converge")
        currents[:, columns] = solution.sink_currents[:, 0]
    return currents / circuit.on_current()


def second_order(inputs: np.ndarray, currents: np.ndarray, shared: SharedResistance, cols: int) -> Reads:
    """What a read draws to second order.

    Args:
        inputs: (B, N) bits.
        currents: (N, M) first-order currents.
        cols: columns of a tile.
    """
    bits = inputs.astype(np.float64)
    s = bits @ currents
    z = np.empty((*s.shape, shared.eigenvectors.shape[1]))
    for mode, vector in enumerate(shared.eigenvectors.T):
        z[..., mode] = bits @ (currents * vector[:, None])
    q = np.maximum(shared.kappa * s**2 + z**2 @ shared.eigenvalues, 0)
    return Reads(s, q, z, bits.mean(axis=1), bits @ input_vectors(shared), _over_tiles(s, cols), _over_tiles(z, cols))


def _over_tiles(values: np.ndarray, cols: int) -> np.ndarray:
    """(B, M, ...) means over the columns of each tile, at every one of its columns."""
    starts = np.arange(0, values.shape[1], cols)
    widths = np.diff(np.append(starts, values.shape[1]))
    sums = np.add.reduceat(values, starts, axis=1)
    means = sums / widths.reshape(1, -1, *[1] * (values.ndim - 2))
    return np.repeat(means, widths, axis=1)


def input_vectors(shared: SharedResistance) -> np.ndarray:
    """(N, m) vectors whose products with the inputs are the projections x."""
    return shared.eigenvectors / np.sqrt(max(len(shared.eigenvectors), 1))


def fit_polynomial(s: np.ndarray, q: np.ndarray, exact: np.ndarray) -> Polynomial:
    """Least squares for P on exactly solved reads, (n,) each, in LSB."""
    tau_max = max(_MARGIN * float(share_lost(s, q).max()), 1e-6)
    s_max = max(_MARGIN * float(s.max()), 1e-6)
    frame = Polynomial(np.zeros(len(EXPONENTS)), tau_max, s_max)
    design = np.maximum(s, 0)[:, None] * _terms(*frame.variables(s, q))
    gram = design.T @ design
    # The ridge keeps the many nearly parallel terms small without moving the fit.
    # It is never zero, so that reads without any current can be fitted, by P = 0.
    gram[np.diag_indices_from(gram)] += max(_RIDGE * np.trace(gram) / len(gram), 1e-30)
    return Polynomial(np.linalg.solve(gram, design.T @ exact), tau_max, s_max)


def fit_columns(reads: Reads, exact: np.ndarray, polynomial: Polynomial) -> np.ndarray:
    """Corrections of every column of one tile, least squares over exactly solved reads.

    Args:
        exact: (B, M) in LSB.

    Returns:
        (correction_terms(m), M) factors of the terms of ``column_correction``.
    """
    terms = _correction_terms(reads, polynomial)
    count = terms.shape[2]
    gram = np.einsum("bmi,bmj->mij", terms, terms)
    # The ridge keeps nearly parallel terms small where a column saw little variety.
    gram += (1e-7 * np.trace(gram, axis1=1, axis2=2)[:, None, None] / count + 1e-12) * np.eye(count)
    left = exact - polynomial.evaluate(reads.s, reads.q)
    return np.linalg.solve(gram, np.einsum("bmi,bm->mi", terms, left)[..., None])[..., 0].T


def column_correction(reads: Reads, polynomial: Polynomial, factors: np.ndarray) -> np.ndarray:
    """(B, M) LSB to add to P's currents, of columns that meet on the rows.

    S (k0 + k1 tau + k2 S + k3 d + k4 d^2 + k5 tau d + k6 tau^2): the more rows are on (d their share), the higher all
    bit lines, the less every row sags. S times the tile's mean S (k7 + k8 tau): so much less does a row sag where all
    columns draw much. Then for every projection in turn S x_m, S x_m tau (where the rows are that are on), z_m, z_m tau
    and z_m times the tile's mean z_m. tau and S, the means' too, are scaled as in the polynomial.
    """
    return np.einsum("bmi,im->bm", _correction_terms(reads, polynomial), factors)


def _correction_terms(reads: Reads, polynomial: Polynomial) -> np.ndarray:
    tau, scaled = polynomial.variables(reads.s, reads.q)
    density = np.broadcast_to(reads.density[:, None], tau.shape)
    tile = reads.tile_s / polynomial.s_max
    plain = (np.ones_like(tau), tau, scaled, density, density**2, tau * density, tau**2, tile, tile * tau)
    terms = [reads.s * term for term in plain]
    for m in range(reads.z.shape[2]):
        driven, z = reads.s * reads.x[:, m, None], reads.z[..., m]
        terms += [driven, driven * tau, z, z * tau, z * reads.tile_z[..., m] / polynomial.s_max]
    return np.stack(terms, axis=-1)


def _terms(tau: np.ndarray, s: np.ndarray) -> np.ndarray:
    """(..., len(EXPONENTS)) monomials of P."""
    return np.stack([tau**a * s**b for a, b in EXPONENTS], axis=-1)
