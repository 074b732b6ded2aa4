"""Tasks that fit no node: refused where nothing can change that, a warning where an autoscaler may."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from pipeline.execution import capacity, runner, tasks
from pipeline.execution.capacity import check_threads, gpu_share, may_grow
from pipeline.execution.runner import RunOptions, run_sweep
from pipeline.execution.tasks import whole_cpus
from simcore.errors import InputError
from tests.pipeline.cli.test_command_line import command
from tests.pipeline.fake_simcore import write_sweep

BY_HAND = "node_842824a7d7b3a138b71be5983d9940d1cabfaec5e22b0b4e721951ef"


def cluster(*cpus: float) -> Any:
    """Ray with nodes of so many CPUs, and one of 64 that is lost."""
    nodes = [{"Alive": True, "Resources": {"CPU": number} if number else {}} for number in cpus]
    return SimpleNamespace(nodes=lambda: [*nodes, {"Alive": False, "Resources": {"CPU": 64.0}}])


def check(ray: Any, threads: int, grows: bool = False, device: str = "numba") -> str:
    return check_threads(ray, threads, device, lambda ray: grows)


@pytest.mark.parametrize("threads", [1, 3, 4])
def test_a_task_that_fits_the_largest_node_is_well(threads: int) -> None:
    assert check(cluster(0.0, 1.0, 4.0), threads) == ""


def test_a_task_that_fits_no_node_is_refused_with_the_largest_nodes_cpus() -> None:
    with pytest.raises(InputError, match="--threads: expected at most 4, the CPUs of the cluster's largest node, fo"):
        check(cluster(0.0, 1.0, 4.0), 5)


def test_an_autoscaler_may_add_a_larger_node() -> None:
    warning = check(cluster(0.0, 4.0), 5, grows=True)
    assert "--threads 5 is more than the 4 CPUs" in warning and len(warning.splitlines()) == 1


def test_solves_on_a_gpu_need_a_node_that_has_one() -> None:
    mixed = [{"Alive": True, "Resources": {"CPU": 32.0}}, {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 1.0}}]
    assert check(SimpleNamespace(nodes=lambda: mixed), 8, device="cuda") == ""
    with pytest.raises(InputError, match="at most 8"):
        check(SimpleNamespace(nodes=lambda: mixed), 9, device="cuda")
    with pytest.raises(InputError, match="BINSPARX_DEVICE: a GPU was asked for"):
        check(cluster(0.0, 4.0), 1, device="cuda")
    assert "wait until one joins" in check(cluster(0.0, 4.0), 1, grows=True, device="cuda")


@pytest.mark.parametrize("device", ["numba", "cpu"])
def test_no_other_device_asks_ray_for_a_gpu(device: str) -> None:
    assert gpu_share(device) == {}


@pytest.mark.parametrize("grows", [False, True])
def test_a_cluster_without_any_worker_yet_is_waited_for(grows: bool) -> None:
    assert "wait until one joins" in check(cluster(0.0), 5, grows)


@pytest.mark.parametrize(
    ("report", "grows"),
    [
        ({"active_nodes": {BY_HAND: 1}, "pending_launches": {}}, False),
        ({"active_nodes": {"head": 1}, "pending_launches": {}}, True),
        ({"active_nodes": {BY_HAND: 1}, "pending_launches": {"cpu": 2}}, True),
        (None, True),  # it runs, and has not looked round yet
    ],
)
def test_an_autoscaler_is_known_by_its_node_types(
    monkeypatch: pytest.MonkeyPatch, report: dict[str, Any] | None, grows: bool
) -> None:
    from ray.experimental import internal_kv

    status = json.dumps({"autoscaler_report": report}).encode()
    monkeypatch.setattr(internal_kv, "_internal_kv_get", lambda key: status)
    monkeypatch.setattr(capacity, "_LOOK_AGAIN_SECONDS", 0.0)
    assert may_grow(None) is grows


def test_one_that_has_just_begun_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.experimental import internal_kv

    reports = iter([None, None, {"active_nodes": {BY_HAND: 1}, "pending_launches": {}}])
    monkeypatch.setattr(
        internal_kv, "_internal_kv_get", lambda key: json.dumps({"autoscaler_report": next(reports)}).encode()
    )
    monkeypatch.setattr(capacity, "_LOOK_AGAIN_SECONDS", 0.0)
    assert may_grow(None) is False


@pytest.mark.parametrize(("pending", "grows"), [([], False), ([SimpleNamespace(ray_node_type_name="cpu")], True)])
def test_the_second_version_of_the_autoscaler_is_asked_too(
    monkeypatch: pytest.MonkeyPatch, pending: list[Any], grows: bool
) -> None:
    from ray.autoscaler.v2 import sdk
    from ray.experimental import internal_kv

    status = SimpleNamespace(
        active_nodes=[SimpleNamespace(ray_node_type_name=BY_HAND)],
        idle_nodes=[],
        pending_nodes=[],
        pending_launches=pending,
    )
    monkeypatch.setattr(internal_kv, "_internal_kv_get", lambda key: None)
    monkeypatch.setattr(sdk, "get_cluster_status", lambda address: status)
    context = SimpleNamespace(gcs_address="here")
    assert may_grow(SimpleNamespace(get_runtime_context=lambda: context)) is grows


def test_a_cluster_that_does_not_say_may_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.experimental import internal_kv

    monkeypatch.delattr(internal_kv, "_internal_kv_get")
    assert may_grow(None)


@pytest.mark.usefixtures("fakes", "ray_cluster")
def test_a_run_that_could_never_begin_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], calls: Path
) -> None:
    import ray

    monkeypatch.chdir(tmp_path)
    most = max(int(node["Resources"]["CPU"]) for node in ray.nodes())
    assert command(monkeypatch, "run", write_sweep(tmp_path), "--threads", str(most + 1)) == 2
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith(f"error: --threads: expected at most {most}, the CPUs of the cluster's largest node")
    assert not list(calls.iterdir()) and not (tmp_path / "results/sweeps").exists()


@pytest.mark.usefixtures("fakes", "ray_cluster")
def test_a_race_warns_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "check_threads", lambda *_: "a larger node may come")
    shown = io.StringIO()
    sweep = write_sweep(tmp_path, strategy="racing", sparsity="[dense, weight, binsparx]", shard_images="5")
    result = run_sweep(sweep, RunOptions(results=str(tmp_path / "results")), Console(file=shown))
    assert result.warnings == ["a larger node may come"]
    assert shown.getvalue().count("warning: a larger node may come") == 1


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [
        ("max 100000\n", None),
        ("-1 100000", None),  # as the first version of control groups says it
        ("", None),
        ("250000 100000\n", 2),
        ("50000 100000", 1),
    ],
)
def test_a_quota_of_time_is_a_number_of_cpus(quota: str, cpus: int | None) -> None:
    assert whole_cpus(quota) == cpus


@pytest.mark.parametrize("version", [1, 2])
def test_no_more_cpus_are_used_than_a_container_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    monkeypatch.setattr(tasks, "_CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(tasks.os, "sched_getaffinity", lambda _: set(range(64)))
    assert tasks.cpu_count() == 64
    (tmp_path / "cpu").mkdir()
    of_version = {
        1: {"cpu/cpu.cfs_quota_us": "350000", "cpu/cpu.cfs_period_us": "100000"},
        2: {"cpu.max": "350000 100000"},
    }
    for name, text in of_version[version].items():
        (tmp_path / name).write_text(f"{text}\n")
    assert tasks.cpu_count() == 3
