"""What a wheel holds, and that it works in an empty environment, from any folder, with no checkout beside it.

The dependencies are installed twice: as ``constraints.txt`` pins them, and the newest that the index has; of torch only
the pinned one, for the newest brings gigabytes of GPU libraries.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from pipeline.sweep.shipped import shipped_sweeps, sweep_path
from simcore.errors import InputError
from simcore.technology.devices import device_names
from tests.simcore.technology.synthetic_curves import Instrument, bipolar_sweep, ohmic_and_sinh, table

ROOT = Path(__file__).resolve().parents[1]
Command = Callable[..., str]


def tracked(*folders: str) -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of the tracked files alone, apart from the checkout: what lies in its build folder must not get in."""
    if not (ROOT / ".git").exists():
        pytest.skip("NO GIT CHECKOUT: no wheel is built")
    source, wheels = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheels")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, source], check=True)
    (built,) = wheels.glob("*.whl")
    return built


@pytest.mark.slow
def test_a_wheel_holds_all_that_is_tracked_and_nothing_else(wheel: Path) -> None:
    found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    link = "pipeline/example_sweeps"
    expected = {name for name in tracked("simcore", "pipeline") if name != link}
    expected |= {f"{link}{name.removeprefix('sweeps')}" for name in tracked("sweeps")}
    assert found == expected


@pytest.fixture(scope="module", params=["pinned", "newest"])
def installed(wheel: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment with nothing but the wheel and what it asks for."""
    environment = tmp_path_factory.mktemp(request.param) / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pins = (ROOT / "constraints.txt").read_text().splitlines(keepends=True)
    constraints = environment.parent / "constraints.txt"
    constraints.write_text("".join(pin for pin in pins if request.param == "pinned" or pin.startswith("torch==")))
    install = [
        environment / "bin/python",
        "-m",
        "pip",
        "install",
        "-q",
        "--upgrade",
        "--constraint",
        constraints,
        wheel,
    ]
    subprocess.run(install, check=True)
    return environment / "bin"


@pytest.fixture(scope="module")
def binsparx(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command in an empty folder, with caches of its own and no path to the checkout."""
    folder, cache = tmp_path_factory.mktemp("anywhere"), tmp_path_factory.mktemp("cache")
    passed = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    environment = {**passed, "PATH": f"{installed}:/usr/bin:/bin", "XDG_CACHE_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    _, volts, amps = bipolar_sweep(ohmic_and_sinh(), Instrument())
    (folder / "measured.csv").write_text(table(["Voltage (V),Current (A)"], [volts, amps]))

    def run(*arguments: str) -> str:
        done = subprocess.run(["binsparx", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"binsparx {' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        assert "Traceback" not in done.stderr
        return done.stdout

    where = subprocess.run(
        ["python", "-c", "import pipeline; print(pipeline.__file__)"],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(installed.parent)
    return run


@pytest.mark.slow
def test_every_command_works_where_only_the_wheel_is(binsparx: Command) -> None:
    assert re.fullmatch(r"binsparx \d+\.\d+\.\d+\n", binsparx("--version"))
    listed = {kind: binsparx(kind, "--json") for kind in ("devices", "models", "datasets", "sweeps")}
    models = list((ROOT / "simcore/network/models").glob("*.safetensors"))
    ships = [len(device_names()), len(models), 1, len(shipped_sweeps())]
    assert [len(json.loads(rows)) for rows in listed.values()] == ships
    for sweep in ("quickstart", "converter-bits"):
        binsparx("plan", sweep)
    binsparx("run", "quickstart")
    rows = json.loads(binsparx("results", "quickstart", "--json"))["designs"]
    assert len(rows) == 48
    assert all(0 < row["accuracy"] <= 1 and np.isfinite(row["energy_per_image_J"]) for row in rows)
    by_place = {(row["device"], row["corner"], row["rows"], row["sparsity"]): row["accuracy"] for row in rows}
    pessimistic = {level: by_place["8T-SRAM", "pessimistic", 64, level] for level in ("dense", "binsparx")}
    assert pessimistic["dense"] < 0.5 < 0.8 < pessimistic["binsparx"]
    key = rows[0]["design_key"][:12]
    for arguments in (
        ("results", "quickstart"), ("show", key), ("explain", key, "--images", "50", "--pictures", "blame"),
        ("report", "quickstart"), ("report", "quickstart", "--figures", "pictures"), ("export", "quickstart"),
        ("compare", "quickstart", "quickstart"), ("track", "quickstart"), ("data", "show", "fashion-mnist", "--verify"),
        ("spice", "8T-SRAM", "--rows", "8", "--cols", "4", "--output", "read.cir"), ("partial-sums", "fashion-cnn"),
        ("bitcell", "import", "measured.csv"), ("devices", "measured.yaml"),
    ):  # fmt: skip
        binsparx(*arguments)


def test_a_sweep_that_ships_is_found_by_its_name_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(shipped_sweeps()) == {path.stem for path in (ROOT / "sweeps").glob("*.yaml")}
    assert sweep_path("quickstart").read_bytes() == (ROOT / "sweeps/quickstart.yaml").read_bytes()
    Path("quickstart").mkdir()
    assert sweep_path("quickstart").is_file(), "a folder of that name is none"
    Path("mine.yaml").write_text("")
    assert sweep_path("mine.yaml") == Path("mine.yaml")
    for missing, said in (("missing.yaml", "no such file$"), ("quikstart", "did you mean 'quickstart'")):
        with pytest.raises(InputError, match=said):
            sweep_path(missing)
    assert sweep_path(str(ROOT / "sweeps/paper.yaml")) == ROOT / "sweeps/paper.yaml"


def test_the_container_file_copies_what_is_there_and_pins_python_as_the_cluster_does() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    instructions = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert [name for name, _ in instructions if name == "FROM"] == ["FROM", "FROM"]
    copied = [rest.split()[:-1] for name, rest in instructions if name == "COPY" and "--from" not in rest]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source for sources in copied for source in sources} == allowed
    assert all((ROOT / source).exists() for source in allowed)
    (python,) = re.findall(r"^ARG PYTHON=(\S+)", text, re.MULTILINE)
    assert f"--python {python} " in (ROOT / "ray_cluster.yaml").read_text()
    # A job starts as no root, and what it starts is the command of this project.
    assert [rest for name, rest in instructions if name == "USER"][-1] == "binsparx"
    assert [json.loads(rest) for name, rest in instructions if name == "ENTRYPOINT"] == [["binsparx"]]


@pytest.mark.parametrize(
    ("name", "too_old"),
    [("ray", "2.51.9"), ("typer", "0.18.9")],  # no ``ray.exceptions.AuthenticationError``; no options of ``Literal``
)
def test_no_version_is_allowed_that_lacks_what_the_code_takes_from_it(name: str, too_old: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (asked,) = [one for one in map(Requirement, project["dependencies"]) if one.name == name]
    assert not asked.specifier.contains(too_old)
