"""How a command ends early: one line that names the place, the exit code, and never a traceback."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.endings import explain_end
from pipeline.cli.options import check_output
from pipeline.results.finished import Results
from pipeline.storage.store import Store
from pipeline.tables.completeness import Asked, write_asked
from pipeline.tracking.client import check_tracking_uri
from simcore.errors import InputError
from tests.pipeline.cli.test_command_line import command
from tests.pipeline.conftest import ROOT
from tests.pipeline.fake_simcore import write_sweep
from tests.pipeline.finished_sweep import finish_sweep

pytestmark = pytest.mark.usefixtures("fakes")


def test_a_full_disk_names_the_file_and_is_no_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.storage.store.os.fsync", full)
    with pytest.raises(OSError) as caught:
        Store(str(tmp_path)).put("sweeps/s/designs.parquet", b"x")
    (line,), code = explain_end(caught.value)
    assert code == 1
    assert line.startswith(f"{tmp_path}/sweeps/s/designs.parquet: No space left on device; what is finished is kept")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x"), 2),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 2),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "x"), 2),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x"), 2),
        (OSError("When completing the upload: AWS Error NETWORK_CONNECTION"), 1),  # pyarrow's have no number
        (OSError(errno.ESTALE, "Stale file handle", "x"), 1),
        (OSError(errno.EROFS, "Read-only file system", "x"), 1),  # a results folder is checked before the work
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), 1),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), 1),
    ],
)
def test_a_wrong_path_is_bad_input_and_a_machine_that_fails_is_not(error: OSError, code: int) -> None:
    assert explain_end(error)[1] == code


def test_an_output_for_which_there_is_no_room_is_no_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.chdir(tmp_path)
    finish_sweep(tmp_path)
    monkeypatch.setattr("simcore.network.checkpoint.os.fsync", full)
    assert command(monkeypatch, "report", "small") == 1
    said = capsys.readouterr().err
    assert said.startswith("error: small.html: No space left on device") and len(said.splitlines()) == 1
    assert not (tmp_path / "small.html").exists()


def test_what_nobody_foresaw_is_one_line_and_its_traceback_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("s3://name:secret@host/x")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.sweep.plan.make_plan", broken)
    assert command(monkeypatch, "plan", write_sweep(tmp_path)) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and said.startswith("error: unforeseen: KeyError:") and "secret" not in said
    kept = Path(said.rstrip(")\n").rpartition("details in ")[2])
    assert "in broken" in kept.read_text() and "secret" not in kept.read_text()
    kept.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.1, 0.2, 0.4, 0.8, 1.6])
def test_ctrl_c_at_any_moment_is_no_traceback(tmp_path: Path, moment: float) -> None:
    code = f"""
import os, signal, threading
timer = threading.Timer({moment}, os.kill, (os.getpid(), signal.SIGINT))
timer.daemon = True  # else a command that ends before it waits for it
timer.start()
import sys
sys.argv = ["binsparx", "plan", "{write_sweep(tmp_path)}"]
from pipeline.cli import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in ended.stderr and len(ended.stderr.splitlines()) <= 1
    assert ended.returncode in (0, 2, 130, -signal.SIGINT)


def test_who_asks_a_command_to_end_gets_what_interrupts_get(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys
from pipeline.cli import main
from pipeline.sweep import plan
plan.make_plan = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
sys.argv = ["binsparx", "run", "{write_sweep(tmp_path)}", "--no-tracking"]
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "error: interrupted before any work began; the same command starts again\n"


_EXPECTED = "expected a server, http://HOST:PORT, or a file, sqlite:///FOLDER/mlflow.db"


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("htp://mlflow:5000", "unknown kind of tracking URI 'htp'; did you mean 'http'?"),
        ("localhost:5000", _EXPECTED),
        ("./mlruns", _EXPECTED),
        ("file:///tmp/mlruns", _EXPECTED),
        ("sqlite:///a%20b/mlflow.db", "expected a path without '%20', found 'a%20b/mlflow.db'"),
        ("http://[bad", "expected a server, http://HOST:PORT, found 'http://[bad'"),
        ("http://host:port", "expected a server, http://HOST:PORT, found 'http://host:port'"),
        ("sqlite:////proc/no/such/folder/mlflow.db", "nothing can be written into '/proc': "),
    ],
)
def test_a_wrong_tracking_uri_is_found_before_the_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    calls: Path,
    uri: str,
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, "run", write_sweep(tmp_path), "--tracking-uri", uri) == 2
    assert text in capsys.readouterr().err
    assert command(monkeypatch, "run", write_sweep(tmp_path, tracking=f"{{uri: '{uri}'}}")) == 2
    assert "small.yaml:8 tracking.uri: " in capsys.readouterr().err
    assert not list(calls.iterdir()) and not (tmp_path / "results").exists()
    finish_sweep(tmp_path)
    assert command(monkeypatch, "track", "small.yaml", "--tracking-uri", uri) == 2
    said = capsys.readouterr().err
    assert f"--tracking-uri: {text}" in said and len(said.splitlines()) == 1


