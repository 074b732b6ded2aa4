"""ONNX and QONNX files as networks: equal to onnxruntime where it knows their operations, layers where they belong."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from simcore.errors import InputError
from simcore.network.checkpoint import load_checkpoint
from simcore.network.importers.onnx import from_onnx
from simcore.network.tracing import TracedNetwork
from tests.simcore.network.importers.onnx_files import QONNX, Graph, folded_mlp, onnx, sign_conv_net

SHARED = Path(__file__).resolve().parents[5] / "shared" / "networks" / "TFC_1W1A-mnist.onnx"


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    pass


def arrays(traced: TracedNetwork) -> list[str]:
    return [layer.op for layer in traced.layers if layer.arrays]


def runtime_logits(path: Path, images: torch.Tensor) -> torch.Tensor:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: nothing compares with it")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    at_once = taken.shape[0] if isinstance(taken.shape[0], int) else len(images)
    results = [session.run(None, {taken.name: part.numpy()})[0] for part in images.split(at_once)]
    return torch.from_numpy(np.concatenate(results))


def check(graph: Graph, folder: Path, expected: list[str]) -> TracedNetwork:
    path = graph.save(folder / "net.onnx")
    traced = from_onnx(path)
    assert arrays(traced) == expected, str(traced)
    images = torch.randn((20, *traced.network.graph.input_shape), generator=torch.Generator().manual_seed(8))
    found, wanted = traced.network(images), runtime_logits(path, images)
    assert torch.allclose(found, wanted, atol=1e-4, rtol=1e-4)
    assert torch.equal(found.argmax(1), wanted.argmax(1))
    return traced


@pytest.mark.parametrize("open_batch", [True, False])
def test_a_binary_mlp_with_folded_thresholds(tmp_path: Path, open_batch: bool) -> None:
    traced = check(folded_mlp(open_batch), tmp_path, ["binary_linear", "binary_linear"])
    assert [layer.why for layer in traced.layers if not layer.arrays] == ["full precision, inputs and weights"]


@pytest.mark.parametrize("opset", [9, 13, 21])
def test_a_convolutional_network_with_batch_norm_and_sign(tmp_path: Path, opset: int) -> None:
    traced = check(sign_conv_net(opset), tmp_path, ["binary_conv2d", "binary_conv2d"])
    assert [layer.node for layer in traced.layers if layer.arrays] == ["Conv3", "Conv7"]


@pytest.mark.parametrize(("opset", "outputs", "settings"), [(9, 5, {}), (13, 3, {}), (15, 3, {"training_mode": 1})])
def test_a_batch_norm_in_training_is_refused(
    tmp_path: Path, opset: int, outputs: int, settings: dict[str, int]
) -> None:
    """Before opset 14 its outputs alone say so."""
    graph = Graph((1, 6), opset)
    statistics = (graph.normal(6), graph.normal(6), graph.normal(6), graph.floats(np.ones(6)))
    norm = graph.add("BatchNormalization", *statistics, outputs=outputs, **settings)
    graph.apart("Relu", [norm])
    with pytest.raises(InputError, match=r"\(BatchNormalization\): .* statistics of the batch"):
        from_onnx(graph.save(tmp_path / "net.onnx"))


def test_names_are_those_of_weights_or_nodes_even_where_they_are_odd(tmp_path: Path) -> None:
    graph = Graph(("N", 6))
    graph.add("MatMul", graph.floats(graph.rng.standard_normal((6, 5)), "features.0.weight"))
    graph.add("Sign", name="/a/Sign output!")
    graph.add("MatMul", graph.floats(graph.signs(5, 5)), name="forward")
    graph.add("Sign", name="forward.x")
    graph.add("MatMul", graph.floats(graph.signs(5, 3)), name="forward")
    path = graph.save(tmp_path / "net.onnx")
    assert [layer.node for layer in from_onnx(path).layers] == ["features.0", "forward_", "forward__2"]


def _torch_net() -> nn.Module:
    class Signs(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.where(x >= 0, 1.0, -1.0)

    class Popcount(nn.Module):
        """XNOR and popcount of bits: agreements are those of ones and those of zeros."""

        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.register_buffer("bits", (torch.rand(inputs, outputs) < 0.5).float())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            ones = (x >= 0).float()
            agreements = ones @ self.bits + (1 - ones) @ (1 - self.bits)
            return 2 * agreements - self.bits.shape[0]

    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), Signs(), nn.Flatten(), Popcount(144, 10), nn.BatchNorm1d(10),
        Popcount(10, 4), nn.Softmax(1),
    ).eval()  # fmt: skip


@pytest.mark.parametrize("opset", [11, 17])
def test_the_xnor_popcount_form_exported_by_pytorch_is_one_product(tmp_path: Path, opset: int) -> None:
    module, path = _torch_net(), tmp_path / "net.onnx"
    with torch.no_grad():
        torch.onnx.export(
            module, (torch.randn(1, 1, 8, 8),), str(path), dynamo=False, opset_version=opset,
            input_names=["x"], dynamic_axes={"x": {0: "batch"}},
        )  # fmt: skip
    traced = from_onnx(path)
    assert arrays(traced) == ["binary_linear", "binary_linear"], str(traced)
    images = torch.randn(30, 1, 8, 8)
    assert torch.allclose(traced.network(images), module(images), atol=1e-4)


def _quantizer(op: str, *inputs: object, **attributes: object) -> Callable[[Graph], None]:
    def add(graph: Graph) -> None:
        graph.add(op, *(graph.floats(value) for value in inputs), domain=QONNX, **attributes)

    return add


_SIGNS = {
    "BipolarQuant": _quantizer("BipolarQuant", 0.5),
    "Quant of one bit": _quantizer("Quant", 0.5, 0, 1, signed=1, narrow=1, rounding_mode="ROUND"),
    "Quant of one bit without sign": _quantizer("Quant", 1, 0, 1, signed=0, narrow=0, rounding_mode="ROUND"),
    "IntQuant of one bit": _quantizer("IntQuant", 1, 0, 1, signed=1, narrow=0, rounding_mode="ROUND"),
    "MultiThreshold": _quantizer("MultiThreshold", np.linspace(-1, 1, 16)[:, None], out_scale=2.0, out_bias=-1.0),
    "MultiThreshold of bits": _quantizer("MultiThreshold", [[0.25]], out_dtype="BINARY"),
    "Less and Where": lambda g: (g.add("Less", g.floats(0.1)), g.add("Where", g.floats(-1), g.floats(1))),
    "Clip and Sign": lambda g: (g.add("Clip", g.floats(-1), g.floats(1)), g.add("Sign")),
    "Sign, Add, Sign": lambda g: (g.add("Sign"), g.add("Add", g.floats(0.1)), g.add("Sign")),
    "Not of LessOrEqual": lambda g: (g.add("LessOrEqual", g.floats(0)), g.add("Not"), g.add("Cast", to=1)),
    "whole numbers": lambda g: (g.add("GreaterOrEqual", g.floats(0)), g.add("Cast", to=7), g.add("Cast", to=1)),
}


@pytest.mark.parametrize("form", _SIGNS)
def test_signs_in_every_form_put_the_layer_after_them_on_arrays(tmp_path: Path, form: str) -> None:
    graph = Graph(("N", 10))
    graph.dense(10, 16)
    _SIGNS[form](graph)
    graph.add("MatMul", graph.floats(graph.signs(16, 5)))
    assert arrays(from_onnx(graph.save(tmp_path / "net.onnx"))) == ["binary_linear"]


@pytest.mark.parametrize(
    ("mode", "signed"),
    [("ROUND", 0), ("ROUND", 1), ("FLOOR", 1), ("CEIL", 1), ("UP", 1), ("DOWN", 1), ("HALF_UP", 1), ("HALF_DOWN", 1)],
)
def test_more_bits_are_digital(tmp_path: Path, mode: str, signed: int) -> None:
    graph = Graph(("N", 10))
    _quantizer("Quant", 0.3, 1, 3, signed=signed, narrow=signed, rounding_mode=mode)(graph)
    graph.add("MatMul", graph.floats(graph.signs(10, 5)))
    traced = from_onnx(graph.save(tmp_path / "net.onnx"))
    assert not arrays(traced)
    assert "inputs of more than two values" in traced.layers[0].why


def test_several_thresholds_and_xnor_popcount(tmp_path: Path) -> None:
    graph = Graph((1, 4, 6))
    graph.add("MultiThreshold", graph.floats(np.sort(graph.rng.standard_normal((4, 3)))), domain=QONNX, out_scale=0.5,
              data_layout="NCW")  # fmt: skip
    graph.add("Flatten")
    graph.add("MultiThreshold", graph.floats([[0.6]]), domain=QONNX)
    graph.add("XnorPopcountMatMul", graph.floats(graph.signs(24, 5) > 0), domain=QONNX)
    traced = from_onnx(graph.save(tmp_path / "net.onnx"))
    assert arrays(traced) == ["binary_linear"]


@pytest.mark.parametrize(
    ("layout", "shape", "channel"),
    [
        ("", (4,), 1),
        ("NHWC", (4,), 1),
        ("NCW", (4, 4), 1),
        ("NWC", (4, 4), 2),
        ("NHWC", (4, 4), 2),
        ("NCHW", (4, 4), 1),
        ("", (4, 4, 4), 1),
        ("NHWC", (4, 4, 4), 3),
    ],
)
def test_channels_of_thresholds_are_last_where_the_layout_ends_in_them(
    tmp_path: Path, layout: str, shape: tuple[int, ...], channel: int
) -> None:
    thresholds = np.array([[-1, 0], [-0.5, 0.5], [0, 1], [0.25, 2]], np.float32)
    graph = Graph((1, *shape))
    graph.add("MultiThreshold", graph.floats(thresholds), domain=QONNX, **({"data_layout": layout} if layout else {}))
    graph.add("Flatten")
    inputs = torch.randn((20, *shape), generator=torch.Generator().manual_seed(2))
    along = [1 if axis != channel else 4 for axis in range(1 + len(shape))]
    expected = sum((inputs >= torch.from_numpy(step).reshape(along)).float() for step in thresholds.T)
    found = from_onnx(graph.save(tmp_path / "net.onnx")).network(inputs)
    assert torch.equal(found, expected.flatten(1))  # type: ignore[union-attr]


def test_thresholds_of_lines_say_where_their_channels_are(tmp_path: Path) -> None:
    graph = Graph((1, 4, 4))
    graph.add("MultiThreshold", graph.normal(4, 2), domain=QONNX)
    graph.add("Flatten")
    with pytest.raises(InputError, match=r"thresholds for 4 channels of 3 axes without data_layout.*NWC or NCW"):
        from_onnx(graph.save(tmp_path / "net.onnx"))


_OPERATIONS: dict[str, tuple[tuple[int, ...], Callable[[Graph], object]]] = {
    "arithmetic": ((6,), lambda g: (g.add("Mul", g.normal(6)), g.add("Sub", g.normal(1, 6)), g.add("Div", g.floats(3)),
                                    g.add("Abs"), g.add("Sqrt"), g.add("Neg"), g.add("Exp"))),
    "constant first": ((6,), lambda g: (g.apart("Sub", [g.floats(1), "x"]), g.apart("Less", [g.floats(0), g.last]),
                                        g.add("Cast", to=1))),
    "two activations compared": ((6,), lambda g: (g.add("Mul", g.normal(6)), g.add("Greater", "x"),
                                                  g.add("Cast", to=1))),
    "pow and reciprocal": ((6,), lambda g: (g.add("Abs"), g.add("Add", g.floats(1)), g.add("Pow", g.floats(1.5)),
                                            g.add("Reciprocal"))),
    "functions": ((6,), lambda g: [g.add(op) for op in ("Sigmoid", "Tanh", "Floor", "Ceil", "HardSigmoid")]),
    "hardswish and leaky": ((6,), lambda g: (g.add("HardSwish"), g.add("LeakyRelu", alpha=0.3))),
    "rounding": ((6,), lambda g: (g.add("Mul", g.floats(3)), g.add("Round"), g.add("Cast", to=7), g.add("Cast", to=1))),
    "truncating": ((6,), lambda g: (g.add("Mul", g.floats(3)), g.add("Cast", to=7), g.add("Cast", to=1))),
    "whole numbers divided": ((6,), lambda g: (g.add("Mul", g.floats(9)), g.add("Cast", to=7),
                                               g.add("Div", g.wholes(2)), g.add("Cast", to=1))),
    "maxout": ((6,), lambda g: (g.add("Mul", g.normal(6)), g.add("Max", "x"), g.add("Min", g.floats(1)))),
    "prelu": ((4, 3, 3), lambda g: g.add("PRelu", g.normal(4, 1, 1))),
    "clip without a limit": ((6,), lambda g: g.add("Clip", "", g.floats(0.5))),
    "softmax": ((6,), lambda g: (g.add("Softmax", axis=1), g.add("Log"))),
    "log softmax": ((2, 3), lambda g: g.add("LogSoftmax", axis=-1)),
    "layer norm": ((4, 6), lambda g: g.add("LayerNormalization", g.normal(6), g.normal(6), axis=-1)),
    "batch norm of volumes": ((32,), lambda g: (g.add("Reshape", g.wholes(-1, 4, 2, 2, 2)), g.norm(4))),
    "places": ((4, 6), lambda g: (g.add("Transpose", perm=[0, 2, 1]), g.add("Slice", g.wholes(1), g.wholes(2**62),
                                  g.wholes(1), g.wholes(2)), g.add("Unsqueeze", g.wholes(2)),
                                  g.add("Squeeze", g.wholes(2)))),
    "gather": ((4, 6), lambda g: (g.add("Gather", g.wholes(3, 0, 1), axis=1), g.add("Gather", g.array(np.int64(-1)),
                                  axis=2))),
    "split and concat": ((6,), lambda g: (g.add("Split", g.wholes(2, 4), axis=1, outputs=2),
                                          g.add("Concat", f"{g.last[:-1]}1", "x", axis=1))),
    "pad": ((2, 4, 4), lambda g: g.add("Pad", g.wholes(0, 0, 1, 0, 0, 0, 0, 2), g.floats(-1))),
    "expand": ((4, 1), lambda g: g.add("Expand", g.wholes(1, 4, 5))),
    "reduce": ((4, 6), lambda g: (g.add("ReduceSum", g.wholes(2), keepdims=0), g.add("ReduceMax", axes=[1]),
                                  g.add("Concat", "v0_0", axis=1))),
    "matmul of activations": ((4, 6), lambda g: (g.add("Transpose", perm=[0, 2, 1]), g.add("MatMul", "x"))),
    "shuffle": ((4, 4, 4), lambda g: (g.add("SpaceToDepth", blocksize=2), g.add("DepthToSpace", blocksize=2,
                                      mode="CRD"), g.add("DepthToSpace", blocksize=2))),
    "line": ((3, 11), lambda g: (g.add("Conv", g.normal(4, 3, 3), strides=[2], pads=[1, 0]),
                                 g.add("MaxPool", kernel_shape=[2], strides=[2]),
                                 g.add("AveragePool", kernel_shape=[2]))),
    "same upper": ((2, 8, 7), lambda g: g.add("Conv", g.normal(3, 2, 3, 3), strides=[2, 2], auto_pad="SAME_UPPER")),
    "same lower": ((2, 8, 7), lambda g: g.add("Conv", g.normal(3, 2, 2, 4), strides=[3, 2], auto_pad="SAME_LOWER")),
    "one-sided pools": ((2, 7, 7), lambda g: (g.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
                                              g.add("AveragePool", kernel_shape=[2, 2], pads=[1, 0, 0, 0]),
                                              g.add("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1],
                                                    count_include_pad=1))),
    "reaching pools": ((2, 8, 8), lambda g: g.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
    "global max": ((2, 5, 5), lambda g: g.add("GlobalMaxPool")),
    "shape arithmetic": ((2, 3, 4), lambda g: _shaped(g)),
    "made constants": ((6,), lambda g: _made(g)),
}  # fmt: skip


def _shaped(graph: Graph) -> None:
    """What exporters write for x.view(x.shape[0], -1)."""
    graph.apart("Shape", ["x"])
    graph.add("Gather", graph.array(np.int64(0)), axis=0)
    graph.add("Unsqueeze", graph.wholes(0))
    shape = graph.add("Concat", graph.wholes(-1), axis=0)
    graph.apart("Reshape", ["x", shape])


def _made(graph: Graph) -> None:
    """A tensor for each input of the batch, made of the shape, beside a constant node."""
    shape = graph.apart("Shape", ["x"])
    ones = graph.apart("ConstantOfShape", [shape], value=onnx.helper.make_tensor("v", 1, [1], [2.0]))
    added = graph.apart("Add", ["x", ones])
    constant = graph.apart("Constant", [], value_floats=[0.5] * 6)
    graph.apart("Concat", [graph.apart("Mul", [added, constant]), ones], axis=1)


_OF_ONE = ("expand", "shape arithmetic", "made constants", "split and concat", "arithmetic")
_OF_ANY = [name for name in _OPERATIONS if name != "expand"]  # whose shape holds a batch of one


@pytest.mark.parametrize(("batch", "name"), [*((1, name) for name in _OF_ONE), *(("N", name) for name in _OF_ANY)])
def test_operations_give_what_onnxruntime_gives(tmp_path: Path, name: str, batch: object) -> None:
    shape, add = _OPERATIONS[name]
    graph = Graph((batch, *shape))
    add(graph)
    graph.add("Flatten")
    check(graph, tmp_path, [])


@pytest.mark.parametrize("op", ["Equal", "Xor", "Mul"])
@pytest.mark.parametrize("reduction", ["ReduceSum", "ReduceMean"])
def test_xnor_popcount_value_by_value_is_one_product(tmp_path: Path, op: str, reduction: str) -> None:
    graph = Graph(("N", 10))
    graph.dense(10, 24)
    graph.add("GreaterOrEqual", graph.floats(0.1))
    graph.add("Unsqueeze", graph.wholes(1))
    bits = graph.rng.random((5, 24)) < 0.5
    if op == "Xor":
        graph.add("Xor", graph.array(bits))
        graph.add("Not")
        graph.add("Cast", to=onnx.TensorProto.FLOAT)
    else:
        graph.add("Cast", to=onnx.TensorProto.FLOAT)
        graph.add(op, graph.floats(bits if op == "Equal" else 2.0 * bits - 1))
        graph.add("Cast", to=onnx.TensorProto.FLOAT)
    axes = {"axes": [2]} if reduction == "ReduceMean" else {}
    graph.add(reduction, *([] if axes else [graph.wholes(2)]), keepdims=0, **axes)
    check(graph, tmp_path, ["binary_linear"])


def test_a_file_of_tf2onnx(tmp_path: Path) -> None:
    """A network of larq: signs as Sign, Add, Sign; channels moved to and fro; margins of one side."""
    path = Path(__file__).with_name("tf2onnx_sample.onnx")
    traced = from_onnx(path)
    assert arrays(traced) == ["binary_conv2d", "binary_conv2d"]
    images = torch.randn(20, 2, 11, 11)
    assert torch.allclose(traced.network(images), runtime_logits(path, images), atol=1e-4, rtol=1e-4)


def test_a_one_sided_margin_of_zeros_keeps_a_binary_convolution_on_arrays(tmp_path: Path) -> None:
    graph = Graph((1, 4, 8, 8))
    graph.add("BipolarQuant", graph.floats(1), domain=QONNX)
    graph.add("Conv", graph.floats(graph.signs(6, 4, 3, 3)), strides=[2, 2], auto_pad="SAME_UPPER")
    graph.add("Flatten")
    traced = from_onnx(graph.save(tmp_path / "net.onnx"))
    assert arrays(traced) == ["binary_conv2d"] and traced.network.graph.classes == 6 * 16


def test_the_class_a_file_chooses_is_cut_off(tmp_path: Path) -> None:
    graph = folded_mlp()
    graph.add("ArgMax", axis=1)
    traced = from_onnx(graph.save(tmp_path / "net.onnx"))
    assert traced.network.graph.classes == 5
    assert any("chooses the class" in note for note in traced.notes)


@pytest.mark.parametrize(("op", "attributes"), [("ArgMax", {"axis": 1}), ("TopK", {"axis": 1, "outputs": 2})])
def test_a_class_that_is_chosen_of_the_input_itself_is_refused(tmp_path: Path, op: str, attributes: dict) -> None:
    graph = Graph(("N", 6))
    graph.add(op, *[graph.wholes(1)] * (op == "TopK"), **attributes)
    with pytest.raises(InputError, match=rf"\({op}\): it chooses the class of 'x', which no node gives"):
        from_onnx(graph.save(tmp_path / "net.onnx"))


def test_tokens_look_up_a_table(tmp_path: Path) -> None:
    graph = Graph(("N", 7))
    graph.apart("Gather", [graph.normal(9, 4), "x"])
    graph.add("Sign")
    graph.add("Flatten")
    graph.add("MatMul", graph.floats(graph.signs(28, 3)))
    model = graph.model()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert arrays(from_onnx(tmp_path / "net.onnx")) == ["binary_linear"]


def test_tokens_may_come_as_float32(tmp_path: Path) -> None:
    graph = Graph(("N", 7))
    graph.apart("Gather", [graph.normal(9, 4), graph.add("Cast", to=onnx.TensorProto.INT64)])
    graph.add("Flatten")
    graph.dense(28, 3)
    assert from_onnx(graph.save(tmp_path / "net.onnx")).largest_difference < 1e-5


@pytest.mark.parametrize(("op", "axis"), [("Softmax", {}), ("Softmax", {"axis": 1}), ("LogSoftmax", {"axis": 2})])
def test_a_softmax_of_old_opsets_runs_over_all_axes_from_its_own_on(tmp_path: Path, op: str, axis: dict) -> None:
    graph = Graph(("N", 2, 3), opset=11)
    graph.add(op, **axis)
    graph.add("Flatten")
    check(graph, tmp_path, [])


def test_external_data_in_the_folder_are_read(tmp_path: Path) -> None:
    graph = folded_mlp()
    whole = from_onnx(graph.save(tmp_path / "whole.onnx"))
    onnx.save_model(
        graph.model(), str(tmp_path / "apart.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0
    )
    assert from_onnx(tmp_path / "apart.onnx").save(tmp_path / "a") == whole.save(tmp_path / "b")


def test_the_normalization_becomes_part_of_the_network(tmp_path: Path) -> None:
    path = sign_conv_net().save(tmp_path / "net.onnx")
    means, stds = [0.5, 0.4, 0.3], [0.2, 0.3, 0.25]
    traced = from_onnx(path, (means, stds))
    images = torch.randint(0, 256, (10, 3, 9, 9)).float()
    taken = (images / 255 - torch.tensor(means)[:, None, None]) / torch.tensor(stds)[:, None, None]
    assert torch.allclose(traced.network(images), runtime_logits(path, taken), atol=1e-4)


def test_what_is_saved_is_what_was_compared(tmp_path: Path) -> None:
    traced = from_onnx(folded_mlp().save(tmp_path / "net.onnx"))
    digest = traced.save(tmp_path / "net.safetensors")
    loaded = load_checkpoint(tmp_path / "net.safetensors")
    images = torch.randn(5, 12)
    assert loaded.digest == digest and torch.equal(loaded.network(images), traced.network(images))


def test_the_network_of_the_qonnx_zoo(tmp_path: Path) -> None:
    if not SHARED.is_file():
        pytest.skip(f"NO QONNX FILE: {SHARED} is not there, a network that nobody here made is not compared")
    traced = from_onnx(SHARED, ([0.0], [1.0]), images=64)
    assert arrays(traced) == ["binary_linear"] * 4
    assert traced.largest_difference < 1e-4 and traced.images == 64
    assert math.prod(traced.network.graph.input_shape) == 784


def test_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r'needs the package onnx: pip install "binsparx\[onnx\]"'):
        from_onnx(folded_mlp().save(tmp_path / "net.onnx"))
