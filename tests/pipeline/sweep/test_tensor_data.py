"""Tables, sounds and sentences from the sweep file to the arrays: what a network receives is what was imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from simcore.analysis.tile_read import ReadPlace, tile_read
from simcore.datasets import ImportOptions, ImportRequest, import_dataset
from simcore.errors import InputError
from simcore.inference.evaluation import evaluate, prepare
from simcore.network.accuracy import measure_accuracy
from simcore.network.checkpoint import load_checkpoint, save_checkpoint
from simcore.network.graph import NetworkGraph, Node
from simcore.network.inputs import network_input
from simcore.network.modules import GraphNetwork

RNG = np.random.default_rng(0)
SAMPLES = {
    "table": RNG.normal(size=(60, 12)),
    "sound": RNG.normal(size=(60, 6, 20)),
    "words": RNG.integers(0, 30, (60, 8)),
}
HIDDEN = "layers.0.hidden"


def node(name, op, *inputs, **attrs):
    return Node(name=name, op=op, inputs=inputs, attrs=attrs)


def graph(kind: str) -> NetworkGraph:
    dense = {"in_features": 12, "out_features": 10}
    conv = {"in_channels": 6, "out_channels": 10, "kernel": (1, 3), "padding": (0, 1)}
    nodes = {
        "table": [node(HIDDEN, "binary_linear", "input", **dense), node("pool", "batch_norm", HIDDEN, channels=10)],
        "sound": [
            node("map", "reshape", "input", shape=(6, 1, 20)),
            node(HIDDEN, "binary_conv2d", "map", **conv),
            node("pool", "global_avg_pool", HIDDEN),
        ],
        "words": [
            node("rows", "embedding", "input", entries=30, features=12),
            node(HIDDEN, "binary_linear", "rows", **dense),
            node("pool", "reduce", HIDDEN, kind="mean", axes=(0,), keep=False),
        ],
    }[kind]
    head = node("head", "linear", "pool", in_features=10, out_features=3)
    return NetworkGraph(nodes=(*nodes, head), input_shape=SAMPLES[kind].shape[1:], classes=3)


@pytest.fixture(scope="module", params=list(SAMPLES))
def folder(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    np.savez(folder / "source.npz", x=SAMPLES[request.param], y=np.arange(60) % 3)
    import_dataset(ImportRequest(folder / "source.npz", split_fractions={"test": 0.4}), folder / "data")
    torch.manual_seed(0)
    save_checkpoint(folder / "net.safetensors", GraphNetwork(graph(request.param)).eval(), {"name": "net"})
    (folder / "sweep.yaml").write_text(sweep_text())
    return folder


def sweep_text(layer: str = HIDDEN) -> str:
    return (
        f"name: tensors\nmodels: net.safetensors\nlayers: [{layer}]\ndevices: 8T-SRAM\narrays: 16x8\n"
        "sparsity: binsparx\nadc: {reference: calibrated}\n"
        "dataset: {name: ./data, images: 20, calibration_images: 16}\n"
    )


def test_a_planned_design_runs_on_such_data(folder):
    (point,) = make_plan(load_sweep(str(folder / "sweep.yaml"))).points
    checkpoint, dataset = load_checkpoint(folder / "net.safetensors"), point.dataset
    samples, labels = dataset.read("test", 0, 20)
    ideal = point.design.model_copy(update={"solver": "ideal"})
    with torch.inference_mode():
        plain = checkpoint.network(network_input(samples)).argmax(1).numpy()
    result = evaluate(prepare(checkpoint, ideal, dataset), samples, labels)
    assert np.array_equal(result.predictions, plain) and np.array_equal(result.ideal_predictions, plain)
    lossy = evaluate(prepare(checkpoint, point.design, dataset), samples, labels)
    (layer,) = lossy.layers
    assert layer.layer == HIDDEN and layer.column_reads > 0 and layer.column_current > 0
    read = tile_read(checkpoint, point.design, dataset, ReadPlace(HIDDEN))
    assert read.inputs.shape == (16,) and 0 < read.inputs.sum() < 16


def test_a_layer_is_named_as_its_module_is(folder):
    wrong = folder / "wrong.yaml"
    wrong.write_text(sweep_text("layers.0.hiden"))
    with pytest.raises(InputError, match=r"did you mean 'layers\.0\.hidden'"):
        make_plan(load_sweep(str(wrong)))


@pytest.mark.parametrize("token", [30.0, -1.0, 3.7])
def test_tokens_without_a_row_in_the_table_are_told_of(tmp_path, token):
    samples = np.where(np.arange(60)[:, None] == 50, token, SAMPLES["words"]).astype(np.float32)
    for split, chosen in (("test", slice(40, 60)), ("train", slice(40))):
        np.save(tmp_path / f"x_{split}.npy", samples[chosen])
        np.save(tmp_path / f"y_{split}.npy", np.arange(60)[chosen] % 3)
    dataset = import_dataset(ImportRequest(tmp_path, name="words"), tmp_path / "data")
    network = GraphNetwork(graph("words")).eval()
    save_checkpoint(tmp_path / "net.safetensors", network, {"name": "net"})
    (tmp_path / "sweep.yaml").write_text(sweep_text())
    takes = f"takes whole numbers from 0 to 29, not {token:g}"
    with pytest.raises(InputError, match=f"node 'rows' on split 'test' of data set 'words': .*{takes}"):
        make_plan(load_sweep(str(tmp_path / "sweep.yaml")))
    with pytest.raises(InputError, match=f"node 'rows': .*{takes}"):
        measure_accuracy(network, dataset, "test")


def test_samples_with_their_channels_last_are_told_of(tmp_path):
    np.savez(tmp_path / "source.npz", x=SAMPLES["sound"].transpose(0, 2, 1), y=np.arange(60) % 3)
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "net.safetensors", GraphNetwork(graph("sound")).eval(), {"name": "net"})
    (tmp_path / "sweep.yaml").write_text(sweep_text())
    request = {"source": tmp_path / "source.npz", "split_fractions": {"test": 0.4}}
    import_dataset(ImportRequest(**request), tmp_path / "data")
    with pytest.raises(InputError, match=r"takes inputs of shape \(6, 20\).* are \(20, 6\).*--channels-last"):
        make_plan(load_sweep(str(tmp_path / "sweep.yaml")))
    import_dataset(ImportRequest(**request, options=ImportOptions(channels_last=True)), tmp_path / "data", force=True)
    assert make_plan(load_sweep(str(tmp_path / "sweep.yaml"))).points
