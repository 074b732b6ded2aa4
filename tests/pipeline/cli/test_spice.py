"""``binsparx spice``: netlists of real reads, and bad input."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli import spice as command
from simcore.crossbar.spice import ngspice_installed
from simcore.datasets import open_dataset
from simcore.errors import BinsparxError, InputError
from simcore.network.checkpoint import save_checkpoint
from simcore.network.definitions import fashion_cnn
from simcore.network.modules import GraphNetwork

needs_ngspice = pytest.mark.skipif(not ngspice_installed(), reason="NGSPICE IS NOT INSTALLED: nothing is compared")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    save_checkpoint(path, GraphNetwork(fashion_cnn()).eval(), {"name": "untrained"})
    return str(path)


@pytest.fixture
def run(model):
    app = typer.Typer()
    app.command()(command.spice)

    def invoke(*arguments):
        small = ["--model", model, "--rows", "16", "--cols", "8"]
        return CliRunner().invoke(app, [*small, *arguments], catch_exceptions=True)

    return invoke


@needs_ngspice
@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM", "1T-1ReRAM-BL"])
@pytest.mark.parametrize("sparsity", ["dense", "binsparx"])
def test_both_simulators_agree_on_a_real_read(run, tmp_path, device, sparsity):
    netlist = tmp_path / "read.cir"
    place = ["--layer", "bconv3", "--group", "2", "--column-tile", "1", "--image", "7", "--position", "20"]
    result = run(device, "--sparsity", sparsity, "--prune", "0.1", *place, "--output", str(netlist))
    assert result.exit_code == 0, result.exception
    assert "ngspice" in result.output and "(uA)" in result.output
    assert "largest difference" in result.output
    title = netlist.read_text().splitlines()[0]
    assert device in title and "bconv3" in title and "image 7" in title


def test_without_ngspice_the_netlist_and_our_answer_remain(run, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "ngspice_installed", lambda: False)
    netlist = tmp_path / "read.cir"
    result = run("--output", str(netlist))
    assert result.exit_code == 0, result.exception
    assert "ngspice is not installed" in result.output
    assert result.output.count("(uA)") == 1
    assert netlist.exists()


def test_a_difference_is_an_error(run, monkeypatch):
    monkeypatch.setattr(command, "ngspice_installed", lambda: True)
    monkeypatch.setattr(command, "run_ngspice", lambda netlist, timeout_s: __import__("numpy").full(8, 1e-3))
    result = run()
    assert isinstance(result.exception, BinsparxError)
    assert result.exception.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["8T-SRM"], "did you mean '8T-SRAM'"),
        (["--corner", "nominl"], "did you mean 'nominal'"),
        (["--layer", "bconv7"], "unknown mapped layer of untrained 'bconv7'"),
        (["--group", "18"], "layer 'bconv1' has no group 18 (known: 0 to 17)"),
        (["--column-tile", "8"], "has no column tile 8"),
        (["--position", "-1"], "has no position -1"),
        (["--image", "1000000"], "split 'test' has no image"),
        (["--split", "tset"], "split 'tset' has no image 0 (known: none)"),
        (["--sparsity", "all"], "sparsity"),
        (["--active-rows", "17"], "is larger than rows"),
        (["--dataset", "fashion"], "unknown dataset"),
        (["--model", "nothing"], "unknown network"),
    ],
)
def test_bad_input_gives_one_line_and_writes_nothing(run, tmp_path, arguments, message):
    netlist = tmp_path / "read.cir"
    result = run(*arguments, "--output", str(netlist))
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception) and "\n" not in str(result.exception)
    assert not netlist.exists()


def test_the_sample_has_the_images_the_examples_name():
    assert open_dataset("fashion-mnist").splits["test"] >= 2000
