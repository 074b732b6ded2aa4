"""What goes to a cluster, and how a job's end is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from pipeline.cli.jobs import _jobs, logs, submit
from pipeline.errors import Interrupted
from pipeline.submission.jobs import ENTRYPOINT, JobEnded, Jobs, JobState
from pipeline.submission.pack import _code_files, looks_secret, make_pack
from pipeline.sweep.spec import load_sweep
from simcore.datasets import open_dataset
from simcore.errors import BinsparxError, InputError
from simcore.technology.periphery_file import PERIPHERY_FOLDER
from tests.pipeline.conftest import ROOT
from tests.pipeline.fake_simcore import write_sweep

BITCELL = """
name: mine
topology: gate_driven
corners:
  nominal: {iv_csv: points.csv}
"""


def test_the_pack_holds_what_the_sweep_names_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells/mine.yaml").write_text(BITCELL)
    (tmp_path / "cells/points.csv").write_text("0,0,0\n0.1,1e-6,1e-8\n")
    for name in ("swept.csv", "point.csv", "of-no-device.csv"):
        (tmp_path / "cells" / name).write_text("0,0,0\n0.1,2e-6,1e-8\n")
    (tmp_path / "net.safetensors").write_bytes(b"weights")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/cell.yaml").write_text(BITCELL.replace("iv_csv: points.csv", "g_on: 1e-5"))
    (tmp_path / "cells/link.yaml").symlink_to(tmp_path / "elsewhere/cell.yaml")
    shutil.copy(PERIPHERY_FOLDER / "7nm.yaml", tmp_path / "own.yaml")
    shutil.copytree(open_dataset("fashion-mnist").folder, tmp_path / "images")
    (tmp_path / "effects").mkdir()
    (tmp_path / "effects/mine.yaml").write_text("effect: {kind: stuck_cells, on_fraction: 0.1}")
    (tmp_path / "effects/samples.yaml").write_text("effect: {kind: measured_table, on: {samples_csv: cells.csv}}")
    (tmp_path / "effects/cells.csv").write_text("70")
    for stray in (".env", "id_rsa", "notes.txt", "cells/other.yaml", "images/leftover.parquet"):
        (tmp_path / stray).write_text("AWS_SECRET_ACCESS_KEY=abc")
    path = write_sweep(
        tmp_path,
        models="[fashion-cnn, ./net.safetensors]",
        devices="[8T-SRAM, {file: cells/mine.yaml, overrides: {iv_csv: swept.csv}}, cells/link.yaml]",
        dataset="./images",
        cost="{technology: own.yaml}",
        effects="[none, sram-vt-5+effects/mine.yaml]",
        points="[{effects: effects/samples.yaml}, {device: mine, overrides: {iv_csv: point.csv}}, "
        "{device: 8T-SRAM, overrides: {iv_csv: of-no-device.csv}}]",
    )
    pack = make_pack(load_sweep(path))
    named = {name.removeprefix("files/") for name in pack.files if name.startswith("files/")}
    images = {name for name in named if name.startswith("images/")}
    assert named - images == {
        "small.yaml",
        "net.safetensors",
        "cells/mine.yaml",
        "cells/points.csv",
        "cells/swept.csv",
        "cells/point.csv",
        "cells/link.yaml",
        "effects/mine.yaml",
        "effects/samples.yaml",
        "effects/cells.csv",
        "own.yaml",
    }
    assert "images/dataset.json" in images and "images/leftover.parquet" not in images
    assert pack.sweep == "files/small.yaml"
    code = set(pack.files) - {f"files/{name}" for name in named}
    assert {"pipeline/cli/__main__.py", "simcore/inference/evaluation.py", "pipeline/cli/packed_job.py"} <= code
    assert all(name.split("/")[0] in ("pipeline", "simcore") for name in code)

    pack.write(tmp_path / "out", {"sweep": pack.sweep, "options": {"--threads": "2"}})
    written = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert written == set(pack.files) | {"binsparx-pack.json"}
    assert pack.bytes == sum((tmp_path / "out" / name).stat().st_size for name in pack.files)
    about = json.loads((tmp_path / "out/binsparx-pack.json").read_text())
    assert about["job"] == {"sweep": "files/small.yaml", "options": {"--threads": "2"}}


@pytest.mark.parametrize(("link", "target"), [("images", "images"), ("data", "")])
def test_images_behind_a_link_are_packed_where_the_sweep_names_them(tmp_path: Path, link: str, target: str) -> None:
    """The folder is a link, or one above it is."""
    shutil.copytree(open_dataset("fashion-mnist").folder, tmp_path / "elsewhere/images")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / link).symlink_to(tmp_path / "elsewhere" / target)
    named = "./images" if target else "data/images"
    make_pack(load_sweep(write_sweep(tmp_path / "mine", dataset=named))).write(tmp_path / "out", {})
    sweep = load_sweep(tmp_path / "out/files/small.yaml")
    assert open_dataset(sweep.resolve(sweep.spec.dataset.name)).digest == open_dataset("fashion-mnist").digest
    assert {path.name for path in (tmp_path / "out/files").iterdir()} == {link, "small.yaml"}


def test_images_named_by_a_word_are_those_that_ship_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run finds them in the folder where it starts, which is another one on a cluster."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "fashion-mnist"):
        (tmp_path / name).mkdir()
    make_pack(load_sweep(write_sweep(tmp_path, dataset="fashion-mnist")))
    with pytest.raises(
        InputError, match=r"^small.yaml:6 dataset.name: 'mine' is a folder where this .* such as ./mine$"
    ):
        make_pack(load_sweep(write_sweep(tmp_path, dataset="mine")))


def test_a_network_named_by_a_word_is_one_that_ships_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "fashion-cnn"):
        (tmp_path / name).write_bytes(b"weights")
    make_pack(load_sweep(write_sweep(tmp_path, models="[fashion-cnn, ./mine]")))
    with pytest.raises(InputError, match=r"^small.yaml:2 models\[1\]: 'mine' is a file where .* such as ./mine$"):
        make_pack(load_sweep(write_sweep(tmp_path, models="[fashion-cnn, mine]")))


def test_images_at_an_absolute_path_are_every_machines_own(tmp_path: Path) -> None:
    shutil.copytree(open_dataset("fashion-mnist").folder, tmp_path / "images")
    pack = make_pack(load_sweep(write_sweep(tmp_path, dataset=str(tmp_path / "images"))))
    assert [name for name in pack.files if name.startswith("files/")] == ["files/small.yaml"]


def test_effects_in_the_home_folder_are_every_machines_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    pack = make_pack(load_sweep(write_sweep(tmp_path, effects="~/mine.yaml")))
    assert [name for name in pack.files if name.startswith("files/")] == ["files/small.yaml"]


def test_untracked_and_secret_files_of_the_code_stay_here(tmp_path: Path) -> None:
    for name in ("pipeline/run.py", "pipeline/scratch.py", "simcore/a.yaml", "simcore/server.pem", "simcore/link.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "simcore/link.py").unlink()
    (tmp_path / "simcore/link.py").symlink_to("/etc/hostname")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "pipeline/run.py", "simcore"], check=True)
    kept, left_out = _code_files(tmp_path)
    assert kept == ["pipeline/run.py", "simcore/a.yaml"]
    assert left_out == ("pipeline/scratch.py", "simcore/link.py", "simcore/server.pem")


def test_an_installed_package_is_packed_whole(tmp_path: Path) -> None:
    """Without git to ask, whatever a wheel holds goes: the page of the report too."""
    there = [path.relative_to(ROOT) for folder in ("pipeline", "simcore") for path in (ROOT / folder).rglob("*")]
    names = sorted(path.as_posix() for path in there if (ROOT / path).is_file() and "__pycache__" not in path.parts)
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert _code_files(tmp_path) == (names, ())


def test_files_with_secrets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "credentials.yaml").write_text(BITCELL)
    with pytest.raises(InputError, match="looks like a file with a secret"):
        make_pack(load_sweep(write_sweep(tmp_path, devices="./credentials.yaml")))
    for name in (".env", ".env.local", "prod.env", "ID_RSA", "a/b/key.pem", "client_secret.json", ".netrc"):
        assert looks_secret(name), name
    for name in ("keys.py", "environment.yaml", "dataset.json"):
        assert not looks_secret(name), name
    tracked = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True)
    assert [name for name in tracked.stdout.splitlines() if looks_secret(name)] == []


@pytest.mark.parametrize("user", ["user:password", "user:pa/ss", "user:p@ss/word", "user"])
@pytest.mark.parametrize("option", ["tracking_uri", "results"])
def test_a_uri_with_a_password_is_not_sent(tmp_path: Path, option: str, user: str) -> None:
    uris = {"results": "/results", "tracking_uri": None, option: f"http://{user}@host:5000"}
    with pytest.raises(InputError, match="the URI holds a user name or password") as caught:
        submit(write_sweep(tmp_path), address="nowhere", **uris)
    assert option.replace("_", "-") in str(caught.value) and user not in str(caught.value).replace("user name", "")


def test_a_uri_with_a_password_among_its_options_is_not_sent(tmp_path: Path) -> None:
    uri = "postgresql://db/mlflow?user=u&password=SECRET"
    with pytest.raises(InputError, match="the URI holds a user name or password") as caught:
        submit(write_sweep(tmp_path), address="nowhere", results="/results", tracking_uri=uri)
    assert "SECRET" not in str(caught.value)


def test_no_word_of_a_user_reaches_a_shell() -> None:
    assert ENTRYPOINT == "python -m pipeline.cli.packed_job"


@pytest.mark.parametrize(
    ("status", "exit_code", "expected", "words"),
    [
        ("SUCCEEDED", 0, None, "all points are done"),
        ("FAILED", 1, 1, "failed points, or the machine could not go on; see: binsparx logs binsparx-a"),
        ("FAILED", 2, 2, "bad input"),
        ("FAILED", None, 1, "the node died"),
        ("FAILED", -9, 1, "the node died"),
        ("STOPPED", None, 130, "stopped before its end"),
        ("STOPPED", 0, 130, "stopped before its end"),
        ("RUNNING", None, 1, "running"),
    ],
)
def test_a_jobs_end_is_told_as_it_was(status: str, exit_code: int | None, expected: int | None, words: str) -> None:
    state = JobState("binsparx-a", status, "a", "the node died", exit_code)
    assert words in state.describe()
    if expected is None:
        state.raise_unless_done()
        return
    with pytest.raises(JobEnded) as caught:
        state.raise_unless_done()
    assert caught.value.exit_code == expected


@pytest.mark.parametrize("address", ["head:8265", "ray://head:10001", "http://", "auto; rm -rf /"])
def test_only_a_dashboards_address_is_one(address: str) -> None:
    with pytest.raises(InputError, match="expected the dashboard's address"):
        Jobs(address)


class FakeClient:
    """Ray's client of a job server that knows one job, whose log breaks off."""

    def get_job_info(self, job_id: str) -> SimpleNamespace:
        if job_id != "known":
            raise RuntimeError(f"Request failed with status code 404: Job {job_id} does not exist.")
        from ray.job_submission import JobStatus

        return SimpleNamespace(status=JobStatus.RUNNING, message="", metadata={}, driver_exit_code=None)

    async def tail_job_logs(self, job_id: str) -> AsyncIterator[str]:
        yield "so far\n"
        raise aiohttp.ServerDisconnectedError


