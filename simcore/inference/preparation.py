"""Prepare one network on one design: map, store, fit, set the converters, and gather the evidence. Once a design."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from simcore.crossbar.solvers.device import DEVICE_VARIABLE, device_of_environment, torch_device
from simcore.datasets import Dataset
from simcore.design import Design, EvidenceLimits
from simcore.errors import BinsparxError, InputError, unknown_name
from simcore.inference.calibration_images import calibration_of
from simcore.inference.validation import Evidence, LayerEvidence, measure_layer
from simcore.mapping.row_order import grouped_order
from simcore.mapping.tiling import LayerMapping, as_layer_output, input_vectors, map_layer, reordered
from simcore.mitigation.stored import StoredGroup, applied_inputs, store_layer
from simcore.network.checkpoint import Checkpoint
from simcore.network.modules import BinaryLayer, GraphNetwork, plain_dot
from simcore.readout.adc import CalibrationReads, ConverterSettings, converter_settings, ideal_settings
from simcore.readout.fused import EXACT_SUMS, ReadoutTables, read_layer, single_threaded_blas
from simcore.readout.tables import layer_tables
from simcore.surrogate.fit import GroupModel, exact_currents, fit_layer, is_exactly_linear

_IMAGES_AT_ONCE = 32  # calibration images that go through the network together
_OWN_IMAGES = 16  # of them that pass through the arrays, for the inputs that a design's own layers meet
_CONVERTER_VECTORS = 256
_CALIBRATION_VECTORS = 2048  # input vectors of a layer that statistics, fits and converters are drawn from


@dataclass(frozen=True)
class PreparedLayer:
    """One mapped layer, ready to be read. ``stored`` is kept where the exact solver does the reading."""

    mapping: LayerMapping
    tables: ReadoutTables
    converters: ConverterSettings
    stored: list[StoredGroup] | None


@dataclass(frozen=True)
class Prepared:
    """One network on one design.

    Attributes:
        solver: what reads the columns: ``fast``, ``transfer`` (exact matrix of a linear array), ``exact``,
            ``ideal`` or ``ideal_circuit``.
        evidence: held-out reads against the exact solver.
    """

    design: Design
    network: GraphNetwork
    layers: dict[str, PreparedLayer]
    solver: str
    evidence: Evidence


class EvidenceError(BinsparxError):
    """The fast solver misses held-out reads by more than the design allows."""


def prepare(checkpoint: Checkpoint, design: Design, dataset: Dataset) -> Prepared:
    """Map and store a network's binary layers, fit the fast solver, set the converters and gather the evidence.

    Deterministic: every draw is seeded by the design's seed and the layer's place. Where the evidence is beyond the
    design's limits, the design's own choice decides: fail, go on with the exact solver, or go on marked.

    Raises:
        EvidenceError: the evidence is beyond the limits and the design says ``fail``.
        InputError: the data set has no calibration split or other images than the network takes, or a layer named in
            the design is not a binary layer of the network.
        UnsolvedError: an exact solve that the fit or the converters rest on did not converge.
    """
    if design.device is None:
        device = device_of_environment()
        torch_device(device, DEVICE_VARIABLE)  # refuses what is not there, before anything is computed
        design = design.model_copy(update={"device": device})
    with single_threaded_blas():  # least squares must not depend on the number of threads
        return _prepare(checkpoint, design, dataset)


def _prepare(checkpoint: Checkpoint, design: Design, dataset: Dataset) -> Prepared:
    network = checkpoint.network
    solver = _solver_for(design)
    stored = {layer.name: layer for layer in stored_layers(checkpoint, design, dataset)}
    for layer in stored.values():
        _require_exact_sums(layer.mapping, layer.name)
    if solver in ("exact", "ideal", "ideal_circuit"):
        layers = {name: _unfitted(layer, design, solver) for name, layer in stored.items()}
        return Prepared(design, network, layers, solver, Evidence())
    images = images_for_calibration(checkpoint, design, dataset)[:_OWN_IMAGES]
    layers, evidence = _fitted(network, stored, design, images)
    if not evidence.within(design.evidence):
        if design.evidence.beyond == "exact":
            exact = _prepare(checkpoint, design.model_copy(update={"solver": "exact"}), dataset)
            return Prepared(design, network, exact.layers, exact.solver, evidence)
        if design.evidence.beyond == "fail":
            raise EvidenceError(_beyond(evidence, design.evidence))
    return Prepared(design, network, layers, solver, evidence)


def _unfitted(layer: StoredLayer, design: Design, solver: str) -> PreparedLayer:
    """A layer that no fast solver reads."""
    converters = _converters(layer, None, design, layer.drawn[: _for_fit(layer.drawn)])
    tables = layer_tables(layer.mapping, layer.stored, None, converters, design, layer.input_shape)
    return PreparedLayer(layer.mapping, tables, converters, layer.stored if solver == "exact" else None)


def _fitted(
    network: GraphNetwork, stored: dict[str, StoredLayer], design: Design, images: torch.Tensor
) -> tuple[dict[str, PreparedLayer], Evidence]:
    """Layer by layer as calibration images pass through the arrays: a layer is fitted, and its evidence measured, on
    the inputs that the ideal network gives it and on those that the arrays before it do."""
    layers: dict[str, PreparedLayer] = {}
    found: list[LayerEvidence] = []
    plain = plain_dot(network)

    def dot(name: str, signs: torch.Tensor) -> torch.Tensor:
        if name not in stored:
            return plain(name, signs)
        layer = stored[name]
        if name not in layers:
            layers[name], evidence = _fitted_layer(layer, design, signs.to(torch.int8))
            found.extend(evidence)
        values, _ = read_layer(layers[name].tables, input_vectors(layer.mapping, signs))
        return as_layer_output(layer.mapping, values, signs.shape)

    with torch.inference_mode():
        network(images, dot)
    return {name: layers[name] for name in stored}, Evidence(tuple(found))


def _fitted_layer(layer: StoredLayer, design: Design, signs: torch.Tensor) -> tuple[PreparedLayer, list[LayerEvidence]]:
    """One layer with its fast solver, and the evidence; ``signs`` are the layer's own inputs on some images."""
    mapping, rng = layer.mapping, layer.rng
    ideal = layer.drawn
    own = _drawn_vectors(mapping, signs, rng)
    fit_vectors = np.concatenate([part[: _for_fit(part)] for part in (ideal, own)])
    models = fit_layer(mapping, layer.stored, design, fit_vectors, rng)
    converters = _converters(layer, models, design, ideal[: _for_fit(ideal)])
    tables = layer_tables(mapping, layer.stored, models, converters, design, layer.input_shape)
    evidence = [
        measure_layer(
            layer.name, name, mapping, layer.stored, models, converters, design,
            part[_for_fit(part) :] if len(part) > 1 else part, rng,
        )
        for name, part in (("ideal", ideal), ("own", own))
    ]  # fmt: skip
    return PreparedLayer(mapping, tables, converters, None), evidence


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


