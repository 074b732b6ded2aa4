"""Whether a cluster has a node that is large enough for a task: Ray lets a task that fits no node wait for ever."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from pipeline.execution.ray_interface import Ray
from simcore.errors import InputError

if TYPE_CHECKING:
    from ray.autoscaler.v2.schema import ClusterStatus

_GPU_SHARE = 0.01
"""Of a GPU, for a task: as many tasks share one as their node has CPUs for."""

_LOOKS = 10
_LOOK_AGAIN_SECONDS = 1.0  # what reports on the nodes looks round every five seconds, and a Ray just begun has not yet
_AUTOSCALER_STATUS = "__autoscaling_status"
# Without an autoscaler Ray names a type after each node that was started by hand.
_STARTED_BY_HAND = re.compile(r"node_[0-9a-f]+")


def gpu_share(device: str) -> dict[str, float]:
    """What a task asks of GPUs, as an option for Ray: nothing unless exact solves are to run there."""
    return {"num_gpus": _GPU_SHARE} if device == "cuda" else {}


def usable_nodes(ray: Ray, device: str) -> list[Mapping[str, float]]:
    """The resources of the nodes that are there and have a GPU if tasks need one.

    Args:
        ray: the cluster.
        device: where the exact solves of the tasks run.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [node for node in nodes if node.get("GPU", 0) > 0] if gpu_share(device) else nodes


def check_threads(ray: Ray, threads: int, device: str, grows: Callable[[Ray], bool]) -> str:
    """Compares the CPUs of a task, and the GPU that it needs if it does, with those of the nodes.

    Args:
        ray: the cluster.
        threads: CPUs that a task asks for.
        device: where its exact solves run.
        grows: tells whether larger nodes may come (``may_grow``).

    Returns:
        A warning, one line, where no node is large enough yet but one may still come; empty where all is well.

    Raises:
        InputError: no node is large enough, and none can come.
    """
    nodes = usable_nodes(ray, device)
    if gpu_share(device) and not nodes:
        if grows(ray):
            return "no node of the cluster has a GPU now; tasks wait until one joins"
        from simcore.crossbar.solvers.device import DEVICE_VARIABLE  # brings kernels along

        raise InputError("a GPU was asked for, and no node of the cluster has one", DEVICE_VARIABLE)
    largest = max((int(resources.get("CPU", 0)) for resources in nodes), default=0)
    if threads <= largest:
        return ""
    if largest == 0:
        return "no node of the cluster offers CPUs to tasks now; they wait until one joins"
    if grows(ray):
        return (
            f"--threads {threads} is more than the {largest} CPUs of the cluster's largest node now; "
            "tasks wait until a larger one joins"
        )
    raise InputError(
        f"expected at most {largest}, the CPUs of the cluster's largest node, found {threads}; no task could begin",
        "--threads",
    )


def may_grow(ray: Ray) -> bool:
    """Whether an autoscaler looks after the cluster; also true where that cannot be told."""
    types = None
    for look in range(_LOOKS):
        if look:
            time.sleep(_LOOK_AGAIN_SECONDS)
        try:
            types = _node_types(ray)
        except Exception:  # Ray keeps its status where no public interface leads, and may move it
            return True
        if types is not None:
            break
    return types is None or any(not _STARTED_BY_HAND.fullmatch(name) for name in types)


def _node_types(ray: Ray) -> set[str] | None:
    """The node types that Ray's autoscaler reports, or None where it has not reported yet."""
    from ray.experimental import internal_kv

    status = internal_kv._internal_kv_get(_AUTOSCALER_STATUS)
    if status is not None:
        report = json.loads(status).get("autoscaler_report")
        return None if report is None else {*report["active_nodes"], *report["pending_launches"]}
    # No status there: the second version of the autoscaler, or none at all.
    from ray.autoscaler.v2.sdk import get_cluster_status

    return set(_types_of(get_cluster_status(ray.get_runtime_context().gcs_address)))


def _types_of(status: ClusterStatus) -> Iterator[str]:
    for nodes in (status.active_nodes, status.idle_nodes, status.pending_nodes, status.pending_launches):
        for node in nodes:
            yield node.ray_node_type_name
