"""BinSparX: store and apply fewer +1s, undo it digitally, exactly.

One row group of N inputs against one column: x, w in {-1, +1}, bits X = (x+1)/2, W = (w+1)/2, PS = sum X_i W_i.

    x.w = 4 PS - 2 sum(X) - 2 sum(W) + N

Source: Malhotra and Gupta, arXiv 2412.03553. A row that is not valid (zero padding) is off (X = 0) and counts in none
of sum(X), sum(W) and N; complementing touches valid rows only.
"""

from __future__ import annotations

import numpy as np


def flip_columns(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Static weight sparsification: columns with more than half ones are stored complemented.

    Args:
        weights: (N, C) bits.

    Returns:
        (N, C) stored bits with at most N/2 ones a column, and the (C,) flip bits.
    """
    flips = 2 * weights.sum(axis=0, dtype=np.int64) > weights.shape[0]
    return np.where(flips, 1 - weights, weights).astype(np.uint8), flips


def flip_inputs(inputs: np.ndarray, valid: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Dynamic activation sparsification: sub-vectors with more than half ones are applied complemented.

    Args:
        inputs: (B, N) bits, 0 where a row is not valid.
        valid: (B, N) or (N,) bool; all rows if None.

    Returns:
        (B, N) applied bits with at most (valid rows)/2 ones, and the (B,) flip bits.
    """
    mask = np.broadcast_to(True if valid is None else valid, inputs.shape)
    flips = 2 * inputs.sum(axis=1, dtype=np.int64) > mask.sum(axis=1)
    return np.where(flips[:, None], mask & (inputs == 0), inputs).astype(np.uint8), flips


def prune_columns(weights: np.ndarray, mean_inputs: np.ndarray, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Pruning with the mean-field correction: the least influential stored 1s of each column become 0s.

    A pruned cell's X_i is replaced by its mean p_i, which leaves an error of variance p_i (1 - p_i); the cells of
    smallest variance go first, the lower row first on ties.

    Args:
        weights: (N, C) stored bits.
        mean_inputs: (N,) mean of the applied bits over calibration inputs, in [0, 1].
        fraction: share of each column's ones to prune (rounded down), in [0, 1).

    Returns:
        (N, C) bits, and the (N, C) bool mask of the pruned cells: sum of the masked p_i is the expected contribution to
        add to the partial sum.
    """
    ones = weights.sum(axis=0, dtype=np.int64)
    budget = np.floor(fraction * ones + 1e-9).astype(np.int64)
    influence = mean_inputs * (1.0 - mean_inputs)
    order = np.argsort(influence, kind="stable")
    stored = weights[order] != 0
    pruned_in_order = stored & (np.cumsum(stored, axis=0) <= budget)
    pruned = np.zeros_like(stored)
    pruned[order] = pruned_in_order
    return np.where(pruned, 0, weights).astype(np.uint8), pruned


def reconstruct(
    partial_sum: np.ndarray,
    sum_inputs: np.ndarray,
    sum_weights: np.ndarray,
    valid_rows: np.ndarray | int,
    input_flips: np.ndarray | bool = False,
    weight_flips: np.ndarray | bool = False,
) -> np.ndarray:
    """Dot product of the ±1 vectors from the sensed partial sum of the flipped bits.

    Args:
        partial_sum: (B, C) sum X' W'.
        sum_inputs: (B,) sum X'. sum_weights: (C,) or (B, C) sum W' over valid rows. valid_rows: N, scalar or (B,).
        input_flips: (B,). weight_flips: (C,).

    Returns:
        (B, C) s_w s_x (4 PS' - 2 sum X' - 2 sum W' + N).
    """
    rows = np.asarray(valid_rows)
    plain = (
        4 * partial_sum
        - 2 * np.asarray(sum_inputs)[:, None]
        - 2 * np.asarray(sum_weights)
        + (rows[:, None] if rows.ndim else rows)
    )
    signs = np.where(input_flips, -1, 1).reshape(-1, 1) * np.where(weight_flips, -1, 1).reshape(1, -1)
    return plain * signs