def _require_exact_sums(mapping: LayerMapping, name: str) -> None:
    """The readout counts the cells of a read that meet ones in float32."""
    rows, columns = max(group.rows for group in mapping.groups), mapping.weights.shape[1]
    if rows * columns > EXACT_SUMS:
        raise InputError(
            f"{rows} rows read together and {columns} outputs are too many for exact sums; "
            f"read at most {EXACT_SUMS // columns} rows together (active_rows)",
            f"layer '{name}'",
        )


def mapped_layers(checkpoint: Checkpoint, design: Design) -> dict[str, BinaryLayer]:
    """The binary layers that the design maps, by name, in execution order.

    Raises:
        InputError: the design names a layer that is not a binary layer of the network.
    """
    binary = {layer.name: layer for layer in checkpoint.network.binary_layers()}
    for name in design.layers or ():
        if name not in binary:
            raise unknown_name(f"binary layer of {checkpoint.name}", name, binary)
    return {name: layer for name, layer in binary.items() if design.layers is None or name in design.layers}


@dataclass(frozen=True)
class StoredLayer:
    """One layer as a design stores it.

    Attributes:
        stored: what each row group stores.
        drawn: (B, K) int8 calibration vectors, in random order.
        rng: where the draws of mapping and storing left the layer's generator.
        input_shape: of the layer's input signs on the calibration images, (n, C, H, W) or (n, K).
    """

    name: str
    mapping: LayerMapping
    stored: list[StoredGroup]
    drawn: np.ndarray
    rng: np.random.Generator
    input_shape: torch.Size

    @property
    def shape(self) -> tuple[int, int]:
        """Row groups and columns."""
        return len(self.stored), self.mapping.weights.shape[1]


def stored_layers(
    checkpoint: Checkpoint, design: Design, dataset: Dataset, only: str | None = None
) -> Iterator[StoredLayer]:
    """The mapped layers of a network in execution order, each with the bits that the design stores.

    Every draw of a layer is seeded by the design's seed and the layer's place among the mapped ones, so that whoever
    asks sees the same bits.

    Args:
        only: the one mapped layer wanted; None for all.

    Raises:
        InputError: the data set has no calibration split or other images than the network takes, or a layer named in
            the design is not a binary layer of the network.
    """
    mapped = mapped_layers(checkpoint, design)
    wanted = set(mapped) if only is None else {only}
    signs = binary_input_signs(checkpoint.network, images_for_calibration(checkpoint, design, dataset), wanted)
    for place, (name, layer) in enumerate(mapped.items()):
        if name in wanted:
            rng = np.random.default_rng([design.seed, place])
            mapping, stored, drawn = map_and_store(layer, design, signs[name], rng)
            yield StoredLayer(name, mapping, stored, drawn, rng, signs[name].shape)


