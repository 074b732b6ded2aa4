"""The driver's loop: a bounded number of Ray tasks in flight, taken up in the order in which they finish."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.errors import DiskFull, ResultsNotShared
from pipeline.execution.active import ActiveDesign, Failure
from pipeline.execution.capacity import check_threads, gpu_share, usable_nodes
from pipeline.execution.ray_interface import Ray, Reference, RemoteFunction
from pipeline.execution.retries import FailureKind, Room, Trial, kind_of, kind_of_system_error
from pipeline.execution.task_size import TaskSizer
from pipeline.execution.tasks import TASK_FUNCTIONS, Outcome, TaskFunctions, TaskSettings
from pipeline.storage.shards import Range
from pipeline.storage.work import DesignWork
from simcore.errors import one_line

TASKS_IN_FLIGHT_PER_SLOT = 2
_NODES_LOOKED_UP_SECONDS = 5.0


class Clock(Protocol):
    """The module ``time``, or what stands in for it."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


class Listener(Protocol):
    """Whoever wants to know how far the work is."""

    def task_done(self, work: DesignWork, images: int, expected_seconds: float, outcome: Outcome) -> None:
        """A preparation (``images`` is 0) or a shard ended, well or for good."""

    def task_retried(self, work: DesignWork, outcome: Outcome) -> None:
        """One failed and is tried again."""

    def shards_abandoned(self, work: DesignWork, shards: Sequence[Range]) -> None:
        """These shards will not be evaluated: their design was given up."""

    def slots_found(self, slots: int) -> None:
        """So many tasks run at once; told at the start and again while the cluster may grow or shrink."""

    def held_up(self, reason: str) -> None:
        """Nothing can run until the cluster is another one; told once until something ends."""


@dataclass(frozen=True)
class _Reserved:
    """What a trial after a lack of memory asks of a node: CPUs and bytes."""

    cpus: int
    memory: int

    def fits(self, node: Mapping[str, float]) -> bool:
        return self.cpus <= node["CPU"] and self.memory <= node.get("memory", 0)


@dataclass(frozen=True)
class _Task:
    active: ActiveDesign
    shards: tuple[Range, ...]  # empty: the preparation
    trial: Trial
    reserved: _Reserved | None = None  # None: what every task reserves


