"""Small ONNX files, written with the package onnx's own helpers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason='the package onnx is not installed: pip install "binsparx[onnx]"')
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

QONNX = "qonnx.custom_op.general"


class Graph:
    """Nodes and initialisers one after another."""

    def __init__(self, shape: tuple[Any, ...], opset: int = 17, seed: int = 0) -> None:
        self.shape, self.opset = shape, opset
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.rng = np.random.default_rng(seed)
        self.last = "x"

    def array(self, values: Any, name: str = "") -> str:
        name = name or f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def floats(self, values: Any, name: str = "") -> str:
        return self.array(np.asarray(values, np.float32), name)

    def wholes(self, *values: int) -> str:
        return self.array(np.asarray(values, np.int64))

    def normal(self, *shape: int) -> str:
        return self.floats(self.rng.standard_normal(shape))

    def signs(self, *shape: int) -> np.ndarray:
        return np.where(self.rng.random(shape) < 0.5, -1.0, 1.0).astype(np.float32)

    def add(self, op: str, *inputs: str, domain: str = "", name: str = "", outputs: int = 1, **attributes: Any) -> str:
        """A node on the last result and ``inputs``; "x" among them stands for the input of the graph."""
        made = [f"v{len(self.nodes)}_{n}" for n in range(outputs)]
        self.nodes.append(
            helper.make_node(op, [self.last, *inputs], made, name=name or f"{op}{len(self.nodes)}", domain=domain,
                             **attributes)
        )  # fmt: skip
        self.last = made[0]
        return made[0]

    def apart(self, op: str, inputs: list[str], **attributes: Any) -> str:
        """A node on ``inputs`` alone."""
        self.last = inputs[0] if inputs else ""
        if not inputs:
            made = f"v{len(self.nodes)}_0"
            self.nodes.append(helper.make_node(op, [], [made], name=f"{op}{len(self.nodes)}", **attributes))
            self.last = made
            return made
        return self.add(op, *inputs[1:], **attributes)

    def norm(self, channels: int) -> str:
        gamma, beta, mean = (self.normal(channels) for _ in range(3))
        return self.add("BatchNormalization", gamma, beta, mean, self.floats(1 + self.rng.random(channels)))

    def dense(self, inputs: int, outputs: int) -> str:
        return self.add("MatMul", self.normal(inputs, outputs))

    def model(self) -> Any:
        domains = {node.domain for node in self.nodes} - {""}
        return helper.make_model(
            helper.make_graph(
                self.nodes,
                "net",
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(self.shape))],
                [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)],
                self.initializers,
            ),
            opset_imports=[helper.make_opsetid("", self.opset), *(helper.make_opsetid(d, 1) for d in sorted(domains))],
            ir_version=9,
        )

    def save(self, path: Path) -> Path:
        path.write_bytes(self.model().SerializeToString())
        return path


def folded_mlp(open_batch: bool = True) -> Graph:
    """A binary MLP whose batch norms are thresholds, one for each output: x > t, then a scale to -1 and +1."""
    graph = Graph(("N" if open_batch else 1, 12))
    for inputs, outputs in ((12, 16), (16, 8)):
        if inputs != 12:
            graph.add("MatMul", graph.floats(graph.signs(inputs, outputs)))
        else:
            graph.dense(inputs, outputs)
        graph.add("Greater", graph.floats(np.round(graph.rng.standard_normal(outputs)) + 0.5))
        if inputs == 12:
            graph.add("Cast", to=TensorProto.FLOAT)
            graph.add("Mul", graph.floats(2))
            graph.add("Sub", graph.floats(1))
        else:
            graph.add("Where", graph.floats(1), graph.floats(-1))
    graph.add("Gemm", graph.floats(graph.signs(5, 8)), graph.normal(5), transB=1)
    return graph


def sign_conv_net(opset: int = 13, channels: int = 3, size: int = 9, classes: int = 4) -> Graph:
    """Convolutions with BatchNormalization and Sign, strides, groups, dilation and a residual."""
    graph = Graph((1, channels, size, size), opset)
    graph.add("Conv", graph.normal(8, channels, 3, 3), graph.normal(8), pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    shortcut = graph.norm(8)
    graph.add("Sign")
    weights = graph.floats(0.25 * graph.signs(8, 8, 3, 3))
    graph.add("Conv", weights, pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    graph.norm(8)
    graph.add("Add", shortcut)
    graph.add("Sign")
    graph.add("Conv", graph.floats(graph.signs(8, 2, 3, 3)), group=4, dilations=[2, 2], pads=[2, 2, 2, 2])
    graph.norm(8)
    graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    graph.add("Relu")
    graph.add("GlobalAveragePool")
    graph.add("Flatten")
    graph.add("Gemm", graph.normal(classes, 8), graph.normal(classes), transB=1)
    return graph
