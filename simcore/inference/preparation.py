"""Prepare one network on one design: map, store, fit, set the converters, and validate. Once a design."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from simcore.crossbar.solvers.device import DEVICE_VARIABLE, device_of_environment, torch_device
from simcore.datasets import Dataset
from simcore.design import Design
from simcore.design_axes import EvidenceLimits
from simcore.errors import BinsparxError, InputError
from simcore.inference.output_lines import ideal_outputs, recalibrated
from simcore.inference.prepared import Prepared, PreparedLayer
from simcore.inference.reads import outputs_of
from simcore.inference.stored_layers import StoredLayer, draw_vectors, images_for_calibration, stored_layers
from simcore.inference.validation import Evidence, FittedLayer, LayerEvidence, measure_layer
from simcore.mapping.tiling import LayerMapping
from simcore.mitigation.base import Mitigation
from simcore.mitigation.sets import CONVERTER_HOOKS, mitigations_acting
from simcore.network.checkpoint import Checkpoint
from simcore.network.modules import GraphNetwork, plain_dot
from simcore.readout.adc import CalibrationReads, ConverterSettings, converter_settings, ideal_settings
from simcore.readout.fused import EXACT_SUMS, single_threaded_blas
from simcore.readout.tables import layer_tables
from simcore.surrogate.base import Calibration, Surrogate
from simcore.surrogate.fit import fit_layer, is_exactly_linear, transfer_layer

_OWN_IMAGES = 16  # of the calibration images, that pass through the arrays for the inputs that a design's layers meet
_CONVERTER_VECTORS = 256


class EvidenceError(BinsparxError):
    """The fast solver misses held-out reads by more than the design allows."""


def prepare(checkpoint: Checkpoint, design: Design, dataset: Dataset) -> Prepared:
    """Map and store a network's binary layers, fit the fast solver, set the converters and gather the evidence.

    Deterministic: every draw is seeded by the design's seed and the layer's index. Where the evidence is beyond the
    design's limits, the design's own choice decides: fail, go on with the exact solver, or go on marked.

    Args:
        checkpoint: the network.
        design: what it is mapped on.
        dataset: holds the calibration images.

    Raises:
        EvidenceError: the evidence is beyond the limits and the design says ``fail``.
        InputError: the data set has no calibration split or other images than the network takes, or a layer named in
            the design is not a binary layer of the network.
        UnsolvedError: an exact solve that the fit or the converters rest on did not converge.
    """
    return prepare_on_images(checkpoint, design, images_for_calibration(checkpoint, design, dataset))


def prepare_on_images(checkpoint: Checkpoint, design: Design, images: torch.Tensor) -> Prepared:
    """As ``prepare``, with the calibration inputs at hand: float32 (n, ...), in the shape that the network takes."""
    if design.device is None:
        device = device_of_environment()
        torch_device(device, DEVICE_VARIABLE)  # refuses what is not there, before anything is computed
        design = design.model_copy(update={"device": device})
    with single_threaded_blas():  # least squares must not depend on the number of threads
        return _prepare(checkpoint, design, images)


def _prepare(checkpoint: Checkpoint, design: Design, images: torch.Tensor) -> Prepared:
    network = checkpoint.network
    solver = _solver_for(design)
    stored = {layer.name: layer for layer in stored_layers(checkpoint, design, images)}
    for layer in stored.values():
        _require_exact_sums(layer.mapping)
    fits = solver not in ("exact", "ideal", "ideal_circuit")
    after = [] if solver == "ideal" else mitigations_acting(design, "afterwards")
    if not fits and not after:
        layers = {name: _unfitted(layer, design)[0] for name, layer in stored.items()}
        return Prepared(design, network, layers, solver, Evidence())
    through = images if after else images[:_OWN_IMAGES]
    layers, evidence = _passed_through(network, stored, design, through, after)
    if fits and not evidence.within(design.evidence):
        if design.evidence.beyond == "exact":
            exact = _prepare(checkpoint, design.model_copy(update={"solver": "exact"}), images)
            return Prepared(design, network, exact.layers, exact.solver, evidence)
        if design.evidence.beyond == "fail":
            raise EvidenceError(_beyond(evidence, design.evidence))
    return Prepared(design, network, layers, solver, evidence)


def _passed_through(
    network: GraphNetwork,
    stored: dict[str, StoredLayer],
    design: Design,
    images: torch.Tensor,
    after: list[Mitigation],
) -> tuple[dict[str, PreparedLayer], Evidence]:
    """Layer by layer as calibration images pass through the arrays: a layer is fitted, and its evidence measured, on
    the inputs that the ideal network gives it and on those that the arrays before it do; what is done to its outputs
    is learnt from what it delivers."""
    layers: dict[str, PreparedLayer] = {}
    found: list[LayerEvidence] = []
    plain = plain_dot(network)
    make = _fitted_layer if _solver_for(design) in ("fast", "transfer") else _unfitted
    wanted = ideal_outputs(network, images, set(stored)) if after else {}

    def dot(name: str, signs: torch.Tensor) -> torch.Tensor:
        if name not in stored:
            return plain(name, signs)
        if name not in layers:
            layers[name], evidence = make(stored[name], design, signs.to(torch.int8))
            found.extend(evidence)
            if after:
                delivered = outputs_of(layers[name], signs)
                line = recalibrated(network, name, after, delivered, wanted[name])
                layers[name] = replace(layers[name], outputs=line)
                return delivered if line is None else line.of(delivered)
        return outputs_of(layers[name], signs)

    with torch.inference_mode():
        network(images, dot)
    return {name: layers[name] for name in stored}, Evidence(tuple(found))


def _unfitted(
    layer: StoredLayer, design: Design, signs: torch.Tensor | None = None
) -> tuple[PreparedLayer, list[LayerEvidence]]:
    """A layer that no fast solver reads, whatever its own inputs are."""
    converters = _converters(layer, None, design)
    tables = layer_tables(layer.mapping, layer.groups, None, converters, layer.input_shape)
    groups = layer.groups if design.solver == "exact" else None
    return PreparedLayer(layer.mapping, tables, converters, groups), []


def _fitted_layer(layer: StoredLayer, design: Design, signs: torch.Tensor) -> tuple[PreparedLayer, list[LayerEvidence]]:
    """One layer with its fast solver, and the evidence; ``signs`` are the layer's own inputs on some images."""
    inputs = {"ideal": layer.vectors, "own": draw_vectors(layer.mapping, signs, layer.rng)}
    if _solver_for(design) == "transfer":
        models = transfer_layer(layer.groups)
    else:
        vectors = np.concatenate([part[: _for_fit(part)] for part in inputs.values()])
        models = fit_layer(layer.groups, Calibration(vectors, layer.rng))
    converters = _converters(layer, models, design)
    tables = layer_tables(layer.mapping, layer.groups, models, converters, layer.input_shape)
    fitted = FittedLayer(layer.mapping, layer.groups, models, converters)
    evidence = [
        measure_layer(fitted, name, part[_for_fit(part) :] if len(part) > 1 else part, layer.rng)
        for name, part in inputs.items()
    ]
    return PreparedLayer(layer.mapping, tables, converters, None), evidence


