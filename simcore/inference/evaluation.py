"""One network on one design over one shard of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from simcore.design_axes import Adc
from simcore.effects.base import Effect
from simcore.inference.ideal import ideal_predictions
from simcore.inference.noise_seeds import NoiseSeeds
from simcore.inference.preparation import on_chip, prepare
from simcore.inference.prepared import Prepared, PreparedLayer
from simcore.inference.reads import read
from simcore.inference.revisions import setting_revisions
from simcore.inference.validation import Evidence
from simcore.mapping.tiling import LayerMapping
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
CHIPS_VERSION = "7.2"  # the same of designs with device effects

BATCH = 25
"""Images that go through the network together; fixed, so that results do not depend on memory or machine."""


@dataclass
class ShardResult:
    """Predictions of one shard, int16 (n,) each, and the layers' totals."""

    labels: np.ndarray
    predictions: np.ndarray
    ideal_predictions: np.ndarray
    layers: list[LayerTotals]


def solver_version(effects: Sequence[Effect], mitigations: str, adc: Adc) -> str:
    """Part of the key of a design: another one whenever the same design would give other numbers.

    Args:
        effects: its device effects.
        mitigations: its set of passes, of which those of a revision above 1 are named.
        adc: its converter; settings whose numbers moved are named as well.
    """
    version = CHIPS_VERSION if effects else SOLVER_VERSION
    return version + setting_revisions(effects, adc, mitigations) + revisions(mitigations)


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
    seeds = NoiseSeeds(prepared.design.seed, prepared.chip)
    places = {name: index for index, name in enumerate(prepared.layers)}

    def dot(name: str, signs: torch.Tensor, written: torch.Tensor | None = None, /) -> torch.Tensor:
        layer = prepared.layers.get(name)
        if layer is None:
            return plain(name, signs, written)
        images = range(first_image, first_image + len(signs))
        shares, statistics = read(layer, signs, written, seeds.of(layer, places[name], images))
        if totals is not None:
            totals[name] = totals[name].merge(_totals_of(layer.mapping, shares.shape, statistics))
        return layer.finished(shares, signs.shape)

    logits: torch.Tensor = prepared.network(pixels, dot)
    return logits


def _nothing_read(prepared: Prepared, layer: PreparedLayer) -> LayerTotals:
    signs = layer.tables.digital.signs
    return LayerTotals(
        layer.mapping.name,
        weight_flips=int((signs < 0).sum()) if layer.written is None else layer.written.flipped_columns,
        stored_columns=len(signs) * layer.mapping.columns,
        inputs=len(layer.mapping.order),
        lsb_A=prepared.design.operating_circuit.on_current(),
    )


def _totals_of(mapping: LayerMapping, shape: tuple[int, ...], statistics: np.ndarray) -> LayerTotals:
    """Of one readout of (B, P, C) ``shape``."""
    reads = shape[0] * shape[1] * len(mapping.spans)
    return LayerTotals(
        mapping.name,
        column_reads=reads * mapping.columns,
        activation_reads=reads,
        **dict(zip(STATISTICS, statistics.tolist(), strict=True)),
    )


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts).astype(np.int16) if parts else np.zeros(0, dtype=np.int16)
