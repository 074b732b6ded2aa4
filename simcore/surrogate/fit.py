"""Fits the fast solver to one layer's arrays; exact reads of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simcore.crossbar import Circuit, Solution, solve
from simcore.design import Design
from simcore.errors import BinsparxError
from simcore.mapping.tiling import LayerMapping, RowGroup
from simcore.mitigation.stored import StoredGroup, applied_inputs
from simcore.surrogate.column_drops import feed_of, pack_rows
from simcore.surrogate.column_fit import ColumnFit, ColumnSums, column_sums_of, fit_column_sums
from simcore.surrogate.second_order import (
    EXPONENTS,
    Polynomial,
    SharedResistance,
    column_correction,
    correction_terms,
    first_order_currents,
    fit_columns,
    fit_polynomial,
    second_order,
    shared_resistance,
)

_FIT_TILES = 16  # row groups drawn for a shared polynomial
_FIT_COLUMNS = 16  # columns drawn from each of them (gate_driven: columns are independent)
_FIT_READS = 64
_COLUMN_READS = 288  # reads of every tile where columns have corrections of their own
_LONG_COLUMN_READS = 384  # the same beyond 128 rows
_COLUMN_TOLERANCE = 1e-8  # converters amplify what the fit gets wrong, so its data are solved far beyond that
_SYNTHETIC_SHARE = 0.25  # reads of random density beside the real ones, so that the fit covers what calibration did not


class UnsolvedError(BinsparxError):
    """An exact solve that a design depends on did not converge."""


@dataclass(frozen=True)
class ColumnModel:
    """Fast solver of a gate-driven row group: stored bits (N, M), feed and fit."""

    bits: np.ndarray
    feed: np.ndarray
    fit: ColumnFit

    def evaluate(self, inputs: np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        """(B, M) column currents in LSB for (B, N) input bits."""
        stored = self.bits[:, columns]
        return column_sums_of(inputs, pack_rows(stored), stored.shape[1], self.feed, self.fit).current.astype(
            np.float64
        )


@dataclass(frozen=True)
class ProductModel:
    """Fast solver of a row group whose rows carry current, in tiles of ``cols`` columns; corrections (terms, M) or
    None."""

    currents: np.ndarray
    shared: SharedResistance
    polynomial: Polynomial
    corrections: np.ndarray | None
    cols: int

    def evaluate(self, inputs: np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        """(B, M) column currents in LSB for (B, N) input bits."""
        reads = second_order(inputs, self.currents, self.shared, self.cols)
        current = self.polynomial.evaluate(reads.s, reads.q)
        if self.corrections is not None:
            current = current + column_correction(reads, self.polynomial, self.corrections)
        return current[:, columns]


GroupModel = ColumnModel | ProductModel


def is_exactly_linear(circuit: Circuit) -> bool:
    """Linear cells none of which is gated off: the array is one fixed matrix."""
    linear = circuit.iv == "linear" and (circuit.iv_off or "linear") == "linear"
    return linear and not circuit.gated and circuit.topology == "input_sourced"


def fit_layer(
    mapping: LayerMapping, stored: list[StoredGroup], design: Design, vectors: np.ndarray, rng: np.random.Generator
) -> list[GroupModel]:
    """Fast solvers of all row groups.

    Args:
        vectors: (B, K) int8 calibration inputs in row order.
    """
    circuit = design.circuit
    if design.solver == "auto" and is_exactly_linear(circuit):
        return [_transfer_model(mapping, stored, index, design) for index in range(len(stored))]
    models: list[GroupModel] = [None] * len(stored)  # type: ignore[list-item]
    for offset in sorted({group.offset for group in mapping.groups}):
        members = [index for index, group in enumerate(mapping.groups) if group.offset == offset]
        fit = _column_models if circuit.topology == "gate_driven" else _product_models
        for index, model in zip(members, fit(mapping, stored, design, vectors, members, rng), strict=True):
            models[index] = model
    return models


def exact_currents(
    mapping: LayerMapping, stored: list[StoredGroup], index: int, design: Design, inputs: np.ndarray
) -> np.ndarray:
    """(B, M) exact column currents in LSB of row group ``index`` for (B, N) input bits.

    Raises:
        UnsolvedError: a solve did not converge.
    """
    bits = tile_inputs(inputs, mapping.groups[index], design.rows)
    tile = tile_bits(mapping, stored, index, design.rows)
    currents = np.empty((len(inputs), tile.shape[1]))
    unsolved = 0
    for columns in column_tiles(tile.shape[1], design.cols):
        solution = solve(design.circuit, tile[:, columns], bits, tol=1e-7, device=design.device)
        currents[:, columns] = solution.sink_currents / design.circuit.on_current()
        unsolved += int((solution.status == 0).sum())
    if unsolved:
        raise UnsolvedError(f"layer {mapping.name}: {unsolved} crossbar solves did not converge")
    return currents


def _solved(solution: Solution) -> np.ndarray:
    """Sink currents in amperes, float64, that a fit may rest on.

    Raises:
        UnsolvedError: the solution did not converge.
    """
    if not solution.converged:
        raise UnsolvedError(f"the fast solver cannot be fitted, the exact one: {solution.summary()}")
    return solution.sink_currents.astype(np.float64)


def _column_models(
    mapping: LayerMapping,
    stored: list[StoredGroup],
    design: Design,
    vectors: np.ndarray,
    members: list[int],
    rng: np.random.Generator,
) -> list[GroupModel]:
    """Columns do not see each other, so one fit to a few of them serves all row groups at one place of their tiles."""
    feeds = [feed_of(design.circuit, design.rows, mapping.groups[i].offset, mapping.groups[i].rows) for i in members]
    samples, solved = [], []
    for position in _draw(rng, len(members), _FIT_TILES):
        index = members[position]
        group = mapping.groups[index]
        columns = _draw(rng, stored[index].bits.shape[1], _FIT_COLUMNS)
        inputs = _fit_inputs(vectors[:, group.start : group.stop], design, _FIT_READS, rng)
        tile = tile_bits(mapping, stored, index, design.rows)[:, columns]
        solution = solve(
            design.circuit, tile, tile_inputs(inputs, group, design.rows), tol=_COLUMN_TOLERANCE, device=design.device
        )
        bits = stored[index].bits[:, columns]
        samples.append(column_sums_of(inputs, pack_rows(bits), bits.shape[1], feeds[position]))
        solved.append(_solved(solution).ravel() / design.circuit.on_current())
    fit = fit_column_sums(ColumnSums.joined(samples), np.concatenate(solved))
    return [ColumnModel(stored[index].bits, feed, fit) for index, feed in zip(members, feeds, strict=True)]


def _product_models(
    mapping: LayerMapping,
    stored: list[StoredGroup],
    design: Design,
    vectors: np.ndarray,
    members: list[int],
    rng: np.random.Generator,
) -> list[GroupModel]:
    """One polynomial for the row groups at one place of their tiles, and corrections of every column's own."""
    groups = [mapping.groups[index] for index in members]
    shared = {group.rows: shared_resistance(design.circuit, design.rows, group.offset, group.rows) for group in groups}
    currents = [
        first_order_currents(design.circuit, stored[index].bits, design.cols, design.device) for index in members
    ]
    samples, solved = [], []
    for position in _draw(rng, len(members), _FIT_TILES):
        index, group = members[position], groups[position]
        columns = _draw_tile(rng, stored[index].bits.shape[1], design)
        inputs = _fit_inputs(vectors[:, group.start : group.stop], design, _FIT_READS, rng)
        tile = tile_bits(mapping, stored, index, design.rows)[:, columns]
        placed = tile_inputs(inputs, group, design.rows)
        solution = solve(design.circuit, tile, placed, tol=1e-5, dtype=np.float32, device=design.device)
        reads = second_order(inputs, currents[position][:, columns], shared[group.rows], design.cols)
        samples.append((reads.s.ravel(), reads.q.ravel()))
        solved.append(_solved(solution).ravel() / design.circuit.on_current())
    first, lost = (np.concatenate(part) for part in zip(*samples, strict=True))
    polynomial = fit_polynomial(first, lost, np.concatenate(solved))
    return [
        _with_column_corrections(
            ProductModel(current, shared[group.rows], polynomial, None, design.cols),
            mapping,
            stored,
            index,
            design,
            vectors,
            rng,
        )  # fmt: skip
        for index, group, current in zip(members, groups, currents, strict=True)
    ]


