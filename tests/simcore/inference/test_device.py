"""The device of exact solves: the environment's where the design names none, all the way down to the solver."""

from __future__ import annotations

import pytest

from simcore.crossbar.solvers.torch_relaxation import TorchRelaxation
from simcore.design import Design
from simcore.design_axes import Adc, EvidenceLimits
from simcore.errors import InputError
from simcore.inference.preparation import prepare
from simcore.technology import circuit_parameters
from tests.simcore.small_networks import small_checkpoint, small_dataset


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
def test_what_the_environment_names_solves_everything(device, tmp_path, monkeypatch):
    design = Design(circuit=circuit_parameters(device), rows=16, cols=8, adc=Adc(bits=5), calibration_images=8,
                    evidence=EvidenceLimits(beyond="mark"))  # fmt: skip
    seen = []

    def solve(self, circuit, cells, bits, dtype, limits):
        seen.append(str(self._device))
        return original(self, circuit, cells, bits, dtype, limits)

    original = TorchRelaxation.solve
    monkeypatch.setattr(TorchRelaxation, "solve", solve)
    checkpoint, dataset = small_checkpoint(), small_dataset(tmp_path, test=4)
    monkeypatch.delenv("BINSPARX_DEVICE", raising=False)
    assert prepare(checkpoint, design, dataset).design.device == "numba"
    assert not seen
    monkeypatch.setenv("BINSPARX_DEVICE", "cpu")
    prepared = prepare(checkpoint, design, dataset)
    assert prepared.design.device == "cpu" and set(seen) == {"cpu"}
    assert prepared.design.content() == design.content()
    seen.clear()
    prepare(checkpoint, design.model_copy(update={"device": "numba"}), dataset)
    assert not seen
    monkeypatch.setenv("BINSPARX_DEVICE", "tpu")
    with pytest.raises(InputError, match="BINSPARX_DEVICE: unknown device 'tpu'"):
        prepare(checkpoint, design, dataset)
