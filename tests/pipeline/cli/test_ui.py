"""``binsparx ui``: MLflow on the loopback address until it is told to end, and nothing afterwards."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pipeline.tracking.sweeps import track_sweep
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
