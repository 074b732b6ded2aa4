"""Products of two activations of which arrays hold the right one, written for every image, and read the rows of the
left one.

An image's operand is mapped and stored as weights are, by the same code, and read as they are. What has to be there
before an image comes, fast solvers and converters, is set on calibration images with operands of their own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from simcore.design import Design
from simcore.encodings import ENCODINGS
from simcore.inference.mapped_products import ProductOnImages, written_design
from simcore.inference.prepared import PreparedLayer, WrittenOperand
from simcore.inference.ready_layers import (
    CONVERTER_VECTORS,
    EVIDENCE_CHIP,
    calibration_reads,
    converters_set_on,
    on_cells,
    prepared_layer,
    share_for_fit,
    solver_for,
    with_their_errors,
)
from simcore.inference.stored_layers import StoredLayer
from simcore.inference.validation import FittedLayer, LayerEvidence, measure_layer
from simcore.mapping.row_groups import RowGroup
from simcore.readout.adc import CalibrationReads, ConverterSettings, ideal_settings
from simcore.surrogate.base import Calibration, Surrogate
from simcore.surrogate.fit import fit_written_layer, transfer_layer

_LEAST_IMAGES = 4  # whose operands converters see: a judgement
_FIT_IMAGES = 4  # of either kind, whose operands the fast solver is fitted to: a judgement
_EVIDENCE_IMAGES = 2  # whose reads are solved exactly for comparison: a judgement


def unfitted_product(found: ProductOnImages, design: Design) -> PreparedLayer:
    """A product that no fast solver reads.

    Args:
        found: on calibration images.
        design: what it is written to.
    """
    return _ready(_for_fit(found), None, written_design(design))


def fitted_product(
    found: ProductOnImages, design: Design, own: ProductOnImages
) -> tuple[PreparedLayer, list[LayerEvidence]]:
    """A product with its fast solver, and the evidence.

    Args:
        found: on calibration images in the ideal network.
        design: what it is written to.
        own: the same as the arrays before deliver it.
    """
    design = written_design(design)
    rng = np.random.default_rng([design.seed, found.place.mapped])
    kinds = {"ideal": (_for_fit(found), found), "own": (_for_fit(own), own)}
    models = None
    if solver_for(design) == "fast":
        examples = [layer for seen, _ in kinds.values() for layer in seen.part(0, _FIT_IMAGES).stored(design)]
        vectors = np.concatenate([layer.vectors for layer in examples])
        models = fit_written_layer([layer.groups for layer in examples], Calibration(vectors, rng))
    ready = _ready(kinds["ideal"][0], models, design)
    assert ready.written is not None  # noqa: S101
    read_with = product_on_chip(ready, ready.written, EVIDENCE_CHIP) if design.effects else ready
    evidence = []
    for name, (seen, every) in kinds.items():
        held_out = every.part(len(seen.signs), _EVIDENCE_IMAGES)
        for layer in held_out.stored(design, EVIDENCE_CHIP if design.effects else None):
            read_by = _models(models, layer.groups, design)
            assert read_by is not None  # noqa: S101
            measured = FittedLayer(layer.mapping, layer.groups, read_by, read_with.converters)
            evidence.append(measure_layer(measured, name, layer.vectors, rng))
    return ready, evidence


def product_on_chip(layer: PreparedLayer, written: WrittenOperand, chip: int) -> PreparedLayer:
    """A product with the cells and the converters of one chip.

    Args:
        layer: of the nominal design, with effects.
        written: its own.
        chip: index of the chip.
    """
    design = written.design
    stored = written.calibration.stored(design, chip)
    converters = layer.converters
    if design.calibrated_on == "chip":
        converters = _converters(stored, written.models, design)
    converters = with_their_errors(converters, stored[0], design, chip)
    return replace(layer, converters=converters, written=replace(written, chip=chip))


def holding(layer: PreparedLayer, written: WrittenOperand, signs: torch.Tensor, operand: torch.Tensor) -> PreparedLayer:
    """A product with one image's operand on its arrays.

    Args:
        layer: the product.
        written: its own.
        signs: (P, K) rows that are read.
        operand: (K, M) signs that are written.
    """
    image = replace(written.calibration, signs=signs[None].to(torch.int8), operands=operand[None].to(torch.int8))
    (stored,) = image.stored(written.design, written.chip)
    models = _models(written.models, stored.groups, written.design)
    held = prepared_layer(stored, models, layer.converters, written.design)
    return replace(held, outputs=layer.outputs, source=None)


def _for_fit(found: ProductOnImages) -> ProductOnImages:
    """The images that converters and fits are made from; some of the others are held out."""
    wanted = max(_LEAST_IMAGES, -(-CONVERTER_VECTORS // found.signs.shape[1]))
    return found.part(0, min(share_for_fit(found.signs), wanted))


def _ready(seen: ProductOnImages, models: list[Surrogate] | None, design: Design) -> PreparedLayer:
    """The product with converters set on some images, holding the operand of the first."""
    stored = seen.stored(design)
    flipped = [sum(int(group.stored.flips.sum()) for group in layer.groups) for layer in stored]
    converters = _converters(stored, models, design)
    layer = prepared_layer(stored[0], _models(models, stored[0].groups, design), converters, design)
    written = WrittenOperand(seen, design, models, round(float(np.mean(flipped))))
    return replace(layer, source=None, written=written)


def _models(models: list[Surrogate] | None, groups: list[RowGroup], design: Design) -> list[Surrogate] | None:
    """The fast solvers of row groups that hold some image's operand."""
    if models is not None:
        return on_cells(models, groups)
    return transfer_layer(groups) if solver_for(design) == "transfer" else None


def _converters(stored: list[StoredLayer], models: list[Surrogate] | None, design: Design) -> ConverterSettings:
    """Set on the reads of all of some images, each with an operand of its own."""
    if design.solver == "ideal":
        return ideal_settings(stored[0].mapping)
    images = [
        calibration_reads(layer, _models(models, layer.groups, design), design, layer.vectors) for layer in stored
    ]
    groups = zip(stored[0].groups, zip(*images, strict=True), strict=True)
    return converters_set_on([_together(group, reads, design) for group, reads in groups], design)


def _together(group: RowGroup, images: tuple[CalibrationReads, ...], design: Design) -> CalibrationReads:
    """The reads of a row group on several images; its largest sums are those of any operand."""
    half = design.flips_weights or ENCODINGS[design.encoding].balanced
    most_stored = group.rows // 2 if half else group.rows
    largest = min(most_stored, group.stored.most_on(group.rows))
    return CalibrationReads(
        np.concatenate([reads.current for reads in images]),
        np.concatenate([reads.partial_sum for reads in images]),
        np.full(group.conversions, largest),
        np.concatenate([reads.applied for reads in images]),
        images[0].signed,
    )
