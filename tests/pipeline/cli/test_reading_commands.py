"""The commands that read results: results, show, compare, export, report, and what the tab key offers."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.cli import main
from pipeline.cli.json_output import json_row
from pipeline.cli.options import hundredths, select
from simcore.errors import InputError
from tests.pipeline import fake_simcore
from tests.pipeline.finished_sweep import DEVICES, finish_sweep


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        fake_simcore.install(patch.setattr)
        finish_sweep(folder, devices=DEVICES)
        finish_sweep(folder, name="finer", devices=DEVICES, adc="{bits: 5}")
    return folder


@pytest.fixture
def command(finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    monkeypatch.chdir(finished)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["binsparx", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return code, captured.out if code == 0 else captured.err

    return run


def test_sweeps_are_listed_and_designs_chosen(command) -> None:  # type: ignore[no-untyped-def]
    assert "finer" in command("results")[1]
    listed = json.loads(command("results", "--json")[1])["sweeps"]
    assert [(row["sweep"], row["designs"]) for row in listed] == [("finer", 8), ("small", 8)]
    chosen = ("results", "small", "--where", "device=8T-SRAM", "--where", "rows=32", "--where", "rows=64")
    designs = json.loads(command(*chosen, "--json")[1])["designs"]
    assert len(designs) == 4 and {row["device"] for row in designs} == {"8T-SRAM"}
    for wrong, hint in (("device", "COLUMN=VALUE"), ("devise=x", "'device'"), ("device=8T-SRM", "'8T-SRAM'")):
        code, error = command("results", "small", "--where", wrong)
        assert code == 2 and hint in error and len(error.splitlines()) == 1


def test_what_to_look_at_next_is_in_the_same_results(command, finished: Path) -> None:  # type: ignore[no-untyped-def]
    elsewhere = ("--results", "my results")
    (finished / "my results").symlink_to("results")
    said = command("results", "small", *elsewhere)[1]
    listing = shlex.split(said.rpartition("keys of all designs: binsparx ")[2])
    assert listing == ["results", "small", "--designs", *elsewhere]
    key = json.loads(command("results", "small", *elsewhere, "--json")[1])["designs"][0]["design_key"]
    said = command("show", key, *elsewhere)[1]
    assert shlex.split(said.rpartition("why it loses accuracy: binsparx ")[2]) == ["explain", key[:12], *elsewhere]
    assert command("show", key)[1].endswith(f"binsparx explain {key[:12]}\n")


def test_conditions_that_no_design_meets_say_what_there_is(command) -> None:  # type: ignore[no-untyped-def]
    designs = json.loads(command("results", "small", "--json")[1])["designs"]
    accuracies = [row["accuracy"] for row in designs]
    code, printed = command("results", "small", "--where", "accuracy > 90")
    assert code == 0 and printed.startswith("none of 8 designs meets accuracy > 90; accuracy is ")
    assert f"{min(accuracies):.4g} to {max(accuracies):.4g} (fraction)" in printed
    assert json.loads(command("results", "small", "--where", "accuracy > 90", "--json")[1])["designs"] == []


def test_one_design_is_shown_whole(command) -> None:  # type: ignore[no-untyped-def]
    design = json.loads(command("results", "small", "--json")[1])["designs"][0]
    key = design["design_key"]
    shown = command("show", key[:8])[1]
    for expected in (key[:12], "accuracy_loss", "conv1", "binsparx explain", "mean_column_current_A", " nA"):
        assert expected in shown.replace("\n", "")
    document = json.loads(command("show", key[:8], "--json")[1])
    layers = pq.read_table("results/sweeps/small/layers.parquet").to_pylist()
    assert document["design"] == design  # to the last digit
    assert document["layers"] == [layer for layer in layers if layer["design_key"] == key]
    assert command("show", "zzz")[0] == 2


def test_sweeps_are_compared_on_the_command_line(command) -> None:  # type: ignore[no-untyped-def]
    printed = command("compare", "small", "finer")[1]
    for expected in ("adc bits: [6, 7] -> 5", "8 pairs, compared image by image", "undecided", "8T-SRAM"):
        assert expected in printed
    document = json.loads(command("compare", "small", "finer", "--where", "sparsity=dense", "--json")[1])
    assert len(document["points"]) == 4 and document["changed"]["adc_bits"] == [[6, 7], 5]
    assert {"change_low", "change_high", "mean_column_current_A_change"} <= document["points"][0].keys()
    designs = {row["design_key"]: row for row in json.loads(command("results", "small", "--json")[1])["designs"]}
    for point in document["points"]:
        for name in ("accuracy", "mean_column_current_A", "energy_per_image_J"):
            assert point[f"{name}_a"] == designs[point["design_key_a"]][name]
    code, error = command("compare", "small", "fine")
    assert code == 2 and "did you mean 'finer'?" in error


def test_sweeps_of_two_results_folders_are_not_compared(command, finished: Path) -> None:  # type: ignore[no-untyped-def]
    """A sweep of the same name in the first one's folder is another sweep."""
    own = (finished / "finer.yaml").read_text() + "results: elsewhere\n"
    (finished / "own.yaml").write_text(own)
    code, error = command("compare", "small", "own.yaml")
    assert code == 2 and "own.yaml: its results are in elsewhere, those of small in results" in error
    assert len(error.splitlines()) == 1
    assert command("compare", "small", "finer.yaml")[0] == 0
    assert command("compare", "small", "own.yaml", "--results", "results")[0] == 0


