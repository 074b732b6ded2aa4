"""Jobs on a cluster through Ray's job server: submitted, followed, stopped; how they ended is told as it was."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.commands import command
from pipeline.submission.pack import Pack
from pipeline.uris import safe_line, without_secret
from simcore.errors import BinsparxError, InputError

ADDRESS_VARIABLE = "RAY_API_SERVER_ADDRESS"
ENTRYPOINT = "python -m pipeline.cli.packed_job"
_WAIT_SECONDS = 1.0
_START_TRIES, _START_WAIT_SECONDS = 20, 3.0
_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")


class JobEnded(BinsparxError):
    """A job ended otherwise than with everything done; the exit code is that of the run, as far as it is known."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class JobState:
    """How a job stands. ``exit_code`` is None while it runs, and where it never got so far."""

    job_id: str
    status: str
    sweep: str
    message: str
    exit_code: int | None

    @property
    def ended(self) -> bool:
        return self.status in _ENDED

    def describe(self) -> str:
        """One line for people."""
        name = f" (sweep '{self.sweep}')" if self.sweep else ""
        ends = {
            0: "succeeded: all points are done",
            1: f"ended with failed points, or the machine could not go on; see: {command('logs', self.job_id)}",
            2: "ended: bad input",
            130: "was interrupted",
        }
        if self.status == "STOPPED":
            return f"job {self.job_id}{name} was stopped before its end; finished work is kept"
        if self.status in ("SUCCEEDED", "FAILED") and self.exit_code in ends:
            return f"job {self.job_id}{name} {ends[self.exit_code]}"
        if self.status == "FAILED":
            return f"job {self.job_id}{name} failed: {self.message or 'the cluster gives no reason'}"
        return f"job {self.job_id}{name} is {self.status.lower()}"

    def raise_unless_done(self) -> None:
        """Raises JobEnded unless every point of the sweep is done."""
        if self.status == "SUCCEEDED" and self.exit_code in (0, None):
            return
        code = 130 if self.status == "STOPPED" else self.exit_code
        raise JobEnded(self.describe(), code if code in (1, 2, 130) else 1)


class Jobs:
    """The job server at one address."""

    def __init__(self, address: str) -> None:
        """Connects.

        Raises:
            InputError: not an address, or nobody answers there.
        """
        self.address = without_secret(address)  # what people and logs may see
        if not re.match(r"^https?://[^\s/]+(/.*)?$", address):
            raise InputError(
                f"expected the dashboard's address such as http://head:8265, found '{self.address}'", "--address"
            )
        from ray.job_submission import JobSubmissionClient

        logging.getLogger("ray").setLevel(logging.WARNING)
        talkative = ("dashboard.modules.dashboard_sdk", "dashboard.modules.job.sdk", "_private.runtime_env.packaging")
        for name in (f"ray.{module}" for module in talkative):
            logging.getLogger(name).setLevel(logging.WARNING)
        with _plain_errors(self.address), _as_ray_finds_it(address):
            self._client = JobSubmissionClient(address)

    def submit(self, pack: Pack, name: str, options: dict[str, str]) -> str:
        """Sends a pack and starts it; returns the job's name."""
        job_id = f"binsparx-{re.sub('[^A-Za-z0-9_-]', '-', name)}-{uuid.uuid4().hex[:8]}"
        with tempfile.TemporaryDirectory(prefix="binsparx-pack-") as folder, _plain_errors(self.address):
            pack.write(Path(folder), {"sweep": pack.sweep, "options": options})
            self._start(job_id, name, folder)
        return job_id

    def _start(self, job_id: str, sweep: str, folder: str) -> None:
        """A head that has just come up answers before it can take jobs."""
        for waits_left in reversed(range(_START_TRIES)):
            try:
                self._client.submit_job(
                    entrypoint=ENTRYPOINT,
                    submission_id=job_id,
                    runtime_env={"working_dir": folder, "env_vars": {"RAY_USAGE_STATS_ENABLED": "0"}},
                    metadata={"sweep": sweep},
                )
                return
            except RuntimeError as error:
                if "No available agent" not in str(error) or not waits_left:
                    raise
                time.sleep(_START_WAIT_SECONDS)

    def state(self, job_id: str) -> JobState:
        """How a job stands; raises InputError for one the cluster does not know."""
        with _plain_errors(self.address, job_id):
            info = self._client.get_job_info(job_id)
        lines = str(info.message or "").strip().splitlines()
        status = str(info.status.value)
        return JobState(
            job_id,
            status,
            str((info.metadata or {}).get("sweep", "")),
            lines[0] if lines else "",
            info.driver_exit_code,
        )

    def known(self) -> list[JobState]:
        """The jobs of binsparx that the cluster remembers."""
        with _plain_errors(self.address):
            names = [str(job.submission_id) for job in self._client.list_jobs() if job.submission_id]
        return [self.state(name) for name in sorted(names) if name.startswith("binsparx-")]

    def logs(self, job_id: str) -> str:
        """Everything the job has printed so far."""
        with _plain_errors(self.address, job_id):
            return str(self._client.get_job_logs(job_id))

    def stop(self, job_id: str) -> None:
        """Asks the job to stop; finished work is kept."""
        with _plain_errors(self.address, job_id):
            self._client.stop_job(job_id)

    def follow(self, job_id: str, write: Callable[[str], object] = sys.stdout.write) -> JobState:
        """Prints what the job prints until it ends, and tells how it ended. Ctrl-C leaves the job alone.

        Raises:
            InputError: the cluster does not know the job.
        """
        self.state(job_id)  # the log's web socket does not tell an unknown job from other refusals

        async def tail() -> None:
            async for text in self._client.tail_job_logs(job_id):
                write(text)

        with _plain_errors(self.address, job_id):
            asyncio.run(tail())
            while not (state := self.state(job_id)).ended:
                asyncio.run(asyncio.sleep(_WAIT_SECONDS))
        return state


@contextmanager
def _as_ray_finds_it(address: str) -> Iterator[None]:
    """Ray's client is given an address and takes what the environment says instead: for the block that is the same."""
    before = os.environ.get(ADDRESS_VARIABLE)
    os.environ[ADDRESS_VARIABLE] = address
    try:
        yield
    finally:
        del os.environ[ADDRESS_VARIABLE]
        if before is not None:
            os.environ[ADDRESS_VARIABLE] = before


@contextmanager
def _plain_errors(address: str, job_id: str = "") -> Iterator[None]:
    from aiohttp import ClientError
    from ray.exceptions import AuthenticationError

    try:
        yield
    except AuthenticationError:  # its own text speaks of tokens and where they lie: not for a log
        raise InputError(
            f"the cluster at {address} asks for a token; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH to the file "
            "that holds the cluster's token",
            "--address",
        ) from None
    except ClientError as error:  # of the web socket that carries a job's log
        reason = safe_line(error)[:200] or type(error).__name__
        raise BinsparxError(f"the connection to the job server at {address} broke: {reason}") from None
    except ConnectionError as error:
        raise InputError(f"no Ray job server answers at {address}: {safe_line(error)[:200]}", "--address") from None
    except RuntimeError as error:  # what Ray's client makes of every other answer
        text = safe_line(error)
        if job_id and ("404" in text or "does not exist" in text):
            raise InputError(f"the cluster at {address} knows no job '{job_id}'") from None
        raise BinsparxError(f"the job server at {address} refuses: {text[:300]}") from None
