"""How a driver joins a cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from pipeline.errors import RayNotStarted
from pipeline.execution.cluster import ray_session
from tests.pipeline.conftest import ROOT

_JOIN = """
import contextlib
from pipeline.execution.cluster import ray_session
from simcore.errors import InputError

with contextlib.suppress(InputError), ray_session("nowhere", 1):
    pass
import ray
print(ray._config.grpc_client_keepalive_time_ms(), ray._config.grpc_client_keepalive_timeout_ms())
"""


def life_signs(**environment: str) -> tuple[int, int]:
    """Milliseconds after which Ray asks a silent connection for a sign of life, and that it waits for it."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    surroundings |= {"PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", _JOIN], env=surroundings, capture_output=True, text=True, check=True)
    asked, waited = done.stdout.split()
    return int(asked), int(waited)


def test_a_driver_soon_sees_that_a_machine_is_cut_off() -> None:
    asked, waited = life_signs()
    assert asked > 60_000  # Ray's servers hang up on who asks more often
    assert asked + waited < 120_000


def test_who_runs_the_cluster_may_choose() -> None:
    assert life_signs(RAY_grpc_client_keepalive_time_ms="5000") == (5000, life_signs()[1])


@pytest.mark.parametrize("slow_starts", [2, 3])
def test_a_busy_machine_gets_several_tries_and_then_one_line(monkeypatch: pytest.MonkeyPatch, slow_starts: int) -> None:
    tries = []

    def init(**_: object) -> None:
        tries.append(1)
        if len(tries) <= slow_starts:
            raise Exception("The current node timed out during startup.\nThe GCS may be overloaded.")

    # Not Ray itself: once imported it no longer heeds where its servers are to listen, which later tests ask for.
    slow = SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", slow)
    if slow_starts == 2:
        with ray_session(None, 1):
            assert len(tries) == 3
        return
    with pytest.raises(RayNotStarted, match="after 3 tries: The current node timed out .* Try again when") as error:
        with ray_session(None, 1):
            pass
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("starts", [True, False])
def test_outside_the_session_a_termination_is_what_it_was(monkeypatch: pytest.MonkeyPatch, starts: bool) -> None:
    """Ray sets a handler of its own when it starts, which ends the process on the spot."""

    def init(**_: object) -> None:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
        if not starts:
            raise Exception("The current node timed out during startup.")

    fake = SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", fake)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.suppress(RayNotStarted), ray_session(None, 1):
            assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_termination_while_ray_starts_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: object) -> None:
        sys.exit(signal.SIGTERM)  # Ray's own handler, which it sets first of all

    fake = SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", fake)
    with pytest.raises(KeyboardInterrupt), ray_session(None, 1):
        pass
