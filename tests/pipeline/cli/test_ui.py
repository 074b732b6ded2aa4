"""``binsparx ui``: MLflow on the loopback address until it is told to end, and nothing afterwards."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pipeline.tracking.runs import TrackedDesigns
from pipeline.tracking.sweeps import track_sweep
from tests.pipeline.cli.test_command_line import command
from tests.pipeline.conftest import ROOT
from tests.pipeline.finished_sweep import finish_sweep

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.mark.slow  # MLflow starts and ends
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_it_ends_with_all_its_processes_although_a_browser_is_connected(tmp_path: Path, ending: int) -> None:
    plan, store = finish_sweep(tmp_path)
    track_sweep(plan.sweep, store)
    command = [sys.executable, "-m", "pipeline.cli", "ui", "--no-browser", "--results", str(tmp_path / "results")]
    shown = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert shown.stdout is not None
    try:
        lines: list[str] = []
        for line in shown.stdout:
            lines.append(line.strip())
            if lines[-1] == "Ctrl-C ends it":
                break
        else:
            pytest.fail(f"it ended by itself: {lines}")
        (port,) = {int(number) for line in lines for number in re.findall(r"http://127\.0\.0\.1:(\d+)/#", line)}
        assert "all designs of 'small':" in lines and "compare 4 of them, the front first:" in lines
        browser = http.client.HTTPConnection("127.0.0.1", port)
        browser.request("GET", "/health")
        assert browser.getresponse().read() == b"OK"
        servers = psutil.Process(shown.pid).children(recursive=True)
        assert servers
    finally:
        os.kill(shown.pid, ending)
        os.kill(shown.pid, ending)  # impatient
    assert shown.wait(60) == 0
    _, left = psutil.wait_procs(servers, timeout=60)
    assert not left, left
    with pytest.raises(OSError):
        http.client.HTTPConnection("127.0.0.1", port).connect()
    browser.close()


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A finished sweep that counts as tracked, and the words that show it."""
    finish_sweep(tmp_path)
    monkeypatch.setattr("pipeline.cli.ui.find_designs", lambda *_: TrackedDesigns("1", "small", []))
    monkeypatch.setattr("pipeline.cli.ui.signal.signal", lambda *_: None)  # the tests keep theirs
    return ["ui", "--no-browser", "--results", str(tmp_path / "results")]


def test_a_port_that_is_taken_shows_nobody_elses_server(
    tracked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def started(*_: object) -> None:
        raise AssertionError("MLflow was started where somebody else listens")

    monkeypatch.setattr("pipeline.cli.ui._start", started)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert command(monkeypatch, *tracked, "--port", str(port)) == 1
    said = f"error: MLflow cannot start on port {port}: Address already in use; --port 0 finds a free one\n"
    assert capsys.readouterr() == ("", said)


def test_a_server_that_ends_by_itself_is_an_error(
    tracked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "pipeline.cli.ui._start", lambda *_: subprocess.Popen(["sh", "-c", "exit 3"], start_new_session=True)
    )
    monkeypatch.setattr("pipeline.cli.ui._wait", lambda *_: None)
    assert command(monkeypatch, *tracked) == 1
    assert capsys.readouterr().err == "error: MLflow ended by itself, with exit code 3\n"
