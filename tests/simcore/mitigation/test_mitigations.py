"""What every pass must keep: one that is listed, in a sparsity level or a row order, is tested here without a line
more."""

from __future__ import annotations

import dataclasses
import typing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.cost import LayerActivity, Tile, resolve
from simcore.cost_options import CostOptions
from simcore.design import Design
from simcore.design_axes import Adc, AdcFit, AdcReference
from simcore.encodings import ENCODINGS
from simcore.mapping.column_share import column_share, share_constants
from simcore.mapping.row_groups import StoredBits
from simcore.mapping.tiling import map_layer, reordered
from simcore.mitigation.base import StoredRows
from simcore.mitigation.bent_references import BentReferences
from simcore.mitigation.digital_table import DigitalTable
from simcore.mitigation.fault_aware_flips import FaultAwareFlips
from simcore.mitigation.fault_aware_rows import FaultAwareRows
from simcore.mitigation.flip_above import FlipAbove
from simcore.mitigation.flips_where_they_pay import WEIGHTS, FlipsWhereTheyPay
from simcore.mitigation.near_sink import NearSink
from simcore.mitigation.nonuniform_codes import NonuniformCodes
from simcore.mitigation.popcount_term import PopcountTerm
from simcore.mitigation.pruning import Pruning
from simcore.mitigation.re_ranging import re_ranging
from simcore.mitigation.recalibrated_outputs import RecalibratedOutputs
from simcore.mitigation.reference_bits import ReferenceBits
from simcore.mitigation.reference_column import ReferenceColumn
from simcore.mitigation.row_order import ROW_ORDERS
from simcore.mitigation.sampled_popcount import SampledPopcount
from simcore.mitigation.sets import SPARSITY_LEVELS, store_group
from simcore.mitigation.threshold_grid import ThresholdGrid
from simcore.mitigation.transfer import IDENTITY, ScopeReads
from simcore.mitigation.weight_flip import WeightFlip
from simcore.mitigation.wide_terminals import WideDriver, WideSink
from simcore.network.modules import BinaryLayer
from simcore.technology import circuit_parameters
from simcore.technology.devices import load_bitcell

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
    *(DigitalTable(fit, 3, 40) for fit in typing.get_args(AdcFit)),
    ThresholdGrid(2),
    *(ReferenceBits(4, 40, re_ranging(reference, "unbiased")) for reference in typing.get_args(AdcReference)),
    ReferenceColumn(),
    SampledPopcount(3),
    FlipsWhereTheyPay(True, True, re_ranging("calibrated", "unbiased")),
    WideSink(2.0),
    WideDriver(3.0),
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
        applied, valid = kept.apply(vectors), (vectors != 0).astype(float)
        sums = applied.bits.astype(float) @ kept.bits + valid @ kept.expected
        shares = column_share(sums, applied.bits.sum(axis=1)[:, None], share_constants(valid, kept.digital))
        found = applied.signs[:, None] * np.where(kept.flips, -1, 1) * shares
        exact = vectors.astype(int) @ (2 * weights.astype(int) - 1)
        if (kept.bits == kept.digital).all():
            np.testing.assert_array_equal(found, exact)
        else:
            error = applied.signs[:, None] * (found - exact)
            np.testing.assert_allclose(error.mean(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize("mitigation", PASSES, ids=NAMES)
@quick
@given(case=row_groups(), seed=st.integers(0, 10**6), constant=st.booleans())
def test_around_faults_the_digital_side_keeps_the_weights(mitigation, case, seed, constant):
    """Pruned cells that are never on in calibration are pruned too: nothing is expected of them."""
    vectors, weights = case
    vectors = -np.abs(vectors) if constant else vectors
    before = store_group(weights, [WeightFlip(), Pruning(0.5)], vectors)
    held = np.random.default_rng(seed).choice(np.array([-1, 0, 1], np.int8), weights.shape)
    kept = mitigation.around_faults(before, held)
    np.testing.assert_array_equal(kept.digital ^ kept.flips, weights)
    np.testing.assert_array_equal(kept.digital != kept.bits, before.digital != before.bits)


@pytest.mark.parametrize(("flipped", "left_out"), [(0.2498, WEIGHTS), (0.23, frozenset())])
def test_a_flip_that_takes_less_than_a_hundredth_of_an_lsb_goes(monkeypatch, flipped, left_out):
    """Of the rms error: of a mean square it would be a tenth of that here."""
    mitigation = FlipsWhereTheyPay(True, False, re_ranging("calibrated", "unbiased"))
    squared = {WEIGHTS: 0.25, frozenset(): flipped}
    monkeypatch.setattr(FlipsWhereTheyPay, "_squared_error", lambda _, without, vectors: squared[without])
    assert mitigation.left_out(lambda without: StoredRows(None, np.zeros((1, 1), np.int8), [without])) == left_out


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


@pytest.mark.parametrize("mitigation", PASSES, ids=NAMES)
@quick
@given(seed=st.integers(0, 10**6), reads=st.integers(1, 60), columns=st.integers(1, 5), noise=st.floats(0, 20))
def test_a_table_of_sums_serves_every_count_and_rises_with_the_code(mitigation, seed, reads, columns, noise):
    rng = np.random.default_rng(seed)
    applied = rng.integers(0, 41, reads)
    sums = rng.binomial(applied[:, None], 0.5, (reads, columns)).astype(float)
    measured = 0.7 * sums + 0.1 * applied[:, None] + noise * rng.standard_normal(sums.shape)
    table = mitigation.tabulate(measured, ScopeReads(measured, sums, applied))
    if table is not None:
        assert table.rows_each >= 1 and len(table.curves) == 40 // table.rows_each + 1
        for curve in table.curves:
            rises = np.diff(curve.values)
            assert (np.diff(curve.at) > 0).all() and (rises[1:-1] > 0).all()
            assert rises[0] == rises[-1] == 0 <= curve.values[0] and curve.values[-1] <= 40  # sums that there are


@st.composite
def costed_layers(draw):
    """A tile and what a layer did on it."""
    cell = load_bitcell(draw(st.sampled_from(["8T-SRAM", "1T-1ReRAM"])))
    design = Design(
        circuit=circuit_parameters(cell.name), rows=64, cols=64, adc=Adc(bits=draw(st.integers(2, 8))),
        sparsity=draw(st.sampled_from(sorted(SPARSITY_LEVELS))), active_rows=draw(st.sampled_from([16, 64])),
    )  # fmt: skip
    groups, columns, positions = draw(st.integers(1, 9)), draw(st.integers(1, 200)), draw(st.floats(1, 1000))
    driven = draw(st.floats(0, 1)) * positions * groups * design.rows_read_together
    layer = LayerActivity(groups * 16, columns, groups, positions, 1e-5 * positions * groups * columns, driven, 3.0, 5)
    return Tile.of(design, cell.cell), layer


@pytest.mark.parametrize("mitigation", PASSES, ids=NAMES)
@quick
@given(case=costed_layers(), payer=st.sampled_from(["baseline", "binsparx"]))
def test_costs_are_never_negative_and_grow_with_what_a_layer_does(mitigation, case, payer):
    tile, layer = case
    settings = resolve(CostOptions(popcount=payer))
    once = mitigation.cost(tile, layer, settings)
    twice = mitigation.cost(tile, dataclasses.replace(layer, positions=2 * layer.positions,
                            driven_rows=2 * layer.driven_rows), settings)  # fmt: skip
    assert once.energy_J >= 0 and once.area_m2 >= 0
    assert twice.energy_J == pytest.approx(2 * once.energy_J) and twice.area_m2 == once.area_m2
