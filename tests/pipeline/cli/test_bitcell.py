"""``binsparx bitcell import``: the files it writes are a bitcell that loads and sweeps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from pipeline.cli.bitcell import bitcell_app
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from simcore.errors import InputError
from simcore.technology import circuit_parameters, devices
from simcore.technology.devices import load_bitcell
from tests.simcore.technology.synthetic_curves import Instrument, bipolar_sweep, ohmic_and_sinh, table

CELL = ohmic_and_sinh()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    _, volts, amps = bipolar_sweep(CELL, Instrument())
    Path("measured.csv").write_text(table(["Voltage (V),Current (A)"], [volts, amps]))
    Path("scope.csv").write_text(
        table(["x-axis,1,2", "second,Volt,Volt"], [np.arange(len(volts)), volts + 1000 * amps, 1000 * amps])
    )
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(bitcell_app, ["import", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_measurement_becomes_a_bitcell_that_sweeps(folder):
    said = run("measured.csv")
    circuit = circuit_parameters("measured.yaml")
    assert circuit.on_current() == pytest.approx(float(CELL.on(circuit.v_read)), rel=0.03)
    assert circuit.off_current() == pytest.approx(float(CELL.off(circuit.v_read)), rel=0.03)
    like = circuit_parameters("1T-1ReRAM")
    for field in ("topology", "v_read", "r_col", "r_source", "r_sink", "r_driver"):
        assert getattr(circuit, field) == getattr(like, field)
    assert load_bitcell("measured.yaml").cell == load_bitcell("1T-1ReRAM").cell
    assert "voltage = Voltage (V), current = Current (A)" in said
    assert "the cell begins to switch at about 0.5" in said
    with Image.open("measured-fit.png") as picture:
        assert min(picture.size) > 800
    Path("sweep.yaml").write_text(
        "name: measured\nmodels: fashion-cnn\ndevices: measured.yaml\narrays: 64x64\nsparsity: dense\n"
        "adc: {bits: 5}\ndataset: {name: fashion-mnist, images: 10}\n"
    )
    assert len(make_plan(load_sweep("sweep.yaml")).points) == 1


def test_every_number_of_the_file_has_a_source(folder):
    run("measured.csv", "--v-read", "150 mV", "--name", "yes")
    content = yaml.safe_load(Path("measured.yaml").read_text())
    digest = hashlib.sha256(Path("measured.csv").read_bytes()).hexdigest()
    assert content["name"] == "yes"  # no truth value
    assert f"measured.csv (sha256 {digest[:12]})" in content["sources"]["M"]
    quantities = {name: one for name, one in content["corners"]["nominal"].items() if name not in ("iv", "iv_csv")}
    assert all(one["source"] and one["unit"] for one in quantities.values())
    assert quantities["v_read"] == {"value": 0.15, "unit": "V", "source": "given"}
    assert quantities["r_sink"]["source"].startswith("1T-1ReRAM nominal: ")


def test_the_same_files_come_of_the_same_measurement(folder):
    run("measured.csv", "-o", "one/cell.yaml")
    run("measured.csv", "-o", "two/cell.yaml")
    for name in ("cell.yaml", "cell-iv.csv", "cell-fit.png"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


def test_a_scope_with_a_shunt_and_another_bitcell_around(folder):
    run("scope.csv", "--shunt", "1 kohm", "--like", "1T-1ReRAM-BL", "--corner", "pessimistic", "--v-read", "200mV")
    circuit = circuit_parameters("scope.yaml")
    assert circuit.topology == "input_sourced"
    assert circuit.r_row == circuit_parameters("1T-1ReRAM-BL", "pessimistic").r_row
    assert circuit.on_current() == pytest.approx(float(CELL.on(0.2)), rel=0.03)


def test_reading_where_the_cell_switches_is_said(folder):
    assert "warning: read at 0.65 V, where the cell was seen to switch" in run("measured.csv", "--v-read", "0.65")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv"], "cannot read the measured points: No such file"),
        (["scope.csv"], "two voltages and no current"),
        (["measured.csv", "--shunt", "1kohm"], "here are 1 voltages and 1 currents among the columns 'Volt"),
        (["measured.csv", "--amplifier", "1kohm"], "--shunt and --amplifier make a current of"),
        (["."], ".: a folder; expected a text file of measured points"),
        (["measured.csv", ".."], "..: a folder; expected a text file"),
        (["measured.csv", "--shunt", "1kohm", "--amplifier", "1kohm"], "give either --shunt or --amplifier"),
        (["scope.csv", "--shunt", "1kV"], "--shunt: '1kV' is no positive number with the unit ohm, such as '1 kohm'"),
        (["measured.csv", "--v-max", "-1"], "--v-max: '-1' is no positive number with the unit V"),
        (["measured.csv", "--v-read", "much"], "--v-read: 'much' is no positive number"),
        (["measured.csv", "--v-read", "2 V"], "V, and are to be read at 2 V: give a read voltage that they reach"),
        (["measured.csv", "--like", "1T1ReRAM"], "did you mean '1T-1ReRAM'"),
        (["measured.csv", "--corner", "best"], "unknown corner of 1T-1ReRAM 'best'"),
        (["measured.csv", "-o", "cell.txt"], "does not end in .yaml"),
        (["measured.csv", "--headings", "V"], "1 headings given for 2 columns"),
    ],
)
def test_what_cannot_be_done_gives_one_line_and_leaves_no_file(folder, arguments, message):
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(InputError) as error:
        run(*arguments)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_curves_that_cross_below_the_read_voltage_are_refused(folder):
    volts = np.arange(0, 0.31, 0.01)
    on, off = 1e-6 * np.tanh(volts / 0.1), 1e-7 * np.sinh(volts / 0.05)
    Path("crossing.csv").write_text(table(["V,I_on,I_off"], [volts, on, off]))
    with pytest.raises(InputError, match=r"^--v-read: the curves cross below 0.25 V, where OFF carries .* and ON "):
        run("crossing.csv", "--v-read", "0.25 V")
    assert not list(folder.glob("crossing?*.yaml")) and not Path("crossing-iv.csv").exists()
    run("crossing.csv", "--v-read", "0.1 V")
    assert circuit_parameters("crossing.yaml").on_current() == pytest.approx(1e-6 * np.tanh(1), rel=0.05)


def test_every_measured_file_is_named_and_any_name_of_a_source_is_kept(folder):
    for name in ("lrs", "hrs"):
        (folder / name).mkdir()
    volts = np.linspace(0, 0.4, 41)
    Path("lrs/iv.csv").write_text(table(["V,I"], [volts, CELL.on(volts)]))
    Path("hrs/iv.csv").write_text(table(["V,I"], [volts, CELL.off(volts)]))
    shipped = Path(devices.__file__).parent / "1t1r_reram_7nm.yaml"
    named = shipped.read_text().replace("sources:\n", 'sources:\n  "[1]": a paper\n  "1": another\n', 1)
    Path("1T.yaml").write_text(named)
    run("lrs/iv.csv", "hrs/iv.csv", "--like", "1T.yaml", "-o", "cell.yaml")
    sources = load_bitcell("cell.yaml").sources
    assert "lrs/iv.csv (sha256 " in sources["M"] and "hrs/iv.csv (sha256 " in sources["M"]
    assert (sources["[1]"], sources["1"]) == ("a paper", "another")


def test_nothing_is_replaced_unasked(folder):
    run("measured.csv")
    with pytest.raises(InputError, match="'measured.yaml' is there already; --force replaces it"):
        run("measured.csv")
    run("measured.csv", "--force")
    Path("x-iv.csv").write_bytes(Path("measured.csv").read_bytes())
    with pytest.raises(InputError, match="would replace what was measured"):
        run("x-iv.csv", "-o", "x.yaml", "--force")
