"""Networks built with brevitas and with bitorch, which the extra ``libraries`` of this project installs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.simcore.network.test_tracing_zoo import Zoo, check

REASON = "is not installed: pip install binsparx[libraries]"


def brevitas_network() -> nn.Module:
    qnn = pytest.importorskip("brevitas.nn", reason=f"brevitas {REASON}")
    from brevitas.quant import SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst

    def conv(inputs: int, outputs: int) -> nn.Module:
        return qnn.QuantConv2d(inputs, outputs, 3, padding=1, bias=False, weight_quant=SignedBinaryWeightPerTensorConst)

    def signs() -> nn.Module:
        return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_impl_type="const")

    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        signs(),
        conv(6, 8),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(8),
        signs(),
        nn.Flatten(),
        qnn.QuantLinear(8 * 16, 5, bias=True, weight_quant=SignedBinaryWeightPerTensorConst),
    )


def bitorch_network() -> nn.Module:
    layers = pytest.importorskip("bitorch.layers", reason=f"bitorch {REASON}")
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        layers.QConv2d(6, 8, 3, padding=1, input_quantization="sign", weight_quantization="sign"),
        nn.BatchNorm2d(8),
        nn.PReLU(),
        layers.QConv2d(8, 8, 3, padding=1, stride=2, input_quantization="approxsign", weight_quantization="swishsign"),
        nn.BatchNorm2d(8),
        nn.Flatten(),
        layers.QLinear(8 * 16, 5, bias=False, input_quantization="steheaviside", weight_quantization="sign"),
    )


LIBRARIES: Zoo = {
    "brevitas": (brevitas_network, (3, 8, 8), 2, 1),
    "bitorch": (bitorch_network, (3, 8, 8), 3, 1),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_network_of_a_library_is_what_its_module_is(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    check(name, LIBRARIES, tmp_path)