def test_a_tracking_file_may_lie_in_a_folder_that_the_run_makes(tmp_path: Path) -> None:
    assert check_tracking_uri(f"sqlite:///{tmp_path}/results/mlflow.db", "") == ""
    assert not (tmp_path / "results").exists()


def test_a_server_that_does_not_answer_is_told_before_the_work() -> None:
    assert "does not answer now" in check_tracking_uri("http://user:pass@127.0.0.1:9", "")
    assert "pass" not in check_tracking_uri("http://user:pass@127.0.0.1:9", "")
    for uri in ("postgresql://db/mlflow", "databricks", "databricks://profile"):
        assert check_tracking_uri(uri, "") == ""


def test_a_folder_is_tracked_into_where_mlflow_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for uri in ("./mlruns", "file:///tmp/mlruns"):
        assert check_tracking_uri(uri, "") == ""
    with pytest.raises(InputError, match="unknown kind"):
        check_tracking_uri("htp://mlflow:5000", "")


def test_an_output_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_output(tmp_path / "new/deep/page.html", "--output")
    check_output(tmp_path / "new", "--figures", is_folder=True)
    for path, is_folder in ((tmp_path, False), (tmp_path / "file", True), (tmp_path / "file/x", False)):
        with pytest.raises(InputError, match="--output"):
            check_output(path, "--output", is_folder)
    assert sorted(os.listdir(tmp_path)) == ["file"]


def test_commands_look_at_their_outputs_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def worked(*_: object, **__: object) -> None:
        raise AssertionError("there was work before the output was looked at")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.cli.deploy.prepare", worked)
    monkeypatch.setattr("pipeline.cli.recommend.OnWorkers", worked)
    plan, _ = finish_sweep(tmp_path)
    (tmp_path / "file").touch()
    for arguments, text in (
        (("deploy", plan.points[0].key[:12], "-o", "file/x.safetensors"), "--output: nothing can be written into"),
        (("deploy", plan.points[0].key[:12], "-o", "."), "--output: '.' is a folder"),
        (("recommend", "small.yaml", "--pictures", "file"), "--pictures: 'file' is a file"),
    ):
        assert command(monkeypatch, *arguments) == 2
        said = capsys.readouterr().err
        assert text in said and len(said.splitlines()) == 1


def test_an_incomplete_sweep_says_so_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    plan, store = finish_sweep(tmp_path)
    for asked, text in (
        (Asked(48, 100, False), "incomplete: 4 of the 48 designs of sweep 'small' are here"),
        (Asked(4, 300, True), "incomplete: 4 of the 4 designs saw less than the 300 images asked for"),
        (Asked(4, 100, False), ""),
    ):
        write_asked(asked, plan.name, store)
        for words in (["results"], ["results", "small"], ["results", "--json"]):
            assert command(monkeypatch, *words) == 0
            said = capsys.readouterr().out
            assert text in said and ("incomplete:" in said) == bool(text)
        assert command(monkeypatch, "report", "small") == 0
        page = (tmp_path / "small.html").read_text()
        assert text.replace("'", "&#x27;") in page and ("incomplete:" in page) == bool(text)
        capsys.readouterr()


def test_no_answer_is_empty_or_turned_round_in_silence(tmp_path: Path) -> None:
    finish_sweep(tmp_path)
    results = Results(str(tmp_path / "results"))
    key = results.designs().design_key[0]
    assert len(results.predictions(key[:12])) == len(results.predictions(key)) == 100
    for wrong in ("0123456789ab", "0" * 64, ""):
        with pytest.raises(InputError, match="no design|no images of a design"):
            results.predictions(wrong)
    designs = results.designs()
    best = designs.loc[designs.groupby("corner")["partial_sum_reduction"].idxmax()]
    front = results.front("partial_sum_reduction")
    assert set(best.design_key) <= set(front.design_key)
    assert front.partial_sum_reduction.is_monotonic_decreasing
    for wrong in ("device", "knee"):
        with pytest.raises(InputError, match="expected a column of numbers"):
            results.front(wrong)
