"""Designs computed beside a sweep's own run: on Ray, which is started when there is something to compute, or in this
process."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from rich.console import Console

from pipeline.errors import Interrupted
from pipeline.execution.active import Failure
from pipeline.execution.capacity import check_threads, may_grow
from pipeline.execution.driver import Execution
from pipeline.execution.progress import SweepProgress
from pipeline.execution.ray_interface import Ray, Session
from pipeline.execution.tasks import TaskSettings, marked_results
from pipeline.storage.work import DesignWork


class OnWorkers:
    """Computes designs on one session of Ray, however often it is called; to be used as a context.

    Args:
        settings: of every task.
        console: for progress and warnings.
        address: of a cluster; None: a Ray of this machine.
        session: connects to Ray.
    """

    def __init__(self, settings: TaskSettings, console: Console, address: str | None, session: Session) -> None:
        self._settings, self._console, self._address, self._session = settings, console, address, session
        self._stack = ExitStack()
        self._ray: Ray | None = None
        self.failures: list[Failure] = []

    def __enter__(self) -> OnWorkers:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def __call__(self, design_works: list[DesignWork], name: str) -> None:
        """Computes what is missing; a design that fails is noted.

        Args:
            design_works: what is left of each design.
            name: of these designs, for people who wait.

        Raises:
            Interrupted: by the user; what is finished is stored.
            InputError: no node of the cluster can run a task, or one does not reach the results.
        """
        if not design_works:
            return
        try:
            ray = self._connected()
            with SweepProgress(design_works, self._console, name) as progress:
                execution = Execution(ray, self._settings, progress)
                try:
                    execution.run(design_works)
                finally:
                    self.failures += execution.failures
        except KeyboardInterrupt:
            raise Interrupted("interrupted; all finished tasks are kept, the same command goes on") from None

    def _connected(self) -> Ray:
        if self._ray is None:
            threads = self._settings.threads
            self._ray = self._stack.enter_context(self._session(self._address, threads))
            if warning := check_threads(self._ray, threads, self._settings.evaluator.device, may_grow):
                self._console.print(f"warning: {warning}", highlight=False, soft_wrap=True, markup=False)
            self._settings = self._stack.enter_context(marked_results(self._settings, self._address))
        return self._ray
