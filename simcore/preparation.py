"""Prepare one network on one design: map, store, fit, set the converters, and gather the evidence. Once a design."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from simcore.calibration_images import calibration_of
from simcore.column_model import (
    NO_EVIDENCE,
    Evidence,
    GroupModel,
    exact_currents,
    fit_layer,
    is_exactly_linear,
    measure_evidence,
)
from simcore.crossbar import fast
from simcore.datasets import Dataset
from simcore.design import Design, EvidenceLimits
from simcore.errors import BinsparxError, InputError, unknown_name
from simcore.ideal_circuit import lossless_models
from simcore.mapping import LayerMapping, input_vectors, map_layer, reordered, valid_inputs
from simcore.network.checkpoint import Checkpoint
from simcore.network.modules import BinaryLayer, GraphNetwork, plain_dot
from simcore.packed_sums import PROFILES, bytes_of, pack_columns, padded_columns, rows_a_byte
from simcore.readout import EXACT_SUMS, CurrentTables, ReadoutTables, single_threaded_blas
from simcore.row_order import grouped_order
from simcore.sensing import ConverterSettings, calibrated_settings, nominal_settings
from simcore.stored_weights import StoredGroup, applied_inputs, digital_constants, store_layer

_IMAGES_AT_ONCE = 32  # calibration images that go through the network together
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
    with single_threaded_blas():  # least squares must not depend on the number of threads
        return _prepare(checkpoint, design, dataset)


def _prepare(checkpoint: Checkpoint, design: Design, dataset: Dataset) -> Prepared:
    network = checkpoint.network
    solver = _solver_for(design)
    layers: dict[str, PreparedLayer] = {}
    evidence = NO_EVIDENCE
    for layer in stored_layers(checkpoint, design, dataset):
        mapping, stored, drawn, rng = layer.mapping, layer.stored, layer.drawn, layer.rng
        cut = max(1, 3 * len(drawn) // 4)
        fit_vectors, held_out = drawn[:cut], drawn[cut:] if len(drawn) > 1 else drawn
        models: list[GroupModel] | None = None
        if solver in ("fast", "transfer"):
            models = fit_layer(mapping, stored, design, fit_vectors, rng)
            evidence = evidence.merge(measure_evidence(mapping, stored, models, design, held_out, rng))
        elif solver == "ideal_circuit":
            models = lossless_models(stored)
        converters = _converters(mapping, stored, models, design, fit_vectors)
        _require_exact_sums(mapping, layer.name)
        tables = _tables(mapping, stored, models, converters, design, layer.input_shape)
        layers[layer.name] = PreparedLayer(mapping, tables, converters, stored if solver == "exact" else None)
    if not within_limits(evidence, design.evidence):
        if design.evidence.beyond == "exact":
            exact = _prepare(checkpoint, design.model_copy(update={"solver": "exact"}), dataset)
            return Prepared(design, network, exact.layers, exact.solver, evidence)
        if design.evidence.beyond == "fail":
            raise EvidenceError(
                f"the fast solver misses exact reads of this design by {evidence.rms:.3g} LSB rms and "
                f"{evidence.worst_error:.3g} LSB at worst ({evidence.unsolved} exact solves did not converge); the "
                f"limits are {design.evidence.max_rms_lsb:g} and {design.evidence.max_worst_lsb:g}: set "
                "evidence.beyond to 'exact' to solve every read exactly, or raise the limits"
            )
    return Prepared(design, network, layers, solver, evidence)


def _require_exact_sums(mapping: LayerMapping, name: str) -> None:
    """The readout counts the cells of a read that meet ones in float32."""
    rows, columns = max(group.rows for group in mapping.groups), mapping.weights.shape[1]
    if rows * columns > EXACT_SUMS:
        raise InputError(
            f"{rows} rows read together and {columns} outputs are too many for exact sums; "
            f"read at most {EXACT_SUMS // columns} rows together (active_rows)",
            f"layer '{name}'",
        )


def within_limits(evidence: Evidence, limits: EvidenceLimits) -> bool:
    """True if every held-out read could be solved and the fast solver's errors are within ``limits``."""
    return (
        evidence.unsolved == 0 and evidence.rms <= limits.max_rms_lsb and evidence.worst_error <= limits.max_worst_lsb
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
    mapping: LayerMapping,
    stored: list[StoredGroup],
    models: list[GroupModel] | None,
    design: Design,
    vectors: np.ndarray,
) -> ConverterSettings:
    columns = mapping.weights.shape[1]
    if design.adc.reference == "nominal" or design.solver == "ideal":
        return nominal_settings(design.adc, len(stored), columns)
    currents, sums = [], []
    sample = vectors[:256]
    for index, (group, kept) in enumerate(zip(mapping.groups, stored, strict=True)):
        inputs = applied_inputs(sample[:, group.start : group.stop], design.flips_activations)
        if models is not None:
            currents.append(models[index].evaluate(inputs))
        else:
            currents.append(exact_currents(mapping, stored, index, design, inputs))
        sums.append(inputs.astype(np.float64) @ kept.bits)
    return calibrated_settings(design.adc, currents, sums)


