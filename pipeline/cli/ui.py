"""``binsparx ui``: MLflow on this machine, at the sweep's designs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import webbrowser
from collections.abc import Iterator
from typing import Annotated

import typer

from pipeline.cli.completion import sweep_names
from pipeline.cli.options import RESULTS_FOLDER, ResultsOption, open_sweep
from pipeline.results.finished import Results
from pipeline.tracking.client import default_tracking_uri
from pipeline.tracking.runs import TrackedDesigns, find_designs
from pipeline.tracking.view import view_page
from simcore.errors import BinsparxError, InputError

_LOOPBACK = "127.0.0.1"
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy is asked for this machine
_MOST_COMPARED = 100  # MLflow's comparison crawls beyond
_START_SECONDS = 300.0  # MLflow imports a lot
_END_SECONDS = 2.0


def ui(
    sweep: Annotated[
        str | None,
        typer.Argument(
            metavar="[SWEEP]", help="Sweep to begin with. [default: the only one]", autocompletion=sweep_names
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
    results: ResultsOption = None,
) -> None:
    """Open MLflow at the list of a sweep's designs; on this machine only, until Ctrl-C.

    The list holds one run a design, the most accurate first, with its axes, accuracy and costs as columns (tag
    `on_front`: true for the front). The comparison draws parallel coordinates of up to 100 designs, those on the front
    first. The sweep's own run has the data set, the tables and the report.

    Examples: `binsparx ui`, `binsparx ui quickstart --port 5000 --no-browser`.
    """
    if sweep is None:
        opened = Results(results or RESULTS_FOLDER)
        name = opened.sweeps()[0] if len(opened.sweeps()) == 1 else None
    else:
        opened, name = open_sweep(sweep, results)
    uri = default_tracking_uri(opened.store)
    tracked = find_designs(uri, name, _MOST_COMPARED)
    if tracked is None:
        raise InputError(
            "nothing is tracked here yet; bring MLflow up to date with: binsparx track SWEEP.yaml (sweeps whose file, "
            f"or --tracking-uri, names another MLflow have their runs there, and not in {uri})"
        )
    port = _port_to_take(port)
    print("starting MLflow ...", flush=True)
    with _server(uri, port) as server:
        _wait(server, port)
        home = f"http://{_LOOPBACK}:{port}/#"
        address = home + view_page(tracked.experiment, tracked.sweep)
        print(f"all designs of '{tracked.sweep}':\n  {address}")
        print(f"compare {len(tracked.runs)} of them, the front first:\n  {home}{_compare_page(tracked)}")
        print("Ctrl-C ends it", flush=True)
        if browser:
            webbrowser.open(address)
        if code := server.wait():
            raise BinsparxError(f"MLflow ended by itself, with exit code {code}")


def _compare_page(tracked: TrackedDesigns) -> str:
    """Parallel coordinates, scatter, contours and the parameters that differ."""
    query = {"runs": json.dumps(tracked.runs, separators=(",", ":")), "experiments": json.dumps([tracked.experiment])}
    return f"/compare-runs?{urllib.parse.urlencode(query, quote_via=urllib.parse.quote)}"


@contextlib.contextmanager
def _server(uri: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow for as long as the block lasts: until its end, Ctrl-C, or whatever else asks this process to end."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not under nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    server = None
    try:
        server = _start(uri, port)
        yield server
    except KeyboardInterrupt:
        pass
    finally:
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a second Ctrl-C does not stop the tidying up
            signal.signal(ending, signal.SIG_IGN)
        if server is not None:
            _end(server)


def _start(uri: str, port: int) -> subprocess.Popen[bytes]:
    settings = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    environment = {**os.environ, **settings}
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", _LOOPBACK]
    command += ["--port", str(port), "--workers", "1"]
    # In a session of its own: Ctrl-C in a terminal reaches this process alone, which ends the server in its own way.
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ends the server and its workers. They would wait for as long as a browser keeps a connection; nothing is lost."""
    for ending, seconds in ((signal.SIGTERM, _END_SECONDS), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(server.pid, ending)
            server.wait(seconds)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise BinsparxError(f"MLflow could not start on port {port}; is it taken? --port 0 finds a free one")
        try:
            with _DIRECTLY.open(f"http://{_LOOPBACK}:{port}/health", timeout=2):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
    raise BinsparxError(f"MLflow did not answer within {_START_SECONDS:g} s")


def _port_to_take(port: int) -> int:
    """The port, a free one for 0, if nobody has it: else MLflow ends, and what answers there is somebody else's."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: what was served before may linger
        try:
            probe.bind((_LOOPBACK, port))
        except OSError as error:
            raise BinsparxError(
                f"MLflow cannot start on port {port}: {error.strerror}; --port 0 finds a free one"
            ) from None
        return int(probe.getsockname()[1])
