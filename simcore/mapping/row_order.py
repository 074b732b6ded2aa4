"""The ``grouped`` row order: inputs that agree are read together, so that flips leave few ones. Wiring, no cost at run
time.

Take a row group, the majority signs s_v of its sub-vectors and t_c of its columns: what the flips go by. With them

    PS'_vc = sum_i (1 - s_v x_vi)(1 - t_c w_ic) / 4        over the valid rows i of the group,

so the mean partial sum over all vectors and columns is a sum over rows of (valid_i - a_i)(1 - b_i) / 4, where
a_i = mean_v s_v x_vi and b_i = mean_c t_c w_ic say how far row i agrees with its group. Given the majority signs, that
is the cost of every input in every group, and the best seats are a transportation problem; given the seats, new
majorities follow. Both steps in turn are a balanced k-means with signs as centroids; it starts from groups that grow
input by input. Own derivation.

All costs are whole numbers, sums of signs are exact in float32, and nothing is drawn at random: the order is the same
on any machine and number of threads.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

import simcore.kernels  # noqa: F401  (names the folder of cached kernels)
from simcore.kernels.recent import Recent

_ROUNDS = 40
_PRICE_STEPS = 60
_SMALLEST_GAIN = 1e-4  # relative; a round that gains less is the last
_ORDERS = Recent(512)
"""Designs of a sweep share them: device, corner and sparsity play no part."""


def grouped_order(vectors: np.ndarray, weights: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Inputs in an order that puts those which agree into the same row group.

    Args:
        vectors: (B, K) int8 calibration inputs of +1, -1, 0 (padding).
        weights: (K, M) bits.
        sizes: (G,) rows of the groups, K in all.

    Returns:
        (K,) permutation: the inputs of group 0, of group 1, ...; rising inside a group.
    """
    if len(sizes) == 1 or sizes.max() == 1:
        return np.arange(len(weights))
    digest = hashlib.sha256()
    for array in (vectors, weights, sizes):
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return _ORDERS.get(digest.digest(), lambda: _find_order(vectors, weights, sizes)).copy()


