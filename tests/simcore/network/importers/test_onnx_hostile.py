"""ONNX files that are damaged or mean harm: one line, exit code 2, nothing read outside the folder, little memory."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcore.errors import InputError
from simcore.network.importers.onnx import from_onnx
from tests.simcore.network.importers.onnx_files import Graph, folded_mlp, helper, numpy_helper, onnx

Change = Callable[[Any, Path], None]


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    pass


def refused(path: Path) -> str:
    """What is said of a file, in one line, without much memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as caught:
        from_onnx(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # KiB
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(path))
    assert grown < 400 << 10, f"{grown >> 10} MiB"
    return message


def _cycle(model: Any, folder: Path) -> None:
    model.graph.node[0].input[0] = model.graph.node[-1].output[0]


def _self_cycle(model: Any, folder: Path) -> None:
    model.graph.node[2].input[0] = model.graph.node[2].output[0]


def _name_of_two_lines(model: Any, folder: Path) -> None:
    model.graph.node[0].input[1] = "c\n0"


def _missing(model: Any, folder: Path) -> None:
    del model.graph.initializer[0]


def _twice(model: Any, folder: Path) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def _given_twice(model: Any, folder: Path) -> None:
    model.graph.node[1].output[0] = model.graph.node[0].output[0]


def _without_opset(model: Any, folder: Path) -> None:
    del model.opset_import[:]


def _opset(version: int) -> Change:
    def change(model: Any, folder: Path) -> None:
        model.opset_import[0].version = version

    return change


def _domain(model: Any, folder: Path) -> None:
    model.graph.node[1].domain = "com.example"


def _operation(model: Any, folder: Path) -> None:
    model.graph.node[1].op_type = "GridSample"


def _attribute(model: Any, folder: Path) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("padding", 1))


def _branch(model: Any, folder: Path) -> None:
    inner = helper.make_graph([], "inner", [], [])
    model.graph.node[0].attribute.append(helper.make_attribute("then_branch", inner))
    model.graph.node[0].op_type = "If"


def _function(model: Any, folder: Path) -> None:
    model.functions.append(onnx.FunctionProto(name="f", domain="d"))


def _claim(model: Any, folder: Path) -> None:
    """A gibibyte in a kilobyte."""
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([1 << 14, 1 << 14])


def _claim_beyond_all(model: Any, folder: Path) -> None:
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([1 << 40, 1 << 40])


def _negative(model: Any, folder: Path) -> None:
    model.graph.initializer[0].dims[0] = -12


def _nan(model: Any, folder: Path) -> None:
    values = numpy_helper.to_array(model.graph.initializer[0]).copy()
    values[0, 0] = np.nan
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(values, model.graph.initializer[0].name))


def _kind(model: Any, folder: Path) -> None:
    model.graph.initializer[0].data_type = 8


def _unknown_kind(model: Any, folder: Path) -> None:
    model.graph.initializer[0].data_type = 77


def _large_input(model: Any, folder: Path) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1 << 40


def _open_input(model: Any, folder: Path) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "length"


def _no_input(model: Any, folder: Path) -> None:
    del model.graph.input[:]


def _two_inputs(model: Any, folder: Path) -> None:
    model.graph.input.append(helper.make_tensor_value_info("y", 1, [1]))


def _two_outputs(model: Any, folder: Path) -> None:
    model.graph.output.append(helper.make_tensor_value_info("v0_0", 1, None))


def _no_output(model: Any, folder: Path) -> None:
    model.graph.output[0].name = "nothing"


def _external(location: str) -> Change:
    def change(model: Any, folder: Path) -> None:
        (folder.parent / "secret.bin").write_bytes(bytes(10_000))
        (folder / "small.bin").write_bytes(bytes(8))
        if not (folder / "link.bin").exists():
            os.symlink(folder.parent / "secret.bin", folder / "link.bin")
            os.symlink(folder.parent, folder / "up")
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = tensor.EXTERNAL
        tensor.external_data.append(onnx.StringStringEntryProto(key="location", value=location.format(folder=folder)))

    return change


def _external_offset(model: Any, folder: Path) -> None:
    _external("small.bin")(model, folder)
    model.graph.initializer[0].external_data.append(onnx.StringStringEntryProto(key="offset", value="-8"))


