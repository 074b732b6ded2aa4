"""MLflow's SQLite file: complete or not there, whatever cuts its making, and made anew where it is broken."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.storage.store import Store
from pipeline.tracking.client import TrackingUnavailable, default_tracking_uri
from pipeline.tracking.database import database_file, database_state, ensure_database
from pipeline.tracking.runs import find_designs
from pipeline.tracking.sweeps import track_sweep
from tests.pipeline.conftest import ROOT
from tests.pipeline.finished_sweep import finish_sweep

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    assert ensure_database(f"sqlite:///{path}") is None
    assert database_state(path) == "sound"
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".partial", "mlflow.db"]
    assert [entry.name for entry in (path.parent / ".partial").iterdir()] in ([], ["mlflow.db.lock"])
    return path.read_bytes()


def unfinished(path: Path) -> None:
    """As a kill in the middle of MLflow's migrations leaves it."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER NOT NULL, name VARCHAR(256))")
        database.execute("CREATE TABLE _alembic_tmp_experiments (experiment_id INTEGER NOT NULL)")
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")


def empty(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize("leave", [unfinished, pytest.param(empty, marks=pytest.mark.slow)])
def test_what_a_cut_creation_left_is_made_anew(tmp_path: Path, leave: object) -> None:
    plan, store = finish_sweep(tmp_path)
    path = tmp_path / "results/mlflow.db"
    leave(path)  # type: ignore[operator]
    assert find_designs(default_tracking_uri(store), None, 10) is None
    done = track_sweep(plan.sweep, store)
    assert (done.written, done.set_aside) == (5, None)
    assert track_sweep(plan.sweep, store).unchanged == 5
    assert not (tmp_path / "results/set_aside").exists()


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE studies (study_id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(512))")
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO studies (name) VALUES ('mine')")
        database.commit()
    before = path.read_bytes()
    with pytest.raises(TrackingUnavailable) as caught:
        ensure_database(f"sqlite:///{path}")
    asked = "name another file or a server"
    assert str(caught.value) == f"{path} is no database of MLflow: it has the table 'studies'; {asked}"
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name != ".partial"] == ["studies.db"]


@pytest.mark.parametrize(
    "damage", ["no database", *(pytest.param(one, marks=pytest.mark.slow) for one in ("torn", "half migrated"))]
)
def test_a_damaged_database_is_set_aside_and_made_anew(tmp_path: Path, damage: str, complete: bytes) -> None:
    plan, store = finish_sweep(tmp_path)
    path = tmp_path / "results/mlflow.db"
    path.write_bytes({"no database": b"hello " * 1000, "torn": complete[: len(complete) // 2]}.get(damage, complete))
    if damage == "half migrated":
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE _alembic_tmp_runs (run_uuid INTEGER NOT NULL)")
    before = path.read_bytes()
    with pytest.raises(TrackingUnavailable, match="is damaged; it is made anew by: binsparx track"):
        find_designs(default_tracking_uri(store), None, 10)
    done = track_sweep(plan.sweep, store)
    assert done.written == 5 and done.set_aside is not None
    assert Path(done.set_aside).read_bytes() == before
    assert track_sweep(plan.sweep, store).set_aside is None


def test_the_journal_of_a_broken_database_does_not_undo_the_new_one(tmp_path: Path, complete: bytes) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"hello " * 1000)
    (tmp_path / "mlflow.db-journal").write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7" + bytes(2000))
    assert ensure_database(f"sqlite:///{path}") is not None
    assert not (tmp_path / "mlflow.db-journal").exists()
    assert database_state(path) == "sound"


def test_a_database_that_is_in_use_is_no_damaged_one(tmp_path: Path, complete: bytes) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(complete)
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            database_state(path)
    finally:
        holder.close()
    assert path.read_bytes() == complete


@pytest.mark.parametrize(("folder", "special"), [("a%20b", "%20"), ("what?", "?")])
def test_a_folder_that_would_be_another_one_in_a_uri_is_refused(tmp_path: Path, folder: str, special: str) -> None:
    with pytest.raises(TrackingUnavailable, match=f"holds '{re.escape(special)}', which means something else"):
        default_tracking_uri(Store(str(tmp_path / folder)))
    store = Store(str(tmp_path / "50 % #1"))
    path = database_file(default_tracking_uri(store))
    assert path == tmp_path / "50 % #1/mlflow.db"


def make(path: Path) -> subprocess.Popen[str]:
    code = f"from pipeline.tracking.database import ensure_database; ensure_database('sqlite:///{path}')"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow  # four times MLflow
def test_several_that_make_it_at_once_make_one(tmp_path: Path) -> None:
    makers = [make(tmp_path / "mlflow.db") for _ in range(4)]
    assert [(maker.communicate()[1], maker.returncode) for maker in makers] == [("", 0)] * 4
    assert database_state(tmp_path / "mlflow.db") == "sound"


@pytest.mark.slow
def test_one_that_is_killed_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    maker = make(tmp_path / "mlflow.db")
    while not list(tmp_path.glob(".partial/*-*")):  # the draft is there
        assert maker.poll() is None
        time.sleep(0.01)
    os.kill(maker.pid, signal.SIGKILL)
    maker.communicate()
    assert not (tmp_path / "mlflow.db").exists()
    assert ensure_database(f"sqlite:///{tmp_path / 'mlflow.db'}") is None
    assert database_state(tmp_path / "mlflow.db") == "sound"
