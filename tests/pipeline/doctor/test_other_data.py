"""Networks of tables, sounds and sentences: no alarm as they are, and their mistakes named too."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipeline.doctor.patient import Patient
from pipeline.doctor.suspicions import SUSPICIONS, Finding
from simcore.network.checkpoint import Checkpoint
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork

COUNT, CLASSES = 400, 4


def node(name, op, *inputs, **attrs):
    return Node(name=name, op=op, inputs=inputs, attrs=attrs)


def table(rng, labels):
    """Features of very different sizes, which a batch norm in front scales."""
    centres = rng.normal(size=(CLASSES, 12))
    inputs = (rng.normal(size=(COUNT, 12)) * 0.5 + centres[labels]) * np.arange(1, 13)
    nodes = (
        node("norm", "batch_norm", "input", channels=12),
        node("first", "linear", "norm", in_features=12, out_features=32),
        node("layers.0.fc", "binary_linear", "first", in_features=32, out_features=32),
        node("bn", "batch_norm", "layers.0.fc", channels=32),
        node("head", "linear", "bn", in_features=32, out_features=CLASSES),
    )
    return inputs, nodes


def sound(rng, labels):
    """Waves of other lengths for every class, in noise."""
    times = np.arange(24)
    inputs = np.stack([np.sin((label + 1) * times / 4 + rng.uniform(0, 6)) * np.ones((4, 1)) for label in labels])
    conv = {"in_channels": 16, "out_channels": 16, "kernel": (1, 5), "padding": (0, 2)}
    nodes = (
        node("map", "reshape", "input", shape=(4, 1, 24)),
        node("first", "conv2d", "map", in_channels=4, out_channels=16, kernel=(1, 5), padding=(0, 2)),
        node("bn0", "batch_norm", "first", channels=16),
        node("layers.0.conv", "binary_conv2d", "bn0", **conv),
        node("bn1", "batch_norm", "layers.0.conv", channels=16),
        node("act", "hardtanh", "bn1"),
        node("flat", "flatten", "act"),
        node("head", "linear", "flat", in_features=16 * 24, out_features=CLASSES),
    )
    return inputs + rng.normal(size=inputs.shape) * 0.3, nodes


def words(rng, labels):
    """Half of the tokens are of the class."""
    inputs = np.where(rng.random((COUNT, 8)) < 0.5, labels[:, None] * 5 + rng.integers(0, 5, (COUNT, 8)), 20)
    nodes = (
        node("rows", "embedding", "input", entries=21, features=16),
        node("fc", "binary_linear", "rows", in_features=16, out_features=32),
        node("norm", "layer_norm", "fc", shape=(32,)),
        node("mean", "reduce", "norm", kind="mean", axes=(0,), keep=False),
        node("head", "linear", "mean", in_features=32, out_features=CLASSES),
    )
    return inputs, nodes


@pytest.fixture(scope="module", params=[table, sound, words], ids=lambda make: make.__name__)
def patient(request) -> Patient:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, COUNT)
    values, nodes = request.param(rng, labels)
    inputs, targets = torch.from_numpy(values.astype(np.float32)), torch.from_numpy(labels)
    torch.manual_seed(0)
    network = GraphNetwork(NetworkGraph(nodes=nodes, input_shape=values.shape[1:], classes=CLASSES)).train()
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        functional.cross_entropy(network(inputs), targets).backward()
        optimizer.step()
    network.eval().requires_grad_(False)
    found = Patient(Checkpoint(network, "trained", "0" * 64, {}), inputs, labels, inputs)
    assert found.correct.mean() > 0.85
    return found


def findings(patient: Patient) -> list[Finding]:
    return [finding for suspicion in SUSPICIONS if (finding := suspicion.examine(patient)) is not None]


def test_no_alarm(patient):
    assert findings(patient) == []


def test_labels_off_by_one(patient):
    (found,) = findings(dataclasses.replace(patient, labels=(patient.labels + CLASSES - 1) % CLASSES))
    assert found.name == "labels" and "off by one: each is one below" in found.text
