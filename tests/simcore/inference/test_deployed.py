"""The deployed network delivers on arrays what the prepared one does with its outputs recalibrated."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from simcore.design_axes import Adc
from simcore.errors import InputError
from simcore.inference.deployed import deployed
from simcore.inference.evaluation import mapped_logits, prepare
from simcore.network.checkpoint import load_checkpoint, save_checkpoint
from tests.simcore.inference.test_evaluation import pixels_of
from tests.simcore.small_networks import make_design


def recalibrated(checkpoint, dataset, mitigations="recalibrated_outputs"):
    design = make_design(
        corner="pessimistic", rows=32, cols=8, adc=Adc(bits=6, reference="calibrated"), calibration_images=8,
        mitigations=mitigations,
    )  # fmt: skip
    return prepare(checkpoint, design, dataset)


def test_lines_are_folded_into_the_batch_norms(checkpoint, dataset, tmp_path):
    prepared = recalibrated(checkpoint, dataset)
    lines = [layer.outputs for layer in prepared.layers.values() if layer.outputs is not None]
    assert lines and max(abs(line.scale - 1).max() for line in lines) > 0.05
    save_checkpoint(tmp_path / "chip.safetensors", deployed(prepared), {"name": "chip"})
    network = load_checkpoint(tmp_path / "chip.safetensors").network
    bare = {name: dataclasses.replace(layer, outputs=None) for name, layer in prepared.layers.items()}
    images = pixels_of(dataset.read("test", 0, 6)[0])
    with torch.inference_mode():
        wanted = mapped_logits(prepared, images)
        found = mapped_logits(dataclasses.replace(prepared, network=network, layers=bare), images)
        plain = mapped_logits(dataclasses.replace(prepared, layers=bare), images)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)
    assert (plain - wanted).abs().max() > 0.1


def test_without_lines_there_is_nothing_to_deploy(checkpoint, dataset):
    with pytest.raises(InputError, match="recalibrates no outputs"):
        deployed(recalibrated(checkpoint, dataset, "bent_references"))
