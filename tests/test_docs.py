"""The pages say what is so: their examples run, their links lead somewhere, their tables are those of the code."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[1]
# By file name: an installed package may be called "tests" or "docs".
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import tables  # noqa: E402

import pipeline  # noqa: E402
from pipeline.cli import main  # noqa: E402
from pipeline.storage.compute_time import COSTS_SCHEMA  # noqa: E402
from pipeline.storage.records import SHARD_FILE_SCHEMA  # noqa: E402
from pipeline.sweep.plan import make_plan  # noqa: E402
from pipeline.sweep.spec import load_sweep  # noqa: E402
from pipeline.tables.schema import SCHEMAS  # noqa: E402
from simcore.effects import KINDS  # noqa: E402
from simcore.effects.effect_blocks import load_block  # noqa: E402
from simcore.technology import circuit_parameters, corner_names  # noqa: E402
from tests.pipeline import fake_simcore  # noqa: E402
from tests.pipeline.finished_sweep import finish_sweep  # noqa: E402
from tests.simcore.datasets import source_files  # noqa: E402
from tests.simcore.technology import synthetic_curves  # noqa: E402

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
MODULES_WITH_EXAMPLES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for package in ("simcore", "pipeline")
    for file in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8")
]
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
# A sweep takes too long here: these commands are only planned.
_PLANNED = ("run", "track")
# These compute a real network or start a server, and have tests of their own: here their help must know the options.
_EXPLAINED = ("explain", "recommend", "ui")


class Example(NamedTuple):
    """A fenced block: its language, the word after it, its text."""

    language: str
    kind: str
    text: str


def examples(page: Path) -> list[Example]:
    return [Example(m[1], m[2].strip(), m[3]) for m in _FENCE.finditer(page.read_text(encoding="utf-8"))]


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def finished_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart's tables and records as the stand-in of the simulation leaves them."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        fake_simcore.install(patch.setattr)
        finish_sweep(
            folder,
            name="quickstart",
            devices="[8T-SRAM, 1T-1ReRAM]",
            corners="[nominal, pessimistic]",
            arrays="[8x8, 64x64]",
            sparsity="[dense, weight, activation, binsparx]",
            shard_images="50",
        )
    return folder / "results"


@pytest.fixture
def workplace(finished_results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the examples start from: the example sweeps, data to import, results to read."""
    (tmp_path / "sweeps").symlink_to(ROOT / "sweeps")
    _write_data_sources(tmp_path)
    _write_measurements(tmp_path)
    shutil.copytree(finished_results, tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=page_id)
def test_examples_run_in_order(page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, object] = {"__name__": "example"}
    for number, example in enumerate(examples(page)):
        if example.language == "python":
            exec(compile(example.text, f"{page.name} example {number}", "exec"), names)
        elif example.language == "sql":
            ask(example.text)
        elif example.language == "sh":
            for line in example.text.splitlines():
                _run_command(line, monkeypatch)
        elif example.language == "text":
            pass  # nothing to run
        elif example.language == "yaml":
            file = workplace / f"example{number}.yaml"
            file.write_text(example.text, encoding="utf-8")
            _check_yaml(file, example.kind)
        else:
            pytest.fail(f"{page.name} has an example in {example.language}, which nothing checks")


def test_questions_have_the_same_answer_in_sql_and_pandas(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    introduction, *questions = (ROOT / "docs/analysts.md").read_text(encoding="utf-8").split("\n### ")
    assert len(questions) == 10
    names: dict[str, Any] = {"__name__": "example"}
    for match in _FENCE.finditer(introduction):
        if match[1] == "sh":
            for line in match[3].splitlines():
                _run_command(line, monkeypatch)
        else:
            exec(match[3], names)
    for question in questions:
        blocks = {match[1]: match[3] for match in _FENCE.finditer(question)}
        exec(blocks["python"], names)
        expected = names["answer"].reset_index(drop=True)
        found = ask(blocks["sql"])
        title = question.splitlines()[0]
        assert len(found) > 0, title
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_names=False, obj=title)


@pytest.mark.parametrize("folder", [".", "docs"])
def test_the_notebook_runs_from_where_it_lies_and_beside_the_results(workplace: Path, folder: str) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "docs/decision.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "store the notebook without outputs"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    kernel = {**os.environ, "PYTHONPATH": path, "MPLBACKEND": "Agg"}
    (workplace / folder).mkdir(exist_ok=True)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(workplace / folder)}})
    client.execute(env=kernel)
    assert any(cell.get("outputs") for cell in notebook.cells)


def ask(question: str) -> pd.DataFrame:
    """Answers a question from the exported database, as the page says."""
    with duckdb.connect("binsparx-export.duckdb", read_only=True) as database:
        return database.sql(question).df()


@pytest.mark.parametrize("file", sorted((ROOT / "sweeps").rglob("*.yaml")), ids=page_id)
def test_every_sweep_and_bitcell_that_ships_can_be_planned(file: Path) -> None:
    if "data/cifar10" in file.read_text(encoding="utf-8") and not (ROOT / "data/cifar10/dataset.json").is_file():
        pytest.skip(f"NO data/cifar10: sweeps/{file.name} is not planned")
    _check_yaml(file, "bitcell" if "corners:\n" in file.read_text(encoding="utf-8") else "sweep")


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in _anchors(target), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", sorted(tables.TABLES))
def test_generated_tables_are_current(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert tables.filled(page, text) == text, "run: python docs/tables.py"


def test_every_page_is_linked_from_the_readme_or_another_page() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in _LINK.findall(page.read_text(encoding="utf-8"))
    }
    assert {page for page in PAGES if ROOT / "docs" in page.parents} <= linked


