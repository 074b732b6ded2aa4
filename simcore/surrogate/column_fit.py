"""The fast solver of gate-driven columns: a polynomial of their drops' sums, fitted to exactly solved reads.

A column delivers S P(tau, S, rho, g, w): tau = q / (S + q) is the share of the current lost, summed to all orders for a
lumped resistance, rho = n / S the share of the current that ON cells draw, g = m S / q^2 - 1 how unevenly the cells
lose it, w = q_on / q - rho by how much more ON cells lose than their share. Where all cells bend alike rho and w tell
nothing; where OFF cells bend otherwise (sinh, beside linear ON cells) an error that follows rho is one that follows the
partial sum, a bias. With them what is left is of the fourth order in the drops.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.kernels.threads import run_in_threads
from simcore.surrogate.column_drops import LANES, RANGES, sums_of_reads

# Exponents of tau and S; of rho, tau and S; of unevenness, tau and S; of the excess and tau.
LOSS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2), (4, 0), (4, 1),
        (5, 0), (6, 0))  # fmt: skip
ON_SHARE = (
    (1, 0, 0),
    (1, 1, 0),
    (1, 2, 0),
    (1, 3, 0),
    (1, 0, 1),
    (1, 1, 1),
    (2, 0, 0),
    (2, 1, 0),
    (2, 2, 0),
    (3, 0, 0),
)
UNEVEN = ((1, 1, 0), (1, 2, 0), (1, 3, 0), (1, 1, 1), (2, 2, 0))
EXCESS = (1, 2)
_RIDGE = 1e-11
_MARGIN = 1.15  # the fit is trusted this far beyond the reads it has seen; held fast there, it would err at once
# Ranges are no smaller: what varies less tells nothing but its rounding.
_LEAST = np.array([1e-6, 1e-6, 1e-3, 1e-3])


@dataclass(frozen=True)
class ColumnSums:
    """What ``column_drops`` finds of B reads of M columns, (B, M) float32 each, in LSB and shares of v_read.

    Attributes:
        s: first-order current.
        n: ON cells whose row is on.
        q, q_on: current lost to second order, and by ON cells.
        m: sum over cells of current times drop squared.
        current: delivered, where a fit was given, else zeros.
    """

    s: np.ndarray
    n: np.ndarray
    q: np.ndarray
    q_on: np.ndarray
    m: np.ndarray
    current: np.ndarray

    @classmethod
    def joined(cls, parts: list[ColumnSums]) -> ColumnSums:
        """All reads of several columns or tiles one after the other, (n,) each."""
        return cls(*(np.concatenate([getattr(p, name).ravel() for p in parts]) for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class ColumnFit:
    """P, with its variables scaled to the range of the fit and held at its ends.

    Attributes:
        factors: (terms,) float32.
        ranges: (RANGES,) float32, inverse ends of tau, S, unevenness and excess.
    """

    factors: np.ndarray
    ranges: np.ndarray


def column_sums_of(
    inputs: np.ndarray,
    cells: tuple[np.ndarray, np.ndarray | None],
    columns: int,
    feed: np.ndarray,
    fit: ColumnFit | None = None,
) -> ColumnSums:
    """Sums over the rows of every read and column.

    Args:
        inputs: (B, N) uint8 bits.
        cells: (N, vectors) stored bits as ``pack_rows`` has them, and (N, vectors, LANES) currents in LSB as
            ``in_lanes`` has them, None where all cells are nominal.
        columns: how many there are.
        feed: (FEED,) as ``feed_of`` has it.
        fit: for the currents.
    """
    shape = (len(ColumnSums.__dataclass_fields__), len(inputs), cells[0].shape[1], LANES)
    out = np.zeros(shape, dtype=np.float32)
    factors = fit.factors if fit else np.zeros(0, dtype=np.float32)
    ranges = fit.ranges if fit else np.zeros(RANGES, dtype=np.float32)
    bits = np.ascontiguousarray(inputs, dtype=np.uint8)
    run_in_threads(lambda a, b: sums_of_reads(a, b, bits, cells, feed, (factors, ranges), out), len(inputs))
    return ColumnSums(*out.reshape(*shape[:2], -1)[..., :columns])


def fit_column_sums(sums: ColumnSums, exact: np.ndarray) -> ColumnFit:
    """Least squares for P on exactly solved reads.

    Args:
        sums: of n reads, flat.
        exact: (n,) currents in LSB.
    """
    variables = _variables(sums)
    ends = np.maximum(_MARGIN * np.abs(variables[:, [0, 1, 3, 4]]).max(axis=0), _LEAST)
    terms = sums.s.astype(np.float64)[:, None] * _terms(variables, ends)
    gram = terms.T @ terms
    # The ridge keeps nearly parallel terms small without moving the fit. It is never zero, so that reads without any
    # current can be fitted, by P = 0.
    gram[np.diag_indices_from(gram)] += max(_RIDGE * np.trace(gram) / len(gram), 1e-30)
    factors = np.linalg.solve(gram, terms.T @ exact)
    return ColumnFit(factors.astype(np.float32), (1 / ends).astype(np.float32))


def _variables(sums: ColumnSums) -> np.ndarray:
    """(n, 5) float64: tau, S, rho, unevenness, excess, as ``column_drops.column_variables`` has them."""
    s, n, q, q_on, m = (value.astype(np.float64) for value in (sums.s, sums.n, sums.q, sums.q_on, sums.m))
    held_s, held_q = np.maximum(s, 1e-6), np.maximum(q, 1e-12)
    rho = n / held_s
    return np.stack([held_q / (held_s + held_q), s, rho, m * held_s / held_q**2 - 1, q_on / held_q - rho], axis=1)


def _terms(variables: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(n, terms) monomials of P in the order of its factors."""
    t, v = (np.minimum(variables[:, i] / ends[i], 1) for i in (0, 1))
    rho = variables[:, 2]
    g, w = np.clip(variables[:, 3] / ends[2], 0, 1), np.clip(variables[:, 4] / ends[3], -1, 1)
    terms = [t**a * v**b for a, b in LOSS]
    terms += [rho**a * t**b * v**c for a, b, c in ON_SHARE]
    terms += [g**a * t**b * v**c for a, b, c in UNEVEN]
    terms += [w * t**a for a in EXCESS]
    return np.stack(terms, axis=1)
