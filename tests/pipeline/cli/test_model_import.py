"""``binsparx model import``: what is written loads and sweeps; what is refused leaves nothing behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from simcore.network.checkpoint import load_checkpoint
from tests.simcore.network.importers.onnx_files import folded_mlp, sign_conv_net


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
