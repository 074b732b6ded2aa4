"""The reads of a prepared layer, by whatever reads its columns."""

from __future__ import annotations

import numpy as np
import torch

from simcore.inference.exact_reads import read_exactly
from simcore.inference.prepared import PreparedLayer
from simcore.inference.stored_layers import IMAGES_AT_ONCE
from simcore.mapping.tiling import input_vectors
from simcore.readout.fused import read_layer
from simcore.readout.totals import merge


def read(layer: PreparedLayer, vectors: np.ndarray, noise_seeds: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """As ``readout.fused.read_layer``.

    Args:
        layer: the layer.
        vectors: (B, P, K) int8 in {-1, 0, 1}, row order.
        noise_seeds: seeds the converter noise, one an image; none where there is no noise.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    if layer.groups is not None:
        return read_exactly(layer, layer.groups, vectors, noise_seeds)
    if not noise_seeds:
        return read_layer(layer.tables, vectors)
    parts = [read_layer(layer.tables, vectors[image : image + 1], seed) for image, seed in enumerate(noise_seeds)]
    return np.concatenate([part[0] for part in parts]), merge(np.stack([part[1] for part in parts]))


def outputs_of(layer: PreparedLayer, signs: torch.Tensor) -> torch.Tensor:
    """The layer's outputs for the (B, ...) input signs of calibration images."""
    parts = []
    for batch in signs.split(IMAGES_AT_ONCE):
        shares, _ = read(layer, input_vectors(layer.mapping, batch), [])
        parts.append(layer.finished(shares, batch.shape))
    return torch.cat(parts)
