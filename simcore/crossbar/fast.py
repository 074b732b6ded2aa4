"""Fast solver: second-order physics as a few matrix products, the rest fitted to exact solutions.

Write a_ij for the first-order current of cell (i, j) in LSB (one lone ON cell at v_read): the current it carries when
the bit lines are at ground. A read with input bits X draws S = sum_i X_i a_ij to first order. Rows i and k share the
resistance K_ik on their column, so to second order the column loses q = sum_ik X_i a_ij K_ik X_k a_kj (in LSB, with K
in units of v_read per LSB). K - kappa has few dominant eigenvectors: q = kappa S^2 + sum_m lambda_m z_m^2 with
projections z_m = sum_i X_i phi_m,i a_ij. Where all ON cells are alike (gate_driven) phi is held constant over a few
rows and S and z are counts of bits (``packed_sums``); elsewhere each z is one more matrix product beside S.

tau = q / (S + q) is the share of the current lost, summed to all orders for a lumped resistance, and stays in [0, 1)
for any circuit. The column delivers S P(tau, S) with a polynomial P fitted by least squares to exactly solved reads.
Long columns lose so much that it matters where their current flows, not only how much: beyond 64 rows P of gate_driven
columns also sees the shape r_m = z_m / S of the current along the column. Columns of input_sourced arrays meet each
other on the rows; each adds a correction of its own in tau, S, z, the share of rows that are on and where these are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.exact import solve
from simcore.packed_sums import FEW_PROFILES, PROFILES, bytes_of, rows_a_byte, whole_numbers

# Exponents (of tau, of S) in P: degree 4 in tau, 2 in S, total at most 4.
EXPONENTS = tuple((a, b) for a in range(5) for b in range(3) if a + b <= 4)
# Terms of the shape: every r_m times these (exponents of tau, of S), every r_k r_l times these powers of tau.
SHAPE_EXPONENTS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1))
SHAPE_SQUARES = (0, 1)
SHAPELESS_ROWS = 64
FEW_ROWS = 16  # of gate_driven columns, whose projections are cheap
_RIDGE = 1e-7
_MARGIN = 1.15  # the fit is trusted this far beyond the reads it has seen; held fast there, it would err at once


@dataclass(frozen=True)
class SharedResistance:
    """The low-rank form of K for one row group.

    Attributes:
        kappa: the constant part, LSB lost per LSB^2.
        eigenvalues: (m,). eigenvectors: (N, m).
        profiles: (bytes, m) int16, the eigenvectors in whole ``units`` (m,) over a byte; none for input_sourced.
    """

    kappa: float
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray
    profiles: np.ndarray | None = None
    units: np.ndarray | None = None


@dataclass(frozen=True)
class Reads:
    """What the fast solver knows of B reads of M columns, to second order; currents in LSB.

    Attributes:
        s, q: (B, M). z: (B, M, m) projections of the currents.
        density: (B,) share of the rows that are on. x: (B, m) projections of the inputs, over sqrt(N).
    """

    s: np.ndarray
    q: np.ndarray
    z: np.ndarray
    density: np.ndarray
    x: np.ndarray

    @classmethod
    def joined(cls, parts: list[Reads]) -> Reads:
        """All reads of several columns or tiles one after the other, as reads of one column."""
        flat = [
            (p.s.reshape(-1, 1), p.q.reshape(-1, 1), p.z.reshape(p.s.size, 1, -1),
             np.repeat(p.density, p.s.shape[1]), np.repeat(p.x, p.s.shape[1], axis=0)) for p in parts
        ]  # fmt: skip
        return cls(*(np.concatenate(arrays) for arrays in zip(*flat, strict=True)))


@dataclass(frozen=True)
class Polynomial:
    """P(tau, S, r) with all variables scaled to the range of the fit and held at its ends.

    Attributes:
        coefficients: (len(EXPONENTS),). tau_max, s_max: upper ends of the range, a little beyond the fitted reads.
        shape: (shape_terms(m),), empty where the shape is not looked at. r_max: (m,) largest |r|, likewise.
    """

    coefficients: np.ndarray
    tau_max: float
    s_max: float
    shape: np.ndarray
    r_max: np.ndarray

    def evaluate(self, reads: Reads) -> np.ndarray:
        """(B, M) column currents in LSB."""
        tau, scaled = self.variables(reads)
        factor = self._without_shape(tau, scaled)
        if len(self.shape):
            factor += _shape_terms(tau, scaled, self.scaled_shape(reads)) @ self.shape
        return np.maximum(reads.s, 0) * factor

    def _without_shape(self, tau: np.ndarray, scaled: np.ndarray) -> np.ndarray:
        """(B, M) P(tau, S) by Horner's rule in tau, each power's factor a polynomial in S."""
        factor = np.zeros_like(tau)
        for power in reversed(range(1 + max(a for a, _ in EXPONENTS))):
            factor *= tau
            in_s = {b: c for (a, b), c in zip(EXPONENTS, self.coefficients, strict=True) if a == power}
            factor += np.polynomial.polynomial.polyval(scaled, [in_s[b] for b in sorted(in_s)])
        return factor

    def scaled_shape(self, reads: Reads) -> np.ndarray:
        """(B, M, m) r scaled to [-1, 1]."""
        return np.clip(_shape(reads) / self.r_max, -1, 1)

    def variables(self, reads: Reads) -> tuple[np.ndarray, np.ndarray]:
        """(tau, S) scaled to the range."""
        tau = share_lost(reads.s, reads.q)
        return np.clip(tau / self.tau_max, 0, 1), np.clip(reads.s / self.s_max, 0, 1)


def share_lost(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """tau = q / (S + q), 0 where no current flows."""
    s, q = np.maximum(s, 0), np.maximum(q, 0)
    return q / np.maximum(s + q, 1e-12)


def shape_terms(modes: int) -> int:
    """Terms of P that look at the shape of ``modes`` projections."""
    return modes * len(SHAPE_EXPONENTS) + modes * (modes + 1) // 2 * len(SHAPE_SQUARES)


def looks_at_shape(circuit: Circuit, read_together: int) -> bool:
    """True where P of a design that reads so many rows together sees the shape of the current."""
    return circuit.topology == "gate_driven" and read_together > SHAPELESS_ROWS


def projections(circuit: Circuit, read_together: int) -> int:
    """Number m of projections: as few as are enough."""
    few = FEW_ROWS if circuit.topology == "gate_driven" else SHAPELESS_ROWS
    return PROFILES if read_together > few else FEW_PROFILES


def correction_terms(modes: int) -> int:
    """Terms of the correction of a column's own with ``modes`` projections."""
    return 7 + 4 * modes


