"""Reads of a row group that are solved exactly."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.inference.stored_layers import images_for_calibration, stored_layers
from simcore.technology import circuit_parameters
from tests.simcore.small_networks import make_design


@pytest.mark.parametrize(("device", "gated"), [("8T-SRAM", True), ("1T-1ReRAM-BL", False)])
def test_reads_that_occur_again_are_those_of_every_read_by_itself(checkpoint, dataset, device, gated):
    circuit = circuit_parameters(device, "pessimistic").model_copy(update={"gated": gated})
    design = make_design(circuit, rows=16, cols=8, active_rows=8, layers=("narrow",))
    (layer,) = stored_layers(checkpoint, design, images_for_calibration(checkpoint, design, dataset))
    group = layer.groups[1]
    bits = np.random.default_rng(0).integers(0, 2, (40, group.rows), dtype=np.uint8)
    again = np.concatenate([bits, bits[::-1], np.zeros((3, group.rows), np.uint8), bits[:7]])
    alone = np.concatenate([group.exact_currents(read[None]) for read in again])
    assert np.array_equal(group.exact_currents(again), alone)
