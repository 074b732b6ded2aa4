"""Every usual mistake, made on purpose, is named; the networks as they are give no alarm."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from pipeline.doctor.examination import likely
from pipeline.doctor.patient import Patient
from pipeline.doctor.suspicions import SUSPICIONS, Finding
from pipeline.doctor.suspicions.dead_layers import DeadLayers
from simcore.datasets import open_dataset
from simcore.network.checkpoint import find_model, load_checkpoint
from tests.pipeline.doctor import mistakes


def patient_of(images: int) -> Patient:
    checkpoint, dataset = load_checkpoint(find_model("fashion-cnn")), open_dataset("fashion-mnist")
    return Patient.of(checkpoint, dataset, "test", images)


@pytest.fixture(scope="module")
def right() -> Patient:
    return patient_of(300)


def findings(patient: Patient) -> list[Finding]:
    found = [finding for suspicion in SUSPICIONS if (finding := suspicion.examine(patient)) is not None]
    return likely(found, float(patient.correct.mean()))


@pytest.mark.parametrize(
    ("mistake", "name", "text"),
    [
        ("never_scaled", "input scale", "not scaled"),
        ("scaled_twice", "input scale", "scaled twice"),
        ("normalised_otherwise", "input scale", "normalised otherwise"),
        ("labels_off_by_one", "labels", "off by one: each is one above"),
        ("labels_permuted", "labels", "permuted"),
        ("flattened_channels_last", "flatten order", "expected (height, width, channels)"),
        ("transposed_dense", "flatten order", "weights of 'square' look transposed"),
        ("relu_before_a_sign", "sign of zero", "looks like -1 in training"),
        ("bgr", "channel order", "to know BGR"),
    ],
)
def test_a_mistake_is_named_with_what_undoing_it_gives(right, mistake, name, text):
    wrong = getattr(mistakes, mistake)(right)
    found = {finding.name: finding for finding in findings(wrong)}
    assert name in found and text in found[name].text
    assert found[name].accuracy > right.correct.mean() - 0.03 > wrong.correct.mean() - 0.01
    assert set(found) <= {name, "dead layers"}


@pytest.mark.parametrize(
    ("mistake", "text"),
    [
        ("relu_before_a_sign", "inputs of bconv2 have the same sign"),
        ("negative_weights_lost", "weights of bconv3 have"),
    ],
)
def test_layers_that_say_the_same_always_are_named(right, mistake, text):
    found = DeadLayers().examine(getattr(mistakes, mistake)(right))
    assert found is not None and text in found.text


@pytest.mark.parametrize("same", ["copied", "colours"])
def test_the_right_network_gives_no_alarm(right, same):
    patient = getattr(mistakes, same)(right)
    assert np.array_equal(patient.predictions, right.predictions)
    assert findings(patient) == []


def test_few_images_and_a_network_that_guesses_give_no_alarm(right):
    few = dataclasses.replace(right, inputs=right.inputs[:30], labels=right.labels[:30])
    assert findings(few) == []
    guesses = mistakes.copied(right)
    for name, tensor in guesses.network.named_tensors().items():
        if name.endswith("weight") and "conv" in name:
            tensor.copy_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1)))
    assert [finding.name for finding in findings(guesses)] in ([], ["dead layers"])


def test_the_network_is_left_as_it_was(right):
    before = {name: tensor.clone() for name, tensor in right.network.named_tensors().items()}
    findings(right)
    assert all(torch.equal(before[name], tensor) for name, tensor in right.network.named_tensors().items())