def shared_resistance(circuit: Circuit, rows: int, offset: int, used: int, read_together: int) -> SharedResistance:
    """K of the rows offset .. offset+used-1 of a column of ``rows`` rows, as a constant and its leading eigenvectors.

    Bit line: r_sink + r_col (R - max(i, k)). Source line of gate_driven columns: r_driver + r_source (min(i, k) + 1)
    when fed at the far end, r_driver + r_source (R - max(i, k)) at the near end. gate_driven: K is averaged over
    the rows of a byte first.
    """
    modes = projections(circuit, read_together)
    index = np.arange(offset, offset + used)
    below = rows - np.maximum.outer(index, index)
    shared = circuit.r_sink + circuit.r_col * below.astype(np.float64)
    if circuit.topology == "gate_driven":
        above = np.minimum.outer(index, index) + 1
        shared += circuit.r_driver + circuit.r_source * (above if circuit.source_end == "far" else below)
    shared *= circuit.on_current() / circuit.v_read
    kappa = float(shared.min())
    if circuit.topology == "gate_driven":
        per_byte = rows_a_byte(read_together)
        byte = np.arange(used) // per_byte
        member = (byte == np.arange(bytes_of(used, per_byte))[:, None]) / np.bincount(byte)[:, None]
        eigenvalues, steps = _leading(member @ (shared - kappa) @ member.T, modes)
        profiles, units = whole_numbers(steps, used)
        return SharedResistance(kappa, eigenvalues, (profiles * units)[byte], profiles, units)
    return SharedResistance(kappa, *_leading(shared - kappa, modes))


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


def second_order(inputs: np.ndarray, currents: np.ndarray, shared: SharedResistance) -> Reads:
    """What a read draws to second order.

    Args:
        inputs: (B, N) bits. currents: (N, M) first-order currents.
    """
    bits = inputs.astype(np.float64)
    s = bits @ currents
    z = np.empty((*s.shape, shared.eigenvectors.shape[1]))
    for mode, vector in enumerate(shared.eigenvectors.T):
        z[..., mode] = bits @ (currents * vector[:, None])
    q = np.maximum(shared.kappa * s**2 + z**2 @ shared.eigenvalues, 0)
    return Reads(s, q, z, bits.mean(axis=1), bits @ input_vectors(shared))


