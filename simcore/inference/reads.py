"""The reads of a prepared layer, by whatever reads its columns."""

from __future__ import annotations

import numpy as np
import torch

from simcore.inference.exact_reads import read_exactly
from simcore.inference.prepared import PreparedLayer
from simcore.inference.stored_layers import IMAGES_AT_ONCE
from simcore.inference.written_operands import holding
from simcore.mapping.tiling import input_vectors
from simcore.readout.fused import read_layer
from simcore.readout.totals import merge


def read(
    layer: PreparedLayer, signs: torch.Tensor, operands: torch.Tensor | None, noise_seeds: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """As ``readout.fused.read_layer``.

    Args:
        layer: the layer.
        signs: (B, ...) of its inputs.
        operands: (B, K, M) signs that are written, an image's before its reads; None of a layer of weights.
        noise_seeds: seeds the converter noise, one an image; none where there is no noise.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    if layer.written is None or operands is None:
        return _read(layer, input_vectors(layer.mapping, signs), noise_seeds)
    parts = []
    for image, operand in enumerate(operands):
        held = holding(layer, layer.written, signs[image], operand)
        parts.append(_read(held, input_vectors(held.mapping, signs[image][None]), noise_seeds[image : image + 1]))
    return _joined(parts)


def _read(layer: PreparedLayer, vectors: np.ndarray, noise_seeds: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Of (B, P, K) int8 input vectors in row order."""
    if layer.groups is not None:
        return read_exactly(layer, layer.groups, vectors, noise_seeds)
    if not noise_seeds:
        return read_layer(layer.tables, vectors)
    return _joined(
        [read_layer(layer.tables, vectors[image : image + 1], seed) for image, seed in enumerate(noise_seeds)]
    )


def _joined(images: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([shares for shares, _ in images]), merge(np.stack([totals for _, totals in images]))


def outputs_of(
    layer: PreparedLayer, signs: torch.Tensor, operands: torch.Tensor | None, noise_seeds: list[int]
) -> torch.Tensor:
    """The layer's outputs for calibration images.

    Args:
        layer: the layer.
        signs: (B, ...) of its inputs.
        operands: as ``read`` takes them.
        noise_seeds: as ``read`` takes them.
    """
    parts = []
    for first in range(0, len(signs), IMAGES_AT_ONCE):
        batch = slice(first, first + IMAGES_AT_ONCE)
        written = None if operands is None else operands[batch]
        shares, _ = read(layer, signs[batch], written, noise_seeds[batch])
        parts.append(layer.finished(shares, signs[batch].shape))
    return torch.cat(parts)
