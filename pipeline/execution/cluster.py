"""Starting Ray quietly on this machine, or joining a cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast

from pipeline.errors import RayNotStarted
from pipeline.execution.ray_interface import Ray
from pipeline.execution.tasks import cpu_count, thread_environment
from simcore.errors import InputError, one_line

OBJECT_STORE_BYTES = 1 << 30
_MIN_OBJECT_STORE_BYTES = 100 << 20
_ATTEMPTS = 3  # a busy machine may not start Ray's servers in the 30 s that Ray waits for them
_LIFE_SIGNS = {
    # What was sent to a machine that the network lost, tasks and requests for a worker, is only given up when the
    # driver's connection to it breaks, even if the cluster has long counted that machine as dead. By itself Ray asks a
    # silent connection for a sign of life after five minutes and waits two for it, and the tasks that queue behind
    # stand still as long. Ray's servers hang up on who asks more often than once a minute.
    "RAY_grpc_client_keepalive_time_ms": "70000",
    "RAY_grpc_client_keepalive_timeout_ms": "30000",
}


@contextlib.contextmanager
def ray_session(address: str | None, threads: int) -> Iterator[Ray]:
    """Yields the ``ray`` module, connected. A session that is already running is used and left running.

    Without ``address`` a Ray of this machine's CPUs is started on loopback only, with no dashboard and no usage report.

    Args:
        address: of a cluster.
        threads: of a task.

    Raises:
        InputError: no cluster answers at ``address``.
        RayNotStarted: without one, none came up here.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address is None and "ray" not in sys.modules:
        # Read when Ray is imported: with it off, every one of Ray's servers binds to the loopback address, as Ray does
        # by itself on systems with talkative firewalls; on Linux they would be open to the network.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    if address is not None:
        for name, value in _LIFE_SIGNS.items():  # read when Ray is imported, too
            os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield cast(Ray, ray)
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        _connect(address, max(cpu_count(), threads), thread_environment(threads))
        # Who asks this process to end (a batch system, a container, `kill`) gets what Ctrl-C gets. The handler that
        # Ray has set by now ends it on the spot, with a native stack trace.
        _on_termination(signal.default_int_handler)
        yield cast(Ray, ray)
    finally:
        ray.shutdown()
        _on_termination(before or signal.SIG_DFL)  # None: set by no one in Python


def _connect(address: str | None, cpus: int, environment: dict[str, str]) -> None:
    """Joins a cluster, or starts a Ray of ``cpus`` CPUs here; workers get the environment variables."""
    import ray

    local = {
        "address": "local",
        "num_cpus": cpus,
        "include_dashboard": False,
        "object_store_memory": _object_store_bytes(),
        "_node_ip_address": "127.0.0.1",
    }
    where = local if address is None else {"address": address}
    reason = ""
    for _ in range(_ATTEMPTS if address is None else 1):
        try:
            ray.init(**where, log_to_driver=False, logging_level=logging.ERROR, runtime_env={"env_vars": environment})
            return
        except SystemExit as end:  # what Ray makes of SIGTERM, from the first
            raise KeyboardInterrupt if end.code == signal.SIGTERM else end from None
        except Exception as error:  # of a node that is slow to start Ray raises no narrower class
            reason = one_line(error)
            ray.shutdown()
    if address is None:
        raise RayNotStarted(
            f"Ray does not start on this machine, after {_ATTEMPTS} tries: {reason} Try again when it is less busy, or "
            "join a cluster with --address"
        )
    raise InputError(f"no Ray cluster answers at '{address}': {reason}", "--address")


def _on_termination(handler: Callable[[int, FrameType | None], Any] | int) -> None:
    if threading.current_thread() is threading.main_thread():  # no other may set handlers
        signal.signal(signal.SIGTERM, handler)


def _object_store_bytes() -> int:
    """At most 1 GiB, and no more than half of the shared memory where that is smaller."""
    try:
        free = shutil.disk_usage("/dev/shm").free
    except OSError:
        return OBJECT_STORE_BYTES
    return max(_MIN_OBJECT_STORE_BYTES, min(OBJECT_STORE_BYTES, free // 2))