def input_vectors(shared: SharedResistance) -> np.ndarray:
    """(N, m) vectors whose products with the inputs are the projections x."""
    return shared.eigenvectors / np.sqrt(max(len(shared.eigenvectors), 1))


def fit_polynomial(reads: Reads, exact: np.ndarray, shaped: bool) -> Polynomial:
    """Least squares for P on exactly solved reads.

    Args:
        exact: (B, M) LSB. shaped: let P see the shape of the current.
    """
    modes = reads.z.shape[2] if shaped else 0
    tau_max = max(_MARGIN * float(share_lost(reads.s, reads.q).max()), 1e-6)
    s_max = max(_MARGIN * float(reads.s.max()), 1e-6)
    r_max = np.maximum(_MARGIN * np.abs(_shape(reads)[..., :modes]).max(axis=(0, 1)), 1e-6)
    frame = Polynomial(np.zeros(len(EXPONENTS)), tau_max, s_max, np.zeros(shape_terms(modes)), r_max)
    tau, scaled = frame.variables(reads)
    terms = _terms(tau, scaled)
    if shaped:
        terms = np.concatenate([terms, _shape_terms(tau, scaled, frame.scaled_shape(reads))], axis=-1)
    design = (np.maximum(reads.s, 0)[..., None] * terms).reshape(exact.size, -1)
    gram = design.T @ design
    # The ridge keeps the many nearly parallel terms small without moving the fit.
    # It is never zero, so that reads without any current can be fitted, by P = 0.
    gram[np.diag_indices_from(gram)] += max(_RIDGE * np.trace(gram) / len(gram), 1e-30)
    found = np.linalg.solve(gram, design.T @ exact.ravel())
    return replace(frame, coefficients=found[: len(EXPONENTS)], shape=found[len(EXPONENTS) :])


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
    left = exact - polynomial.evaluate(reads)
    return np.linalg.solve(gram, np.einsum("bmi,bm->mi", terms, left)[..., None])[..., 0].T


def column_correction(reads: Reads, polynomial: Polynomial, factors: np.ndarray) -> np.ndarray:
    """(B, M) LSB to add to P's currents: S (k0 + k1 tau + k2 S + k3 d + k4 d^2 + k5 tau d + k6 tau^2), then for every
    projection in turn (S x_m, S x_m tau, z_m, z_m tau) with a factor each.

    The more rows are on (d their share, x where they are), the higher all bit lines, the less every row sags. tau and
    S are scaled as in the polynomial.
    """
    return np.einsum("bmi,im->bm", _correction_terms(reads, polynomial), factors)


def _correction_terms(reads: Reads, polynomial: Polynomial) -> np.ndarray:
    tau, scaled = polynomial.variables(reads)
    density = np.broadcast_to(reads.density[:, None], tau.shape)
    terms = [reads.s * term for term in
             (np.ones_like(tau), tau, scaled, density, density**2, tau * density, tau**2)]  # fmt: skip
    for m in range(reads.z.shape[2]):
        driven = reads.s * reads.x[:, m, None]
        terms += [driven, driven * tau, reads.z[..., m], reads.z[..., m] * tau]
    return np.stack(terms, axis=-1)


def _terms(tau: np.ndarray, s: np.ndarray) -> np.ndarray:
    """(..., len(EXPONENTS)) monomials of P."""
    return np.stack([tau**a * s**b for a, b in EXPONENTS], axis=-1)


def _shape(reads: Reads) -> np.ndarray:
    """r = z / S, (B, M, m); 0 where no current flows."""
    return reads.z / np.maximum(reads.s, 1e-6)[..., None]


def _shape_terms(tau: np.ndarray, s: np.ndarray, r: np.ndarray) -> np.ndarray:
    """(..., shape_terms(m)): every r_m in turn with its factors, then every r_k r_l (k <= l) with its own."""
    modes = r.shape[-1]
    terms = [r[..., m] * tau**a * s**b for m in range(modes) for a, b in SHAPE_EXPONENTS]
    terms += [r[..., k] * r[..., m] * tau**a for k in range(modes) for m in range(k, modes) for a in SHAPE_SQUARES]
    return np.stack(terms, axis=-1)
