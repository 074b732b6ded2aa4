"""BinSparX: store and apply fewer +1s, undo it digitally, exactly.

One row group of N inputs against one column: x, w in {-1, +1}, bits X = (x+1)/2, W = (w+1)/2, PS = sum X_i W_i.

    x.w = 4 PS - 2 sum(X) - 2 sum(W) + N

Source: Malhotra and Gupta, arXiv 2412.03553. A row that is not valid (zero padding) is off (X = 0) and counts in none
of sum(X), sum(W) and N; complementing touches valid rows only.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Integer, Real, UInt8


def flip_columns(
    weights: Integer[np.ndarray, "rows columns"],
) -> tuple[UInt8[np.ndarray, "rows columns"], Bool[np.ndarray, " columns"]]:
    """Static weight sparsification: columns with more than half ones are stored complemented.

    Done once, when a network is written into its arrays. A column with exactly half ones stays as it is.

    Args:
        weights: bits W of one row group, 1 for a weight of +1.

    Returns:
        The stored bits W', with at most half ones a column, and the flip bit of each column.

    Example:
        Two columns of three rows; the first holds two ones and is stored complemented:

        >>> stored, flips = flip_columns(np.array([[1, 0], [1, 0], [0, 1]], np.uint8))
        >>> stored.tolist(), flips.tolist()
        ([[0, 0], [0, 0], [1, 1]], [True, False])
    """
    flips = 2 * weights.sum(axis=0, dtype=np.int64) > weights.shape[0]
    return np.where(flips, 1 - weights, weights).astype(np.uint8), flips


def flip_inputs(
    inputs: Integer[np.ndarray, "reads rows"], valid: Bool[np.ndarray, "*#reads rows"] | None = None
) -> tuple[UInt8[np.ndarray, "reads rows"], Bool[np.ndarray, " reads"]]:
    """Dynamic activation sparsification: sub-vectors with more than half ones are applied complemented.

    Done in every read, by a popcount of the sub-vector and a comparison with half of its valid rows.

    Args:
        inputs: bits X of each read, 0 where a row is not valid.
        valid: rows that hold an input and no padding, of each read or of all reads; all rows if None.

    Returns:
        The applied bits X', at most half of the valid rows at 1, and the flip bit of each read.

    Example:
        Of the first read two of three rows are at 1, of the second one of two valid rows:

        >>> bits = np.array([[1, 1, 0], [1, 0, 0]], np.uint8)
        >>> applied, flips = flip_inputs(bits, np.array([[True, True, True], [True, True, False]]))
        >>> applied.tolist(), flips.tolist()
        ([[0, 0, 1], [1, 0, 0]], [True, False])
    """
    mask = np.broadcast_to(True if valid is None else valid, inputs.shape)
    flips = 2 * inputs.sum(axis=1, dtype=np.int64) > mask.sum(axis=1)
    return np.where(flips[:, None], mask & (inputs == 0), inputs).astype(np.uint8), flips


def prune_columns(
    weights: Integer[np.ndarray, "rows columns"], mean_inputs: Float[np.ndarray, " rows"], fraction: float
) -> tuple[UInt8[np.ndarray, "rows columns"], Bool[np.ndarray, "rows columns"]]:
    """Pruning with the mean-field correction: the least influential stored 1s of each column become 0s.

    A pruned cell's X_i is replaced by its mean p_i, which leaves an error of variance p_i (1 - p_i); the cells of
    smallest variance go first, the lower row first on ties.

    Args:
        weights: stored bits.
        mean_inputs: p_i, the mean of the applied bits over calibration inputs, in [0, 1].
        fraction: share of each column's ones to prune (rounded down), in [0, 1).

    Returns:
        The bits that are left, and a mask of the pruned cells: sum of the masked p_i is the expected contribution to
        add to the partial sum.

    Example:
        Of three ones the two go whose inputs are nearly always the same:

        >>> left, pruned = prune_columns(np.ones((3, 1), np.uint8), np.array([0.02, 0.5, 0.9]), 0.7)
        >>> left.ravel().tolist(), pruned.ravel().tolist()
        ([0, 1, 0], [True, False, True])
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
    partial_sum: Real[np.ndarray, "reads columns"],
    sum_inputs: Integer[np.ndarray, " reads"],
    sum_weights: Integer[np.ndarray, "*#reads columns"],
    valid_rows: Integer[np.ndarray, " reads"] | int,
    input_flips: Bool[np.ndarray, " reads"] | bool = False,
    weight_flips: Bool[np.ndarray, " columns"] | bool = False,
) -> Real[np.ndarray, "reads columns"]:
    """Dot product of the ±1 vectors from the sensed partial sum of the flipped bits.

    s_w s_x (4 PS' - 2 sum(X') - 2 sum(W') + N), with s = -1 where a column or a read was flipped: exact where the
    partial sum is.

    Args:
        partial_sum: PS' = sum X' W', as sensed.
        sum_inputs: sum(X') of each read.
        sum_weights: sum(W') over the valid rows, of each column, or of each read and column where padding differs.
        valid_rows: N, of each read or of all.
        input_flips: reads that were applied complemented.
        weight_flips: columns that are stored complemented.

    Returns:
        x.w of each read and column.

    Example:
        Flips change what the array stores, applies and draws, and not the product:

        >>> x, w = np.array([[1, 1, -1]]), np.array([[1], [1], [1]])
        >>> stored, weight_flips = flip_columns((w > 0).astype(np.uint8))
        >>> applied, input_flips = flip_inputs((x > 0).astype(np.uint8))
        >>> sums = applied.astype(int) @ stored  # what an ideal array senses
        >>> ones = applied.sum(axis=1, dtype=int), stored.sum(axis=0, dtype=int)
        >>> reconstruct(sums, *ones, 3, input_flips, weight_flips).tolist(), (x @ w).tolist()
        ([[1]], [[1]])
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
