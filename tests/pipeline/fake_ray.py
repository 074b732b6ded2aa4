"""A stand-in for Ray inside this process: a task runs when somebody waits for it, and the clock is the test's own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from pipeline.execution.ray_interface import Node, Ray, RayExceptions, Reference

MOST_IDLE_LOOKS = 20
"""A driver that looks so often in a row without waiting, and finds nothing, spins."""

TASK_SECONDS = 3.0
"""A wait with a longer limit sees a task end."""


class FakeClock:
    """Stands in for the module ``time``: sleeping costs nothing."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


class _Call:
    def __init__(self, run: Callable[[], Any]) -> None:
        self._run, self._done = run, False
        self._value: Any = None
        self._error: Exception | None = None

    def value(self) -> Any:
        if not self._done:
            self._done = True
            try:
                self._value = self._run()
            except Exception as error:
                self._error = error
        if self._error is not None:
            raise self._error
        return self._value


class _Reference:
    """What ``remote`` and ``put`` give; a task with several results gives one for each."""

    def __init__(self, call: _Call, index: int | None = None, cpus: float = 0) -> None:
        self._call, self._index = call, index
        self.cpus = cpus  # that the task reserves

    def value(self) -> Any:
        value = self._call.value()
        return value if self._index is None else value[self._index]


class _Remote:
    def __init__(self, function: Callable[..., Any], results: int, cpus: float, reserved: list[float]) -> None:
        self._function, self._results, self._cpus, self._reserved = function, results, cpus, reserved

    def options(self, *, num_cpus: float, memory: float) -> _Remote:
        self._reserved.append(num_cpus)
        return _Remote(self._function, self._results, num_cpus, self._reserved)

    def remote(self, *arguments: object) -> Any:
        call = _Call(lambda: self._run(arguments))
        if self._results == 1:
            return _Reference(call, cpus=self._cpus)
        return [_Reference(call, index, self._cpus) for index in range(self._results)]

    def _run(self, arguments: tuple[object, ...]) -> Any:
        from ray.exceptions import RayTaskError

        # What an argument's own task raised is raised here too.
        given = [argument.value() if isinstance(argument, _Reference) else argument for argument in arguments]
        try:
            return self._function(*given)
        except Exception as error:
            raise RayTaskError(self._function.__name__, str(error), error).as_instanceof_cause() from error


class FakeRay:
    """One node of ``cpus`` CPUs, or ``nodes`` of other resources. ``cpus_later`` are what it tells from its second
    look-up on; ``reserved`` are the CPUs that were asked for beyond a task's own, and ``cancelled`` is what was taken
    back. A task that no node has the CPUs for does not end."""

    def __init__(
        self,
        cpus: int,
        clock: FakeClock,
        cpus_later: int | None = None,
        nodes: Sequence[Mapping[str, float]] | None = None,
    ) -> None:
        self.reserved: list[float] = []
        self.cancelled: list[Reference] = []
        self._cpus = itertools.chain([cpus], itertools.repeat(cpus_later or cpus))
        self._nodes = nodes
        self.clock = clock
        self._idle_looks = 0

    @property
    def exceptions(self) -> RayExceptions:
        from ray import exceptions

        return exceptions

    def nodes(self) -> list[Node]:
        nodes = self._nodes or [{"CPU": next(self._cpus), "memory": 1 << 30}]
        return [{"Alive": True, "Resources": resources} for resources in nodes]

    def get_runtime_context(self) -> SimpleNamespace:
        return SimpleNamespace(gcs_address="nowhere")

    def remote(self, **options: float) -> Callable[[Callable[..., object]], _Remote]:
        results, cpus = int(options.get("num_returns", 1)), options["num_cpus"]
        return lambda function: _Remote(function, results, cpus, self.reserved)

    def put(self, value: object) -> _Reference:
        return _Reference(_Call(lambda: value))

    def cancel(self, reference: Reference) -> None:
        self.cancelled.append(reference)

    def _fits(self, reference: Reference) -> bool:
        assert isinstance(reference, _Reference)
        return any(reference.cpus <= node["Resources"].get("CPU", 0) for node in self.nodes())

    def get(self, reference: Reference) -> Any:
        assert isinstance(reference, _Reference)
        return reference.value()

    def wait(
        self, references: list[Reference], *, num_returns: int = 1, timeout: float | None = None
    ) -> tuple[list[Reference], list[Reference]]:
        """The first task that fits a node ends when it is waited for as long as it takes."""
        fitting = [reference for reference in references if self._fits(reference)]
        if fitting and (timeout is None or timeout > TASK_SECONDS):
            self._idle_looks = 0
            self.clock.sleep(TASK_SECONDS)
            ended = fitting[:num_returns]
            return ended, [reference for reference in references if reference not in ended]
        assert timeout is not None, "the driver waits for what no node has room for"
        self.clock.sleep(timeout)
        if num_returns == 1:
            self._idle_looks = 0 if timeout > 0 else self._idle_looks + 1
            assert self._idle_looks < MOST_IDLE_LOOKS, "the driver spins"
        return [], references


@contextmanager
def fake_session(address: str | None, threads: int) -> Iterator[Ray]:
    """Two CPUs, for ``RunOptions.session``."""
    yield FakeRay(2, FakeClock())


@contextmanager
def small_session(address: str | None, threads: int) -> Iterator[Ray]:
    """One CPU."""
    yield FakeRay(1, FakeClock())