def _with_column_corrections(
    model: ProductModel,
    mapping: LayerMapping,
    stored: list[StoredGroup],
    index: int,
    design: Design,
    vectors: np.ndarray,
    rng: np.random.Generator,
) -> ProductModel:
    group = mapping.groups[index]
    tile = tile_bits(mapping, stored, index, design.rows)
    corrections = np.zeros((correction_terms(len(model.shared.eigenvalues)), tile.shape[1]))
    reads_to_solve = _COLUMN_READS if group.rows <= 128 else _LONG_COLUMN_READS
    inputs = _fit_inputs(vectors[:, group.start : group.stop], design, reads_to_solve, rng)
    placed = tile_inputs(inputs, group, design.rows)
    for columns in column_tiles(tile.shape[1], design.cols):
        solution = solve(design.circuit, tile[:, columns], placed, tol=1e-5, dtype=np.float32, device=design.device)
        exact = _solved(solution) / design.circuit.on_current()
        reads = second_order(inputs, model.currents[:, columns], model.shared, design.cols)
        corrections[:, columns] = fit_columns(reads, exact, model.polynomial)
    return ProductModel(model.currents, model.shared, model.polynomial, corrections, design.cols)


def _transfer_model(mapping: LayerMapping, stored: list[StoredGroup], index: int, design: Design) -> ProductModel:
    """Exact: sink currents are linear in the inputs, one row driven at a time gives the matrix."""
    group = mapping.groups[index]
    one_hot = tile_inputs(np.eye(group.rows, dtype=np.uint8), group, design.rows)
    tile = tile_bits(mapping, stored, index, design.rows)
    matrix = np.empty((group.rows, tile.shape[1]))
    for columns in column_tiles(tile.shape[1], design.cols):
        solution = solve(design.circuit, tile[:, columns], one_hot, tol=1e-10, device=design.device)
        matrix[:, columns] = _solved(solution) / design.circuit.on_current()
    coefficients = np.zeros(len(EXPONENTS))
    coefficients[0] = 1.0
    none = SharedResistance(0.0, np.zeros(0), np.zeros((group.rows, 0)))
    return ProductModel(matrix, none, Polynomial(coefficients, 1.0, 1.0), None, design.cols)