def _tables(
    mapping: LayerMapping,
    stored: list[StoredGroup],
    models: list[GroupModel] | None,
    converters: ConverterSettings,
    design: Design,
    input_shape: torch.Size,
) -> ReadoutTables:
    groups, columns = len(stored), mapping.weights.shape[1]
    most_rows = max(group.rows for group in mapping.groups)
    per_byte = rows_a_byte(design.rows_read_together)
    packed = np.zeros((groups, bytes_of(most_rows, per_byte), padded_columns(columns)), dtype=np.uint8)
    ones = np.zeros((groups, most_rows), dtype=np.float32)
    dense_ones = np.zeros((groups, most_rows), dtype=np.float32)
    for index, (group, kept) in enumerate(zip(mapping.groups, stored, strict=True)):
        rows = group.rows
        packed[index, : bytes_of(rows, per_byte)] = pack_columns(kept.bits, packed.shape[2], per_byte)
        ones[index, :rows] = kept.bits.sum(axis=1)
        dense_ones[index, :rows] = mapping.weights[group.start : group.stop].sum(axis=1)
    valid = _valid_patterns(mapping, input_shape)
    patterns, place = np.unique(valid, axis=0, return_inverse=True)
    digital, _ = digital_constants(mapping, stored, patterns)
    return ReadoutTables(
        start=np.array([group.start for group in mapping.groups]),
        stop=np.array([group.stop for group in mapping.groups]),
        packed=packed,
        rows_a_byte=per_byte,
        currents=_current_tables(models, mapping, design),
        gain=converters.gain,
        offset=converters.offset,
        top=float(converters.top),
        noise=converters.noise,
        digital=digital,
        weight_signs=np.stack([np.where(kept.flips, -1, 1) for kept in stored]).astype(np.float32),
        ones=ones,
        dense_ones=dense_ones,
        pattern=place.reshape(-1).astype(np.int64),
        valid=patterns.astype(np.uint8),
        flip_inputs=design.flips_activations,
        ideal=models is None,
    )


def _current_tables(models: list[GroupModel] | None, mapping: LayerMapping, design: Design) -> CurrentTables:
    groups, columns = len(mapping.groups), mapping.weights.shape[1]
    most_rows = max(group.rows for group in mapping.groups)
    most_bytes = bytes_of(most_rows, rows_a_byte(design.rows_read_together))
    modes = len(models[0].shared.eigenvalues) if models else 0
    uniform = models is not None and models[0].shared.profiles is not None
    shape = models[0].polynomial.shape.size if models else 0
    corrected = models is not None and models[0].corrections is not None
    tables = CurrentTables(
        matrices=np.zeros((groups, most_rows, 0 if uniform else (1 + modes) * columns), dtype=np.float32),
        profiles=np.zeros((groups, most_bytes, PROFILES), dtype=np.int16),
        units=np.zeros((groups, PROFILES), dtype=np.float32),
        off_share=design.circuit.off_current() / design.circuit.on_current(),
        quadratic=np.zeros((groups, 1 + modes), dtype=np.float32),
        polynomial=np.zeros((groups, len(fast.EXPONENTS)), dtype=np.float32),
        shape=np.zeros((groups, shape), dtype=np.float32),
        ranges=np.ones((groups, 2 + modes), dtype=np.float32),
        corrections=np.zeros((groups, fast.correction_terms(modes) if corrected else 0, columns), dtype=np.float32),
        input_vectors=np.zeros((groups, most_rows, modes if corrected else 0), dtype=np.float32),
        uniform=uniform,
    )
    for index, (group, model) in enumerate(zip(mapping.groups, models or (), strict=False)):
        shared, polynomial = model.shared, model.polynomial
        if shared.profiles is not None:
            tables.profiles[index, : len(shared.profiles), :modes] = shared.profiles
            tables.units[index, :modes] = shared.units
        else:
            parts = [model.currents] + [model.currents * vector[:, None] for vector in shared.eigenvectors.T]
            tables.matrices[index, : group.rows] = np.concatenate([summable(part) for part in parts], axis=1)
        tables.quadratic[index] = [shared.kappa, *shared.eigenvalues]
        tables.polynomial[index] = polynomial.coefficients
        tables.shape[index] = polynomial.shape
        reach = 1 / polynomial.r_max if shape else np.ones(modes)
        tables.ranges[index] = [1 / polynomial.tau_max, 1 / polynomial.s_max, *reach]
        if model.corrections is not None:
            tables.corrections[index] = model.corrections
            tables.input_vectors[index, : group.rows] = fast.input_vectors(shared)
    return tables


def summable(matrix: np.ndarray) -> np.ndarray:
    """(N, M) values rounded so that sums over any of their rows are exact in float32, in any order.

    A library may add up in another order wherever a row stands in a block; all are multiples of one power of two, and
    no sum exceeds 2^24 of it.
    """
    largest = float(np.abs(matrix).sum(axis=0).max(initial=0.0))
    if largest == 0:
        return matrix
    unit = 2.0 ** math.ceil(math.log2(largest / (2**24 - len(matrix))))
    return np.rint(matrix / unit) * unit


def _valid_patterns(mapping: LayerMapping, input_shape: torch.Size) -> np.ndarray:
    if not mapping.is_conv:
        return np.ones((1, len(mapping.order)), dtype=bool)
    return valid_inputs(mapping, *input_shape[1:])