def test_a_list_of_sweeps_has_no_conditions(command) -> None:  # type: ignore[no-untyped-def]
    for option in (("--designs",), ("--where", "accuracy > 0.9"), ("--sort", "energy")):
        code, error = command("results", *option)
        assert code == 2 and "are of the designs of one sweep: name it" in error


def test_a_number_with_two_points_is_none(command) -> None:  # type: ignore[no-untyped-def]
    code, error = command("results", "small", "--where", "energy < 1.2.3nJ")
    assert code == 2 and "1.2.3nJ" in error and len(error.splitlines()) == 1


def test_exports_and_the_report_are_written(command, finished: Path) -> None:  # type: ignore[no-untyped-def]
    assert "out.xlsx" in command("export", "small", "--format", "xlsx", "--output", "out.xlsx")[1]
    assert command("export", "small", "--format", "xlsx", "--output", "out.xlsx")[0] == 2
    assert "small.html" in command("report", "small.yaml")[1]
    assert (finished / "small.html").read_text().startswith("<!doctype html>")
    assert command("report", "smal")[0] == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_tab_key_offers_names_keys_and_axis_values(command, shell: str, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    asked = {
        "binsparx comp": {"compare"},
        "binsparx results ": {"finer", "small", "small.yaml"},
        "binsparx results small --where dev": {"device="},
        "binsparx results small --where device=": {"device=8T-SRAM", "device=1T-1ReRAM"},
        "binsparx export --format x": {"xlsx"},
        "binsparx spice 8T-SRAM --corner n": {"nominal"},
    }
    monkeypatch.setattr(sys.modules["__main__"], "__package__", None)  # as of a script: it gives the program its name
    monkeypatch.setenv("_BINSPARX_COMPLETE", f"complete_{shell}")
    for line, expected in asked.items():
        for name, value in how_it_asks(shell, line).items():
            monkeypatch.setenv(name, value)
        offered = command()[1]
        for word in expected:
            assert word in offered, f"{shell}: {line!r} offers {offered!r}"


def how_it_asks(shell: str, line: str) -> dict[str, str]:
    """The environment that a shell gives for a line whose last word is to be completed."""
    words = line.split(" ")
    if shell == "bash":
        return {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    asks = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return asks | {"_TYPER_COMPLETE_WORD_TO_COMPLETE": words[-1]}


def test_help_teaches(command) -> None:  # type: ignore[no-untyped-def]
    assert "First steps" in command("--help")[1]
    for name in ("plan", "run", "results", "show", "compare", "report", "export", "explain", "track"):
        assert "Example" in command(name, "--help")[1], name


def test_json_holds_every_digit_and_null_for_what_is_no_number() -> None:
    frame = pd.DataFrame({"energy": [1.2345678901234567e-9, float("nan")], "images": [100, 50], "on": [True, False]})
    first, second = (json_row(row) for row in frame.to_dict("records"))
    assert json.loads(json.dumps(first, allow_nan=False)) == {
        "energy": 1.2345678901234567e-9,
        "images": 100,
        "on": True,
    }
    assert json_row(frame.iloc[1].to_dict()) == second == {"energy": None, "images": 50, "on": False}


def test_designs_are_chosen_by_what_they_reach_and_listed_in_an_order_with_their_keys(command) -> None:  # type: ignore[no-untyped-def]
    every = json.loads(command("results", "small", "--json")[1])["designs"]
    least = 0.999 * every[-1]["mean_column_current_A"]
    middle = sorted(row["accuracy"] for row in every)[4]
    for condition, kept in (
        (f"accuracy > {middle}", [row for row in every if row["accuracy"] > middle]),
        (f"accuracy<={100 * middle}%", [row for row in every if row["accuracy"] <= middle]),
        ("rows != 32", [row for row in every if row["rows"] != 32]),
        ("rows=32", [row for row in every if row["rows"] == 32]),
        (f"current >= {1e9 * least:.12g} nA", [row for row in every if row["mean_column_current_A"] >= least]),
    ):
        chosen = json.loads(command("results", "small", "--where", condition, "--sort", "-accuracy", "--json")[1])
        order = sorted(kept, key=lambda row: -row["accuracy"])
        assert [row["design_key"] for row in chosen["designs"]] == [row["design_key"] for row in order], condition
    listed = command("results", "small", "--sort", "energy")[1]
    assert [key for row in every if (key := row["design_key"][:12]) not in listed] == []
    assert "--designs" in command("results", "small")[1]
    for wrong in (
        ("--where", "accuracy > high"),
        ("--where", "device > 3"),
        ("--sort", "acuracy"),
        ("--where", "on_front>1"),
    ):
        code, error = command("results", "small", *wrong)
        assert code == 2 and len(error.splitlines()) == 1, error


def test_a_percentage_is_the_fraction_that_is_written() -> None:
    designs = pd.DataFrame({"accuracy": [count / 1000 for count in range(1000)]})
    designs.attrs["units"] = {"accuracy": "fraction"}
    for count in (9, 570):  # over 100 the first is too large, times 0.01 the second
        assert len(select(designs, [f"accuracy >= {count / 10:g}%"])) == 1000 - count
    assert hundredths("1.4") == 21 / 1500


def test_numbers_and_truth_are_chosen_as_they_are_written_in_sweep_files() -> None:
    designs = pd.DataFrame(
        {
            "prune": [0.0, 0.1, 0.0, 0.1],
            "chips": [4.0, 4.0, None, 8.0],
            "temperature_K": 300.0,
            "on_front": [True, False, False, True],
            "front_candidate": [True, None, False, True],  # of an earlier version
            "note": ["a", None, "b", "a"],
        }
    )
    for where, kept in (
        (["prune!=0"], [1, 3]),
        (["prune=0"], [0, 2]),
        (["prune=1e-1", "prune=0.0"], [0, 1, 2, 3]),
        (["chips=4"], [0, 1]),
        (["chips!=4"], [2, 3]),
        (["temperature_K=300"], [0, 1, 2, 3]),
        (["on_front=true"], [0, 3]),
        (["on_front!=TRUE", "prune=0"], [2]),
        (["front_candidate=true"], [0, 3]),
        (["front_candidate=False", "chips > 1"], []),
        (["note!=a"], [1, 2]),
    ):
        assert select(designs, where).index.tolist() == kept, where
    for where, text in (
        ("prune=0.2", "unknown value of prune '0.2'"),
        ("chips=5", "did you mean '4'|known: 4, 8"),
        ("chips=four", "no number"),
        ("on_front=yes", "unknown value of on_front 'yes'"),
        ("note=None", "unknown value of note 'None'"),
    ):
        with pytest.raises(InputError, match=text):
            select(designs, [where])


def test_a_design_is_shown_in_groups_with_one_unit_a_quantity(command) -> None:  # type: ignore[no-untyped-def]
    design = json.loads(command("results", "small", "--json")[1])["designs"][0]
    shown = command("show", design["design_key"][:8])[1]
    headings = [line.split()[0] for line in shown.splitlines() if " value unit" in line]
    assert headings[:6] == ["design", "front", "accuracy", "energy", "time", "area"]
    energies = [line.split()[2] for line in shown.splitlines() if line.startswith("energy_") and "_J " in line]
    assert len(energies) > 10 and len({unit for unit in energies if unit != "J"}) == 1
    assert "columns per converter 8" in shown and design["design_key"] in shown