def _fit_inputs(vectors: np.ndarray, design: Design, reads: int, rng: np.random.Generator) -> np.ndarray:
    """(reads, N) applied bits: calibration inputs, half of them as they come and half from the emptiest to the fullest,
    and a share of synthetic ones: random bits of every density, crowded at either end of the columns, and unions of two
    calibration inputs."""
    synthetic = round(reads * _SYNTHETIC_SHARE)
    applied = applied_inputs(vectors, design.flips_activations)
    chosen = _draw(rng, len(vectors), reads - synthetic)
    spread = _spread(applied.sum(axis=1), len(chosen) // 2)
    real = applied[np.concatenate([spread, chosen[: len(chosen) - len(spread)]])]
    most = 0.5 if design.flips_activations else 1.0
    density = most * rng.random((synthetic, 1))
    slope = 2 * rng.random((synthetic, 1)) - 1
    density = density * (1 + slope * np.linspace(-1, 1, vectors.shape[1]))
    drawn = (rng.random((synthetic, vectors.shape[1])) < density).astype(np.uint8)
    unions = rng.integers(len(applied), size=(2, synthetic // 2))
    drawn[: synthetic // 2] = applied[unions[0]] | applied[unions[1]]
    return np.concatenate([real, drawn])


def _spread(values: np.ndarray, count: int) -> np.ndarray:
    """Up to ``count`` different indices whose values lie evenly between the least and the largest."""
    order = np.argsort(values, kind="stable")
    wanted = np.linspace(values.min(), values.max(), count)
    return order[np.unique(np.searchsorted(values[order], wanted))]


def tile_inputs(inputs: np.ndarray, group: RowGroup, rows: int) -> np.ndarray:
    """(B, rows) inputs of a whole tile: (B, N) ``inputs`` at the group's place, the other rows off."""
    full = np.zeros((len(inputs), rows), dtype=np.uint8)
    full[:, group.offset : group.offset + group.rows] = inputs
    return full


def tile_bits(mapping: LayerMapping, stored: list[StoredGroup], index: int, rows: int) -> np.ndarray:
    """(rows, M) stored bits of the tile that holds row group ``index``.

    Where rows are not gated the cells of the tile's other groups conduct too, so they belong to the circuit.
    """
    tile_start = mapping.groups[index].start - mapping.groups[index].offset
    bits = np.zeros((rows, stored[index].bits.shape[1]), dtype=np.uint8)
    for group, kept in zip(mapping.groups, stored, strict=True):
        if group.start - group.offset == tile_start:
            bits[group.offset : group.offset + group.rows] = kept.bits
    return bits


def column_tiles(columns: int, width: int) -> Iterator[slice]:
    """The columns of each tile of ``width``."""
    for start in range(0, columns, width):
        yield slice(start, min(start + width, columns))


def _draw(rng: np.random.Generator, population: int, count: int) -> np.ndarray:
    """Up to ``count`` different indices in rising order."""
    return np.sort(rng.choice(population, size=min(count, population), replace=False))


def _draw_tile(rng: np.random.Generator, columns: int, design: Design) -> slice:
    """One column tile."""
    tiles = list(column_tiles(columns, design.cols))
    return tiles[int(rng.integers(len(tiles)))]