HOSTILE: dict[str, tuple[Change, str]] = {
    "cycle": (_cycle, r"node 'MatMul0' \(MatMul\): it is part of a cycle"),
    "a node that takes its own result": (_self_cycle, r"node 'Cast2' \(Cast\): it is part of a cycle"),
    "missing initialiser": (_missing, r"node 'MatMul0' \(MatMul\): it takes 'c0', which is neither"),
    "name of two lines": (_name_of_two_lines, r"the name 'c\\n0' is no text of one line"),
    "initialiser twice": (_twice, "initialiser 'c0': there are two"),
    "value given twice": (_given_twice, "it gives 'v0_0', which is there already"),
    "no opset": (_without_opset, "one version of the standard operations"),
    "opset 9999": (_opset(9999), "opset 9999 is not known here; 7 to"),
    "opset -1": (_opset(-1), "opset -1 is not known here"),
    "opset 6": (_opset(6), "opset 6 is not known here"),
    "unknown domain": (_domain, r"node 'Greater1' \(Greater\): operations of the domain 'com.example'"),
    "unknown operation": (_operation, r"node 'Greater1' \(GridSample\): the operation 'GridSample' is not known"),
    "unknown attribute": (_attribute, r"node 'MatMul0' \(MatMul\): attribute 'padding' is not known"),
    "branch": (_branch, r"node 'MatMul0' \(If\): it has a graph of its own \('then_branch'\)"),
    "function": (_function, "functions of its own"),
    "a gibibyte claimed": (_claim, r"initialiser 'c0': its shape \[16384, 16384\] needs 1073741824 bytes, the file"),
    "more than there is": (_claim_beyond_all, "initialiser 'c0': with it, the initialisers have more than"),
    "negative size": (_negative, "initialiser 'c0': a size is negative"),
    "not a number": (_nan, "initialiser 'c0': it holds a value that is not a finite number"),
    "texts": (_kind, "initialiser 'c0': its type STRING is not read here"),
    "unknown type": (_unknown_kind, "initialiser 'c0': its type 77 is not read here"),
    "large input": (_large_input, "input 'x': its shape .* has more than"),
    "open input": (_open_input, "input 'x': its shape .x. leaves sizes open; say them with --input-shape"),
    "no input": (_no_input, "a network of one input is expected, the graph takes none"),
    "two inputs": (_two_inputs, "the graph takes 'x', 'y'"),
    "two outputs": (_two_outputs, "2 outputs: .*; choose the logits with --logits"),
    "unknown output": (_no_output, "no node gives a value 'nothing'"),
    "external absolute": (_external("/etc/passwd"), "outside the file's folder; nothing is read"),
    "external above": (_external("../secret.bin"), "outside the file's folder; nothing is read"),
    "external above inside": (_external("up/../../secret.bin"), "outside the file's folder; nothing is read"),
    "external link": (_external("link.bin"), "outside the file's folder; nothing is read"),
    "external folder link": (_external("up/secret.bin"), "outside the file's folder; nothing is read"),
    "external nowhere": (_external("nothing.bin"), "which is not there"),
    "external empty": (_external(""), "outside the file's folder; nothing is read"),
    "external folder": (_external("."), "which is not there"),
    "external too small": (_external("small.bin"), "needs 768 bytes, 'small.bin' holds 8 from 0"),
    "external offset": (_external_offset, "offset and length of its data are no whole numbers"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_means_harm_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    change, expected = HOSTILE[name]
    folder = tmp_path / "folder"
    folder.mkdir()
    model = folded_mlp().model()
    change(model, folder)
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    assert re.search(expected, refused(folder / "net.onnx"))


def _growing(op: str, *inputs: Callable[[Graph], str], **attributes: Any) -> Callable[[Graph], None]:
    def add(graph: Graph) -> None:
        graph.add(op, *(given(graph) for given in inputs), **attributes)

    return add


def _large_constant(op: str) -> Callable[[Graph], None]:
    def add(graph: Graph) -> None:
        start = [graph.wholes(1 << 15, 1 << 15)] if op == "ConstantOfShape" else [graph.floats([[1.0]])]
        times = [] if op == "ConstantOfShape" else [graph.wholes(1 << 15, 1 << 15)]
        graph.apart("Add", [graph.apart(op, [*start, *times]), "x"])

    return add


def _many_constants(graph: Graph) -> None:
    """Each of them is small enough."""
    for _ in range(200):
        graph.apart("ConstantOfShape", [graph.wholes(1 << 10, 1 << 10)])
    parts = [node.output[0] for node in graph.nodes]
    graph.apart("Concat", ["x", *parts], axis=0)


GROWING: dict[str, tuple[Callable[[Graph], None], str]] = {
    "ConstantOfShape": (_large_constant("ConstantOfShape"), "ConstantOfShape.* is too large"),
    "Expand": (_large_constant("Expand"), "Expand.* is too large"),
    "Tile": (_large_constant("Tile"), "Tile.* is too large"),
    "many constants": (_many_constants, "constants of 67108864 values are the most"),
    "Expand of the input": (_growing("Expand", lambda g: g.wholes(1, 1 << 15, 6)), "Expand.* does not keep the batch"),
    "Pad": (_growing("Pad", lambda g: g.wholes(0, 0, 0, 1 << 60)), "Pad.* sizes from 0 to"),
    "Reshape": (_growing("Reshape", lambda g: g.wholes(1 << 30, 1 << 30)), "Reshape.* does not hold the values"),
    "Reshape with an unknown": (_growing("Reshape", lambda g: g.wholes(1 << 30, -1)), "Reshape.* does not hold"),
    "outer product": (lambda g: g.add("Mul", g.floats(np.ones((5000, 1, 1)))), "Mul.* mixes the inputs of a batch"),
    "places": (_growing("Gather", lambda g: g.wholes(*[1 << 40] * 3), axis=1), "Gather.* that are not there"),
    "Range": (lambda g: g.apart("Add", [g.apart("Range", [g.array(np.int64(0)), g.array(np.int64(1 << 60)),
              g.array(np.int64(1))]), "x"]), "Range.* too many values"),
}  # fmt: skip


@pytest.mark.parametrize("name", GROWING)
def test_what_a_small_file_makes_large_is_refused_before_it_is_made(tmp_path: Path, name: str) -> None:
    grow, expected = GROWING[name]
    graph = Graph((1, 6))
    grow(graph)
    message = refused(graph.save(tmp_path / "net.onnx"))
    assert re.search(expected, message), message


def test_an_axis_put_in_twice_is_refused(tmp_path: Path) -> None:
    graph = Graph((1, 6))
    graph.add("Unsqueeze", graph.wholes(1, -3))
    assert re.search(r"\(Unsqueeze\): .* axes \[1, -3\] name one twice", refused(graph.save(tmp_path / "net.onnx")))


def test_a_window_that_asks_for_much_work_is_refused(tmp_path: Path) -> None:
    graph = Graph((1, 1, 2048, 2048))
    graph.add("AveragePool", kernel_shape=[1024, 1024])
    graph.add("Flatten")
    assert "its windows hold" in refused(graph.save(tmp_path / "net.onnx"))


def _chain(count: int) -> Graph:
    graph = Graph((1, 6))
    for _ in range(count):
        graph.add("Relu")
    return graph


@pytest.mark.parametrize(("nodes", "expected"), [(100_000, "has 100000 nodes"), (5000, "more than 4096 nodes depend")])
def test_a_graph_of_very_many_nodes_is_refused(tmp_path: Path, nodes: int, expected: str) -> None:
    path = _chain(nodes).save(tmp_path / "net.onnx")
    with pytest.raises(InputError, match=expected):
        from_onnx(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 100, b"not a network\n", bytes(range(256)) * 8])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    refused(tmp_path / "net.onnx")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.onnx", tmp_path):
        with pytest.raises(InputError, match="no such file"):
            from_onnx(path)


def good_or_one_line(path: Path) -> None:
    """A network, or a message of one line: never anything else."""
    try:
        from_onnx(path, images=2)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 1500


@pytest.fixture(scope="module")
def whole() -> bytes:
    return bytes(folded_mlp().model().SerializeToString())


def _altered(whole: bytes, data: Any, folder: Path) -> None:
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        way = data.draw(st.sampled_from(["set", "cut", "drop", "double"]))
        if way == "set":
            content[place] = data.draw(st.integers(0, 255))
        elif way == "cut":
            del content[place + 1 :]
        elif way == "drop":
            del content[place : place + data.draw(st.integers(1, 20))]
        else:
            content[place:place] = content[place : place + data.draw(st.integers(1, 20))]
        content = content or bytearray(b"\0")
    path = folder / "net.onnx"
    path.write_bytes(bytes(content))
    good_or_one_line(path)


_FIXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=6, deadline=None, suppress_health_check=_FIXED)
@given(data=st.data())
def test_an_altered_file_is_a_network_or_refused_in_one_line(whole: bytes, tmp_path: Path, data: Any) -> None:
    _altered(whole, data, tmp_path)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=_FIXED)
@given(data=st.data())
def test_many_altered_files(whole: bytes, tmp_path: Path, data: Any) -> None:
    _altered(whole, data, tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(whole: bytes, tmp_path: Path, share: float) -> None:
    (tmp_path / "net.onnx").write_bytes(whole[: int(share * len(whole))])
    refused(tmp_path / "net.onnx")
