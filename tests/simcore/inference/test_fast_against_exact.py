"""The fast solver predicts what the exact one does, image by image, over a whole network."""

from __future__ import annotations

import pytest

from benchmarks.fast_against_exact import AGREEMENT, NETWORK, compare
from simcore.network.checkpoint import model_names


@pytest.mark.slow
@pytest.mark.skipif(
    NETWORK not in model_names(), reason="NO TRAINED NETWORK: fashion-cnn does not ship in this checkout"
)
@pytest.mark.parametrize(
    ("device", "corner", "rows", "sparsity"),
    [
        ("1T-1ReRAM", "pessimistic", 32, "binsparx"),  # once 59 % where the exact solver has 72
        ("1T-1ReRAM", "nominal", 64, "dense"),
        ("8T-SRAM", "nominal", 64, "dense"),
        ("1T-1ReRAM-BL", "nominal", 32, "binsparx"),
    ],
)
def test_both_solvers_predict_the_same(device, corner, rows, sparsity):
    pair = compare(device, corner, rows, sparsity, 200)
    assert pair.exact > 0.5
    assert pair.p_value >= 0.05
    assert pair.same >= AGREEMENT
