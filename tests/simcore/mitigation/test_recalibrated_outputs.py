"""Recalibrated outputs: the line of every output, and where it may be folded."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.mitigation.recalibrated_outputs import RecalibratedOutputs, folding_norm
from simcore.network.definitions import DEFINITIONS, define


def test_the_line_of_every_output_is_found():
    rng = np.random.default_rng(0)
    wanted = 30 * rng.standard_normal((5000, 6))
    gains, offsets = np.array([0.5, 0.7, 0.8, 0.9, 1.0, 1.2]), np.array([5.0, -3, 0, 2, 9, 4])
    line = RecalibratedOutputs().afterwards(gains * wanted + offsets, wanted)
    np.testing.assert_allclose(line.scale, 1 / gains, rtol=0.03)
    np.testing.assert_allclose((gains * wanted + offsets) * line.scale + line.shift, wanted, atol=3)


def test_outputs_of_few_reads_lean_on_the_gain_of_the_layer():
    """Of eight reads with noise as large as what they say, an output's own regression errs far more."""
    rng = np.random.default_rng(1)
    wanted = 30 * rng.standard_normal((8, 400))
    delivered = 0.6 * wanted + 15 * rng.standard_normal(wanted.shape)
    line = RecalibratedOutputs().afterwards(delivered, wanted)
    best = 0.6 * 30**2 / (0.6**2 * 30**2 + 15**2)
    centred = delivered - delivered.mean(axis=0)
    own = (centred * wanted).mean(axis=0) / (centred**2).mean(axis=0)
    assert np.abs(line.scale - best).mean() < 0.3 * np.abs(own - best).mean()


def test_what_is_not_delivered_cannot_be_recalibrated():
    nothing = np.zeros((4, 3))
    assert RecalibratedOutputs().afterwards(nothing, nothing + 1) is None
    assert RecalibratedOutputs().afterwards(np.arange(12.0).reshape(4, 3), -np.arange(12.0).reshape(4, 3)) is None


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_binary_layer_of_the_shipped_networks_has_a_norm_to_fold_into(name):
    graph = define(name)
    binary = [node.name for node in graph.nodes if node.op.startswith("binary")]
    places = {layer: folding_norm(graph, layer) for layer in binary}
    assert None not in places.values()
    if name == "vgg-small":
        assert places["bconv1"] == (["pool1"], "bn1") and places["bconv2"] == ([], "bn2")
