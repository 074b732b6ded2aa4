"""Fits the fast solver to one layer's arrays."""

from __future__ import annotations

from simcore.crossbar import Circuit
from simcore.mapping.row_groups import RowGroup
from simcore.surrogate.base import Calibration, Surrogate
from simcore.surrogate.columns import fit_columns
from simcore.surrogate.products import fit_products, transfer_matrix


def is_exactly_linear(circuit: Circuit) -> bool:
    """Linear cells none of which is gated off: the array is one fixed matrix."""
    linear = circuit.iv == "linear" and (circuit.iv_off or "linear") == "linear"
    return linear and not circuit.gated


def transfer_layer(groups: list[RowGroup]) -> list[Surrogate]:
    """Exact matrices of all row groups of a layer; see ``is_exactly_linear``."""
    return [transfer_matrix(group) for group in groups]


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
