"""One network on one design over one shard of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simcore.inference.ideal import ideal_predictions
from simcore.inference.preparation import on_chip, prepare
from simcore.inference.prepared import Prepared, PreparedLayer
from simcore.inference.reads import read
from simcore.inference.validation import Evidence
from simcore.network.checkpoint import network_digest
from simcore.network.inputs import network_input
from simcore.network.modules import plain_dot
from simcore.passes import revisions
from simcore.readout.layer_totals import LayerTotals
from simcore.readout.totals import STATISTICS

__all__ = [
    "BATCH",
    "CHIPS_VERSION",
    "SOLVER_VERSION",
    "Evidence",
    "LayerTotals",
    "Prepared",
    "ShardResult",
    "evaluate",
    "on_chip",
    "prepare",
    "solver_version",
]

# Raised whenever the same designs would give other numbers; ``solver_version`` is part of every design key.
SOLVER_VERSION = "7"
CHIPS_VERSION = "7.1"  # the same of designs with device effects

BATCH = 25
"""Images that go through the network together; fixed, so that results do not depend on memory or machine."""


@dataclass
class ShardResult:
    """Predictions of one shard, int16 (n,) each, and the layers' totals."""

    labels: np.ndarray
    predictions: np.ndarray
    ideal_predictions: np.ndarray
    layers: list[LayerTotals]


def solver_version(effects: bool, mitigations: str) -> str:
    """Part of the key of a design: another one whenever the same design would give other numbers.

    Args:
        effects: whether it has device effects.
        mitigations: its set of passes, of which those of a revision above 1 are named.
    """
    return (CHIPS_VERSION if effects else SOLVER_VERSION) + revisions(mitigations)


def evaluate(prepared: Prepared, images: np.ndarray, labels: np.ndarray, first_image: int = 0) -> ShardResult:
    """Run a shard through the network on the design and in ideal arithmetic.

    Args:
        prepared: network and design.
        images: (n, H, W, C) uint8, or tensors (n, ...) float32.
        labels: (n,).
        first_image: index of the first image in its split; seeds the converter noise, so that an image meets the same
            noise in any shard.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    totals = {name: _nothing_read(prepared, layer) for name, layer in prepared.layers.items()}
    predictions, ideal = [], []
    digest = network_digest(prepared.network)
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            pixels = network_input(images[start : start + BATCH])
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
        prepared: network and design.
        pixels: (n, C, H, W) float32 in 0..255, or what else the network takes.
        totals: of the mapped layers by name, to which those of this batch are added.
        first_image: index of the first image in its split.
    """
    plain = plain_dot(prepared.network)

    def dot(name: str, signs: torch.Tensor, written: torch.Tensor | None = None, /) -> torch.Tensor:
        layer = prepared.layers.get(name)
        if layer is None:
            return plain(name, signs, written)
        seeds = _noise_seeds(prepared, layer, first_image, len(signs))
        shares, statistics = read(layer, signs, written, seeds)
        if totals is not None:
            totals[name] = totals[name].merge(_totals_of(name, shares.shape, len(layer.mapping.spans), statistics))
        return layer.finished(shares, signs.shape)

    logits: torch.Tensor = prepared.network(pixels, dot)
    return logits


def _nothing_read(prepared: Prepared, layer: PreparedLayer) -> LayerTotals:
    signs = layer.tables.digital.signs
    return LayerTotals(
        layer.mapping.name,
        weight_flips=int((signs < 0).sum()) if layer.written is None else layer.written.flipped_columns,
        stored_columns=signs.size,
        inputs=len(layer.mapping.order),
        lsb_A=prepared.design.operating_circuit.on_current(),
    )


def _totals_of(name: str, shape: tuple[int, ...], groups: int, statistics: np.ndarray) -> LayerTotals:
    """Of one readout of (B, P, M) ``shape``."""
    batch, reads, columns = shape
    return LayerTotals(
        name,
        column_reads=batch * reads * groups * columns,
        activation_reads=batch * reads * groups,
        **dict(zip(STATISTICS, statistics.tolist(), strict=True)),
    )


def _noise_seeds(prepared: Prepared, layer: PreparedLayer, first_image: int, images: int) -> list[int]:
    """Of the converters; none where there is no noise. It is a function of design seed, layer, image, chip and read."""
    noisy = images if layer.converters.noise.scale else 0
    return [_noise_seed(prepared, layer, first_image + image) for image in range(noisy)]


def _noise_seed(prepared: Prepared, layer: PreparedLayer, image: int) -> int:
    index = list(prepared.layers).index(layer.mapping.name)
    place = [prepared.design.seed, index, image, *([] if prepared.chip is None else [prepared.chip])]
    return int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0])


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts).astype(np.int16) if parts else np.zeros(0, dtype=np.int16)
