"""Usual mistakes, made on purpose on a network that ships: each gives the network and the inputs to examine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from pipeline.doctor.patient import Patient
from simcore.network.checkpoint import Checkpoint
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork

MEAN, STD = 0.286, 0.353  # what fashion-cnn normalises with


def with_graph(
    patient: Patient, change: Callable[[Node], list[Node]], input_shape: tuple[int, ...] | None = None
) -> Patient:
    """The network with other nodes in the place of some, which keep their tensors where names and shapes stay."""
    graph = patient.network.graph
    nodes = tuple(new for node in graph.nodes for new in change(node))
    shape = input_shape or graph.input_shape
    network = GraphNetwork(NetworkGraph(nodes=nodes, input_shape=shape, classes=graph.classes))
    old = patient.network.named_tensors()
    for name, tensor in network.named_tensors().items():
        if name in old and old[name].shape == tensor.shape:
            tensor.copy_(old[name])
    return with_network(patient, network)


def with_network(patient: Patient, network: GraphNetwork) -> Patient:
    checkpoint = patient.checkpoint
    network.eval().requires_grad_(False)
    return dataclasses.replace(patient, checkpoint=Checkpoint(network, checkpoint.name, checkpoint.digest, {}))


def copied(patient: Patient) -> Patient:
    """The same with tensors of its own."""
    return with_graph(patient, lambda node: [node])


def attrs(node: Node, **changes: object) -> Node:
    return node.model_copy(update={"attrs": {**node.attrs, **changes}})


def normalised_with(patient: Patient, mean: float, std: float) -> Patient:
    changes = {"mean": (mean,), "std": (std,)}
    return with_graph(patient, lambda node: [attrs(node, **changes)] if node.op == "normalize" else [node])


def never_scaled(patient: Patient) -> Patient:
    return normalised_with(patient, 0.0, 1 / 255)


def scaled_twice(patient: Patient) -> Patient:
    return dataclasses.replace(patient, inputs=patient.inputs / 255, reference=patient.reference / 255)


def normalised_otherwise(patient: Patient) -> Patient:
    return normalised_with(patient, 1.5, 0.9)


def labels_off_by_one(patient: Patient) -> Patient:
    return dataclasses.replace(patient, labels=(patient.labels + 1) % 10)


def labels_permuted(patient: Patient) -> Patient:
    order = np.random.default_rng(0).permutation(10)
    return dataclasses.replace(patient, labels=order[patient.labels])


def padded_with_ones(patient: Patient) -> Patient:
    return with_graph(patient, lambda node: [attrs(node, pad_value=1)] if node.op == "binary_conv2d" else [node])


def padded_with_minus_ones(patient: Patient) -> Patient:
    return with_graph(patient, lambda node: [attrs(node, pad_value=-1)] if node.op == "binary_conv2d" else [node])


def flattened_channels_last(patient: Patient) -> Patient:
    changed = copied(patient)
    weight = changed.network.named_tensors()["linear.weight"]
    weight.copy_(weight.reshape(10, 256, 3, 3).permute(0, 2, 3, 1).reshape(10, -1))
    return changed


def negative_weights_lost(patient: Patient) -> Patient:
    changed = copied(patient)
    changed.network.named_tensors()["bconv3.weight"].abs_()
    return changed


def transposed_dense(patient: Patient) -> Patient:
    """A square dense layer in front of the last one that changes nothing, and its inputs' order transposed."""
    order = torch.from_numpy(np.random.default_rng(0).permutation(256 * 9))

    def change(node: Node) -> list[Node]:
        if node.op != "linear":
            return [node]
        square = {"in_features": 256 * 9, "out_features": 256 * 9, "bias": False}
        return [Node(name="square", op="linear", inputs=node.inputs, attrs=square),
                node.model_copy(update={"inputs": ("square",)})]  # fmt: skip

    changed = with_graph(patient, change)
    tensors = changed.network.named_tensors()
    tensors["linear.weight"].copy_(tensors["linear.weight"][:, order])
    tensors["square.weight"].copy_(torch.eye(256 * 9)[order].t())
    return changed


def relu_before_a_sign(patient: Patient) -> Patient:
    def change(node: Node) -> list[Node]:
        if node.name != "bconv2":
            return [node]
        return [Node(name="relu", op="relu", inputs=node.inputs), node.model_copy(update={"inputs": ("relu",)})]

    return with_graph(patient, change)


def colours(patient: Patient) -> Patient:
    """The network for colour images whose red is the grey image: it looks at red alone."""

    def change(node: Node) -> list[Node]:
        if node.op == "normalize":
            return [attrs(node, mean=(MEAN,) * 3, std=(STD,) * 3)]
        return [attrs(node, in_channels=3)] if node.name == "conv0" else [node]

    changed = with_graph(patient, change, input_shape=(3, 28, 28))
    weight = changed.network.named_tensors()["conv0.weight"]
    weight.zero_()
    weight[:, :1] = patient.network.named_tensors()["conv0.weight"]

    def coloured(grey: torch.Tensor) -> torch.Tensor:
        return torch.cat([grey, 255 - grey, grey.flip(2) / 2], dim=1)

    return dataclasses.replace(changed, inputs=coloured(patient.inputs), reference=coloured(patient.reference))


def bgr(patient: Patient) -> Patient:
    changed = colours(patient)
    return dataclasses.replace(changed, inputs=changed.inputs.flip(1), reference=changed.reference.flip(1))