def fake_jobs() -> Jobs:
    jobs = Jobs.__new__(Jobs)
    jobs.address, jobs._client = "http://head:8265", FakeClient()
    return jobs


def test_following_an_unknown_job_is_one_line() -> None:
    with pytest.raises(InputError) as caught:
        fake_jobs().follow("typo")
    assert str(caught.value) == "the cluster at http://head:8265 knows no job 'typo'"


def test_a_log_that_breaks_off_is_one_line() -> None:
    written: list[str] = []
    with pytest.raises(BinsparxError, match="the connection to the job server at http://head:8265 broke: Server disc"):
        fake_jobs().follow("known", written.append)
    assert written == ["so far\n"]


def test_leaving_a_job_does_not_count_as_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    jobs = fake_jobs()
    monkeypatch.setattr(jobs, "follow", leave)
    monkeypatch.setattr("pipeline.cli.jobs._jobs", lambda address: jobs)
    with pytest.raises(Interrupted) as caught:
        logs("known", follow=True)
    assert caught.value.exit_code == 130
    again = "binsparx logs known --follow --address http://head:8265"
    assert str(caught.value) == f"left; the job goes on. Pick it up with: {again}"


def test_nobody_answers() -> None:
    with pytest.raises(InputError, match="no Ray job server answers at http://127.0.0.1:9"):
        Jobs("http://127.0.0.1:9")


@pytest.mark.parametrize("address", ["http://user:SECRET@127.0.0.1:9", "ftp://user:SECRET@127.0.0.1:9"])
def test_a_password_in_an_address_is_not_shown(address: str) -> None:
    with pytest.raises(InputError, match="://127.0.0.1:9") as caught:
        Jobs(address)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("named", "environment", "asked"),
    [
        ("http://127.0.0.1:9", {"RAY_API_SERVER_ADDRESS": "http://127.0.0.1:7"}, "http://127.0.0.1:9"),
        ("http://127.0.0.1:9", {"RAY_ADDRESS": "http://127.0.0.1:7"}, "http://127.0.0.1:9"),
        (
            None,
            {"RAY_API_SERVER_ADDRESS": "http://127.0.0.1:7", "RAY_ADDRESS": "http://127.0.0.1:9"},
            "http://127.0.0.1:7",
        ),
    ],
)
def test_the_address_that_is_named_comes_before_the_environments(
    monkeypatch: pytest.MonkeyPatch, named: str | None, environment: dict[str, str], asked: str
) -> None:
    variables = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
    for name in variables:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"Failed to connect to Ray at address: {asked}"):
        _jobs(named)
    assert {name: os.environ[name] for name in variables if name in os.environ} == environment