@pytest.mark.parametrize("page", sorted((ROOT / "docs/reference").glob("*.md")), ids=page_id)
def test_names_of_the_reference_exist(page: Path) -> None:
    for name, members in re.findall(r"^::: (\S+)(?:\n +options:\n +members: \[(.*)\])?", page.read_text("utf-8"), re.M):
        documented = pkgutil.resolve_name(name)
        for member in filter(None, members.split(", ")):
            assert getattr(documented, member).__doc__, f"{name}.{member}"


def test_every_column_and_field_is_explained() -> None:
    """In the tables that are generated from schemas, or in the glossary."""
    pages = {page: (ROOT / f"docs/{page}.md").read_text("utf-8") for page in ("results", "sweep-file", "glossary")}
    schemas = [*SCHEMAS.values(), SHARD_FILE_SCHEMA, COSTS_SCHEMA]
    columns = {name for schema in schemas for name in schema.names}
    for page, names in (("results", columns), ("sweep-file", set(tables.FIELDS))):
        explained = _first_cells(pages[page]) | _first_cells(pages["glossary"])
        assert names <= explained, sorted(names - explained)


def test_every_device_effect_is_told_as_a_cause() -> None:
    page = (ROOT / "docs" / "blame.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if kind.replace("_", " ") not in page] == []


@pytest.mark.parametrize("module", MODULES_WITH_EXAMPLES)
def test_examples_in_docstrings_run(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def _check_yaml(file: Path, kind: str) -> None:
    if kind == "bitcell":
        for corner in corner_names(str(file)):
            assert circuit_parameters(str(file), corner).on_current() > 0
    elif kind == "effect":
        assert load_block(str(file)).source
    else:
        assert make_plan(load_sweep(file)).points


def _run_command(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *arguments = shlex.split(line, comments=True) or ["binsparx", "--version"]
    assert program.endswith("binsparx"), line
    if arguments[0] in _PLANNED:
        arguments[0] = "plan"
    if "KEY" in arguments:
        arguments[arguments.index("KEY")] = pipeline.open("results").designs().design_key[0][:12]
    if arguments[0] in _EXPLAINED:
        options = [argument for argument in arguments if argument.startswith("--")]
        arguments = [arguments[0], "--help"]
        known = _help_of(arguments[0])
        assert all(option in known for option in options), line
    monkeypatch.setattr(sys, "argv", ["binsparx", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
        raise SystemExit(0)
    assert not end.value.code, line


def _help_of(command: str) -> str:
    """The options of a command that is loaded when it is called."""
    from pipeline.cli.lazy import load

    return " ".join(option for parameter in load(command).params for option in parameter.opts)


def _first_cells(text: str) -> set[str]:
    """What the first columns of a page's tables name."""
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return {name.strip("` *\\") for cell in cells for name in cell.split(", ")}


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _write_tensor_sources(folder: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = ["setosa", "versicolor", "virginica"]
    rows = [",".join([*(f"{value:.2f}" for value in rng.normal(size=4)), kinds[i % 3]]) for i in range(60)]
    (folder / "flowers.csv").write_text("\n".join(["a,b,c,d,kind", *rows]), encoding="utf-8")
    np.savez(folder / "keywords.npz", x=rng.normal(size=(120, 10, 20)), y=np.arange(120) % 4)
    tokens = pa.table({"tokens": rng.integers(0, 30, (60, 12)).tolist(), "label": np.arange(60) % 2})
    pq.write_table(tokens, folder / "reviews.parquet")
    (folder / "signals").mkdir()
    for split in ("train", "test"):
        np.save(folder / f"signals/x_{split}.npy", rng.normal(size=(12, 16, 2)))
        np.save(folder / f"signals/y_{split}.npy", np.arange(12) % 3)


def _write_measurements(folder: Path) -> None:
    cell = synthetic_curves.ohmic_and_sinh()
    _, volts, amps = synthetic_curves.bipolar_sweep(cell, synthetic_curves.Instrument())
    for name, heads, columns in (
        ("sourcemeter", ["Voltage (V),Current (A)"], [volts, amps]),
        ("scope", ["x-axis,1,2", "second,Volt,Volt"], [np.arange(len(volts)), volts + 1000 * amps, 1000 * amps]),
    ):
        (folder / f"{name}.csv").write_text(synthetic_curves.table(heads, columns), encoding="utf-8")


def _write_data_sources(folder: Path) -> None:
    grey, grey_labels = source_files.random_images(12, (4, 4, 1))
    for prefix in ("train", "t10k"):
        for name in ("mnist", "fashion"):
            source_files.write_idx_pair(folder / name, prefix, grey, grey_labels)
    images, labels = source_files.random_images(20, (32, 32, 3))
    labels[:10] = np.arange(10)
    for kind, suffix, write in (
        ("binary", ".bin", source_files.cifar_binary_batch),
        ("python", "", source_files.cifar_python3_batch),
    ):
        inside = "cifar-10-batches-bin" if suffix else "cifar-10-batches-py"
        members = {f"{inside}/{name}{suffix}": write(images, labels) for name in source_files.CIFAR_BATCHES}
        source_files.write_tar(folder / f"cifar-10-{kind}.tar.gz", members)
    _write_tensor_sources(folder)
    for split in ("train", "test"):
        for number, name in enumerate(("cat", "dog")):
            place = folder / "photos" / split / name
            place.mkdir(parents=True)
            (place / "0001.png").write_bytes(source_files.encoded(images[number]))
        encoded = [source_files.encoded(image, "JPEG") for image in images[:4]]
        (folder / "hub").mkdir(exist_ok=True)
        table = pa.table({"image": pa.array(encoded, pa.binary()), "label": pa.array([0, 1, 0, 1], pa.int64())})
        pq.write_table(table, folder / "hub" / f"{split}-00000-of-00001.parquet")
