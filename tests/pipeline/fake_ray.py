"""A stand-in for Ray inside this process: a task runs when somebody waits for it, and the clock is the test's own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

MOST_IDLE_LOOKS = 20
"""A driver that looks so often in a row without waiting, and finds nothing, spins."""


class FakeClock:
    """Stands in for the module ``time``: sleeping costs nothing."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class RayError(Exception):
    """The errors that an execution tells apart."""


class RayTaskError(RayError):
    cause: Exception


class ObjectLostError(RayError):
    pass


class _Call:
    def __init__(self, run: Callable[[], Any]) -> None:
        self.run, self.done, self.value = run, False, None


class _Reference:
    """What ``remote`` and ``put`` give; a task with several results gives one for each."""

    def __init__(self, call: _Call, index: int | None = None) -> None:
        self.call, self.index = call, index

    def value(self) -> Any:
        if not self.call.done:
            self.call.value, self.call.done = self.call.run(), True
        return self.call.value if self.index is None else self.call.value[self.index]


class _Remote:
    def __init__(self, function: Callable[..., Any], results: int) -> None:
        self._function, self._results = function, results

    def options(self, **_: Any) -> _Remote:
        return self

    def remote(self, *arguments: Any) -> Any:
        given = [argument.value() if isinstance(argument, _Reference) else argument for argument in arguments]
        call = _Call(lambda: self._function(*given))
        if self._results == 1:
            return _Reference(call)
        return [_Reference(call, index) for index in range(self._results)]


class FakeRay:
    """One node of ``cpus`` CPUs. ``cpus_later`` are what it tells from its second look-up on."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError, ObjectLostError=ObjectLostError)

    def __init__(self, cpus: int, clock: FakeClock, cpus_later: int | None = None) -> None:
        self._cpus = itertools.chain([cpus], itertools.repeat(cpus_later or cpus))
        self._largest = max(cpus, cpus_later or cpus)
        self._clock = clock
        self._idle_looks = 0

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": next(self._cpus)}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": self._largest, "memory": 1 << 30}}]

    def remote(self, num_returns: int = 1, **_: Any) -> Callable[[Callable[..., Any]], _Remote]:
        return lambda function: _Remote(function, num_returns)

    def put(self, value: Any) -> _Reference:
        return _Reference(_Call(lambda: value))

    def get(self, reference: _Reference) -> Any:
        return reference.value()

    def wait(
        self, references: list[_Reference], num_returns: int = 1, timeout: float | None = None
    ) -> tuple[list[_Reference], list[_Reference]]:
        """The first task ends when it is waited for without a limit; until then it takes longer than any limit."""
        if timeout is None:
            self._idle_looks = 0
            return references[:1], references[1:]
        self._clock.sleep(timeout)
        if num_returns == 1:
            self._idle_looks = 0 if timeout > 0 else self._idle_looks + 1
            assert self._idle_looks < MOST_IDLE_LOOKS, "the driver spins"
        return [], references


def install(monkeypatch: pytest.MonkeyPatch, cpus: int = 2, cpus_later: int | None = None) -> FakeRay:
    """Puts a fake Ray and its clock in the place of what ``run_sweep`` starts."""
    clock = FakeClock()
    ray = FakeRay(cpus, clock, cpus_later)

    @contextmanager
    def session(address: str | None, threads: int) -> Iterator[FakeRay]:
        yield ray

    monkeypatch.setattr("pipeline.execution.runner.ray_session", session)
    monkeypatch.setattr("pipeline.execution.driver.time", clock)
    return ray
