"""A real S3 endpoint on loopback: whole runs, and a server that dies and comes back in mid-sweep."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.execution.runner import RunOptions, RunResult, run_sweep
from pipeline.provenance import Provenance
from pipeline.storage.shard_files import find_shard_files
from pipeline.storage.store import Store, open_store
from pipeline.tables.schema import SCHEMAS
from simcore.errors import InputError
from tests.pipeline.conftest import ROOT
from tests.pipeline.fake_simcore import write_sweep
from tests.pipeline.storage.store_contract import StoreContract
from tests.pipeline.storage.test_bundles import KEY, Cut, CutStore, bundle_up_to, contents, put_shards, record, same

pytest.importorskip("moto.server", reason="NOT TESTED: S3 storage needs the dev dependency moto[s3]")
UNKNOWN = Provenance("0", "")  # the checkout may change while the tests run
SECRET = "not-a-real-secret"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            if time.monotonic() > end or server.poll() is not None:
                pytest.fail("the S3 endpoint does not come up")
            time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    server.terminate()
    server.wait(30)


@pytest.fixture
def bucket(endpoint: str) -> str:
    """The URI of a fresh bucket; the keys are those of the endpoint, which takes any."""
    name = f"b{time.monotonic_ns()}"
    options = f"endpoint_override={endpoint}&scheme=http&region=us-east-1&allow_bucket_creation=true"
    uri = f"s3://tester:{SECRET}@{name}/results?{options}"
    Store(uri).ensure_writable()
    return uri


class TestBucket(StoreContract):
    @pytest.fixture
    def store(self, bucket: str) -> Store:
        return open_store(bucket)


def test_an_upload_of_several_parts_leaves_no_draft(bucket: str, tmp_path: Path) -> None:
    store = Store(bucket)
    assert store.local is None
    large = tmp_path / "large"
    large.write_bytes(os.urandom(20 << 20))
    store.put_file("tables/large", large)
    assert store.read("tables/large") == large.read_bytes()
    assert store.list(".partial") == []


def test_a_secret_in_the_uri_is_shown_nowhere(bucket: str) -> None:
    store = Store(bucket)
    assert SECRET in store.absolute_uri  # what the workers open
    assert SECRET not in store.uri + store.display("x") + repr(store)
    with pytest.raises(InputError) as caught:
        Store(f"s3://user:{SECRET}@b/c?endpoint_override=127.0.0.1:9&scheme=http&nonsense=1").ensure_writable()
    assert SECRET not in str(caught.value)


def test_what_is_not_there_cannot_be_set_aside(bucket: str) -> None:
    with pytest.raises(FileNotFoundError):
        Store(bucket).set_aside("designs/none")


@pytest.mark.parametrize("steps", range(5))
def test_bundling_on_s3_that_is_cut_at_any_step_changes_nothing_that_is_read(bucket: str, steps: int) -> None:
    store, shards = Store(bucket), [(first, 25) for first in range(0, 100, 25)]
    put_shards(store, shards)
    with contextlib.suppress(Cut):
        bundle_up_to(CutStore(bucket, steps), 100)  # one object to write and four to delete
    assert sorted(set(find_shard_files(store, KEY).ranges())) == shards
    assert same(bundle_up_to(store, 100).records, [record(*shard) for shard in shards])
    (object_there,) = contents(store)
    assert object_there == "images-000000000-000000100-000000025.parquet"


@pytest.mark.usefixtures("fakes", "ray_cluster")
def test_a_sweep_on_s3_gives_the_bytes_of_a_local_one(bucket: str, tmp_path: Path, calls: Path) -> None:
    path = write_sweep(tmp_path)
    output = io.StringIO()

    def run(results: str, only: str | None = None) -> RunResult:
        return run_sweep(path, RunOptions(results=results, only=only, provenance=UNKNOWN), Console(file=output))

    local = run(str(tmp_path / "local"))
    remote = run(bucket, only=local.tables["designs"]["design_key"].to_pylist()[2][:12])
    assert remote.tasks_run == 5
    remote = run(bucket)
    assert remote.tasks_run == 15 and remote.failures == []
    store = Store(bucket)
    for name in SCHEMAS:
        if name != "timings":
            written = (tmp_path / "local/sweeps/small" / f"{name}.parquet").read_bytes()
            assert store.read(f"sweeps/small/{name}.parquet") == written
    assert run(bucket).tasks_run == 0

    victim = next(
        file for file, _ in store.list("designs") if file.endswith("images-000000000-000000100-000000025.parquet")
    )
    store.put(victim, b"torn")
    again = run(bucket)
    assert again.tasks_run == 5 and any(victim in warning for warning in again.warnings)
    assert SECRET not in output.getvalue() + "".join(again.warnings + again.files)


@pytest.mark.usefixtures("fakes", "ray_cluster")
def test_an_object_store_that_fails_for_a_while_loses_nothing(
    bucket: str, tmp_path: Path, control: Callable[..., None], calls: Path
) -> None:
    control(fail="64-dense:disk-once", calls=calls)
    result = run_sweep(write_sweep(tmp_path), RunOptions(results=bucket), Console(file=io.StringIO()))
    assert (calls / "failed-once").exists()
    assert result.failures == [] and result.tables["designs"].num_rows == 4


@pytest.mark.usefixtures("fakes", "ray_cluster")
def test_an_endpoint_that_is_killed_and_comes_back_in_mid_sweep_loses_nothing(
    endpoint: str, tmp_path: Path, control: Callable[..., None]
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tests.pipeline.forward", str(port), endpoint.rsplit(":", 1)[1]]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT)

    def place(address: str) -> str:
        options = f"endpoint_override={address}&scheme=http&region=us-east-1&allow_bucket_creation=true"
        return f"s3://tester:{SECRET}@killed/results?{options}"

    path = write_sweep(tmp_path)
    run_sweep(path, RunOptions(results=str(tmp_path / "undisturbed"), provenance=UNKNOWN), Console(file=io.StringIO()))
    direct = Store(place(endpoint))
    direct.ensure_writable()
    control(delay=0.3)
    door = [start()]

    stored_while_away: list[int] = []

    def shards() -> int:
        return sum(name.endswith(".parquet") for name, _ in direct.list("designs"))

    def disturb() -> None:
        while shards() < 3:
            time.sleep(0.05)
        door[0].kill()
        door[0].wait()
        time.sleep(3)
        stored_while_away.append(shards())
        door.append(start())

    disturber = threading.Thread(target=disturb)
    disturber.start()
    options = RunOptions(results=place(f"127.0.0.1:{port}"), provenance=UNKNOWN)
    result = run_sweep(path, options, Console(file=io.StringIO()))
    disturber.join()
    door[-1].kill()
    door[-1].wait()
    assert result.failures == [] and len(door) == 2
    assert 3 <= stored_while_away[0] < 16  # it was away while there was work left
    for name in ("designs", "layers", "shards", "pareto"):
        written = (tmp_path / "undisturbed/sweeps/small" / f"{name}.parquet").read_bytes()
        assert direct.read(f"sweeps/small/{name}.parquet") == written
