"""Nothing listens beyond loopback unless asked, nothing a user supplies is run, and no path leaves its root."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.sweep.spec import load_sweep
from pipeline.tracking.runs import folder_of_study
from pipeline.uris import without_secret
from simcore.errors import InputError
from simcore.technology import circuit_parameters
from tests.pipeline.conftest import ROOT
from tests.pipeline.fake_simcore import write_sweep

_LISTENERS = """
import psutil
from pipeline.execution.cluster import ray_session

with ray_session(None, 1) as ray:
    ray.get(ray.remote(lambda: 1).remote())
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        try:
            found = process.net_connections(kind="inet")
        except psutil.NoSuchProcess:
            continue
        for connection in found:
            if connection.status == "LISTEN":
                print(connection.laddr.ip)
"""


def test_a_local_run_listens_on_loopback_alone() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", _LISTENERS], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-2000:]
    addresses = set(done.stdout.split())
    assert addresses and addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def forbidden_calls(source: str) -> list[str]:
    """Names of calls and imports that could run what a file or a user says."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            found += [name for name in names if name.split(".")[0] in ("pickle", "dill", "shelve", "marshal", "joblib")]
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("eval", "exec", "os.system", "os.popen", "torch.load", "yaml.load", "yaml.unsafe_load"):
            found.append(called)
        if any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in node.keywords):
            found.append(f"{called}(shell=...)")
        if any(word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in node.keywords):
            found.append(f"{called}(allow_pickle=...)")
    return found


def test_the_scan_sees_what_it_looks_for() -> None:
    bad = ("import pickle", "from dill import loads", "eval('1')", "run('x', shell=True)", "load(f, allow_pickle=True)")
    assert [len(forbidden_calls(line)) for line in bad] == [1] * 5


def test_no_code_unpickles_evaluates_or_builds_a_shell() -> None:
    files = sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "simcore").rglob("*.py")])
    assert len(files) > 100
    found = {str(path.relative_to(ROOT)): calls for path in files if (calls := forbidden_calls(path.read_text()))}
    # Reads pickle's opcodes without running any of them.
    assert set(found) <= {"simcore/datasets/importers/inert_pickle.py"}


@pytest.mark.parametrize("name", ["../up", "/etc/x", "a/b", "..", "", "a\\b", "a\nb"])
def test_a_sweeps_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        load_sweep(write_sweep(tmp_path, name=f'"{name}"'))


@pytest.mark.parametrize("study", ["../../out", "/etc", "..", ".", "a/../../b", "plain study"])
def test_a_study_stays_below_the_artifacts(tmp_path: Path, study: str) -> None:
    found = folder_of_study(tmp_path, study).resolve()
    assert found.parent == tmp_path.resolve()
    assert study != "plain study" or found.name == study


@pytest.mark.parametrize("points", ["../secret.csv", "/etc/hostname"])
def test_points_of_a_bitcell_lie_beside_it(tmp_path: Path, points: str) -> None:
    (tmp_path / "secret.csv").write_text("0,0,0\n0.1,1e-6,1e-8\n")
    folder = tmp_path / "cells"
    folder.mkdir()
    cell = folder / "cell.yaml"
    cell.write_text(f"name: mine\ntopology: gate_driven\ncorners:\n  nominal:\n    iv_csv: {points}\n")
    with pytest.raises(InputError) as caught:
        circuit_parameters(str(cell), "nominal", {}, "cell.yaml")
    assert "not a file beside the bitcell file" in str(caught.value)


def test_user_names_and_passwords_are_taken_out_of_every_uri() -> None:
    text = "s3://id:key@bucket/x and http://user:pa%2Fss@host:5000/y but mail@host stays"
    assert without_secret(text) == "s3://bucket/x and http://host:5000/y but mail@host stays"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/me@corp/m.db", "sqlite:///C:\\me@corp\\m.db", "file:///home/me@corp/x: no such file, me@corp",
        "s3://bucket/team@x/results", "gs://bucket/me@corp: no such file, me@corp",
    ],
)  # fmt: skip
def test_a_path_with_an_at_sign_is_no_secret(text: str) -> None:
    assert without_secret(text) == text
    assert without_secret(f"{text},http://user:pa@ss@host/y") == f"{text},http://host/y"
    assert without_secret(f"{text}?region=eu") == f"{text}?region=eu"


@pytest.mark.parametrize(
    "text",
    [
        "s3://AK:SE/CRET@bucket/x", "s3://AK:SECRET@bucket/x", "s3://AK@bucket/x",
        "s3://bucket/x?endpoint_override=http://u:SECRET@host", "s3://bucket/x?endpoint_override=http%3A//u:SECRET@host",
        "s3://bucket/team@x,http://u:SECRET@host/y",
    ],
)  # fmt: skip
def test_the_keys_of_a_bucket_are_secrets(text: str) -> None:
    assert not any(word in without_secret(text) for word in ("SE", "AK", "u:"))


@pytest.mark.parametrize(
    "text",
    [
        "mysql+pymysql://db/mlflow?PASSWD=SEC;RET,SEC/RET&x=1", "http://mlflow:5000?access_token=SECRET",
        "postgresql://db/mlflow?password=SEC@RET", "http://user:SEC?token=x@RET@host/x",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BODBC%7D%3BUID%3Du%3BPWD%3DSECRET",
        "mssql+pyodbc:///?odbc_connect=DRIVER={ODBC Driver 18};UID=u;PWD={SEC RET};Encrypt=yes",
        "mssql+pyodbc:///?odbc_connect=DRIVER=ODBC 18; PWD=SECRET",
    ],
)  # fmt: skip
def test_the_options_of_a_uri_may_be_secrets(text: str) -> None:
    assert not any(word in without_secret(text) for word in ("SEC", "RET"))


def test_other_options_of_a_uri_stay() -> None:
    text = "postgresql://db/mlflow?user=u&password=p&sslmode=require"
    assert without_secret(text) == "postgresql://db/mlflow?user=u&password=&sslmode=require"
    for text in ("s3://bucket/x?endpoint_override=host:9000&scheme=http", "s3://bucket/token=1/x; set MODE=token"):
        assert without_secret(text) == text


@pytest.mark.parametrize(
    "line",
    [
        "results: s3://AK:SE/CRET@bucket/x",
        "tracking: {uri: 'http://u:SECRET@host:5000'}",
        "tracking: {uri: 'postgresql://db/mlflow?user=u&password=SECRET'}",
    ],
)
def test_a_sweep_file_that_holds_a_password_is_refused_without_showing_it(tmp_path: Path, line: str) -> None:
    path = write_sweep(tmp_path)
    Path(path).write_text(Path(path).read_text() + line + "\n")
    with pytest.raises(InputError, match="holds a user name or password") as error:
        load_sweep(path)
    assert "CRET" not in str(error.value)
