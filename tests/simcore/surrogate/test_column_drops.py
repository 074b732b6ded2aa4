"""Sums of the voltage drops along gate-driven columns, against the resistance that every pair of rows shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.crossbar import Circuit, solve
from simcore.surrogate.column_drops import feed_of, pack_rows
from simcore.surrogate.column_fit import ColumnFit, ColumnSums, _terms, _variables, column_sums_of, fit_column_sums

OHMS = st.sampled_from([0.0, 3.0, 50.0, 800.0])


def circuit_of(**changes):
    fields = {"g_on": 5e-5, "g_off": 4e-6, "v_read": 0.3, "r_driver": 70, "r_sink": 90, "r_col": 5, "r_source": 7}
    return Circuit(**{"topology": "gate_driven", **fields, **changes})


def bits_of(rng, shape, density):
    return (rng.random(shape) < density).astype(np.uint8)


def sums_by_pairs(circuit, rows, offset, inputs, weights):
    """S, n, q, q_on and m from K_ik, the resistance that the currents of rows i and k share, pair by pair."""
    place = np.arange(offset, offset + inputs.shape[1])
    later, earlier = np.maximum.outer(place, place), np.minimum.outer(place, place)
    shared = circuit.r_sink + circuit.r_driver + circuit.r_col * (rows - later)
    shared = shared + circuit.r_source * (earlier + 1 if circuit.source_end == "far" else rows - later)
    per_lsb = shared * circuit.on_current() / circuit.v_read
    cell = np.where(weights != 0, 1.0, circuit.off_current() / circuit.on_current())
    drawn = inputs[:, :, None] * cell[None]
    drop = np.einsum("ik,bkm->bim", per_lsb, drawn)
    met = inputs[:, :, None] * weights[None].astype(float)
    return drawn.sum(1), met.sum(1), (drawn * drop).sum(1), (met * drop).sum(1), (drawn * drop**2).sum(1)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    rows=st.integers(1, 70), offset=st.integers(0, 60), columns=st.integers(1, 40), density=st.floats(0, 1),
    end=st.sampled_from(["far", "near"]), r_col=OHMS, r_source=OHMS, r_sink=OHMS, r_driver=OHMS,
    seed=st.integers(0, 99),
)  # fmt: skip
def test_sums_are_those_of_all_pairs_of_rows(
    rows, offset, columns, density, end, r_col, r_source, r_sink, r_driver, seed
):
    circuit = circuit_of(source_end=end, r_col=r_col, r_source=r_source, r_sink=r_sink, r_driver=r_driver)
    rng = np.random.default_rng(seed)
    inputs, weights = bits_of(rng, (9, rows), density), bits_of(rng, (rows, columns), 0.5)
    feed = feed_of(circuit, 131, offset, rows)
    found = column_sums_of(inputs, (pack_rows(weights), None), columns, feed)
    expected = sums_by_pairs(circuit, 131, offset, inputs, weights)
    for name, values in zip(("s", "n", "q", "q_on", "m"), expected, strict=True):
        np.testing.assert_allclose(getattr(found, name), values, rtol=2e-5, atol=1e-6, err_msg=name)


def test_the_kernels_polynomial_is_the_one_that_is_fitted():
    rng = np.random.default_rng(0)
    inputs, weights = bits_of(rng, (50, 40), 0.5), bits_of(rng, (40, 37), 0.5)
    masks, feed = pack_rows(weights), feed_of(circuit_of(), 64, 8, 40)
    known = ColumnSums.joined([column_sums_of(inputs, (masks, None), 37, feed)])
    ranges = np.array([1.3, 0.05, 20, 5], np.float32)  # some reads lie beyond each end
    terms = _terms(_variables(known), 1 / ranges.astype(float))
    for term in range(terms.shape[1]):
        factors = np.zeros(terms.shape[1], np.float32)
        factors[term] = 1
        current = column_sums_of(inputs, (masks, None), 37, feed, ColumnFit(factors, ranges)).current.ravel()
        # Unevenness and excess are differences of numbers near one: float32 leaves them three digits.
        np.testing.assert_allclose(current, known.s * terms[:, term], rtol=1e-3, atol=1e-4, err_msg=str(term))


@pytest.mark.parametrize("end", ["far", "near"])
def test_a_resistance_that_all_cells_share_is_solved_by_the_share_lost_alone(end):
    """Linear cells behind one lumped resistance: S / (1 + kappa S), whatever the rows are."""
    circuit = circuit_of(r_col=0, r_source=0, source_end=end, g_off=0)
    rng = np.random.default_rng(1)
    feed = feed_of(circuit, 32, 0, 32)
    kappa = (circuit.r_sink + circuit.r_driver) * circuit.g_on
    lossy = np.zeros(33, np.float32)
    lossy[[0, 3]] = 1, -1  # P = 1 - tau
    inputs, weights = bits_of(rng, (40, 32), 0.6), bits_of(rng, (32, 20), 0.5)
    fit = ColumnFit(lossy, np.array([1, 1, 1, 1], np.float32))
    found = column_sums_of(inputs, (pack_rows(weights), None), 20, feed, fit)
    np.testing.assert_allclose(found.current, found.s / (1 + kappa * found.s), rtol=1e-5)
    exact = solve(circuit, weights, inputs).sink_currents / circuit.on_current()
    np.testing.assert_allclose(found.current, exact, rtol=1e-5, atol=1e-6)


def fitted_error(circuit, rows, seed=2):
    """Fast minus exact current on reads and columns that the fit has not seen, and their partial sums."""
    rng = np.random.default_rng(seed)
    feed = feed_of(circuit, rows, 0, rows)

    def reads(count, columns):
        inputs = bits_of(rng, (count, rows), 0.9 * rng.random((count, 1)))
        weights = bits_of(rng, (rows, columns), 0.4)
        return inputs, weights, solve(circuit, weights, inputs, tol=1e-9).sink_currents / circuit.on_current()

    inputs, weights, exact = reads(300, 20)
    sums = ColumnSums.joined([column_sums_of(inputs, (pack_rows(weights), None), 20, feed)])
    fit = fit_column_sums(sums, exact.ravel())
    inputs, weights, exact = reads(200, 20)
    found = column_sums_of(inputs, (pack_rows(weights), None), 20, feed, fit)
    return (found.current - exact).ravel(), found.n.ravel()


FORMS = {
    "linear": {},
    "tanh": {"iv": "tanh", "v_nl": 0.28},
    "saturating": {"iv": "saturating", "v_nl": 0.5},
    "sinh OFF": {"iv_off": "sinh", "v_nl_off": 0.25, "v_read": 0.5, "g_off": 1e-5},
}


@pytest.mark.parametrize("form", FORMS)
def test_what_the_fit_misses_is_small_and_does_not_follow_the_partial_sum(form):
    """OFF cells that bend otherwise than ON cells once biased high sums by a tenth of an LSB."""
    error, sums = fitted_error(circuit_of(**FORMS[form]), 48)
    assert np.sqrt((error**2).mean()) < 1e-3
    assert np.abs(error).max() < 0.01
    for low, high in ((0, 3), (3, 8), (8, 14), (14, 49)):
        assert abs(error[(sums >= low) & (sums < high)].mean()) < 5e-4


def test_reads_without_any_current_can_be_fitted():
    feed = feed_of(circuit_of(g_off=0), 8, 0, 8)
    nothing = np.zeros((5, 8), np.uint8)
    masks = pack_rows(np.ones((8, 3), np.uint8))
    sums = ColumnSums.joined([column_sums_of(nothing, (masks, None), 3, feed)])
    fit = fit_column_sums(sums, np.zeros(15))
    assert not column_sums_of(nothing, (masks, None), 3, feed, fit).current.any()


@pytest.mark.parametrize("columns", [1, 31, 32, 33, 100])
def test_packed_rows_hold_every_column_once(columns):
    weights = bits_of(np.random.default_rng(columns), (5, columns), 0.5)
    masks = pack_rows(weights)
    assert masks.shape[1] % 2 == 0
    unpacked = (masks[:, :, None] >> np.arange(16, dtype=masks.dtype)) & 1
    np.testing.assert_array_equal(unpacked.reshape(5, -1)[:, :columns], weights)
    assert not unpacked.reshape(5, -1)[:, columns:].any()
