"""Fits the fast solver to one layer's arrays."""

from __future__ import annotations

from simcore.crossbar import Circuit
from simcore.mapping.row_groups import RowGroup
from simcore.surrogate.base import Calibration, Surrogate
from simcore.surrogate.columns import fit_columns
from simcore.surrogate.products import fit_products, fit_written_products, transfer_matrix


def is_exactly_linear(circuit: Circuit) -> bool:
    """Linear cells none of which is gated off: the array is one fixed matrix."""
    linear = circuit.iv == "linear" and (circuit.iv_off or "linear") == "linear"
    return linear and not circuit.gated


def transfer_layer(groups: list[RowGroup]) -> list[Surrogate]:
    """Exact matrices of all row groups of a layer; see ``is_exactly_linear``."""
    return [transfer_matrix(group) for group in groups]


def fit_written_layer(examples: list[list[RowGroup]], calibration: Calibration) -> list[Surrogate]:
    """Fast solvers of the row groups of a layer whose bits are written anew again and again; ``on_cells`` gives them
    what is written.

    Args:
        examples: the row groups of the layer, holding one thing and another.
        calibration: reads of all.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    if examples[0][0].tile.circuit.wiring.columns_are_independent:  # nothing is fitted to the bits of a column
        return fit_layer([group for groups in examples for group in groups], calibration)[: len(examples[0])]
    models: dict[int, Surrogate] = {}
    offsets = [group.span.offset for group in examples[0]]
    for offset in sorted(set(offsets)):
        members = [index for index, found in enumerate(offsets) if found == offset]
        held = [[groups[index] for index in members] for groups in examples]
        models.update(zip(members, fit_written_products(held, calibration), strict=True))
    return [models[index] for index in range(len(offsets))]


def fit_layer(groups: list[RowGroup], calibration: Calibration) -> list[Surrogate]:
    """Fast solvers of all row groups of a layer.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    models: dict[int, Surrogate] = {}
    fit = fit_columns if groups[0].tile.circuit.wiring.columns_are_independent else fit_products
    for offset in sorted({group.span.offset for group in groups}):
        members = [index for index, group in enumerate(groups) if group.span.offset == offset]
        models.update(zip(members, fit([groups[index] for index in members], calibration), strict=True))
    return [models[index] for index in range(len(groups))]