def _for_fit(vectors: np.ndarray) -> int:
    """Vectors that fits and converters are made from; the others are held out."""
    return max(1, 3 * len(vectors) // 4)


def _beyond(evidence: Evidence, limits: EvidenceLimits) -> str:
    worst = next(layer for layer in evidence.layers if not layer.within(limits))
    unsolved = f", {worst.unsolved} exact solves did not converge" if worst.unsolved else ""
    return (
        f"the fast solver misses exact reads of layer {worst.layer} ({worst.inputs} inputs): after the converter by "
        f"{worst.converted_rms_lsb:.3g} LSB rms, {worst.converted_worst_lsb:.3g} LSB at worst and "
        f"{worst.top_bias_lsb:+.3g} LSB on average at the highest sums{unsolved}; the limits are "
        f"{limits.max_rms_lsb:g}, {limits.max_worst_lsb:g} and {limits.max_bias_lsb:g}: set evidence.beyond to 'exact' "
        "to solve every read exactly, to 'mark' to go on with the row marked, or raise the limits"
    )


def _require_exact_sums(mapping: LayerMapping) -> None:
    """The readout counts the cells of a read that meet ones in float32."""
    rows, columns = mapping.most_rows, mapping.columns
    if rows * columns > EXACT_SUMS:
        raise InputError(
            f"{rows} rows read together and {columns} outputs are too many for exact sums; "
            f"read at most {EXACT_SUMS // columns} rows together (active_rows)",
            f"layer '{mapping.name}'",
        )


def _solver_for(design: Design) -> str:
    if design.solver in ("ideal", "ideal_circuit", "exact"):
        return design.solver
    return "transfer" if design.solver == "auto" and is_exactly_linear(design.circuit) else "fast"


def _converters(layer: StoredLayer, models: list[Surrogate] | None, design: Design) -> ConverterSettings:
    """Set on calibration inputs of the ideal network, with the currents of ``models``, or exactly solved ones."""
    if design.solver == "ideal":
        return ideal_settings(len(layer.groups), layer.mapping.columns)
    vectors = layer.vectors[: _for_fit(layer.vectors)][:_CONVERTER_VECTORS]
    reads = []
    for index, group in enumerate(layer.groups):
        bits = group.apply(vectors).bits
        if models is not None:
            current = models[index].evaluate(bits) - models[index].reference(bits.sum(axis=1, dtype=np.int64))[:, None]
        elif design.solver == "ideal_circuit":
            current = group.partial_sums(bits)
        else:
            current = group.exact_currents(bits) - group.reference_currents(bits)[:, None]
        reads.append(CalibrationReads.of(group, bits, current))
    return converter_settings(design.adc, reads, mitigations_acting(design, *CONVERTER_HOOKS))
