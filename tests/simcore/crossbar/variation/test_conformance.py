"""What every variation must do; ``VARIATIONS`` lists them."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.crossbar import solve
from simcore.crossbar.variation import VARIATIONS
from tests.simcore.crossbar.crossbar_circuits import TOPOLOGIES, make_circuit, random_read


@pytest.mark.parametrize("name", VARIATIONS)
def test_factors_are_drawn_from_the_generator_alone_and_can_be_solved(name):
    read = random_read(make_circuit(TOPOLOGIES[2], "tanh"), 7, 5, batch=2)
    first, again = (VARIATIONS[name].factors(read.circuit, read.weights, np.random.default_rng(3)) for _ in range(2))
    assert (first is None) == (name == "none")
    if first is not None:
        np.testing.assert_array_equal(first, again)
    assert solve(read.circuit, read.weights, read.inputs, factors=first).converged
