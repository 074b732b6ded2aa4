"""``binsparx model import``: what is written loads and sweeps; what is refused leaves nothing behind."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from simcore.network.checkpoint import load_checkpoint
from simcore.technology import devices
from tests.simcore.network.importers.onnx_files import Graph, folded_mlp, sign_conv_net


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Path:
    monkeypatch.chdir(tmp_path)
    sign_conv_net().save(tmp_path / "conv.onnx")
    folded_mlp().save(tmp_path / "mlp.onnx")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["binsparx", "model", "import", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_an_onnx_file_becomes_a_network_that_sweeps(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sign_conv_net(channels=1, size=28, classes=10).save(folder / "grey.onnx")
    normalization = ("--mean", "0.5", "--std", "0.2")
    assert run(monkeypatch, "grey.onnx", *normalization, "-o", "mine.safetensors", "--name", "conv") == 0
    said = capsys.readouterr().out
    for expected in (
        "arrays   binary_conv2d",
        "4 blocks",
        "digital  conv2d",
        "full precision",
        "independent forward pass",
        "written: mine.safetensors",
    ):
        assert expected in said
    loaded = load_checkpoint("mine.safetensors")
    assert loaded.name == "conv" and loaded.metadata["imported_from"]["file"] == "grey.onnx"
    assert loaded.network.graph.nodes[0].op == "normalize"
    Path("sweep.yaml").write_text(
        "name: mine\nmodels: mine.safetensors\ndevices: 8T-SRAM\narrays: 64x64\nsparsity: dense\nadc: {bits: 5}\n"
        "dataset: {name: fashion-mnist, images: 10}\n"
    )
    assert len(make_plan(load_sweep("sweep.yaml")).points) == 1
    assert run(monkeypatch, "grey.onnx", *normalization, "-o", "mine.safetensors") == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("numbers", [("--mean", "0"), ("--mean", "0.5", "--std", "0.5"), ("--std", "0.2")])
def test_one_number_is_that_of_all_channels(folder: Path, monkeypatch: pytest.MonkeyPatch, numbers: tuple) -> None:
    assert run(monkeypatch, "conv.onnx", *numbers, "-o", "mine.safetensors") == 0
    assert len(load_checkpoint("mine.safetensors").network.graph.nodes[0].attrs["mean"]) == 3


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("mlp.onnx", "-o", "net.pt"), "--output: 'net.pt' does not end in .safetensors"),
        (("mlp.onnx", "--mean", "0.5"), "numbers for 1 channels, the input has shape (12,)"),
        (("conv.onnx", "--mean", "a,b,c"), "--mean: 'a,b,c' is no list of numbers"),
        (("conv.onnx", "--mean", "0,0,0", "--std", "1,1"), "--std: 2 numbers, --mean has 3"),
        (("conv.onnx", "--std", "1,1,0"), "--std: every number must be above 0"),
        (("conv.onnx", "--input-shape", "3x8x8"), "--input-shape: the file declares 1x3x9x9"),
        (("conv.onnx", "--input-shape", "big"), "--input-shape: 'big' is no shape"),
        (("mlp.onnx", "--logits", "v1"), "no node gives a value 'v1'; did you mean 'v1_0'?"),
        (("nothing.onnx",), "nothing.onnx: no such file"),
        (("net.pb",), "net.pb: '.pb' is no kind of network file that is read here"),
    ],
)
def test_what_is_refused_is_told_in_one_line(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    expected: str,
) -> None:
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr().err.strip()
    assert expected in said and "\n" not in said
    assert not list(folder.glob("*.safetensors"))


def attention_of_signs() -> Graph:
    """The signs of 28 rows of an image times those of its columns, and logits of the products."""
    graph = Graph(("N", 1, 28, 28))
    signs = graph.add("Sign")
    turned = graph.add("Transpose", perm=[0, 1, 3, 2])
    graph.apart("MatMul", [signs, turned], name="scores")
    graph.add("Flatten")
    graph.dense(28 * 28, 10)
    return graph


def test_a_product_of_activations_goes_on_arrays_where_it_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    attention_of_signs().save(folder / "scores.onnx")
    options = ("scores.onnx", "--mean", "0.5", "--std", "0.2", "--images", "4")
    assert run(monkeypatch, *options, "-o", "digital.safetensors") == 0
    assert "a product of two activations' signs; on arrays if named as written" in capsys.readouterr().out
    assert run(monkeypatch, *options, "-o", "net.safetensors", "--written", "score") == 2
    said = capsys.readouterr().err.strip()
    assert "unknown product of two activations' signs 'score'; did you mean 'scores'?" in said and "\n" not in said
    assert not Path("net.safetensors").exists()
    assert run(monkeypatch, *options, "-o", "net.safetensors", "--written", "scores") == 0
    assert "the right one is written for every image" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["binsparx", "model", "show", "net.safetensors", "--device", "1T-1ReRAM"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert "the right operand is written for every image: scores" in " ".join(capsys.readouterr().out.split())
    cell = (Path(devices.__file__).parent / "8t_sram_7nm.yaml").read_text()
    Path("silent.yaml").write_text(re.sub(r"  # Through the write port.*?(?=sources:)", "", cell, flags=re.DOTALL))
    Path("sweep.yaml").write_text(
        "name: mine\nmodels: net.safetensors\ndevices: silent.yaml\narrays: 64x64\nsparsity: dense\n"
        "adc: {bits: 5}\nlayers: [scores]\ndataset: {name: fashion-mnist, images: 10}\n"
    )
    (warning,) = [text for text in make_plan(load_sweep("sweep.yaml")).warnings if "writing" in text]
    assert "bitcell file of 'silent' says nothing about writing" in warning and "scores on arrays" in warning