def _find_order(vectors: np.ndarray, weights: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    x, w = _signs(vectors, weights)
    best = _in_order(sizes)  # never worse than leaving the inputs where they are
    least = _total(_costs(x, w, best, sizes), best, sizes)
    signs_x, signs_w = x.astype(np.int8), w.astype(np.int8)
    members = _grow(signs_x, signs_w, *_bit_planes(signs_x), *_bit_planes(signs_w), sizes)
    last = np.inf
    for _ in range(_ROUNDS):
        costs = _costs(x, w, members, sizes)
        total = _total(costs, members, sizes)
        if total < least:
            best, least = members, total
        if last - total < _SMALLEST_GAIN * total:
            break
        members, last = _assign(costs, sizes), total
    return np.concatenate([np.sort(group[:size]) for group, size in zip(best, sizes, strict=True)])


def _in_order(sizes: np.ndarray) -> np.ndarray:
    """(G, largest) seats of the inputs as they come."""
    starts = np.cumsum(sizes) - sizes
    return starts[:, None] + np.minimum(np.arange(sizes.max()), sizes[:, None] - 1)


def _signs(vectors: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, B) and (K, M) float32 signs."""
    return np.ascontiguousarray(vectors.T.astype(np.float32)), 2 * weights.astype(np.float32) - 1


def _costs(x: np.ndarray, w: np.ndarray, members: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(K, G) float64 whole numbers: 4 times the partial sums, over all vectors and columns, that each input adds in
    each group."""
    groups = [group[:size] for group, size in zip(members, sizes, strict=True)]
    majority_x = np.sign(np.stack([x[group].sum(axis=0) for group in groups]))
    majority_w = np.sign(np.stack([w[group].sum(axis=0) for group in groups]))
    # A tie is not flipped: the sub-vector is applied as it is, its majority counts as -1.
    majority_x[majority_x == 0], majority_w[majority_w == 0] = -1, -1
    agreement_x = (x @ majority_x.T).astype(np.float64)
    agreement_w = (w @ majority_w.T).astype(np.float64)
    valid = np.count_nonzero(x, axis=1)[:, None]
    costs: np.ndarray = (valid - agreement_x) * (w.shape[1] - agreement_w)
    return costs


def _total(costs: np.ndarray, members: np.ndarray, sizes: np.ndarray) -> float:
    used = np.arange(members.shape[1]) < sizes[:, None]
    return float(costs[members, np.arange(len(sizes))[:, None]][used].sum())


def _assign(costs: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(G, largest) seats of low total cost: prices even out the demand, who loses most by waiting sits first, and pairs
    change places while that pays."""
    priced = costs + _prices(costs, sizes)
    two_best = np.partition(priced, 1, axis=1)
    members = _seat(priced, sizes, np.argsort(two_best[:, 0] - two_best[:, 1], kind="stable"))
    _swap(costs, members, sizes)
    return members


@numba.njit(cache=True)
def _grow(x, w, plus_x, minus_x, plus_w, minus_w, sizes):  # type: ignore[no-untyped-def]
    """(G, largest) first seats: the first input left opens a group, then the one that costs least there joins it.

    Args:
        x: (K, B) int8 signs of the vectors, 0 where padded.
        w: (K, M) int8 signs of the weights.
        plus_x, minus_x, plus_w, minus_w: (K, words) uint64, their +1 and their -1 as bits (``_bit_planes``).
    """
    inputs = len(x)
    members = np.zeros((len(sizes), sizes.max()), np.int64)
    free = np.ones(inputs, np.bool_)
    valid = np.array([np.count_nonzero(row) for row in x])
    for group in range(len(sizes)):
        sums_x, sums_w = np.zeros(x.shape[1], np.int32), np.zeros(w.shape[1], np.int32)
        majority_x, majority_w = np.zeros((2, plus_x.shape[1]), np.uint64), np.zeros((2, plus_w.shape[1]), np.uint64)
        newest = np.argmax(free)
        for place in range(sizes[group]):
            if place > 0:
                least = np.int64(2**62)
                for i in range(inputs):
                    if free[i]:
                        cost = valid[i] - _agreement(plus_x[i], minus_x[i], majority_x)
                        cost *= w.shape[1] - _agreement(plus_w[i], minus_w[i], majority_w)
                        if cost < least:
                            newest, least = i, cost
            members[group, place] = newest
            free[newest] = False
            _join(x[newest], sums_x, majority_x)
            _join(w[newest], sums_w, majority_w)
    return members


@numba.njit(cache=True)
def _join(signs, sums, majority):  # type: ignore[no-untyped-def]
    """Add an input to a group's (D,) sums; ``majority`` (2, words) follows: the bits of positive and negative sums."""
    majority[:] = 0
    for d in range(len(signs)):
        sums[d] += signs[d]
        bit = np.uint64(1) << np.uint64(d % 64)
        if sums[d] > 0:
            majority[0, d // 64] |= bit
        elif sums[d] < 0:
            majority[1, d // 64] |= bit


@numba.njit(cache=True)
def _agreement(plus, minus, majority):  # type: ignore[no-untyped-def]
    """Signs of one input, as two bit planes, that agree with the majority, less those that disagree."""
    total = 0
    for word in range(len(plus)):
        positive, negative = majority[0, word], majority[1, word]
        total += _bits_set((plus[word] & positive) | (minus[word] & negative))
        total -= _bits_set((plus[word] & negative) | (minus[word] & positive))
    return total


@intrinsic
def _bits_set(typingctx: Any, word: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), codegen


def _bit_planes(signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, words) uint64 each: which of (K, D) signs are +1, and which are -1."""
    filled = np.zeros((len(signs), -(-signs.shape[1] // 64) * 64), dtype=np.int8)
    filled[:, : signs.shape[1]] = signs
    plus, minus = (np.packbits(filled == sign, axis=1, bitorder="little").view("<u8") for sign in (1, -1))
    return plus.astype(np.uint64), minus.astype(np.uint64)


@numba.njit(cache=True)
def _prices(costs, sizes):  # type: ignore[no-untyped-def]
    """(G,) prices at which about as many inputs want a group as it has seats."""
    inputs, groups = costs.shape
    spread = 0.0
    for i in range(inputs):
        spread += costs[i].max() - costs[i].min()
    step = 0.5 * spread / inputs
    prices = np.zeros(groups)
    demand = np.zeros(groups, np.int64)
    for _ in range(_PRICE_STEPS):
        demand[:] = 0
        for i in range(inputs):
            best, least = 0, np.inf
            for g in range(groups):
                cost = costs[i, g] + prices[g]
                if cost < least:
                    best, least = g, cost
            demand[best] += 1
        for g in range(groups):
            prices[g] += step * min((demand[g] - sizes[g]) / sizes[g], 1.0)
        step *= 0.93
    return prices


@numba.njit(cache=True)
def _seat(costs, sizes, turns):  # type: ignore[no-untyped-def]
    """Each input in turn takes the cheapest seat that is left."""
    groups = len(sizes)
    members = np.zeros((groups, sizes.max()), np.int64)
    taken = np.zeros(groups, np.int64)
    for i in turns:
        best, least = -1, np.inf
        for g in range(groups):
            if taken[g] < sizes[g] and costs[i, g] < least:
                best, least = g, costs[i, g]
        members[best, taken[best]] = i
        taken[best] += 1
    return members


@numba.njit(cache=True)
def _swap(costs, members, sizes):  # type: ignore[no-untyped-def]
    """Exchange pairs between groups, the best of each two groups first, until no exchange lowers the total."""
    changed = True
    while changed:
        changed = False
        for a in range(len(sizes)):
            for b in range(a + 1, len(sizes)):
                while True:
                    from_a, gain_a = _best_move(costs, members, sizes, a, b)
                    from_b, gain_b = _best_move(costs, members, sizes, b, a)
                    if gain_a + gain_b <= 0:
                        break
                    members[a, from_a], members[b, from_b] = members[b, from_b], members[a, from_a]
                    changed = True


@numba.njit(cache=True)
def _best_move(costs, members, sizes, source, target):  # type: ignore[no-untyped-def]
    """Place in ``source`` of the input that gains most in ``target``, and its gain."""
    best, most = 0, -np.inf
    for place in range(sizes[source]):
        i = members[source, place]
        gain = costs[i, source] - costs[i, target]
        if gain > most:
            best, most = place, gain
    return best, most
