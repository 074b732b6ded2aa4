"""Files that were altered at random: clear lines and exit code 2, or a good answer; never a traceback.

``make test-slow`` draws a hundred of each kind, the fast tests a few.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cli import main
from simcore.errors import InputError
from simcore.network.checkpoint import load_checkpoint, save_checkpoint
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork
from tests.pipeline import fake_simcore
from tests.pipeline.fake_simcore import sweep_text
from tests.pipeline.finished_sweep import finish_sweep

SWEEP = sweep_text(
    corners="[nominal, pessimistic]",
    prune="[0, 0.1]",
    adc="{bits: [5, lossless], reference: calibrated, noise_lsb: 0.3}",
    cost="{corner: low, parameters: {v_dd: 0.7}}",
    points="[{device: 8T-SRAM, rows: 16}]",
    exclude="[{corner: pessimistic, prune: 0.1}]",
    pareto="{objectives: [accuracy, energy], resamples: 10}",
)
CELL = """name: mine
description: a cell
topology: gate_driven
source_end: near
cell: {height_um: 0.1, width_um: 0.5, area_um2: 0.05, gate_fins: 2, leaking_fins: 0}
sources: {a: someone}
corners:
  nominal:
    r_on: {value: 20000, unit: ohm, source: a}
    r_off: 1.0e+9
    v_read: 0.7
    r_driver: 100
    r_sink: 200
    r_col: 1.5
    r_source: 1
    iv: tanh
    v_nl: 0.3
  measured:
    g_on: 5.0e-5
    g_off: 1.0e-9
    v_read: 0.4
    r_driver: 0
    r_sink: 0
    r_col: 0
    iv: table
    iv_table: [[0, 0], [0.2, 1.0e-5], [0.5, 2.0e-5]]
"""
NASTY = [
    "", "null", "~", "true", "no", "-1", "0", "1e30", "-1e30", ".nan", ".inf", "0x64", "1000000x1000000", "[]", "{}",
    "[[]]", "'x[/red]'", "[bold]", "$x$", "&a [*a]", "*b", "!!python/object:os.system", "2024-01-01", "12:30", "\x00",
    "9" * 400, "x" * 500, "{a: {b: c}}", "- x", ": :", "../../etc/passwd", "/", "1e400", "\ud7ff", "é" * 3, "'", '"',
    "%s", "\u202e",
]  # fmt: skip


@st.composite
def altered_text(draw: st.DrawFn, text: str) -> bytes:
    """A value that is replaced, a line that goes or comes twice, or bytes as in ``altered_bytes``."""
    lines = text.splitlines(keepends=True)
    place = draw(st.integers(0, len(lines) - 1))
    kind = draw(st.sampled_from(["value", "part", "key", "drop", "twice", "indent", "bytes"]))
    line = lines[place]
    name, _, value = line.partition(":")
    nasty = draw(st.sampled_from(NASTY))
    if kind == "value":
        lines[place] = f"{name}: {nasty}\n"
    elif kind == "part" and (words := value.strip("\n ").split(" ")):
        words[draw(st.integers(0, len(words) - 1))] = nasty
        lines[place] = f"{name}: {' '.join(words)}\n"
    elif kind == "key":
        lines[place] = f"{nasty}:{value}"
    elif kind == "drop":
        del lines[place]
    elif kind == "twice":
        lines.insert(draw(st.integers(0, len(lines))), line)
    elif kind == "indent":
        lines[place] = " " * draw(st.integers(1, 9)) + line
    else:
        return draw(altered_bytes(text.encode()))
    return "".join(lines).encode()


@st.composite
def altered_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, overwritten, with a piece that is gone or comes twice."""
    first = draw(st.integers(0, len(data)))
    count = draw(st.sampled_from([1, 2, 8, 100]))
    kind = draw(st.sampled_from(["cut", "write", "gone", "twice"]))
    if kind == "cut":
        return data[:first]
    if kind == "gone":
        return data[:first] + data[first + count :]
    if kind == "twice":
        return data[: first + count] + data[first:]
    return data[:first] + draw(st.binary(min_size=1, max_size=count)) + data[first + count :]


