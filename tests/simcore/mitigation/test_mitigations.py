"""What every pass must keep: one that is listed, in a sparsity level or a row order, is tested here without a line
more."""

from __future__ import annotations

import typing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.design_axes import AdcFit, AdcReference
from simcore.mapping.encodings import ENCODINGS
from simcore.mapping.encodings.base import column_share, share_constants
from simcore.mapping.row_groups import StoredBits, applied_inputs
from simcore.mapping.tiling import map_layer, reordered
from simcore.mitigation.bent_references import BentReferences
from simcore.mitigation.fault_aware_flips import FaultAwareFlips
from simcore.mitigation.fault_aware_rows import FaultAwareRows
from simcore.mitigation.flip_above import FlipAbove
from simcore.mitigation.near_sink import NearSink
from simcore.mitigation.nonuniform_codes import NonuniformCodes
from simcore.mitigation.popcount_term import PopcountTerm
from simcore.mitigation.pruning import Pruning
from simcore.mitigation.re_ranging import re_ranging
from simcore.mitigation.recalibrated_outputs import RecalibratedOutputs
from simcore.mitigation.row_order import ROW_ORDERS
from simcore.mitigation.sets import SPARSITY_LEVELS
from simcore.mitigation.transfer import IDENTITY, ScopeReads
from simcore.mitigation.weight_flip import WeightFlip
from simcore.network.modules import BinaryLayer

PASSES = [
    *{one.name: one for level in SPARSITY_LEVELS.values() for one in level}.values(),
    *ROW_ORDERS.values(),
    Pruning(0.3),
    Pruning(0.99),
    FlipAbove(0.3),
    NearSink((WeightFlip(), FlipAbove(0.7))),
    FaultAwareRows(),
    FaultAwareFlips(),
    *(kind(fit) for kind in (BentReferences, PopcountTerm) for fit in typing.get_args(AdcFit)),
    NonuniformCodes(),
    RecalibratedOutputs(),
    *(re_ranging(reference, fit) for reference in typing.get_args(AdcReference) for fit in typing.get_args(AdcFit)),
]
NAMES = [one.name for one in PASSES]
quick = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def row_groups(draw):
    """(B, N) calibration inputs of +1, -1 and 0 (padding), and (N, M) bits, each row and column leaning its own way."""
    rows, columns, batch = draw(st.integers(1, 40)), draw(st.integers(1, 9)), draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    inputs = np.where(rng.random((batch, rows)) < rng.random(rows), 1, -1)
    padded = rng.random((batch, rows)) < draw(st.sampled_from([0.0, 0.3, 1.0]))
    return np.where(padded, 0, inputs).astype(np.int8), (rng.random((rows, columns)) < rng.random(columns)).astype(
        np.uint8
    )


@pytest.mark.parametrize("flipped", [False, True], ids=["plain", "flipped before"])
@pytest.mark.parametrize("mitigation", PASSES, ids=NAMES)
class TestStore:
    @quick
    @given(case=row_groups())
    def test_what_is_stored_are_bits_of_the_same_cells(self, mitigation, flipped, case):
        vectors, weights = case
        before = start(weights, vectors, flipped)
        kept = mitigation.store(before, vectors)
        for bits in (kept.bits, kept.digital):
            assert bits.shape == weights.shape and bits.dtype == np.uint8 and bits.max(initial=0) <= 1
        assert kept.flips.shape == weights.shape[1:] and kept.flips.dtype == bool
        assert kept.expected.shape == weights.shape and kept.expected.dtype == np.float64
        assert ((0 <= kept.expected) & (kept.expected <= 1)).all()
        assert (kept.expected[kept.bits == kept.digital] == 0).all()
        assert kept.flip_above > 0
        np.testing.assert_array_equal(kept.digital ^ kept.flips, weights)
        np.testing.assert_array_equal(before.bits, start(weights, vectors, flipped).bits)  # not written over

    @quick
    @given(case=row_groups())
    def test_ideal_arithmetic_stays_but_for_pruned_cells_whose_error_is_zero_on_average(
        self, mitigation, flipped, case
    ):
        vectors, weights = case
        kept = mitigation.store(start(weights, vectors, flipped), vectors)
        applied, valid = applied_inputs(vectors, kept.flip_above), (vectors != 0).astype(float)
        sums = applied.bits.astype(float) @ kept.bits + valid @ kept.expected
        shares = column_share(sums, applied.bits.sum(axis=1)[:, None], share_constants(valid, kept.digital))
        found = applied.signs[:, None] * np.where(kept.flips, -1, 1) * shares
        exact = vectors.astype(int) @ (2 * weights.astype(int) - 1)
        if (kept.bits == kept.digital).all():
            np.testing.assert_array_equal(found, exact)
        else:
            error = applied.signs[:, None] * (found - exact)
            np.testing.assert_allclose(error.mean(axis=0), 0, atol=1e-9)


def start(weights, vectors, flipped):
    """Bits as a pass may find them."""
    stored = StoredBits.plain(weights)
    return WeightFlip().store(stored, vectors) if flipped else stored


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("mitigation", PASSES, ids=NAMES)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6), channels=st.integers(1, 9), kernel=st.sampled_from([1, 2, 3]), rows=st.integers(1, 20)
)
def test_an_order_is_a_permutation_of_the_rows(mitigation, encoding, seed, channels, kernel, rows):
    rng = np.random.default_rng(seed)
    weight = rng.choice(np.array([-1, 1], np.int8), (5, channels, kernel, kernel))
    mapping = map_layer(BinaryLayer("conv", "conv2d", weight, (1, 1), (0, 0)), encoding, rows, rows)
    vectors = rng.choice(np.array([-1, 0, 1], np.int8), (30, len(mapping.order)))
    order = mitigation.order(mapping, vectors)
    if order is not None:
        assert sorted(order.tolist()) == list(range(len(mapping.order)))
        moved = reordered(mapping, order)
        np.testing.assert_array_equal(moved.weights, mapping.weights[order])
        np.testing.assert_array_equal(moved.signs, mapping.signs[:, order])


@pytest.mark.parametrize("mitigation", PASSES, ids=NAMES)
@quick
@given(seed=st.integers(0, 10**6), reads=st.integers(1, 50), columns=st.integers(1, 5), largest=st.integers(0, 30))
def test_perfect_reads_need_no_line(mitigation, seed, reads, columns, largest):
    sums = np.random.default_rng(seed).integers(0, largest + 1, (reads, columns)).astype(float)
    found = mitigation.sense(IDENTITY, ScopeReads(sums, sums, sums.max(axis=1)))
    np.testing.assert_allclose(found.measured(sums), sums, atol=1e-9)