class Execution:
    """Runs the missing tasks of some designs on Ray.

    Preparations run ahead just far enough to keep the workers busy; prepared designs live in the object store only
    while their shards are being evaluated. Ray's own retries are off: what is tried again, how often and with how
    much memory depends on the kind of failure (``pipeline.execution.retries``).

    Args:
        ray: where tasks run.
        functions: what runs there.
        settings: what every task is told.
        listener: hears how far the work is.
        max_failures: nothing new is begun after more designs failed; None: no limit.
        sizer: says how many shards a task takes.
        clock: by which retries are delayed.
    """

    def __init__(
        self,
        ray: Ray,
        settings: TaskSettings,
        listener: Listener,
        max_failures: int | None = None,
        functions: TaskFunctions = TASK_FUNCTIONS,
        sizer: TaskSizer | None = None,
        clock: Clock = time,
    ) -> None:
        self._ray = ray
        self._settings = settings
        self._listener = listener
        self._max_failures = max_failures
        self._clock = clock
        options = {"num_cpus": settings.threads, "max_retries": 0, **gpu_share(settings.evaluator.device)}
        self._prepare = ray.remote(**options, num_returns=2)(functions.prepare)
        self._evaluate = ray.remote(**options)(functions.evaluate)
        self._sizer = sizer or TaskSizer()
        self._in_flight: dict[Reference, _Task] = {}
        self._open: dict[str, ActiveDesign] = {}
        self._preparing = 0
        self._ready: deque[ActiveDesign] = deque()
        self._delayed: list[tuple[float, int, _Task]] = []
        self._order = itertools.count()
        self._shared: dict[int, tuple[Reference, object]] = {}
        self._shards_left = 0
        self._held_up = ""
        self._look_up_slots()
        self.failures: list[Failure] = []

    @property
    def stopped(self) -> bool:
        """More designs failed than the user allows: nothing new is begun."""
        return self._max_failures is not None and len(self.failures) > self._max_failures

    def run(self, design_works: Iterable[DesignWork]) -> list[Failure]:
        """Computes all that is missing; returns the points that failed, in the order given, which are in ``failures``
        also where it is broken off.

        Raises:
            DiskFull: a task had no room for its results.
            ResultsNotShared: a task ran where the results are not those of this process.
        """
        todo = [work for work in design_works if not work.done]
        rank = {work.point.key: index for index, work in enumerate(todo)}
        self._shards_left = sum(len(work.cover.missing) for work in todo)
        queue = iter(todo)
        try:
            self._fill(queue)
            while self._in_flight or (self._delayed and not self.stopped):
                finished = self._wait()
                for reference in finished:
                    self._harvest(reference)
                if finished:
                    self._held_up = ""
                elif self._clock.monotonic() > self._slots_due:
                    self._look_for_nodes()
                self._fill(queue)
        finally:  # also where it is broken off: a design that is not finished may have failed for good
            self.failures += [found for active in self._open.values() if (found := active.failure()) is not None]
            self.failures.sort(key=lambda failure: rank[failure.point.key])
        return self.failures

    def _wait(self) -> list[Reference]:
        """At least one finished task, or none where a delayed one is due first and can be submitted, or where it is
        time to look whether the nodes are still there that tasks wait for."""
        may_submit = len(self._in_flight) < self._window and not self.stopped
        due = self._delayed[0][0] - self._clock.monotonic() if self._delayed and may_submit else None
        references = list(self._in_flight)
        if not references:
            self._clock.sleep(max(0.0, due or 0.0))
            return []
        limit = _NODES_LOOKED_UP_SECONDS if due is None else min(max(0.0, due), _NODES_LOOKED_UP_SECONDS)
        finished, others = self._ray.wait(references, timeout=limit)
        more = self._ray.wait(others, num_returns=len(others), timeout=0)[0] if finished and others else []
        return [*finished, *more]

    def _fill(self, queue: Iterator[DesignWork]) -> None:
        """Submits until the window is full: what is due again, a preparation ahead, shards, more preparations."""
        if self._clock.monotonic() > self._slots_due:
            self._look_up_slots()
        while len(self._in_flight) < self._window and not self.stopped:
            if self._delayed and self._delayed[0][0] <= self._clock.monotonic():
                self._submit_again(heapq.heappop(self._delayed)[2])
                continue
            while self._ready and not (self._ready[0].ready and self._ready[0].waiting):
                self._ready.popleft()
            ahead = self._preparing > 0
            if (not self._ready or not ahead) and self._start_next(queue):
                continue
            if not self._ready:
                return
            self._submit_shards(self._ready[0])

    def _look_up_slots(self) -> None:
        """A cluster grows and shrinks while it works."""
        self._slots = max(1, sum(self._slots_of(node) for node in self._nodes()))
        self._window = TASKS_IN_FLIGHT_PER_SLOT * self._slots
        self._slots_due = self._clock.monotonic() + _NODES_LOOKED_UP_SECONDS
        self._listener.slots_found(self._slots)

    def _look_for_nodes(self) -> None:
        """Machines leave, and Ray lets a task that fits none of the others wait for ever: a trial with more room is
        submitted again with what there is now; where no task fits at all, somebody has to know."""
        threads, device = self._settings.threads, self._settings.evaluator.device
        if reason := check_threads(self._ray, threads, device, lambda _: True):
            if reason != self._held_up:
                self._held_up = reason
                self._listener.held_up(reason)
            return
        nodes = self._nodes()
        for reference, task in list(self._in_flight.items()):
            if task.reserved is not None and not any(map(task.reserved.fits, nodes)):
                self._ray.cancel(reference)
                self._withdraw(reference)
                self._submit_trial(task.active, task.shards, task.trial)

    def _withdraw(self, reference: Reference) -> _Task:
        """Takes a task off what is in flight."""
        task = self._in_flight.pop(reference)
        if task.shards:
            task.active.running -= 1
        else:
            self._preparing -= 1
        return task

    def _nodes(self) -> list[Mapping[str, float]]:
        return [node for node in usable_nodes(self._ray, self._settings.evaluator.device) if node.get("CPU")]

    def _slots_of(self, node: Mapping[str, float]) -> int:
        """Tasks that fit a node; none is spread over several."""
        return int(node["CPU"]) // self._settings.threads

    def _room(self) -> Room:
        nodes = self._nodes()
        shares = [node.get("memory", 0) * self._settings.threads / node["CPU"] for node in nodes]
        return Room(max(map(self._slots_of, nodes), default=1), int(min(shares, default=0)))

    def _reserved(self, trial: Trial) -> _Reserved | None:
        """The room that a trial after a lack of memory gets."""
        if trial.slots == 1:
            return None
        room = self._room()
        slots = trial.slots_within(room)
        return _Reserved(slots * self._settings.threads, slots * room.share)

    def _start_next(self, queue: Iterator[DesignWork]) -> bool:
        # Prepared designs fill the object store, so their number is bounded too.
        if len(self._open) > self._window:
            return False
        work = next(queue, None)
        if work is None:
            return False
        active = self._open[work.point.key] = ActiveDesign(work, deque(work.cover.missing))
        self._submit_preparation(active)
        return True

    def _submit_trial(self, active: ActiveDesign, shards: tuple[Range, ...], trial: Trial) -> None:
        if shards:
            self._submit(active, shards, trial)
        else:
            self._submit_preparation(active)

    def _submit_preparation(self, active: ActiveDesign) -> None:
        point = active.work.point
        reserved = self._reserved(active.preparation)
        summary, active.prepared = _with_room(self._prepare, reserved).remote(
            self._settings,
            point.key,
            point.content,
            point.design,
            self._put(point.model.checkpoint),
            self._put(point.dataset),
        )
        active.ready = False
        self._preparing += 1
        self._in_flight[summary] = _Task(active, (), active.preparation, reserved)

    def _put(self, value: object) -> Reference:
        """Once into the object store, however many tasks use it."""
        held = self._shared.get(id(value))
        if held is None:
            held = (self._ray.put(value), value)  # the value is kept so that its id stays its own
            self._shared[id(value)] = held
        return held[0]

    def _submit_shards(self, active: ActiveDesign) -> None:
        """One task with as many of the design's waiting shards as it should take."""
        expected = active.work.compute_time
        number = self._sizer.shards(
            active.time_class,
            active.waiting[0][1],
            expected.seconds_per_image if expected.measured else None,
            self._shards_left,
            self._slots,
        )
        taken = whole_chips(active.waiting, min(number, len(active.waiting)), active.work.point.split_images)
        shards = tuple(active.waiting.popleft() for _ in range(taken))
        self._shards_left -= len(shards)
        self._submit(active, shards, Trial())

    def _submit(self, active: ActiveDesign, shards: tuple[Range, ...], trial: Trial) -> None:
        point, reserved = active.work.point, self._reserved(trial)
        reference = _with_room(self._evaluate, reserved).remote(
            self._settings,
            point.key,
            active.prepared,
            self._put(point.dataset),
            point.split,
            shards,
            trial.batch,
        )
        active.running += 1
        self._in_flight[reference] = _Task(active, shards, trial, reserved)

    def _submit_again(self, task: _Task) -> None:
        active = task.active
        if task.shards and not active.ready:  # its prepared design was lost and is on its way again
            heapq.heappush(self._delayed, (self._clock.monotonic() + 0.1, next(self._order), task))
            return
        active.delayed -= 1
        if task.shards and active.given_up:
            self._listener.shards_abandoned(active.work, task.shards)
            self._close_if_finished(active)
        else:
            self._submit_trial(active, task.shards, task.trial)

    def _harvest(self, reference: Reference) -> None:
        task = self._withdraw(reference)
        active = task.active
        outcomes, lost = self._outcomes(reference, task)
        for outcome in outcomes:
            if outcome.kind is FailureKind.FULL:
                raise DiskFull(outcome.reason)
            if outcome.kind is FailureKind.NOT_SHARED:
                raise ResultsNotShared(outcome.reason)
        if not task.shards:
            self._preparation_ended(active, outcomes[0])
        else:
            for shard, outcome in zip(task.shards, outcomes, strict=False):
                self._shard_ended(active, shard, task.trial, outcome)
            self._put_back(active, task.shards[len(outcomes) :])
            if lost and active.ready and not active.given_up:
                active.preparation = Trial()
                self._submit_preparation(active)
        self._close_if_finished(active)

    def _preparation_ended(self, active: ActiveDesign, outcome: Outcome) -> None:
        if outcome.ok:
            active.ready = True
        elif (trial := active.preparation.after(_kind(outcome), 0, self._room())) is not None:
            active.preparation = trial
            self._try_again(_Task(active, (), trial), outcome)
            return
        else:
            self._give_up(active, outcome, None)
        if active.waiting:
            self._ready.append(active)
        if not active.announced:
            active.announced = True
            self._listener.task_done(active.work, 0, active.work.compute_time.prepare_seconds, outcome)

    def _shard_ended(self, active: ActiveDesign, shard: Range, trial: Trial, outcome: Outcome) -> None:
        if outcome.ok:
            self._sizer.learn(active.time_class, shard[1], outcome.seconds)
        else:
            together = min(shard[1], self._settings.evaluator.images_at_once)
            following = None if active.given_up else trial.after(_kind(outcome), together, self._room())
            if following is not None:
                self._try_again(_Task(active, (shard,), following), outcome)
                return
            self._give_up(active, outcome, shard)
        self._listener.task_done(active.work, shard[1], shard[1] * active.work.compute_time.seconds_per_image, outcome)

    def _give_up(self, active: ActiveDesign, outcome: Outcome, shard: Range | None) -> None:
        """Notes a failure for good; where it ends the design, the shards that were waiting are no work any more."""
        waiting = tuple(active.waiting)
        active.give_up(outcome, shard)
        if waiting and active.given_up:
            self._shards_left -= len(waiting)
            self._listener.shards_abandoned(active.work, waiting)

    def _put_back(self, active: ActiveDesign, shards: tuple[Range, ...]) -> None:
        """Shards that a task did not come to."""
        if shards and active.given_up:
            self._listener.shards_abandoned(active.work, shards)
        elif shards:
            active.waiting.extendleft(reversed(shards))
            self._shards_left += len(shards)
            self._ready.appendleft(active)

    def _try_again(self, task: _Task, outcome: Outcome) -> None:
        task.active.delayed += 1
        heapq.heappush(self._delayed, (self._clock.monotonic() + task.trial.delay_seconds, next(self._order), task))
        self._listener.task_retried(task.active.work, outcome)

    def _close_if_finished(self, active: ActiveDesign) -> None:
        if not active.finished or active.prepared is None:
            return
        active.prepared = None  # frees it in the object store
        del self._open[active.work.point.key]
        if (failure := active.failure()) is not None:
            self.failures.append(failure)

    def _outcomes(self, reference: Reference, task: _Task) -> tuple[list[Outcome], bool]:
        """The task's own outcomes, or one for each shard that tells why the system could not get it.

        The flag says that the prepared design the task needed is lost.
        """
        try:
            value = self._ray.get(reference)
            return (value if task.shards else [value]), False
        except self._ray.exceptions.RayError as error:
            outcome, lost = self._system_outcome(error)
            return [outcome] * max(1, len(task.shards)), lost

    def _system_outcome(self, error: Exception) -> tuple[Outcome, bool]:
        exceptions = self._ray.exceptions
        cause = error.cause if isinstance(error, exceptions.RayTaskError) else error
        name = type(cause).__name__
        lost = isinstance(cause, exceptions.ObjectLostError)
        if isinstance(cause, exceptions.RayError):
            kind = kind_of_system_error(name)
            full = kind is FailureKind.FULL
            reason = "the disk of Ray's temporary files is full" if full else f"the system failed ({name})"
        else:  # the task could not even begin: it never raises itself
            kind, reason = kind_of(cause), f"{name}: {one_line(cause)}"
        return Outcome(0.0, 0.0, reason, name, str(error), kind), lost


def whole_chips(waiting: Sequence[Range], number: int, split_images: int) -> int:
    """How many shards of at most ``number`` a task takes: no part of a last chip where it has others, for every task
    makes the chips that it needs.

    Args:
        waiting: shards in order.
        number: that the task has time for, no more than wait.
        split_images: as of ``storage.shards.cover_chips``.
    """
    chips = [first // split_images for first, _ in itertools.islice(waiting, number + 1)]
    if len(chips) <= number or chips[number] != chips[number - 1] or chips[0] == chips[number]:
        return number
    return chips.index(chips[number])


def _with_room(function: RemoteFunction, reserved: _Reserved | None) -> RemoteFunction:
    return function if reserved is None else function.options(num_cpus=reserved.cpus, memory=reserved.memory)


def _kind(outcome: Outcome) -> FailureKind:
    return outcome.kind or FailureKind.SIMULATION
