"""One network on one design over one shard of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simcore.column_model import Evidence, exact_currents
from simcore.ideal_predictions import ideal_predictions
from simcore.mapping import input_vectors, output_shape
from simcore.network.checkpoint import network_digest
from simcore.network.modules import plain_dot
from simcore.preparation import Prepared, PreparedLayer, prepare
from simcore.readout import STATISTICS, add_noise, read_layer
from simcore.sensing import convert
from simcore.stored_weights import applied_inputs

__all__ = ["SOLVER_VERSION", "Evidence", "LayerTotals", "Prepared", "ShardResult", "evaluate", "prepare"]

# Part of every design key: raised whenever the same design would give other numbers.
SOLVER_VERSION = "5"

_BATCH = 25  # images that go through the network together; fixed, so that results do not depend on memory or machine


@dataclass
class LayerTotals:
    """Sums over the column reads of one layer; additive over shards, but for ``worst_error`` (the largest) and what
    the design itself has (``weight_flips``, ``stored_columns``, ``inputs``: the same in every shard).

    Attributes:
        column_reads: conversions. partial_sum: sum of PS' as applied and stored. dense_partial_sum: sum of PS with
        neither flips nor pruning. squared_error, worst_error: of the code against PS', in LSB. column_current_A: sum of
        solved column currents. clipped: conversions above the top code. activation_reads: sub-vectors applied;
        activation_flips: those applied complemented; applied_ones: rows that were driven, sum of sum(X') over these
        sub-vectors. weight_flips, stored_columns: complemented columns of all row groups. inputs: rows that the layer
        fills.
    """

    layer: str
    column_reads: int = 0
    partial_sum: float = 0.0
    dense_partial_sum: float = 0.0
    squared_error: float = 0.0
    worst_error: float = 0.0
    column_current_A: float = 0.0
    clipped: int = 0
    activation_reads: int = 0
    activation_flips: int = 0
    applied_ones: int = 0
    weight_flips: int = 0
    stored_columns: int = 0
    inputs: int = 0

    def add(self, statistics: np.ndarray, vectors: int, groups: int, columns: int, amperes: float) -> None:
        """Add the totals of one readout (columns of ``STATISTICS``)."""
        values = dict(zip(STATISTICS, statistics.tolist(), strict=True))
        self.column_reads += vectors * groups * columns
        self.activation_reads += vectors * groups
        self.partial_sum += values["partial_sum"]
        self.dense_partial_sum += values["dense_partial_sum"]
        self.squared_error += values["squared_error"]
        self.worst_error = max(self.worst_error, values["worst_error"])
        self.column_current_A += values["column_current"] * amperes
        self.clipped += round(values["clipped"])
        self.activation_flips += round(values["activation_flips"])
        self.applied_ones += round(values["applied_ones"])


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
        signs = layer.tables.weight_signs
        totals[name] = LayerTotals(
            name,
            weight_flips=int((signs < 0).sum()),
            stored_columns=signs.size,
            inputs=len(layer.mapping.order),
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
            totals[name].add(
                statistics, batch * positions, len(layer.mapping.groups), columns, prepared.design.circuit.on_current()
            )
        result = torch.from_numpy(values)
        if not layer.mapping.is_conv:
            return result[:, 0]
        height, width = output_shape(layer.mapping, *signs.shape[2:])
        # Contiguous, as plain PyTorch has it: with other strides later layers add up in another order.
        return result.transpose(1, 2).reshape(len(signs), -1, height, width).contiguous()

    logits: torch.Tensor = prepared.network(pixels, dot)
    return logits


def _read(
    prepared: Prepared, layer: PreparedLayer, vectors: np.ndarray, first_image: int
) -> tuple[np.ndarray, np.ndarray]:
    """(B, P, M) dot products and statistics of one layer."""
    if prepared.solver == "exact":
        return _read_exactly(prepared, layer, vectors, first_image)
    if layer.tables.noise == 0:
        return read_layer(layer.tables, vectors)
    # Noise is a function of design seed, layer, image and place: image by image.
    parts = [
        read_layer(layer.tables, vectors[image : image + 1], _noise_seed(prepared, layer, first_image + image))
        for image in range(len(vectors))
    ]
    statistics = np.sum([part[1] for part in parts], axis=0)
    statistics[1] = max(part[1][1] for part in parts)
    return np.concatenate([part[0] for part in parts]), statistics


def _noise_seed(prepared: Prepared, layer: PreparedLayer, image: int) -> int:
    place = list(prepared.layers).index(layer.mapping.name)
    return int(np.random.SeedSequence([prepared.design.seed, place, image]).generate_state(1, np.uint64)[0])


def _read_exactly(
    prepared: Prepared, layer: PreparedLayer, vectors: np.ndarray, first_image: int
) -> tuple[np.ndarray, np.ndarray]:
    """As ``read_layer``, every column current solved exactly."""
    design, tables = prepared.design, layer.tables
    batch, positions, inputs = vectors.shape
    flat = vectors.reshape(-1, inputs)
    place = np.tile(tables.pattern, batch)
    out = np.zeros((len(flat), tables.gain.shape[1]), dtype=np.float64)
    statistics = np.zeros(len(STATISTICS))
    for index, (group, stored) in enumerate(zip(layer.mapping.groups, layer.stored or [], strict=True)):
        sub = flat[:, group.start : group.stop]
        plain = (sub > 0).astype(np.uint8)
        bits = applied_inputs(sub, design.flips_activations)
        flips = 2 * plain.sum(axis=1) > (sub != 0).sum(axis=1) if design.flips_activations else np.zeros(len(sub), bool)
        current = exact_currents(layer.mapping, layer.stored or [], index, design, bits)
        sums = bits.astype(np.float64) @ stored.bits
        noise = _exact_noise(prepared, layer, current.shape, positions, index, first_image)
        codes = convert(current, layer.converters, index, noise)
        raw = np.rint(layer.converters.gain[index] * current + layer.converters.offset[index] + noise)
        signs = np.where(flips, -1, 1)[:, None] * tables.weight_signs[index]
        out += signs * (4 * codes - 2 * bits.sum(axis=1)[:, None] + tables.digital[index][place])
        error = codes - sums
        statistics += [
            (error**2).sum(), 0.0, current.sum(), (raw > tables.top).sum(), sums.sum(),
            (plain @ tables.dense_ones[index, : group.rows]).sum(), flips.sum(), bits.sum(),
        ]  # fmt: skip
        statistics[1] = max(statistics[1], float(np.abs(error).max()))
    return out.reshape(batch, positions, -1).astype(np.float32), statistics


def _exact_noise(
    prepared: Prepared, layer: PreparedLayer, shape: tuple[int, ...], positions: int, group: int, first_image: int
) -> np.ndarray | float:
    """The converter noise that the fused readout adds, in LSB."""
    if layer.tables.noise == 0:
        return 0.0
    noise = np.zeros(shape, dtype=np.float32)
    for image in range(shape[0] // positions):
        seed = np.uint64(_noise_seed(prepared, layer, first_image + image))
        for position in range(positions):
            row = noise[image * positions + position]
            add_noise(row, np.float32(layer.tables.noise), seed, position, group)
    return noise


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts).astype(np.int16) if parts else np.zeros(0, dtype=np.int16)
