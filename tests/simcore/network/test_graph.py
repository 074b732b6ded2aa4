"""Graphs as data: the JSON round trip, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.errors import InputError
from simcore.network.definitions import DEFINITIONS, define
from simcore.network.graph import NetworkGraph, Node
from tests.simcore.network.networks import tiny_graph


@st.composite
def graphs(draw: st.DrawFn) -> NetworkGraph:
    """Random chains of operations on a feature map, ended by a classifier."""
    channels, size = draw(st.integers(1, 5)), draw(st.integers(4, 12))
    nodes = [Node(name="start", op="hardtanh", inputs=("input",))]
    shape = (channels, size, size)
    kinds = st.sampled_from(["relu", "prelu", "scale", "batch_norm", "binary_conv2d", "conv2d", "max_pool2d", "add"])
    for number, op in enumerate(draw(st.lists(kinds, max_size=8))):
        attrs: dict[str, Any] = {}
        inputs = (nodes[-1].name,)
        if op in ("prelu", "scale", "batch_norm"):
            attrs = {"channels": shape[0]}
        elif op in ("conv2d", "binary_conv2d"):
            wide = draw(st.integers(1, 6))
            attrs = {"in_channels": shape[0], "out_channels": wide, "kernel": 3, "stride": 1, "padding": 1}
            shape = (wide, *shape[1:])
        elif op == "max_pool2d":
            attrs = {"kernel": 3, "stride": 1, "padding": 1}
        elif op == "add":
            inputs = (nodes[-1].name, nodes[-1].name)
        nodes.append(Node(name=f"node{number}", op=op, inputs=inputs, attrs=attrs))
    classes = draw(st.integers(2, 5))
    nodes.append(Node(name="pool", op="global_avg_pool", inputs=(nodes[-1].name,)))
    dense = {"in_features": shape[0], "out_features": classes, "bias": draw(st.booleans())}
    nodes.append(Node(name="logits", op="linear", inputs=("pool",), attrs=dense))
    return NetworkGraph(nodes=tuple(nodes), input_shape=(channels, size, size), classes=classes)


@settings(max_examples=50, deadline=None)
@given(graph=graphs())
def test_json_round_trip(graph: NetworkGraph) -> None:
    text = graph.to_json()
    again = NetworkGraph.from_json(text)
    assert again.to_json() == text
    assert again.shapes() == graph.shapes()


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_json_round_trip_of_the_defined_networks(name: str) -> None:
    graph = define(name)
    assert NetworkGraph.from_json(graph.to_json()).to_json() == graph.to_json()


def _content() -> dict[str, Any]:
    return json.loads(tiny_graph().to_json())


def _node(content: dict[str, Any], name: str) -> dict[str, Any]:
    return next(node for node in content["nodes"] if node["name"] == name)


@pytest.mark.parametrize(
    ("where", "change", "message"),
    [
        ("first", {"op": "binary_conv"}, "did you mean 'binary_conv2d'"),
        ("first", {"inputs": ["later"]}, "unknown input 'later'"),
        ("first", {"inputs": ["bn0", "bn0"]}, "takes 1 input"),
        ("first", {"name": "bn0"}, "an earlier node has this name"),
        ("first", {"name": "input"}, "'input' is that of the images"),
        ("first", {"name": "../evil"}, "letters, digits and '_', with dots between"),
        ("first", {"name": "layers..conv"}, "letters, digits and '_', with dots between"),
        ("sum", {"inputs": ["stem", "input"]}, "cannot add"),
        ("bn1", {"attrs": {"channels": 5}}, "the input has 4"),
        ("bn1", {"attrs": {"channels": 4, "code": "import os"}}, "unknown attribute of batch_norm .* .known: channels"),
        ("bn1", {"attrs": {"channels": "4"}}, "valid integer"),
        ("bn1", {"attrs": {"channels": 4, "eps": 0.0}}, "greater than 0"),
        ("flat", {"op": "relu"}, "flat"),
        ("bn1", {"op": "clamp", "attrs": {}}, "expected low, high or both"),
        ("normalize", {"attrs": {"mean": [0.5], "std": [1.0]}}, "the input has 2"),
        ("normalize", {"attrs": {"mean": [0.5, 0.5], "std": [1.0, 0.0]}}, "positive"),
        ("logits", {"attrs": {"in_features": 6, "out_features": 4}}, "3 classes"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused(where: str, change: dict[str, Any], message: str) -> None:
    content = _content()
    _node(content, where).update(change)
    with pytest.raises(InputError, match=message) as error:
        NetworkGraph.from_content(content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "attrs",
    [
        {"kernel": 9},
        {"stride": 0},
        {"padding": -1},
        {"out_channels": 10**9},
        {"kernel": [3, 3, 3]},
        {"kernel": True},
        {"padding": 65_000},
    ],
)
def test_a_convolution_that_cannot_be_is_refused(attrs: dict[str, Any]) -> None:
    content = _content()
    _node(content, "second")["attrs"].update({"padding": 0} if attrs == {"kernel": 9} else {}, **attrs)
    with pytest.raises(InputError):
        NetworkGraph.from_content(content)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"nodes": []}', "[" * 100_000, '{"nodes": NaN}'])
def test_text_that_is_no_graph_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        NetworkGraph.from_json(text, where="file")


def test_an_unknown_network_offers_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'vgg-small'"):
        define("vgg-smal")
