"""What an execution asks of Ray: so much of the module ``ray`` that another one could stand in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

if TYPE_CHECKING:
    from ray.exceptions import ObjectLostError, RayError, RayTaskError

Reference = object
"""Stands for the result of a task or for what was put into the object store; hashable."""


class Node(TypedDict):
    """A machine of the cluster, as ``ray.nodes`` tells of it (and more)."""

    Alive: bool
    Resources: Mapping[str, float]


class RayExceptions(Protocol):
    """``ray.exceptions``: the errors that an execution tells apart."""

    @property
    def RayError(self) -> type[RayError]: ...

    @property
    def RayTaskError(self) -> type[RayTaskError]: ...

    @property
    def ObjectLostError(self) -> type[ObjectLostError]: ...


class RuntimeContext(Protocol):
    """Where this process is connected to."""

    @property
    def gcs_address(self) -> str: ...


class RemoteFunction(Protocol):
    """A function that runs on a worker."""

    def options(self, *, num_cpus: float, memory: float) -> RemoteFunction:
        """The same with other CPUs and bytes of memory reserved."""

    def remote(self, *arguments: object) -> Any:
        """Submits a task: a reference, or a list of them where the function has several results. References among
        the arguments come to the function as what they stand for."""


class Ray(Protocol):
    """The module ``ray``, connected."""

    @property
    def exceptions(self) -> RayExceptions: ...

    def remote(self, **options: float) -> Callable[[Callable[..., object]], RemoteFunction]:
        """Makes a remote function; ``num_cpus``, ``num_gpus``, ``max_retries``, ``num_returns``."""

    def put(self, value: object) -> Reference:
        """Into the object store, where it stays while the reference lives."""

    def get(self, reference: Reference) -> Any:
        """What a reference stands for, waiting until it is there; raises a RayError where there is no result."""

    def wait(
        self, references: list[Reference], *, num_returns: int = 1, timeout: float | None = None
    ) -> tuple[Sequence[Reference], list[Reference]]:
        """(finished, others), once ``num_returns`` are finished or ``timeout`` seconds are over."""

    def cancel(self, reference: Reference) -> None:
        """Takes back a task that has not begun."""

    def nodes(self) -> list[Node]: ...

    def get_runtime_context(self) -> RuntimeContext: ...


Session = Callable[[str | None, int], AbstractContextManager[Ray]]
"""Connects for the length of a context: address, threads a task."""
