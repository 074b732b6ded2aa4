"""Files of Keras and larq, compared with what TensorFlow gave for them (``larq_sample.py``); files that mean harm."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcore.errors import InputError
from simcore.network.importers.keras import from_keras
from simcore.network.tracing import TracedNetwork

h5py = pytest.importorskip("h5py", reason='h5py is not installed: pip install "binsparx[keras]"')

SAMPLE = Path(__file__).with_name("larq_sample.zip")
LAYERS = {
    "sequential": ["quant_conv2d", "quant_depthwise_conv2d", "quant_conv2d_1", "quant_dense"],
    "functional": ["quant_conv2d_2", "quant_separable_conv2d"],
}


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def largest_difference(traced: TracedNetwork, folder: Path, name: str) -> float:
    with np.load(folder / "logits.npz") as stored:
        inputs, logits = (torch.from_numpy(stored[f"{name}_{part}"]) for part in ("inputs", "logits"))
    found = traced.network(inputs.permute(0, 3, 1, 2))
    assert torch.equal(found.argmax(1), logits.argmax(1))
    return float((found - logits).abs().max())


@pytest.mark.parametrize("name", LAYERS)
def test_logits_are_those_of_tensorflow(folder: Path, name: str) -> None:
    traced = from_keras(folder / f"{name}.h5")
    assert largest_difference(traced, folder, name) < 1e-5
    assert [layer.node for layer in traced.layers if layer.arrays] == LAYERS[name], str(traced)


def change_config(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def changed(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            file.attrs["model_config"] = json.dumps(config)

    return changed


def layer_of(config: dict[str, Any], name: str) -> dict[str, Any]:
    return next(layer for layer in config["config"]["layers"] if layer["config"]["name"] == name)


def setting(name: str, **values: object) -> Callable[[Path], None]:
    return change_config(lambda config: layer_of(config, name)["config"].update(values))


@pytest.mark.parametrize(
    "quantizer", ["ste_sign", "SwishSign", "Larq>approx_sign", {"class_name": "Larq>SteSign", "config": {}}]
)
def test_quantizers_are_known_by_their_names(folder: Path, quantizer: object) -> None:
    """In every way in which larq has written them; what a file says of their making plays no part."""
    setting("quant_dense", kernel_quantizer=quantizer)(folder / "sequential.h5")
    assert largest_difference(from_keras(folder / "sequential.h5"), folder, "sequential") < 1e-5


def test_nodes_as_keras_3_writes_them(folder: Path) -> None:
    def rewritten(config: dict[str, Any]) -> None:
        for layer in config["config"]["layers"]:
            named = [before[0] for node in layer["inbound_nodes"] for before in node]
            tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}} for name in named]
            arguments = [tensors] if len(tensors) > 1 else tensors
            layer["inbound_nodes"] = [{"args": arguments, "kwargs": {}}] if tensors else []
            if "batch_input_shape" in layer["config"]:
                layer["config"]["batch_shape"] = layer["config"].pop("batch_input_shape")
        config["config"]["output_layers"] = config["config"]["output_layers"][0]

    change_config(rewritten)(folder / "functional.h5")
    assert largest_difference(from_keras(folder / "functional.h5"), folder, "functional") < 1e-5


def test_a_depthwise_kernel_as_keras_3_calls_it(folder: Path) -> None:
    with h5py.File(folder / "sequential.h5", "r+") as file:
        group = file["model_weights/quant_depthwise_conv2d"]
        names = list(group.attrs["weight_names"])
        renamed = [name.replace("depthwise_kernel", "kernel") for name in names]
        assert names != renamed
        for before, after in zip(names, renamed, strict=True):
            if before != after:
                group.move(before, after)
        group.attrs["weight_names"] = renamed
    traced = from_keras(folder / "sequential.h5")
    assert largest_difference(traced, folder, "sequential") < 1e-5
    assert [layer.node for layer in traced.layers if layer.arrays] == LAYERS["sequential"]


def test_open_sizes_are_given_by_the_user(folder: Path) -> None:
    def opened(config: dict[str, Any]) -> None:
        for layer in config["config"]["layers"]:
            if "batch_input_shape" in layer["config"]:
                layer["config"]["batch_input_shape"] = [None, None, None, 3]

    change_config(opened)(folder / "sequential.h5")
    with pytest.raises(InputError, match="leaves sizes open; say them with --input-shape"):
        from_keras(folder / "sequential.h5")
    traced = from_keras(folder / "sequential.h5", shape=(3, 12, 12))
    assert largest_difference(traced, folder, "sequential") < 1e-5


def test_the_normalization_becomes_part_of_the_network(folder: Path) -> None:
    path = folder / "sequential.h5"
    plain, normalized = from_keras(path), from_keras(path, ([0.5] * 3, [0.25] * 3))
    images = torch.randint(0, 256, (4, 3, 12, 12)).float()
    expected = plain.network((images / 255 - 0.5) / 0.25)
    assert torch.allclose(normalized.network(images), expected, atol=1e-4)


def _kind(name: str, kind: str) -> Callable[[Path], None]:
    return change_config(lambda config: layer_of(config, name).update(class_name=kind))


def _weights_alone(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]


def _link(path: Path) -> None:
    with h5py.File(path.with_name("other.h5"), "w") as other:
        other["kernel"] = np.ones((6, 5), np.float32)
    with h5py.File(path, "r+") as file:
        group = file["model_weights/quant_dense/quant_dense"]
        del group["kernel:0"]
        group["kernel:0"] = h5py.ExternalLink("other.h5", "/kernel")


def _external(path: Path) -> None:
    path.with_name("secret").write_bytes(bytes(120))
    with h5py.File(path, "r+") as file:
        group = file["model_weights/quant_dense/quant_dense"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", (6, 5), np.float32, external=[(str(path.with_name("secret")), 0, 120)])


def _claim(path: Path) -> None:
    """A gibibyte that was never written."""
    with h5py.File(path, "r+") as file:
        group = file["model_weights/quant_dense/quant_dense"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", (1 << 14, 1 << 14), np.float32)


def _nan(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["model_weights/quant_dense/quant_dense/kernel:0"][0, 0] = np.nan


def _missing(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["model_weights/quant_dense/quant_dense/kernel:0"]


def _without(layer: str, weight: str) -> Callable[[Path], None]:
    """The file does not name an array."""

    def changed(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            attributes = file[f"model_weights/{layer}"].attrs
            attributes["weight_names"] = [name for name in attributes["weight_names"] if f"/{weight}:" not in name]

    return changed


def _softmax_of_maps(path: Path) -> None:
    def changed(config: dict[str, Any]) -> None:
        pool = layer_of(config, "max_pooling2d")
        pool.update(class_name="Softmax", config={"name": "softmax", "axis": 1})

    change_config(changed)(path)


def _shape(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        group = file["model_weights/quant_dense/quant_dense"]
        del group["kernel:0"]
        group["kernel:0"] = np.ones((7, 5), np.float32)


def _cycle(config: dict[str, Any]) -> None:
    layer_of(config, "add")["inbound_nodes"][0][0][0] = "concatenate"


def _unknown_input(config: dict[str, Any]) -> None:
    layer_of(config, "add")["inbound_nodes"][0][0][0] = "nothing"


def _called_with(**keywords: object) -> Callable[[Path], None]:
    def changed(config: dict[str, Any]) -> None:
        layer_of(config, "batch_normalization_5")["inbound_nodes"][0][0][3] = keywords

    return change_config(changed)


def _called_with_in_keras_3(*others: object, **keywords: object) -> Callable[[Path], None]:
    tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": ["conv2d_1", 0, 0]}}

    def changed(config: dict[str, Any]) -> None:
        node = {"args": [tensor, *others], "kwargs": keywords}
        layer_of(config, "batch_normalization_5")["inbound_nodes"] = [node]

    return change_config(changed)


def _prelu(*shape: int) -> Callable[[Path], None]:
    """In place of a norm, on maps of 6 x 6 x 6."""

    def changed(path: Path) -> None:
        _kind("batch_normalization_5", "PReLU")(path)
        with h5py.File(path, "r+") as file:
            group = file["model_weights/batch_normalization_5"]
            group["alpha:0"] = np.full(shape, 0.5, np.float32)
            group.attrs["weight_names"] = ["alpha:0"]

    return changed


@pytest.mark.parametrize(
    "change",
    [
        _called_with(training=False, mask=None),
        _called_with_in_keras_3(mask=None),
        _called_with_in_keras_3(False),
    ],
)
def test_arguments_that_change_nothing_are_passed_over(folder: Path, change: Callable[[Path], None]) -> None:
    change(folder / "functional.h5")
    assert largest_difference(from_keras(folder / "functional.h5"), folder, "functional") < 1e-5


def test_slopes_that_all_places_share(folder: Path) -> None:
    _prelu(1, 1, 6)(folder / "functional.h5")
    assert "prelu" in {node.op for node in from_keras(folder / "functional.h5").network.graph.nodes}


REFUSED: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "lambda": (
        "sequential",
        _kind("flatten", "Lambda"),
        r"layer 'flatten' \(Lambda\): the layer 'Lambda' is not known",
    ),
    "quantizer": ("sequential", setting("quant_dense", kernel_quantizer="mine"), "quantizer 'mine' is not known here"),
    "ternary": ("sequential", setting("quant_conv2d", input_quantizer="ste_tern"), "'ste_tern' is not known here"),
    "code": ("sequential", setting("quant_conv2d", input_quantizer={"class_name": "__import__('os')"}), "is not known"),
    "activation": ("sequential", setting("activation", activation="mish"), "activation 'mish' is not known here"),
    "channels first": ("sequential", setting("conv2d", data_format="channels_first"), "'channels_first' is not known"),
    "padding": ("sequential", setting("conv2d", padding="causal"), "padding 'causal' is not known here"),
    "stride": ("sequential", setting("conv2d", strides=[1 << 40, 1]), "the sizes .*; two whole numbers"),
    "zero stride": ("sequential", setting("conv2d", strides=[0, 0]), r"layer 'conv2d' \(Conv2D\): the sizes \[0, 0\]"),
    "axis": ("sequential", setting("batch_normalization_1", axis=[1]), "it runs along axis 1; the last"),
    "softmax of lines": (
        "sequential",
        _softmax_of_maps,
        r"layer 'softmax' \(Softmax\): it runs along axis 1; the last",
    ),
    "layer of another package": (
        "sequential",
        _kind("conv2d", "MyNet>Conv2D"),
        r"layer 'conv2d' \(MyNet>Conv2D\): the layer 'MyNet>Conv2D' is not known here",
    ),
    "quantizer of another package": (
        "sequential",
        setting("quant_dense", kernel_quantizer="MyPkg>SteSign"),
        "the quantizer 'MyPkg>SteSign' is not known here",
    ),
    "quantizer registered by another package": (
        "sequential",
        setting("quant_dense", kernel_quantizer={"class_name": "SteSign", "registered_name": "MyPkg>SteSign"}),
        "the quantizer 'MyPkg>SteSign' is not known here",
    ),
    "quantizer of another module": (
        "sequential",
        setting("quant_dense", kernel_quantizer={"class_name": "SteSign", "module": "larquer.signs"}),
        "the quantizer 'larquer.signs.SteSign' is not known here",
    ),
    "no bias": (
        "sequential",
        _without("conv2d", "bias"),
        r"layer 'conv2d' \(Conv2D\): use_bias is True, but it holds no",
    ),
    "no bias of a matrix": ("functional", _without("logits", "bias"), "use_bias is True, but it holds no bias"),
    "no gamma": ("sequential", _without("batch_normalization_1", "gamma"), "scale is True, but it holds no gamma"),
    "no beta": ("sequential", _without("batch_normalization_1", "beta"), "center is True, but it holds no beta"),
    "a bias too many": ("sequential", setting("conv2d", use_bias=False), "use_bias is False, but it holds a bias"),
    "grown": ("functional", setting("zero_padding2d", padding=[[0, 65000], [0, 65000]]), "results of more than"),
    "weights alone": ("sequential", _weights_alone, "it has no network .model_config., weights alone perhaps"),
    "link": ("sequential", _link, r"layer 'quant_dense': 'quant_dense/kernel:0' is a link"),
    "external": ("sequential", _external, "says it has 120 bytes, which the file does not hold"),
    "claim": ("sequential", _claim, "says it has 1073741824 bytes, which the file does not hold"),
    "not a number": ("sequential", _nan, "holds a value that is not a finite number"),
    "missing": ("sequential", _missing, "it holds no 'quant_dense/kernel:0'"),
    "shape": ("sequential", _shape, r"layer 'quant_dense' \(QuantDense\): "),
    "training": ("functional", _called_with(training=True), "'batch_normalization_5': it is called with 'training'"),
    "training in Keras 3": ("functional", _called_with_in_keras_3(training=True), "it is called with 'training'"),
    "training by its place": ("functional", _called_with_in_keras_3(True), "called with 'an argument without a name'"),
    "slopes of lines": ("functional", _prelu(6, 1, 1), r"slopes of shape \(6, 1, 1\); one for each channel"),
    "cycle": ("functional", change_config(_cycle), "it is part of a cycle"),
    "unknown input": ("functional", change_config(_unknown_input), "no layer is called 'nothing'"),
}


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        from_keras(path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(path))
    return message


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_expressed_or_means_harm_is_refused_in_one_line(folder: Path, case: str) -> None:
    name, change, expected = REFUSED[case]
    change(folder / f"{name}.h5")
    message = refused(folder / f"{name}.h5")
    assert re.search(expected, message), message


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n" + bytes(100), bytes(range(256)) * 8])
def test_what_is_no_keras_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.h5").write_bytes(content)
    refused(tmp_path / "net.h5")


def _altered(folder: Path, data: Any) -> None:
    """With settings of one layer exchanged for odd ones."""
    odd = st.sampled_from([None, -1, 0, 1 << 40, 1.5, "", "valid", [], [0, 0], [[1]], {}, {"class_name": "x"}, True])

    def change(config: dict[str, Any]) -> None:
        layer = data.draw(st.sampled_from(config["config"]["layers"]))
        part = layer["config"] if data.draw(st.booleans()) else layer
        part[data.draw(st.sampled_from(sorted(part)))] = data.draw(odd)

    name = data.draw(st.sampled_from(sorted(LAYERS)))
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extract(f"{name}.h5", folder)
    change_config(change)(folder / f"{name}.h5")
    try:
        from_keras(folder / f"{name}.h5", images=2)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 1500


_FIXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=4, deadline=None, suppress_health_check=_FIXED)
@given(data=st.data())
def test_an_altered_file_is_a_network_or_refused_in_one_line(tmp_path: Path, data: Any) -> None:
    _altered(tmp_path, data)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=_FIXED)
@given(data=st.data())
def test_many_altered_files(tmp_path: Path, data: Any) -> None:
    _altered(tmp_path, data)
