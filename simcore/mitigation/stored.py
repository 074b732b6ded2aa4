"""What the arrays of one layer store: flipped and pruned bits of every row group, and the digital constants with
them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.design import Design
from simcore.mapping.tiling import LayerMapping
from simcore.mitigation.flips import flip_columns, flip_inputs, prune_columns


@dataclass(frozen=True)
class StoredGroup:
    """One row group as stored.

    Attributes:
        bits: (N, M) uint8 as stored, flipped and pruned.
        flipped: (N, M) uint8, flipped but not pruned: the digital sums refer to these.
        flips: (M,) bool.
        expected: (N, M) float64, expected applied bit of every pruned cell, 0 elsewhere.
    """

    bits: np.ndarray
    flipped: np.ndarray
    flips: np.ndarray
    expected: np.ndarray


def applied_inputs(vectors: np.ndarray, flip: bool) -> np.ndarray:
    """Applied bits of (B, N) input vectors in {-1, 0, 1} (0: padding), complemented where the design says so."""
    bits = (vectors > 0).astype(np.uint8)
    return flip_inputs(bits, vectors != 0)[0] if flip else bits


def input_signs(vectors: np.ndarray, flip: bool) -> np.ndarray:
    """(B,) -1 for the sub-vectors (B, N) that ``applied_inputs`` complements, else 1."""
    if not flip:
        return np.ones(len(vectors))
    return np.where(flip_inputs((vectors > 0).astype(np.uint8), vectors != 0)[1], -1.0, 1.0)


def store_layer(mapping: LayerMapping, design: Design, vectors: np.ndarray) -> list[StoredGroup]:
    """Store a layer's weights as ``design`` says.

    Args:
        vectors: (B, K) int8 calibration inputs in row order, 0 where padded.
    """
    groups = []
    for group in mapping.groups:
        dense = mapping.weights[group.start : group.stop]
        flipped, flips = flip_columns(dense) if design.flips_weights else (dense, np.zeros(dense.shape[1], dtype=bool))
        bits, expected = flipped, np.zeros(dense.shape)
        if design.prune > 0:
            sub = vectors[:, group.start : group.stop]
            seen = np.maximum((sub != 0).sum(axis=0), 1)
            means = applied_inputs(sub, design.flips_activations).sum(axis=0) / seen
            bits, pruned = prune_columns(flipped, means, design.prune)
            expected = pruned * means[:, None]
        groups.append(StoredGroup(bits, flipped, flips, expected))
    return groups


def digital_constants(
    mapping: LayerMapping, groups: list[StoredGroup], valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Constants of the digital sum for every padding pattern.

    Args:
        valid: (patterns, K) bool.

    Returns:
        (G, patterns, M) float32 N - 2 sum W' + 4 x expected contribution (rounded to an integer), sums over valid
        rows; and (G, patterns) float32 N.
    """
    columns = mapping.weights.shape[1]
    constants = np.empty((len(groups), len(valid), columns), dtype=np.float32)
    rows = np.empty((len(groups), len(valid)), dtype=np.float32)
    for index, (group, stored) in enumerate(zip(mapping.groups, groups, strict=True)):
        mask = valid[:, group.start : group.stop].astype(np.float64)
        rows[index] = mask.sum(axis=1)
        constants[index] = rows[index][:, None] - 2 * (mask @ stored.flipped) + np.rint(4 * (mask @ stored.expected))
    return constants, rows
