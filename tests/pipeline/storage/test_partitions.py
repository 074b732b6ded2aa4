"""Nodes in network namespaces of their own, whose cables are pulled in mid-sweep: a node that is away but alive goes on
computing and writing. Nothing is lost, nothing is counted twice, and no byte of the tables tells."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline import fake_simcore
from tests.pipeline.namespaces import NoNamespaces
from tests.pipeline.separate_nodes import WORKERS, Run, SeparateNodes, wait_until

pytestmark = pytest.mark.drill
SLOW = 0.2  # seconds an evaluation takes while something is to happen in mid-sweep


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeparateNodes]:
    with pytest.MonkeyPatch.context() as patch:
        fake_simcore.install(patch.setattr)  # the keys of the sweep are made up here, too
        try:
            nodes = SeparateNodes(tmp_path_factory.mktemp("nodes"))
        except NoNamespaces as reason:
            pytest.skip(f"NOT TESTED: a cluster whose network is cut needs network namespaces: {reason}")
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # pytest tidies up after an interrupt alone
        try:
            yield nodes
        finally:
            signal.signal(signal.SIGTERM, before)
            nodes.remove()


@pytest.fixture
def nodes(cluster: SeparateNodes) -> SeparateNodes:
    """Workers ``a`` and ``b`` are there, whatever the test before did to them."""
    cluster.complete()
    return cluster


@pytest.fixture(scope="module")
def undisturbed(cluster: SeparateNodes) -> dict[str, bytes]:
    run = cluster.run("undisturbed")
    assert run.end() == 0, run.log()
    return run.tables()


def in_mid_sweep(nodes: SeparateNodes, results: str) -> Run:
    """A run in which both workers are at work."""
    for host in WORKERS:
        nodes.pace(host, SLOW)
    before = {host: nodes.evaluations(host) for host in WORKERS}
    run = nodes.run(results)

    def at_work() -> bool:
        nodes.complete()  # a machine that is too busy loses a raylet by itself
        return all(nodes.evaluations(host) > before[host] + 2 for host in WORKERS)

    wait_until(at_work, "both work", run)
    return run


def writing(record: Path) -> int:
    """Changes whenever the record is written, even with the same bytes."""
    return record.stat().st_mtime_ns if record.exists() else 0


def test_a_cable_that_is_out_for_a_moment(nodes: SeparateNodes, undisturbed: dict[str, bytes]) -> None:
    run = in_mid_sweep(nodes, "moment")
    record = nodes.hold("a", run)
    nodes.network.cut("a")
    nodes.pace("a")
    wait_until(record.exists, "a writes what it cannot report", run)
    nodes.network.join("a")
    nodes.pace("b")
    assert run.end() == 0, run.log()
    assert run.tables() == undisturbed


def test_a_node_that_is_away_writes_what_another_has_written_and_that_one_dies(
    nodes: SeparateNodes, undisturbed: dict[str, bytes]
) -> None:
    run = in_mid_sweep(nodes, "late")
    record = nodes.hold("a", run)
    nodes.network.cut("a")
    wait_until(record.exists, "b computes what a was at", run)
    nodes.hold("b", run)  # the sweep does not end before all this has happened
    first = writing(record)
    nodes.pace("a", SLOW)
    wait_until(lambda: writing(record) != first, "a writes the same again", run)

    nodes.network.join("a")
    wait_until(lambda: nodes.raylet("a") is None, "a learns that it counts as dead", run)
    nodes.start_node("a")
    before = nodes.evaluations("a")
    wait_until(lambda: nodes.evaluations("a") > before, "a works again", run)
    nodes.kill_raylet("b")
    for host in WORKERS:
        nodes.pace(host)
    assert run.end() == 0, run.log()
    assert run.tables() == undisturbed


def test_a_node_that_is_away_writes_after_the_end(nodes: SeparateNodes, undisturbed: dict[str, bytes]) -> None:
    run = in_mid_sweep(nodes, "after")
    record = nodes.hold("a", run)
    nodes.network.cut("a")
    nodes.pace("b")
    assert run.end() == 0, run.log()
    assert run.tables() == undisturbed
    assert not record.exists()  # it went into a bundle
    nodes.pace("a")
    wait_until(record.exists, "a writes it once more")
    nodes.network.kill_all("a")
    nodes.network.join("a")

    again = nodes.run("after")
    assert again.end() == 0, again.log()
    assert again.tables() == undisturbed
    assert not record.exists()
