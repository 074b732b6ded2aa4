"""The driver's loop: a bounded number of Ray tasks in flight, taken up in the order in which they finish."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.points import DesignPoint
from pipeline.shards import Range
from pipeline.tasks import Outcome, TaskSettings, evaluate_shard, prepare_design
from pipeline.work import DesignWork

SYSTEM_RETRIES = 3
TASKS_IN_FLIGHT_PER_SLOT = 2


class Listener(Protocol):
    """Whoever wants to know how far the work is."""

    def task_done(self, work: DesignWork, images: int, expected_seconds: float, outcome: Outcome) -> None:
        """A task ended; ``images`` is 0 for a preparation."""


@dataclass(frozen=True)
class Failure:
    """A design point that could not be finished, and why."""

    point: DesignPoint
    stage: str
    reason: str
    cause: str
    details: str


@dataclass
class _Active:
    """A design whose preparation was submitted."""

    work: DesignWork
    prepared: Any
    waiting: deque[Range]
    ready: bool = False
    running: int = 0
    failed: bool = False


@dataclass(frozen=True)
class _Task:
    active: _Active
    shard: Range | None  # None: the preparation

    @property
    def expected_seconds(self) -> float:
        cost = self.active.work.cost
        return cost.prepare_seconds if self.shard is None else self.shard[1] * cost.seconds_per_image


class Execution:
    """Runs the missing tasks of some designs on Ray.

    Preparations run ahead just far enough to keep the workers busy; prepared designs live in the object store only
    while their shards are being evaluated.
    """

    def __init__(self, ray: Any, settings: TaskSettings, listener: Listener) -> None:
        self._ray = ray
        self._settings = settings
        self._listener = listener
        options = {"num_cpus": settings.threads, "max_retries": SYSTEM_RETRIES}
        self._prepare = ray.remote(**options, num_returns=2)(prepare_design)
        self._evaluate = ray.remote(**options)(evaluate_shard)
        slots = max(1, int(ray.cluster_resources().get("CPU", 1)) // settings.threads)
        self._window = TASKS_IN_FLIGHT_PER_SLOT * slots
        self._in_flight: dict[Any, _Task] = {}
        self._active: list[_Active] = []
        self._shared: dict[int, tuple[Any, Any]] = {}
        self.failures: list[Failure] = []

    def run(self, works: Iterable[DesignWork]) -> list[Failure]:
        """Computes all that is missing; returns the points that failed."""
        queue = iter([work for work in works if not work.done])
        self._fill(queue)
        while self._in_flight:
            finished, _ = self._ray.wait(list(self._in_flight), num_returns=1)
            for reference in finished:
                self._harvest(reference)
            self._fill(queue)
        return self.failures

    def _fill(self, queue: Iterator[DesignWork]) -> None:
        """Submits until the window is full: a preparation ahead of the shards, then shards, then more preparations."""
        while len(self._in_flight) < self._window:
            ready = next((active for active in self._active if active.ready and active.waiting), None)
            ahead = any(not active.ready for active in self._active)
            started = (ready is None or not ahead) and self._start_next(queue)
            if not started and ready is None:
                return
            if not started and ready is not None:
                self._submit_shard(ready)

    def _start_next(self, queue: Iterator[DesignWork]) -> bool:
        # Prepared designs fill the object store, so their number is bounded too.
        if len(self._active) > self._window:
            return False
        work = next(queue, None)
        if work is None:
            return False
        point = work.point
        summary, prepared = self._prepare.remote(
            self._settings,
            point.key,
            point.content,
            point.design,
            self._put(point.model.checkpoint),
            self._put(point.dataset),
        )
        active = _Active(work, prepared, deque(work.cover.missing))
        self._active.append(active)
        self._in_flight[summary] = _Task(active, None)
        return True

    def _put(self, value: Any) -> Any:
        """Once into the object store, however many tasks use it."""
        held = self._shared.get(id(value))
        if held is None:
            held = (self._ray.put(value), value)  # the value is kept so that its id stays its own
            self._shared[id(value)] = held
        return held[0]

    def _submit_shard(self, active: _Active) -> None:
        first, count = active.waiting.popleft()
        point = active.work.point
        reference = self._evaluate.remote(
            self._settings, point.key, active.prepared, self._put(point.dataset), point.split, first, count
        )
        active.running += 1
        self._in_flight[reference] = _Task(active, (first, count))

    def _harvest(self, reference: Any) -> None:
        task = self._in_flight.pop(reference)
        active = task.active
        outcome = self._outcome(reference)
        if task.shard is None:
            active.ready = True
        else:
            active.running -= 1
        if not outcome.ok and not active.failed:
            active.failed = True
            active.waiting.clear()
            stage = "prepare" if task.shard is None else f"images {task.shard[0]}-{task.shard[0] + task.shard[1] - 1}"
            failure = Failure(active.work.point, stage, outcome.reason, outcome.cause, outcome.details)
            self.failures.append(failure)
        self._listener.task_done(active.work, task.shard[1] if task.shard else 0, task.expected_seconds, outcome)
        if active.ready and not active.waiting and not active.running:
            self._active.remove(active)

    def _outcome(self, reference: Any) -> Outcome:
        """The task's own outcome, or one that tells why the system could not get it."""
        try:
            outcome: Outcome = self._ray.get(reference)
            return outcome
        except self._ray.exceptions.RayTaskError as error:  # the task could not even begin: it never raises itself
            return Outcome(0.0, 0.0, f"{type(error).__name__}: {error.cause}", type(error.cause).__name__, str(error))
        except self._ray.exceptions.RayError as error:
            cause = type(error).__name__
            reason = f"the system failed {SYSTEM_RETRIES + 1} times ({cause})"
            return Outcome(0.0, 0.0, reason, cause, str(error))
