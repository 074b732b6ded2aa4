"""One network on one design over one shard of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simcore.inference.ideal import ideal_predictions
from simcore.inference.preparation import Prepared, PreparedLayer, prepare
from simcore.inference.validation import Evidence
from simcore.mapping.tiling import as_layer_output, input_vectors
from simcore.mitigation.stored import applied_inputs, input_signs
from simcore.network.checkpoint import network_digest
from simcore.network.modules import plain_dot
from simcore.readout.adc import convert
from simcore.readout.fused import add_noise, read_layer
from simcore.readout.totals import PARTIAL_SUM, STATISTICS, add_totals, merge
from simcore.surrogate.fit import exact_currents

__all__ = ["SOLVER_VERSION", "Evidence", "LayerTotals", "Prepared", "ShardResult", "evaluate", "prepare"]

# Part of every design key: raised whenever the same design would give other numbers.
SOLVER_VERSION = "6"

_BATCH = 25  # images that go through the network together; fixed, so that results do not depend on memory or machine


@dataclass
class LayerTotals:
    """Sums over the column reads of one layer; additive over shards, but for ``worst_error`` (the largest) and what
    the design itself has (``weight_flips``, ``stored_columns``, ``inputs``, ``lsb_A``: the same in every shard).

    All sums are whole numbers, so that they add up to the same however images are cut into shards.

    Attributes:
        column_reads: conversions. partial_sum: sum of PS' as applied and stored. dense_partial_sum: sum of PS with
        neither flips nor pruning. squared_error, worst_error: of the converted sum against PS', in LSB^2 and LSB over
        ``ERRORS_A_LSB``. column_current: sum of solved column currents in LSB over ``CURRENTS_A_LSB``. clipped:
        conversions above the top code. activation_reads: sub-vectors applied; activation_flips: those applied
        complemented; applied_ones: rows that were driven, sum of sum(X') over these sub-vectors. weight_flips,
        stored_columns: complemented columns of all row groups. inputs: rows that the layer fills. lsb_A: the current
        of a lone ON cell in amperes.
    """

    layer: str
    column_reads: int = 0
    partial_sum: int = 0
    dense_partial_sum: int = 0
    squared_error: int = 0
    worst_error: int = 0
    column_current: int = 0
    clipped: int = 0
    activation_reads: int = 0
    activation_flips: int = 0
    applied_ones: int = 0
    weight_flips: int = 0
    stored_columns: int = 0
    inputs: int = 0
    lsb_A: float = 0.0

    def add(self, statistics: np.ndarray, vectors: int, groups: int, columns: int) -> None:
        """Add the totals of one readout (entries of ``STATISTICS``)."""
        self.column_reads += vectors * groups * columns
        self.activation_reads += vectors * groups
        for name, value in zip(STATISTICS, statistics.tolist(), strict=True):
            known = getattr(self, name)
            setattr(self, name, max(known, value) if name == "worst_error" else known + value)


@dataclass
class ShardResult:
    """Predictions of one shard, int16 (n,) each, and the layers' totals."""

    labels: np.ndarray
    predictions: np.ndarray
    ideal_predictions: np.ndarray
    layers: list[LayerTotals]


def evaluate(prepared: Prepared, images: np.ndarray, labels: np.ndarray, first_image: int = 0) -> ShardResult:
    """Run a shard through the network on the design and in ideal arithmetic.

    Args:
        images: (n, H, W, C) uint8. labels: (n,). first_image: index of the first image in its split; seeds the
            converter noise, so that an image meets the same noise in any shard.
    """
    totals = {}
    for name, layer in prepared.layers.items():
        signs = layer.tables.digital.signs
        totals[name] = LayerTotals(
            name,
            weight_flips=int((signs < 0).sum()),
            stored_columns=signs.size,
            inputs=len(layer.mapping.order),
            lsb_A=prepared.design.circuit.on_current(),
        )
    predictions, ideal = [], []
    digest = network_digest(prepared.network)
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            batch = np.ascontiguousarray(images[start : start + _BATCH].transpose(0, 3, 1, 2))
            pixels = torch.from_numpy(batch).float()
            ideal.append(ideal_predictions(prepared.network, digest, pixels))
            logits = mapped_logits(prepared, pixels, totals, first_image + start)
            predictions.append(logits.argmax(dim=1).numpy())
    return ShardResult(
        labels=np.asarray(labels, dtype=np.int16),
        predictions=_joined(predictions),
        ideal_predictions=_joined(ideal),
        layers=list(totals.values()),
    )


def mapped_logits(
    prepared: Prepared, pixels: torch.Tensor, totals: dict[str, LayerTotals] | None = None, first_image: int = 0
) -> torch.Tensor:
    """Logits (n, classes) with the mapped layers' dot products taken from the arrays.

    Args:
        pixels: (n, C, H, W) float32 in 0..255. totals: increased by this batch, by layer name.
    """
    plain = plain_dot(prepared.network)

    def dot(name: str, signs: torch.Tensor) -> torch.Tensor:
        layer = prepared.layers.get(name)
        if layer is None:
            return plain(name, signs)
        values, statistics = _read(prepared, layer, input_vectors(layer.mapping, signs), first_image)
        if totals is not None:
            batch, positions, columns = values.shape
            totals[name].add(statistics, batch * positions, len(layer.mapping.groups), columns)
        return as_layer_output(layer.mapping, values, signs.shape)

    logits: torch.Tensor = prepared.network(pixels, dot)
    return logits


def _read(
    prepared: Prepared, layer: PreparedLayer, vectors: np.ndarray, first_image: int
) -> tuple[np.ndarray, np.ndarray]:
    """(B, P, M) dot products and statistics of one layer."""
    if prepared.solver == "exact":
        return _read_exactly(prepared, layer, vectors, first_image)
    if layer.converters.noise == 0:
        return read_layer(layer.tables, vectors)
    # Noise is a function of design seed, layer, image and place: image by image.
    parts = [
        read_layer(layer.tables, vectors[image : image + 1], _noise_seed(prepared, layer, first_image + image))
        for image in range(len(vectors))
    ]
    return np.concatenate([part[0] for part in parts]), merge(np.stack([part[1] for part in parts]))


def _noise_seed(prepared: Prepared, layer: PreparedLayer, image: int) -> int:
    place = list(prepared.layers).index(layer.mapping.name)
    return int(np.random.SeedSequence([prepared.design.seed, place, image]).generate_state(1, np.uint64)[0])


def _read_exactly(
    prepared: Prepared, layer: PreparedLayer, vectors: np.ndarray, first_image: int
) -> tuple[np.ndarray, np.ndarray]:
    """As ``read_layer``, every column current solved exactly."""
    design, tables, converters = prepared.design, layer.tables, layer.converters
    batch, positions, inputs = vectors.shape
    flat = vectors.reshape(-1, inputs)
    place = np.tile(tables.inputs.pattern, batch)
    out = np.zeros((len(flat), tables.digital.signs.shape[1]), dtype=np.float64)
    statistics = np.zeros((len(layer.mapping.groups), len(STATISTICS)), dtype=np.int64)
    for index, (group, stored) in enumerate(zip(layer.mapping.groups, layer.stored or [], strict=True)):
        sub = flat[:, group.start : group.stop]
        bits = applied_inputs(sub, design.flips_activations)
        flips = input_signs(sub, design.flips_activations)
        current = exact_currents(layer.mapping, layer.stored or [], index, design, bits)
        sums = bits.astype(np.float64) @ stored.bits
        noise = _exact_noise(prepared, layer, current.shape, positions, index, first_image)
        codes = np.rint(converters.gain[index] * current + converters.offset[index] + noise)
        converted = convert(current, converters, index, noise)
        signs = flips[:, None] * tables.digital.signs[index]
        out += signs * (4 * converted - 2 * bits.sum(axis=1)[:, None] + tables.digital.constants[index][place])
        for read, error in enumerate(converted - sums):
            above = float((codes[read] > converters.top).sum())
            add_totals(statistics[index], (error**2).sum(), np.abs(error).max(), current[read].sum(), above)
        dense = (sub > 0).astype(np.float64) @ tables.inputs.dense_ones[index, : group.rows]
        statistics[index, PARTIAL_SUM:] = [sums.sum(), dense.sum(), (flips < 0).sum(), bits.sum()]
    return out.reshape(batch, positions, -1).astype(np.float32), merge(statistics)


def _exact_noise(
    prepared: Prepared, layer: PreparedLayer, shape: tuple[int, ...], positions: int, group: int, first_image: int
) -> np.ndarray | float:
    """The converter noise that the fused readout adds, in LSB."""
    if layer.converters.noise == 0:
        return 0.0
    noise = np.zeros(shape, dtype=np.float32)
    for image in range(shape[0] // positions):
        seed = np.uint64(_noise_seed(prepared, layer, first_image + image))
        for position in range(positions):
            row = noise[image * positions + position]
            add_noise(row, np.float32(layer.converters.noise), seed, position, group)
    return noise


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts).astype(np.int16) if parts else np.zeros(0, dtype=np.int16)
