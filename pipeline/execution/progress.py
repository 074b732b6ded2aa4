"""How far a run is: a bar on a terminal, a plain line every few seconds elsewhere; time left by measured cost."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from pipeline.execution.tasks import Outcome
from pipeline.storage.shards import Range
from pipeline.storage.work import DesignWork

PLAIN_LINE_SECONDS = 5.0
_FEWEST_RATIOS = 50


@dataclass
class _OpenTasks:
    """How many tasks are left, and what they are expected to cost."""

    number: int
    seconds: float

    def take_off(self, number: int, seconds: float) -> None:
        self.number -= number
        # The last one leaves nothing: a sum of floats less each of them need not be zero.
        self.seconds = max(0.0, self.seconds - seconds) if self.number > 0 else 0.0


class TimeLeft:
    """Remaining wall time: what the open tasks are expected to cost, corrected by what the finished ones did cost.

    The correction is a median, for the first tasks of every worker also load and compile. Preparations and shards
    are corrected apart.
    """

    def __init__(self, design_works: list[DesignWork], slots: int = 1) -> None:
        open_designs = [work for work in design_works if not work.done]
        preparations = sum(work.compute_time.prepare_seconds for work in open_designs)
        shards = sum(work.missing_images * work.compute_time.seconds_per_image for work in open_designs)
        self._open = {
            True: _OpenTasks(len(open_designs), preparations),
            False: _OpenTasks(sum(len(work.cover.missing) for work in open_designs), shards),
        }
        self._ratios: dict[bool, deque[float]] = {True: deque(), False: deque()}
        self.slots_found(slots)

    def slots_found(self, slots: int) -> None:
        """So many tasks run at once from now on."""
        self._slots = max(1, slots)
        # More of the latest than there are workers, whose first ones say little.
        kept = max(_FEWEST_RATIOS, 2 * self._slots)
        self._ratios = {kind: deque(ratios, maxlen=kept) for kind, ratios in self._ratios.items()}

    def task_done(self, preparation: bool, expected_seconds: float, actual_seconds: float) -> None:
        """Takes one finished task into account."""
        self._open[preparation].take_off(1, expected_seconds)
        if expected_seconds > 0 and actual_seconds > 0:
            self._ratios[preparation].append(actual_seconds / expected_seconds)

    def shards_abandoned(self, number: int, expected_seconds: float) -> None:
        """Takes shards into account that will not be evaluated."""
        self._open[False].take_off(number, expected_seconds)

    @property
    def seconds(self) -> float | None:
        """Wall seconds left; None until tasks of both kinds say something beyond the workers' first ones."""
        total = 0.0
        for preparation, tasks in self._open.items():
            ratios = self._ratios[preparation]
            if tasks.seconds > 0 and len(ratios) <= self._slots:
                return None
            total += tasks.seconds * median(ratios) if ratios else 0.0
        return total / self._slots


class SweepProgress:
    """Listens to an execution and draws it; to be used as a context.

    Args:
        part: names these designs where they are not all of the run's, for what is "left" is left of them alone.
    """

    def __init__(self, design_works: list[DesignWork], console: Console, part: str = "") -> None:
        self._console = console
        self._tasks = sum(work.tasks for work in design_works)
        self._time_left = TimeLeft(design_works)
        self._done = self._images = self._retries = 0
        self._failed: set[str] = set()
        self._bar = _Bar(console, self._tasks, part) if console.is_terminal else _PlainLines(console, part)

    @property
    def tasks_done(self) -> int:
        return self._done

    @property
    def tasks(self) -> int:
        return self._tasks

    def task_done(self, work: DesignWork, images: int, expected_seconds: float, outcome: Outcome) -> None:
        """Takes a finished task into account and draws."""
        self._done += 1
        self._time_left.task_done(images == 0, expected_seconds, outcome.seconds)
        if outcome.ok:
            self._images += images
        else:
            self._failed.add(work.point.key)
        self._show()

    def task_retried(self, work: DesignWork, outcome: Outcome) -> None:
        """Takes a failed task into account that is tried again."""
        self._retries += 1
        self._show()

    def shards_abandoned(self, work: DesignWork, shards: Sequence[Range]) -> None:
        """Takes shards off the work: their design was given up."""
        self._tasks -= len(shards)
        images = sum(count for _, count in shards)
        self._time_left.shards_abandoned(len(shards), images * work.compute_time.seconds_per_image)
        self._show()

    def slots_found(self, slots: int) -> None:
        """Takes the size of the cluster into account."""
        self._time_left.slots_found(slots)

    def held_up(self, reason: str) -> None:
        """Tells why nothing ends for now."""
        self._console.print(f"warning: {reason}", highlight=False, soft_wrap=True, markup=False)

    def _show(self) -> None:
        extra = _extra(self._retries, len(self._failed), self._time_left.seconds)
        self._bar.show(self._done, self._tasks, self._images, extra)

    def __enter__(self) -> SweepProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


class _Bar:
    def __init__(self, console: Console, tasks: int, part: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} tasks, {task.fields[images]} images{task.fields[extra]}"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task(part or "simulating", total=tasks, images=0, extra="")

    def start(self) -> None:
        self._progress.start()

    def stop(self) -> None:
        self._progress.stop()

    def show(self, done: int, tasks: int, images: int, extra: str) -> None:
        self._progress.update(self._task, completed=done, total=tasks, images=images, extra=extra)


class _PlainLines:
    def __init__(self, console: Console, part: str) -> None:
        self._console = console
        self._start = f"{part}: " if part else ""
        self._last = time.monotonic()

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def show(self, done: int, tasks: int, images: int, extra: str) -> None:
        now = time.monotonic()
        if now - self._last < PLAIN_LINE_SECONDS and done < tasks:
            return
        self._last = now
        line = f"{self._start}{done}/{tasks} tasks, {images} images{extra}"
        self._console.print(line, highlight=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """``45 s``, ``3 min 05 s`` or ``2 h 10 min``."""
    whole = int(round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _extra(retries: int, failed: int, seconds_left: float | None) -> str:
    parts = [f", {retries} tries again"] if retries else []
    parts += [f", {failed} designs failed"] if failed else []
    parts += [f", about {duration(seconds_left)} left"] if seconds_left is not None else []
    return "".join(parts)
