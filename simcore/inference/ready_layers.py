"""One layer made ready to be read: its fast solver, its converters, its tables, and the evidence."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import replace

import numpy as np
import torch

from simcore.design import Design
from simcore.inference.chips import converters_on_chip, stored_on_chip, with_read_noise
from simcore.inference.prepared import ChipSource, PreparedLayer
from simcore.inference.stored_layers import StoredLayer, draw_vectors
from simcore.inference.validation import FittedLayer, LayerEvidence, measure_layer
from simcore.mapping.row_groups import RowGroup
from simcore.mitigation.sets import CONVERTER_HOOKS, mitigations_acting
from simcore.readout.adc import CalibrationReads, ConverterSettings, converter_settings, ideal_settings
from simcore.readout.tables import layer_tables
from simcore.surrogate.base import Calibration, Surrogate
from simcore.surrogate.fit import fit_layer, is_exactly_linear, transfer_layer

CONVERTER_VECTORS = 256
EVIDENCE_CHIP = 0  # whose cells the fast solver is measured on, where chips differ


def solver_for(design: Design) -> str:
    """What reads the columns of a design, see ``Prepared.solver``."""
    if design.solver in ("ideal", "ideal_circuit", "exact"):
        return design.solver
    return "transfer" if design.solver == "auto" and is_exactly_linear(design.operating_circuit) else "fast"


def unfitted(layer: StoredLayer, design: Design) -> PreparedLayer:
    """A layer that no fast solver reads.

    Args:
        layer: as stored.
        design: what it is stored on.
    """
    return prepared_layer(layer, None, _converters(layer, None, design), design)


def fitted(layer: StoredLayer, design: Design, signs: torch.Tensor) -> tuple[PreparedLayer, list[LayerEvidence]]:
    """A layer with its fast solver, and the evidence.

    Args:
        layer: as stored.
        design: what it is stored on.
        signs: the layer's own inputs on some calibration images.
    """
    inputs = {"ideal": layer.vectors, "own": draw_vectors(layer.mapping, signs, layer.rng)}
    if solver_for(design) == "transfer":
        models = transfer_layer(layer.groups)
    else:
        vectors = np.concatenate([part[: share_for_fit(part)] for part in inputs.values()])
        models = fit_layer(layer.groups, Calibration(vectors, layer.rng))
    converters = _converters(layer, models, design)
    read, read_by, read_with = layer, models, converters
    if design.effects:
        read = stored_on_chip(layer, design, EVIDENCE_CHIP)
        read_by = on_cells(models, read.groups)
        read_with = _converters_on_chip(converters, read, read_by, design, EVIDENCE_CHIP)
    measured = FittedLayer(read.mapping, read.groups, read_by, read_with)
    held_out = {name: part[share_for_fit(part) :] if len(part) > 1 else part for name, part in inputs.items()}
    evidence = [measure_layer(measured, name, read.in_row_order(part), layer.rng) for name, part in held_out.items()]
    return prepared_layer(layer, models, converters, design), evidence


def layer_on_chip(layer: PreparedLayer, design: Design, chip: int) -> PreparedLayer:
    """A prepared layer with the cells and the converters of one chip.

    Args:
        layer: of the nominal design.
        design: the design, with effects; it also says whether the chip is calibrated by itself.
        chip: index of the chip.
    """
    source = layer.source
    if source is None:
        return layer
    stored = stored_on_chip(source.stored, design, chip)
    models = None if source.models is None else on_cells(source.models, stored.groups)
    converters = _converters_on_chip(layer.converters, stored, models, design, chip)
    return replace(prepared_layer(stored, models, converters, design), outputs=layer.outputs, source=None)


def prepared_layer(
    layer: StoredLayer, models: list[Surrogate] | None, converters: ConverterSettings, design: Design
) -> PreparedLayer:
    """A layer with its tables.

    Args:
        layer: as stored.
        models: its fast solvers, if any.
        converters: of its row groups.
        design: what it is stored on.
    """
    tables = layer_tables(layer.mapping, layer.groups, models, converters, layer.input_shape)
    groups = layer.groups if design.solver == "exact" else None
    source = ChipSource(layer, models) if design.effects else None
    return PreparedLayer(layer.mapping, tables, converters, groups, source=source)


def on_cells(models: Sequence[Surrogate], groups: Sequence[RowGroup]) -> list[Surrogate]:
    """Fast solvers with the cells of some row groups."""
    return [model.on_cells(group) for model, group in zip(models, groups, strict=True)]


def share_for_fit(vectors: Sized) -> int:
    """Vectors that fits and converters are made from; the others are held out."""
    return max(1, 3 * len(vectors) // 4)


def _converters(layer: StoredLayer, models: list[Surrogate] | None, design: Design) -> ConverterSettings:
    """Set on calibration inputs of the ideal network, with the currents of ``models``, or exactly solved ones."""
    if design.solver == "ideal":
        return ideal_settings(layer.mapping)
    vectors = layer.vectors[: share_for_fit(layer.vectors)][:CONVERTER_VECTORS]
    return converters_set_on(calibration_reads(layer, models, design, vectors), design)


def _converters_on_chip(
    converters: ConverterSettings, stored: StoredLayer, models: list[Surrogate] | None, design: Design, chip: int
) -> ConverterSettings:
    """The converters of a layer on one chip, from those of the nominal design."""
    if design.calibrated_on == "chip":
        converters = _converters(stored, models, design)
    return with_their_errors(converters, stored, design, chip)


def with_their_errors(
    converters: ConverterSettings, layer: StoredLayer, design: Design, chip: int
) -> ConverterSettings:
    """Converters with the errors that those of one chip have, unless they were set with them.

    Args:
        converters: as set, on that chip where it is calibrated by itself.
        layer: as stored on the chip.
        design: says how.
        chip: its index.
    """
    if design.calibrated_on == "chip" and design.adc.reference == "calibrated_column":
        return converters  # set on what each column delivers to its own
    return converters_on_chip(converters, layer, design, chip)


def converters_set_on(reads: list[CalibrationReads], design: Design) -> ConverterSettings:
    """Converters of row groups, with the noise of the cells they read.

    Args:
        reads: of every row group.
        design: says how.
    """
    settings = converter_settings(design.adc, reads, mitigations_acting(design, *CONVERTER_HOOKS))
    return with_read_noise(settings, design)


def calibration_reads(
    layer: StoredLayer, models: list[Surrogate] | None, design: Design, vectors: np.ndarray
) -> list[CalibrationReads]:
    """Reads of every row group that converters are set on.

    Args:
        layer: as stored.
        models: give the currents; without any they are solved exactly, or are partial sums.
        design: what it is stored on.
        vectors: (B, K) int8 of the layer, in row order.
    """
    reads = []
    for index, group in enumerate(layer.groups):
        bits = group.apply(vectors).bits
        if models is not None:
            driven = bits.sum(axis=1, dtype=np.int64)
            current = group.encoding.converted(models[index].evaluate(bits) - models[index].reference(driven)[:, None])
        elif design.solver == "ideal_circuit":
            current = group.sums_of_conversions(bits)
        else:
            current = group.met_by_converters(group.exact_currents(bits), bits)
        reads.append(CalibrationReads.of(group, bits, current))
    return reads
