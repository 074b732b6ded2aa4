"""A throwaway PostgreSQL on loopback and an MLflow server that keeps its runs there, both to be killed at will."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

START_SECONDS = 180
_USER = "postgres"  # PostgreSQL refuses to run as root


def postgres_programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, the newest where there are several; None where there are none."""
    places = [Path(found).resolve() for name in ("postgres",) if (found := shutil.which(name))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version, reverse=True)
    return next((place.parent for place in places if (place.parent / "initdb").exists()), None)


class Postgres:
    """A server with one database and one user, whose password nobody else knows, in a folder of its own."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self._folder = Path(tempfile.mkdtemp(prefix="binsparx-postgres-"))  # tmp_path is closed to other users
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        if os.getuid() == 0:
            for place in (self._folder, password_file):
                shutil.chown(place, _USER)
        options = ["-U", "tester", "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
        self._spawn(["initdb", "-D", str(self._folder / "data"), *options], self._folder / "initdb.log").wait()
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where MLflow finds it; SQLAlchemy takes another driver where none is named."""
        return f"postgresql+psycopg2://tester:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Starts the server on what it has, and returns when it answers."""
        listening = ["-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        self._server = self._spawn(
            ["postgres", "-D", str(self._folder / "data"), *listening], self._folder / "postgres.log"
        )
        wait_until(self._answers, self._server, "PostgreSQL")

    def kill(self) -> None:
        """SIGKILL to the server and all its processes, as when the machine is lost."""
        assert self._server is not None
        _kill_family(self._server)
        self._server = None

    def remove(self) -> None:
        """Ends it and leaves nothing."""
        if self._server is not None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        import psycopg2

        try:
            psycopg2.connect(self.uri.replace("+psycopg2", ""), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _spawn(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        rights: dict[str, Any] = {"user": _USER, "group": _USER, "extra_groups": []} if os.getuid() == 0 else {}
        with log.open("ab") as output:
            return subprocess.Popen(
                [str(self._programs / command[0]), *command[1:]],
                cwd=self._folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                **rights,
            )


class MlflowServer:
    """``mlflow server`` on loopback with a database of our choice."""

    def __init__(self, backend_uri: str, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "mlflow.log"
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        surroundings = {
            **os.environ,
            "MLFLOW_BACKEND_STORE_URI": backend_uri,  # not an argument, which all users of the machine may see
            "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }
        with self.log.open("ab") as output:
            self._server = subprocess.Popen(
                [*command, "--workers", "1"], cwd=folder, env=surroundings, stdout=output, stderr=subprocess.STDOUT
            )

    def wait(self) -> None:
        """Returns when it answers; the first start fills the database."""
        wait_until(self._answers, self._server, "the MLflow server")

    @property
    def uri(self) -> str:
        """What ``--tracking-uri`` takes."""
        return f"http://127.0.0.1:{self.port}"

    def remove(self) -> None:
        """Ends the server and its workers."""
        _kill_family(self._server)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(answers: Callable[[], bool], server: subprocess.Popen[bytes], name: str) -> None:
    """Waits for a server's first answer.

    Raises:
        RuntimeError: it ended, or did not answer in time.
    """
    end = time.monotonic() + START_SECONDS
    while not answers():
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{name} does not come up")
        time.sleep(0.2)


def _kill_family(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a process that we started and to all that it started."""
    if process.poll() is None:
        first = psutil.Process(process.pid)
        family = [first, *first.children(recursive=True)]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family[1:])
    process.wait()


def _version(program: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in program.parent.parent.name.split(".") if part.isdigit())
