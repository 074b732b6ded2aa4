"""What every encoding reads, held to its published reconstruction (rpelke/analog-cim-sim, arXiv 2505.14303; zero-one:
arXiv 2412.03553): the dot product of analog readings [ ] and of what the digital side knows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.encodings import ENCODINGS, Encoding

# From [ ], (reads, conversions), the sum of the inputs, those of the outputs' weights, and N; None: it need not be
# known.
FORMULAS: dict[str, Callable] = {
    "zero_one": lambda read, x, w, n: 4 * read[0] - (x + n) - (w + n) + n,
    "complement": lambda read, x, w, n: -(4 * read[0] - (x + n) - (n - w) + n),
    "two_cycles": lambda read, x, w, n: 2 * (read[0] - read[1]) - x,
    "differential": lambda read, x, w, n: 2 * (read[0, 0::2] - read[0, 1::2]) - w,
    "current_difference": lambda read, x, w, n: 2 * read[0] - w,
    "xnor_rows": lambda read, x, w, n: 2 * read[0] - n,
    "xnor_differential": lambda read, x, w, n: read[0, 0::2] - read[0, 1::2],
    "xnor_current_difference": lambda read, x, w, n: read[0],
}


@st.composite
def signs(draw):
    """(K, M) weights and (K,) inputs of ±1."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    inputs, outputs, share = draw(st.integers(1, 40)), draw(st.integers(1, 9)), draw(st.floats(0, 1))
    weights, given_signs = rng.random((inputs, outputs)), rng.random(inputs)
    return np.where(weights < share, 1, -1), np.where(given_signs < 1 - share, 1, -1)


def driven_and_stored(encoding: Encoding, weights: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(reads, rows) bits that drive the rows and (rows, columns) bits of the cells."""
    order, given_signs = encoding.row_inputs(len(inputs))
    return (inputs[order] * given_signs > 0).astype(int), encoding.stored_bits((weights > 0).astype(np.uint8)).astype(
        int
    )


def test_every_encoding_has_its_formula() -> None:
    assert list(FORMULAS) == list(ENCODINGS)


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
class TestFormulas:
    @settings(max_examples=50, deadline=None, derandomize=True)
    @given(case=signs())
    def test_the_digital_side_needs_what_the_encoding_says(self, encoding: Encoding, case) -> None:
        weights, inputs = case
        driven, stored = driven_and_stored(encoding, weights, inputs)
        found = FORMULAS[encoding.name](
            encoding.converted(driven @ stored),
            inputs.sum() if encoding.counts_inputs else None,
            weights.sum(axis=0) if encoding.counts_weights else None,
            len(inputs),
        )
        np.testing.assert_array_equal(found, inputs @ weights)

    @settings(max_examples=50, deadline=None, derandomize=True)
    @given(case=signs())
    def test_it_takes_the_cells_and_reads_that_it_says(self, encoding: Encoding, case) -> None:
        weights, inputs = case
        driven, stored = driven_and_stored(encoding, weights, inputs)
        (count, outputs) = weights.shape
        assert driven.shape == (encoding.reads_a_position, count * encoding.rows_an_input)
        assert stored.shape == (count * encoding.rows_an_input, outputs * encoding.columns_an_output)
        sums = encoding.converted(driven @ stored)
        assert sums.shape[1] * encoding.columns_a_conversion == stored.shape[1]
        assert np.ptp(sums) <= encoding.span_of_sums(len(stored))
        if encoding.balanced:
            assert (driven.sum(axis=1) == count).all() and 2 * count == driven.shape[1]
            assert (stored.sum(axis=0) == count).all() and 2 * count == len(stored)

    def test_complemented_rows_are_counted(self, encoding: Encoding) -> None:
        """An input of +1 leaves those rows off that are given its complement."""
        driven, _ = driven_and_stored(encoding, np.ones((3, 1)), np.ones(3))
        assert encoding.inverted_rows == (driven == 0).any(axis=0).mean()