def run_command(*words: str) -> tuple[int, str]:
    """Exit code and what is said on the error stream."""
    said = io.StringIO()
    before = sys.argv
    sys.argv = ["binsparx", *words]
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            main()
    except SystemExit as end:
        return int(end.code or 0), said.getvalue()
    finally:
        sys.argv = before
    return 0, said.getvalue()


def require_clear(code: int, said: str) -> None:
    lines = said.splitlines()
    assert code in (0, 2), said
    assert all(line.startswith(("error: ", "warning: ")) for line in lines), said
    assert any(line.startswith("error: ") for line in lines) == (code == 2), said
    assert "Traceback" not in said and "pydantic" not in said and "unforeseen" not in said, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two finished sweeps, and room for files."""
    with pytest.MonkeyPatch.context() as patch:
        fake_simcore.install(patch.setattr)
        place = tmp_path_factory.mktemp("mutations")
        finish_sweep(place)
        shutil.copytree(place / "results/sweeps/small", place / "results/sweeps/other")
        patch.chdir(place)
        yield place


def check_sweep(folder: Path, data: Any) -> None:
    (folder / "s.yaml").write_bytes(data.draw(altered_text(SWEEP)))
    require_clear(*run_command("plan", "s.yaml"))


def check_bitcell(folder: Path, data: Any) -> None:
    (folder / "cell.yaml").write_bytes(data.draw(altered_text(CELL)))
    (folder / "c.yaml").write_text(sweep_text(devices="cell.yaml", corners="[nominal, measured]"))
    require_clear(*run_command("plan", "c.yaml"))


def check_table(folder: Path, data: Any) -> None:
    sound = (folder / "results/sweeps/small/designs.parquet").read_bytes()
    table = pq.read_table(io.BytesIO(sound))
    path = folder / "results/sweeps/other/designs.parquet"
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(altered_bytes(sound)))
    else:
        gone = data.draw(st.lists(st.sampled_from(table.column_names), min_size=1, max_size=3, unique=True))
        pq.write_table(table.drop_columns(gone), path)
    words = data.draw(st.sampled_from(["results", "results other", "results --json", "show KEY"]))
    key = table["design_key"][0].as_py()
    require_clear(*run_command(*words.replace("KEY", key[:12]).split()))


def check_checkpoint(folder: Path, data: Any) -> None:
    """The stand-ins know no files, so the loader is asked itself."""
    attrs = {"in_features": 4, "out_features": 2}
    nodes = (
        Node(name="flat", op="flatten", inputs=("input",)),
        Node(name="layers.0.fc", op="binary_linear", inputs=("flat",), attrs={"in_features": 4, "out_features": 4}),
        Node(name="layers.0", op="batch_norm", inputs=("layers.0.fc",), attrs={"channels": 4}),
        Node(name="fc", op="linear", inputs=("layers.0",), attrs=attrs),
    )
    path = folder / "net.safetensors"
    network = GraphNetwork(NetworkGraph(nodes=nodes, input_shape=(1, 2, 2), classes=2))
    save_checkpoint(path, network, {"name": "net"})
    assert load_checkpoint(path).name == "net"
    path.write_bytes(data.draw(altered_bytes(path.read_bytes())))
    with contextlib.suppress(InputError):
        load_checkpoint(path)


def check_label(folder: Path, data: Any) -> None:
    import yaml

    label = data.draw(st.one_of(st.sampled_from(NASTY), st.text(max_size=80)))
    device = yaml.safe_dump({"name": "8T-SRAM", "label": label}, default_flow_style=True, width=9999)
    (folder / "l.yaml").write_bytes(sweep_text(devices=device.strip()).encode("utf-8", "replace"))
    require_clear(*run_command("plan", "l.yaml"))


CHECKS = [check_sweep, check_bitcell, check_table, check_checkpoint, check_label]
PLAIN = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("check", CHECKS)
@settings(max_examples=8, **PLAIN)
@given(data=st.data())
def test_a_few_altered_files(folder: Path, check: Callable[[Path, Any], None], data: Any) -> None:
    check(folder, data)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@settings(max_examples=100, **PLAIN)
@given(data=st.data())
def test_a_hundred_altered_files_of_each_kind(folder: Path, check: Callable[[Path, Any], None], data: Any) -> None:
    check(folder, data)