def map_and_store(
    layer: BinaryLayer, design: Design, signs: torch.Tensor, rng: np.random.Generator
) -> tuple[LayerMapping, list[StoredGroup], np.ndarray]:
    """Cut a layer into tiles and store its weights.

    Args:
        signs: the layer's input signs on the calibration images.

    Returns:
        the mapping, what each row group stores, and the (B, K) int8 calibration vectors drawn, in random order.
    """
    mapping, drawn = map_by_calibration(layer, design.rows, design.rows_read_together, design.row_order, signs, rng)
    return mapping, store_layer(mapping, design, drawn), drawn


def map_by_calibration(
    layer: BinaryLayer,
    rows: int,
    rows_read_together: int,
    row_order: str,
    signs: torch.Tensor,
    rng: np.random.Generator,
) -> tuple[LayerMapping, np.ndarray]:
    """Cut a layer into tiles, in an order that calibration inputs may decide.

    Args:
        signs: the layer's input signs on the calibration images.

    Returns:
        the mapping and the (B, K) int8 calibration vectors drawn, in random order, their inputs in row order.
    """
    mapping = map_layer(layer, rows, rows_read_together, "channel" if row_order == "grouped" else row_order)
    drawn = _drawn_vectors(mapping, signs, rng)
    if row_order == "grouped":
        permutation = grouped_order(drawn, mapping.weights, np.array([group.rows for group in mapping.groups]))
        mapping, drawn = reordered(mapping, permutation), np.ascontiguousarray(drawn[:, permutation])
    return mapping, drawn


def _drawn_vectors(mapping: LayerMapping, signs: torch.Tensor, rng: np.random.Generator) -> np.ndarray:
    """(B, K) int8 input vectors of output positions drawn at random from all images, gathered a few images at a
    time: all vectors of a layer would be as large as its kernel times its inputs."""
    positions = input_vectors(mapping, signs[:1]).shape[1]
    chosen = rng.permutation(len(signs) * positions)[:_CALIBRATION_VECTORS]
    images, places = np.divmod(chosen, positions)
    drawn = np.empty((len(chosen), len(mapping.order)), dtype=np.int8)
    for start in range(0, len(signs), _IMAGES_AT_ONCE):
        wanted = np.flatnonzero((images >= start) & (images < start + _IMAGES_AT_ONCE))
        vectors = input_vectors(mapping, signs[start : start + _IMAGES_AT_ONCE])
        drawn[wanted] = vectors[images[wanted] - start, places[wanted]]
    return drawn


def images_for_calibration(checkpoint: Checkpoint, design: Design, dataset: Dataset) -> torch.Tensor:
    """(n, C, H, W) float32 images that the design calibrates on.

    Raises:
        InputError: no such split or images, or images of another shape than the network takes.
    """
    chosen = calibration_of(design, dataset)
    height, width, channels = dataset.image_shape
    expected = tuple(checkpoint.network.graph.input_shape)
    if expected != (channels, height, width):
        raise InputError(
            f"network '{checkpoint.name}' takes images of {expected} (channels, height, width), "
            f"data set '{dataset.name}' has {(channels, height, width)}"
        )
    images, _ = dataset.read(chosen.split, chosen.first, chosen.count)
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()


def _solver_for(design: Design) -> str:
    if design.solver in ("ideal", "ideal_circuit", "exact"):
        return design.solver
    return "transfer" if design.solver == "auto" and is_exactly_linear(design.circuit) else "fast"


def binary_input_signs(network: GraphNetwork, images: torch.Tensor, names: set[str]) -> dict[str, torch.Tensor]:
    """Input signs (int8 ±1) of the named binary layers in the ideal network, for (n, C, H, W) float32 images."""
    seen: dict[str, list[torch.Tensor]] = {name: [] for name in names}
    plain = plain_dot(network)

    def record(name: str, signs: torch.Tensor) -> torch.Tensor:
        if name in names:
            seen[name].append(signs.to(torch.int8))
        return plain(name, signs)

    with torch.inference_mode():
        for start in range(0, len(images), _IMAGES_AT_ONCE):
            network(images[start : start + _IMAGES_AT_ONCE], record)
    return {name: torch.cat(parts) for name, parts in seen.items()}


def _converters(
    layer: StoredLayer, models: list[GroupModel] | None, design: Design, vectors: np.ndarray
) -> ConverterSettings:
    if design.solver == "ideal":
        return ideal_settings(*layer.shape)
    reads = []
    for index, (group, kept) in enumerate(zip(layer.mapping.groups, layer.stored, strict=True)):
        inputs = applied_inputs(vectors[:_CONVERTER_VECTORS, group.start : group.stop], design.flips_activations)
        most = group.rows // 2 if design.flips_activations else group.rows
        sums, ones = inputs.astype(np.float64) @ kept.bits, kept.bits.sum(axis=0, dtype=np.int64)
        if models is not None:
            current = models[index].evaluate(inputs)
        elif design.solver == "ideal_circuit":
            current = sums
        else:
            current = exact_currents(layer.mapping, layer.stored, index, design, inputs)
        reads.append(CalibrationReads(current, sums, np.minimum(ones, most)))
    return converter_settings(design.adc, reads)
