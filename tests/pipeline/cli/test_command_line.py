"""The command as people type it: output, exit codes, and nothing written where the input is bad."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from pipeline.cli import main
from simcore.errors import InputError
from tests.pipeline.fake_simcore import Dataset, write_sweep

pytestmark = pytest.mark.usefixtures("fakes")


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Runs ``binsparx ARGUMENTS`` in this process and returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["binsparx", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.usefixtures("ray_cluster")
def test_plan_run_results_track(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = write_sweep(tmp_path)
    assert command(monkeypatch, "plan", sweep) == 0
    output = capsys.readouterr().out
    for expected in ("points   4", "to do    20 tasks: 4 preparations and 16 shards, 400 image evaluations", "rough"):
        assert expected in output
    assert not (tmp_path / "results").exists()

    assert command(monkeypatch, "run", sweep) == 0
    output = capsys.readouterr().out
    for expected in ("20/20 tasks", "8T-SRAM", "gain", "the front", "front.png", "mlflow.db"):
        assert expected in output
    for file in ("front.png", "front.svg", "sweep.yaml", "failures.json"):
        assert (tmp_path / "results/sweeps/small" / file).stat().st_size > 0

    assert command(monkeypatch, "plan", sweep, "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["finished_points"], planned["tasks"], planned["stored_shards"]) == (4, 0, 16)

    wider = write_sweep(tmp_path, sparsity="[dense, weight, binsparx]")
    assert command(monkeypatch, "plan", wider) == 0
    assert "measured by earlier runs for 2 of 2 points" in capsys.readouterr().out

    assert command(monkeypatch, "run", sweep, "--no-tracking", "--only", "") == 2
    capsys.readouterr()
    assert command(monkeypatch, "results", "small") == 0
    assert "binsparx" in capsys.readouterr().out
    assert command(monkeypatch, "results", sweep, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["designs"]) == 4
    assert command(monkeypatch, "results", "smal") == 2
    assert "did you mean 'small'?" in capsys.readouterr().err
    assert command(monkeypatch, "track", sweep) == 0
    assert "already up to date" in capsys.readouterr().out


def test_what_is_tracked_nowhere_is_not_tracked_by_a_uri_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = write_sweep(tmp_path, tracking="{mode: none}")
    for arguments, told in (
        (("track", sweep), "small.yaml:8 tracking: the sweep is tracked nowhere"),
        (
            ("run", sweep, "--tracking-uri", "http://127.0.0.1:9"),
            "--tracking-uri: the sweep file says 'tracking: none'",
        ),
        (("run", sweep, "--tracking-uri", "x", "--no-tracking"), "--tracking-uri: give either this or --no-tracking"),
    ):
        assert command(monkeypatch, *arguments) == 2
        assert f"error: {told}" in capsys.readouterr().err


@pytest.mark.usefixtures("ray_cluster")
def test_references_alone_have_a_picture_and_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = write_sweep(tmp_path, solver="[ideal, ideal_circuit]")
    earlier = tmp_path / "results/sweeps/small/report.html"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("of other designs")
    assert command(monkeypatch, "run", sweep, "--no-tracking") == 0
    said = capsys.readouterr()
    told = "all designs of sweep 'small' are references, which no report shows"
    assert f"warning: {told}" in said.err and "front.png" in said.out and "report.html" not in said.out
    assert not earlier.exists()
    assert command(monkeypatch, "report", "small") == 2
    assert f"error: {told}" in capsys.readouterr().err


@pytest.mark.usefixtures("ray_cluster")
def test_a_failing_point_gives_exit_code_1_and_the_command_that_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], control: object
) -> None:
    monkeypatch.chdir(tmp_path)
    control(fail="64-dense:prepare")  # type: ignore[operator]
    sweep = write_sweep(tmp_path)
    assert command(monkeypatch, "run", sweep, "--no-tracking") == 1
    errors = capsys.readouterr().err
    assert "failed: fake-cnn 8T-SRAM nominal 64x64 7 bit dense (prepare): RuntimeError: the solver" in errors
    assert "error: 1 of 4 design points failed" in errors
    repeat = next(line for line in errors.splitlines() if "repeat with: binsparx " in line)
    control()  # type: ignore[operator]
    assert command(monkeypatch, *repeat.split("binsparx ", 1)[1].split(), "--no-tracking") == 0


@pytest.mark.usefixtures("ray_cluster")
def test_a_tracking_server_that_is_away_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.report.terminal.MOST_LINES", 1)
    sweep = write_sweep(tmp_path)
    options = ("--results", "my results", "--tracking-uri", "http://127.0.0.1:9")
    assert command(monkeypatch, "run", sweep, *options) == 0
    captured = capsys.readouterr()
    assert captured.err.count("warning:") == 1
    again = captured.err.rpartition("synchronise later with: binsparx ")[2]
    assert shlex.split(again) == ["track", sweep, *options]
    assert "8T-SRAM" in captured.out
    assert "and 1 hardware design more: binsparx results small --results 'my results' lists all" in captured.out


@pytest.mark.parametrize(
    "changes",
    [
        {"devices": "8T-SRM"},
        {"devices": "{name: 8T-SRAM, overrides: {r_col: -1}}"},
        {"sparsty": "dense"},
        {"seeds": "[]"},
        {"dataset": "missing-images"},
        {"models": "missing-model"},
    ],
)
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = write_sweep(tmp_path, **changes)
    for verb in ("plan", "run"):
        assert command(monkeypatch, verb, sweep) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("error: small.yaml:") and len(captured.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_a_torn_image_shard_is_found_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def verify(_: Dataset) -> None:
        raise InputError("test-00000.parquet is truncated")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Dataset, "verify", verify)
    assert command(monkeypatch, "run", write_sweep(tmp_path)) == 2
    assert capsys.readouterr().err == "error: test-00000.parquet is truncated\n"
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_a_results_folder_that_is_not_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("a file")
    assert command(monkeypatch, "run", write_sweep(tmp_path), "--results", "taken") == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: the results folder 'taken' is not writable:") and len(errors.splitlines()) == 1


def test_usage_errors_and_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    for name in ("plan", "run", "results", "track", "verify", "train", "data"):
        assert name in shown
    assert command(monkeypatch, "data", "--help") == 0
    assert "import" in capsys.readouterr().out
    assert command(monkeypatch, "train", "--help") == 0
    assert command(monkeypatch, "export", "--help") == 0
    assert "[default: results]" in capsys.readouterr().out  # brackets are no markup
    assert command(monkeypatch) == 2
    assert command(monkeypatch, "data") == 2
    assert command(monkeypatch, "verify", "/nowhere", "--tol", "nan") == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rum", "no such command 'rum'; did you mean 'run'? (see: binsparx --help)"),
        ("data imprt", "no such command 'imprt'; did you mean 'import'? (see: binsparx data --help)"),
        ("run", "missing argument 'SWEEP.yaml' (see: binsparx run --help)"),
        ("results s --wher a=b", "no such option: --wher; did you mean '--where'? (see: binsparx results --help)"),
        ("results s --zzz", "no such option: --zzz (see: binsparx results --help)"),
        ("results s --where", "option '--where' requires an argument"),
        ("sweeps me", "got unexpected extra argument(s) (me) (see: binsparx sweeps --help)"),
        ("explain 1 --images 0", "invalid value for '--images': "),
        ("--verson", "no such option: --verson; did you mean '--version'? (see: binsparx --help)"),
    ],
)
def test_a_wrong_command_line_is_one_line_with_the_nearest_name(
    line: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, *line.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith(f"error: {said}") and len(printed.err.splitlines()) == 1


def test_ctrl_c_in_a_command_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.sweep.shipped.shipped_sweeps", interrupted)
    assert command(monkeypatch, "sweeps") == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_help_loads_nothing_heavy() -> None:
    import subprocess

    heavy = "('torch', 'numba', 'ray', 'mlflow', 'pyarrow')"
    code = f"import sys, pipeline.cli.app; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
