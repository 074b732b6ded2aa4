"""Fast solver of row groups whose rows carry current, so that columns see each other: currents as matrix products, one
polynomial for the row groups at one place of their tiles, and corrections of every column's own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simcore.crossbar.cells import Cells
from simcore.mapping.row_groups import RowGroup
from simcore.surrogate.base import FIT_GROUPS, FIT_READS, Calibration, Surrogate
from simcore.surrogate.second_order import (
    EXPONENTS,
    Polynomial,
    Reads,
    SharedResistance,
    column_correction,
    correction_terms,
    first_order_currents,
    fit_columns,
    fit_polynomial,
    second_order,
    shared_resistance,
)

_COLUMN_READS = 288  # reads of every tile that the corrections of its columns are fitted to
_LONG_COLUMN_READS = 384  # the same beyond 128 rows
_TOLERANCE = 1e-5  # in float32
_TRANSFER_TOLERANCE = 1e-10


@dataclass(frozen=True)
class ProductModel(Surrogate):
    """First-order currents (N, M) in LSB, the resistance that rows share, the polynomial, corrections (terms, M) or
    None; ``cols`` columns a tile."""

    currents: np.ndarray
    shared: SharedResistance
    polynomial: Polynomial
    corrections: np.ndarray | None
    cols: int

    def on_cells(self, group: RowGroup) -> ProductModel:
        states, factors = group.cells
        currents = first_order_currents(group.tile.circuit, Cells(states, factors), self.cols, group.tile.device)
        return replace(self, currents=currents)

    def evaluate(self, bits: np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        reads = second_order(bits, self.currents, self.shared, self.cols)
        current = self.polynomial.evaluate(reads.s, reads.q)
        if self.corrections is not None:
            current = current + column_correction(reads, self.polynomial, self.corrections)
        return current[:, columns]


class TransferMatrix(ProductModel):
    """The exact currents of single rows, which add up; another chip's cells have a matrix of their own."""

    def on_cells(self, group: RowGroup) -> TransferMatrix:
        return transfer_matrix(group)


def fit_products(groups: list[RowGroup], calibration: Calibration) -> list[ProductModel]:
    """Fast solvers of the row groups at one place of their tiles.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    models = _uncorrected(groups, calibration)
    return [_corrected([model], [group], calibration) for model, group in zip(models, groups, strict=True)]


def fit_written_products(examples: list[list[RowGroup]], calibration: Calibration) -> list[ProductModel]:
    """Fast solvers of the row groups at one place of their tiles, for whatever is written to them: corrections are of a
    column's place alone.

    Args:
        examples: the same row groups holding one thing and another.
        calibration: reads of all.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    flat = _uncorrected([group for groups in examples for group in groups], calibration)
    count = len(examples[0])
    places = zip(*(flat[first : first + count] for first in range(0, len(flat), count)), strict=True)
    held = zip(*examples, strict=True)
    return [_corrected(list(models), list(groups), calibration) for models, groups in zip(places, held, strict=True)]


def _uncorrected(groups: list[RowGroup], calibration: Calibration) -> list[ProductModel]:
    """Models without corrections of the columns' own."""
    tile = groups[0].tile
    shared = {
        group.rows: shared_resistance(tile.circuit, len(tile.bits), group.span.offset, group.rows) for group in groups
    }
    currents = [
        first_order_currents(tile.circuit, Cells(group.stored.bits), tile.width, tile.device) for group in groups
    ]
    samples, solved = [], []
    for position in calibration.draw(len(groups), FIT_GROUPS):
        group = groups[position]
        columns = group.tile.draw(calibration.rng)
        bits = calibration.bits(group, FIT_READS)
        solved.append(group.in_lsb(group.solve(bits, columns, _TOLERANCE, np.float32)).ravel())
        reads = second_order(bits, currents[position][:, columns], shared[group.rows], tile.width)
        samples.append((reads.s.ravel(), reads.q.ravel()))
    first, lost = (np.concatenate(part) for part in zip(*samples, strict=True))
    polynomial = fit_polynomial(first, lost, np.concatenate(solved))
    return [
        ProductModel(current, shared[group.rows], polynomial, None, tile.width)
        for group, current in zip(groups, currents, strict=True)
    ]


def _corrected(models: list[ProductModel], groups: list[RowGroup], calibration: Calibration) -> ProductModel:
    """The first of some models with corrections of every column's own.

    Args:
        models: of the same row group.
        groups: what it holds for each of them, usually one.
        calibration: reads.
    """
    first, group = models[0], groups[0]
    corrections = np.zeros((correction_terms(len(first.shared.eigenvalues)), group.columns))
    wanted = _COLUMN_READS if group.rows <= 128 else _LONG_COLUMN_READS
    bits = [calibration.bits(held, wanted) for held in groups]
    for columns in group.tile.tiles():
        exact, reads = [], []
        for model, held, applied in zip(models, groups, bits, strict=True):
            exact.append(held.in_lsb(held.solve(applied, columns, _TOLERANCE, np.float32)))
            reads.append(second_order(applied, model.currents[:, columns], model.shared, model.cols))
        corrections[:, columns] = fit_columns(Reads.joined(reads), np.concatenate(exact), first.polynomial)
    return replace(first, corrections=corrections)


def transfer_matrix(group: RowGroup) -> TransferMatrix:
    """Exact, of linear arrays none of whose cells is gated: sink currents are linear in the inputs, one row driven at a
    time gives the matrix.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    matrix = group.exact_currents(np.eye(group.rows, dtype=np.uint8), _TRANSFER_TOLERANCE)
    coefficients = np.zeros(len(EXPONENTS))
    coefficients[0] = 1.0
    none = SharedResistance(0.0, np.zeros(0), np.zeros((group.rows, 0)))
    return TransferMatrix(matrix, none, Polynomial(coefficients, 1.0, 1.0), None, group.tile.width)
