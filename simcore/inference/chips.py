"""Chips of a design: the cells and the converters of a layer with all that device effects have done to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import hypot

import numpy as np

from simcore.crossbar.circuit import Circuit
from simcore.design import Design
from simcore.design_axes import REFERENCE_SOLVERS
from simcore.effects.base import ConverterErrors, PhysicalCells, TileDraws
from simcore.inference.stored_layers import StoredLayer
from simcore.mapping.row_groups import RowGroup, TileRow
from simcore.mapping.tiling import reordered
from simcore.mitigation.base import Mitigation
from simcore.mitigation.sets import mitigations_acting
from simcore.noise.cell_reads import CellReads
from simcore.readout.adc import ConverterSettings


def stored_on_chip(layer: StoredLayer, design: Design, chip: int) -> StoredLayer:
    """A layer with the cells that one chip has; what was meant to be stored, and what the digital side knows of it, is
    as it was.

    Args:
        layer: as stored on nominal cells.
        design: says which effects act.
        chip: index of the chip.
    """
    groups = []
    order = np.arange(len(layer.mapping.order))
    passes = mitigations_acting(design, "around_faults", "order_around_faults")
    for start, tile, draws in _tiles(layer, design, chip):
        members = [group for group in layer.groups if group.span.tile_start == start]
        if passes:
            held = _held(tile, draws, design)
            members = [_around_faults(group, held, passes, order) for group in members]
            tile = _with_bits(tile, members)
        cells = _written(tile.circuit, tile.bits, draws, design).cells()
        on_chip = replace(tile, bits=cells.states, factors=cells.factors)
        groups += [replace(group, tile=on_chip) for group in members]
    if not passes:
        return replace(layer, groups=groups)
    return replace(
        layer, groups=groups, mapping=reordered(layer.mapping, order), vectors=layer.vectors[:, order], moved=order
    )


def _written(circuit: Circuit, bits: np.ndarray, draws: TileDraws, design: Design) -> PhysicalCells:
    """The cells of tiles side by side after these bits were written."""
    cells = PhysicalCells.nominal(circuit, bits)
    for effect in design.effects:
        cells = effect.altered_cells(cells, draws, design.conditions)
    return cells


def _held(tile: TileRow, draws: TileDraws, design: Design) -> np.ndarray:
    """(R, M) int8, the states of cells that do not take what is written, as a memory test finds them, else -1; one that
    conducts nothing is OFF."""
    zeros, ones = (
        _written(tile.circuit, np.full_like(tile.bits, state), draws, design) for state in (0, 1)
    )  # fmt: skip
    states = [cells.states * (cells.conductances > 0) for cells in (zeros, ones)]
    return np.where(states[0] == states[1], states[0].astype(np.int8), np.int8(-1))


def _around_faults(group: RowGroup, held: np.ndarray, passes: list[Mitigation], order: np.ndarray) -> RowGroup:
    """A row group as it is stored where its faults are known.

    Args:
        group: as stored where they are not.
        held: (R, M) of its tiles.
        passes: in the order in which they act.
        order: (K,) of the layer's rows; the group's part is written.
    """
    held = held[group.span.offset : group.span.offset + group.rows]
    for one in passes:
        permutation = one.order_around_faults(group.stored.bits, held)
        if permutation is not None:
            rows = slice(group.span.start, group.span.stop)
            order[rows] = order[rows][permutation]
            group = replace(group, dense=group.dense[permutation], stored=group.stored.reordered(permutation))
        group = replace(group, stored=one.around_faults(group.stored, held))
    return group


def _with_bits(tile: TileRow, groups: list[RowGroup]) -> TileRow:
    """The tiles with what the groups store."""
    bits = np.zeros_like(tile.bits)
    for group in groups:
        bits[group.span.offset : group.span.offset + group.rows] = group.stored.bits
    return replace(tile, bits=bits)


def converters_on_chip(
    converters: ConverterSettings, layer: StoredLayer, design: Design, chip: int
) -> ConverterSettings:
    """Converters with the errors that those of one chip have.

    Args:
        converters: as set.
        layer: whose columns they read.
        design: says which effects act.
        chip: index of the chip.
    """
    errors: dict[int, ConverterErrors] = {}
    for start, _, draws in _tiles(layer, design, chip):
        for effect in design.effects:
            found = effect.converter_errors(draws)
            if found is not None:
                errors[start] = errors[start].then(found) if start in errors else found
    if not errors:
        return converters
    # Of the columns that a converter reads at once the first one's place draws its errors.
    first = slice(None, None, layer.mapping.encoding.columns_a_conversion)
    gain = np.stack([errors[group.span.tile_start].gain[first] for group in layer.groups])
    offset = np.stack([errors[group.span.tile_start].offset_lsb[first] for group in layer.groups])
    # Errors of gain turn about no current, or no difference of two, which has a code of its own (``readout.adc``).
    still = -converters.zero / converters.step if layer.mapping.encoding.subtracts_currents else 0
    return replace(
        converters,
        gain=(converters.gain * gain).astype(np.float32),
        offset=((converters.offset - still) * gain + still + offset).astype(np.float32),
    )


def with_read_noise(converters: ConverterSettings, design: Design) -> ConverterSettings:
    """Converters whose noise is also that of the cells they read.

    Args:
        converters: as set.
        design: says which effects act.
    """
    acting = () if design.solver in REFERENCE_SOLVERS else design.effects
    found = [one.read_noise(design.circuit, design.conditions) for one in acting]
    noises = [noise for noise in found if noise is not None]
    if not noises:
        return converters
    on, off = hypot(*(noise.on for noise in noises)), hypot(*(noise.off for noise in noises))
    return replace(converters, noise=CellReads.beside(converters.noise, on, off))


def _tiles(layer: StoredLayer, design: Design, chip: int) -> Iterator[tuple[int, TileRow, TileDraws]]:
    """Each of the layer's tiles side by side: the first of their rows, the tiles, and what is drawn for them."""
    tiles = {group.span.tile_start: group.tile for group in layer.groups}
    for index, (start, tile) in enumerate(sorted(tiles.items())):
        rows, columns = tile.bits.shape
        yield start, tile, TileDraws(design.seed, chip, layer.place.network, index, rows, tile.width, columns)
