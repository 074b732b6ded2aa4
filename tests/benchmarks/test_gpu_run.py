"""The prepared run for a GPU, in the form it takes without one."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import check, equality, packages, timing, training
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.circuits import KINDS, random_cases, reference_cases
from benchmarks.gpu.forecast import forecast, work_of
from benchmarks.gpu.images import Images, load_images, pack
from benchmarks.gpu.results import Results
from benchmarks.gpu.scale import SMALL
from benchmarks.gpu.training import Job, Split, train, windows
from simcore.datasets import ImportRequest, import_dataset, open_dataset
from simcore.network.checkpoint import load_checkpoint
from simcore.network.definitions import define
from simcore.network.training.augmentation import augment
from simcore.network.training.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def small_sample() -> Images:
    sample = open_dataset("fashion-mnist")
    return load_images(sample.folder).first(600, 200)


def job(images: Images, folder: Path, **changes) -> Job:
    recipe = Recipe(**{"epochs": 2, "batch_size": 50, "crop_padding": 2, **changes})
    return Job("fashion-cnn", recipe, 3, images, held_out=100, device=CPU, folder=folder)


def test_a_trained_network_is_loaded_with_the_accuracy_that_is_told_of_it(small_sample, tmp_path):
    heard: dict = {}
    train(job(small_sample, tmp_path), time.monotonic() + 600, lambda **news: heard.update(news))
    assert heard["epochs"] == 2
    assert [point["epoch"] for point in heard["curve"]] == [1, 2]
    for told in heard["networks"]:
        loaded = load_checkpoint(tmp_path / told["file"])
        found = Split.on(CPU, small_sample.pixels["test"], small_sample.labels["test"]).correct(loaded.network)
        assert (loaded.digest, loaded.name) == (told["digest"], "fashion-cnn-long")
        assert told["correct"] == found == loaded.metadata["accuracies"][0]["correct"]
        assert loaded.metadata["accuracy"] == found / 200
        assert loaded.metadata["dataset"]["digest"] == small_sample.about["digest"]
        assert loaded.metadata["recipe"]["batch_size"] == 50
        assert told["otherwise_on_cpu"] == 0
        assert found > 200 / 4  # ten classes: it has learnt something


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_computes_in_the_precision_of_its_recipe(small_sample, tmp_path, precision):
    heard: dict = {}
    few = job(small_sample.first(150, 20), tmp_path, epochs=1, precision=precision)
    train(few, time.monotonic() + 600, lambda **news: heard.update(news))
    assert heard["bfloat16"] == (precision == "bfloat16")
    assert load_checkpoint(few.file("last")).metadata["arithmetic"]["precision"] == precision


def test_a_training_ends_by_the_clock_with_its_rate_at_zero(small_sample, tmp_path, monkeypatch):
    ticks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: 0.1 * next(ticks))  # every look at it takes a tenth of a second
    monkeypatch.setattr(training, "time", clock)
    heard: dict = {}
    train(job(small_sample, tmp_path, epochs=10_000), 18.0, lambda **news: heard.update(news))
    assert 3 < heard["epochs"] < 20
    rates = [point["rate"] for point in heard["curve"]]
    assert rates[-1] < 0.2 * max(rates)
    assert "shortened by the clock" in heard["summary"][0]
    assert load_checkpoint(tmp_path / "fashion-cnn-long.last.safetensors").metadata["accuracies"][0]["images"] == 200


def test_windows_are_cut_and_mirrored_as_in_a_training_on_the_cpu():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 8, 10, 3), dtype=np.uint8)
    tops, lefts, coin = rng.integers(0, 5, 6), rng.integers(0, 5, 6), rng.random(6)
    drawn = iter([tops, lefts])
    chooser = SimpleNamespace(integers=lambda *a, **k: next(drawn), random=lambda size: coin)
    expected = augment(images, 2, True, chooser)  # type: ignore[arg-type]
    padded = torch.from_numpy(np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))))
    arguments = (torch.from_numpy(values) for values in (tops, lefts, coin < 0.5))
    np.testing.assert_array_equal(windows(padded, torch.arange(6), (8, 10), *arguments).numpy(), expected)


def test_packed_images_are_those_of_the_imported_data_set(tmp_path):
    rng = np.random.default_rng(1)
    folder = tmp_path / "tiny"
    folder.mkdir()
    for split, count in (("train", 9), ("test", 4)):
        encoded = []
        for _ in range(count):
            file = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(file, "JPEG")
            encoded.append(file.getvalue())
        columns = {"image": encoded, "label": np.arange(count) % 3}
        pq.write_table(pa.table(columns), folder / f"{split}.parquet")
    imported = import_dataset(ImportRequest(folder), tmp_path / "imported")
    packed = pack(folder, tmp_path / "images.npz")
    loaded = load_images(tmp_path / "images.npz")
    assert packed.about["digest"] == loaded.about["digest"] == imported.digest
    np.testing.assert_array_equal(loaded.pixels["train"], imported.read("train", 0, 9)[0])
    np.testing.assert_array_equal(load_images(imported.folder).labels["test"], loaded.labels["test"])


def test_all_circuits_of_every_kind_are_compared_and_one_that_differs_fails(monkeypatch):
    known = {}
    processor = SimpleNamespace(currents=lambda end: known)
    heard: dict = {}
    few = SimpleNamespace(circuits=KINDS)
    monkeypatch.setattr(equality, "reference_cases", lambda: reference_cases()[:4])
    equality.compare(few, CPU, processor, time.monotonic() + 600, lambda **news: heard.update(news))
    assert len(heard["circuits"]) == KINDS + 4
    assert len({row["kind"] for row in heard["circuits"][4:]}) == KINDS
    case = random_cases(1)[0]
    known[case.name] = heard_currents = np.zeros((3, case.weights.shape[1]))
    heard_currents[0, 0] = 1e-3
    with pytest.raises(ValueError, match="the first one is random-0"):
        equality.compare(few, CPU, processor, time.monotonic() + 600, lambda **news: None)


def test_a_comparison_that_the_clock_ends_is_not_done(monkeypatch, tmp_path):
    ticks = itertools.count()
    monkeypatch.setattr(equality, "time", SimpleNamespace(monotonic=lambda: next(ticks)))  # a second a circuit
    monkeypatch.setattr(equality, "reference_cases", lambda: reference_cases()[:4])
    work, processor = SimpleNamespace(circuits=0), SimpleNamespace(currents=lambda end: {})
    results = Results(tmp_path, {"device": "none"}, {})
    results.run("equality", partial(equality.compare, work, CPU, processor, 3))
    table = results.finish("", ["equality"])
    assert results.failed == ["equality"]
    assert "| equality | cut short |" in table
    assert "2 of 4 circuits of" in table and "the clock ended it after 2 of 4 circuits" in table


def test_the_kernels_are_warm_and_all_threads_at_work_when_the_cpu_is_timed(monkeypatch):
    taken = []

    def solve(circuit, weights, inputs, tolerance, dtype, device):
        taken.append((circuit.topology, np.dtype(dtype).name, len(inputs)))
        np.testing.assert_array_equal(inputs[:1], timing._problem(circuit.topology, 512, 1)[2])  # the GPU's first
        return SimpleNamespace(converged=True)

    monkeypatch.setattr("simcore.crossbar.solve", solve)
    monkeypatch.setattr("numba.get_num_threads", lambda: 5)
    found = timing.time_on_cpu(replace(SMALL, rows=(512,), seconds=0.0))
    blocks = {"float64": 4 * 5 * 8, "float32": 4 * 5 * 16}
    assert taken == [
        (topology, name, reads)
        for name, all_of_them in blocks.items()
        for topology in timing.TOPOLOGIES
        for reads in (1, all_of_them)
    ]
    assert [row["reads"] for row in found.values()] == [160, 160, 320, 320]


def test_what_there_is_no_time_for_is_told_once_after_all_that_was_timed(monkeypatch):
    def timed(work, device, topology, size, dtype, reads, left):
        seconds = 100.0 if dtype is np.float64 else 1.0  # of which eight times as many are too many, or not
        row = {"topology": topology, "rows": size, "dtype": np.dtype(dtype).name, "reads": reads}
        return {**row, "seconds": seconds, "repeats": 1, "converged": True}

    monkeypatch.setattr(timing, "_timed_on", timed)
    cpu = {"gate_driven 32 float32": {"reads": 8, "seconds": 1.0, "repeats": 1, "threads": 3}}
    heard: dict = {}
    processor = SimpleNamespace(times=lambda end: cpu)
    timing.time_solver(SMALL, CPU, processor, time.monotonic() + 600, lambda **news: heard.update(news))
    sizes = [(32, "float64"), (32, "float32"), (64, "float32"), (64, "float64")]
    heads = [f"{name} {rows}x{rows} {dtype}" for rows, dtype in sizes for name in timing.TOPOLOGIES]
    assert [line.partition(":")[0] for line in heard["summary"]] == heads
    assert [line.partition(": ")[2] for line in heard["summary"][6:]] == ["left out, no time"] * 2
    assert [head for head, line in zip(heads, heard["summary"], strict=True) if "on 3 threads" in line] == [heads[3]]


@pytest.mark.slow
def test_the_run_compares_and_times_and_leaves_its_table(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    monkeypatch.setenv(gpu.OUT_VARIABLE, str(out))
    monkeypatch.setattr(gpu, "BEGAN", time.monotonic())
    assert gpu.main(["--parts", "equality,timing", "--minutes", "4"]) == 0
    content = json.loads((out / "gpu.json").read_text())
    printed = capsys.readouterr().out
    if not torch.cuda.is_available():
        assert "NO GPU was found" in printed
        assert len(content["parts"]["equality"]["circuits"]) == 23 + SMALL.circuits
    assert content["parts"]["equality"]["state"] == content["parts"]["timing"]["state"] == "done"
    assert all(row["same_bits"] for row in content["parts"]["equality"]["circuits"])
    assert (out / "table.md").read_text() in printed
    assert content["parts"]["timing"]["cpu"]["gate_driven 32 float64"]["converged"]


def test_a_part_that_fails_is_told_of_and_loses_no_other(tmp_path):
    results = Results(tmp_path, {"device": "none"}, {})

    def break_down(tell):
        tell(summary=["half of it"])
        raise RuntimeError("out of memory\nand more")

    results.run("first", break_down)
    results.run("second", lambda tell: tell(summary=["all of it"]))
    table = results.finish("", ["first", "second", "third"])
    content = json.loads((tmp_path / "gpu.json").read_text())["parts"]
    assert "break_down" in content["first"]["traceback"]
    assert results.failed == ["first", "third"]
    assert "| first | FAILED |" in table
    assert "RuntimeError: out of memory |" in table
    assert "half of it" in table
    assert "| second | done |" in table
    assert "| third | not begun |" in table


def test_a_run_that_hangs_ends_when_its_minutes_are_over(tmp_path):
    code = (
        "import time, types; from pathlib import Path; from benchmarks.gpu import processor, __main__ as gpu\n"
        "gpu.BEGAN, gpu._part = time.monotonic(), lambda *arguments: time.sleep(600)\n"
        f"results = gpu.Results(Path({str(tmp_path)!r}), {{}}, {{}})\n"
        "options, device = types.SimpleNamespace(minutes=0.02), types.SimpleNamespace(type='cpu')\n"
        "gpu._run(['vgg-small'], gpu._Task(options, gpu.SMALL, device, None, {}), results, [])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 1, ended.stderr
    assert "stopped by the clock" in ended.stdout
    assert "| vgg-small | begun |" in (tmp_path / "table.md").read_text()


def test_what_a_part_leaves_over_goes_to_the_later_ones():
    now = time.monotonic()
    budget = Budget(now + 100, {"a": 1.0, "b": 3.0})
    assert budget.end_of("a") == pytest.approx(now + 25, abs=5)
    assert budget.end_of("b") == pytest.approx(now + 100, abs=5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "{"], "--recipe: not JSON"),
        (["--recipe", '{"epoch": 3}'], "--recipe: unknown field 'epoch'; did you mean 'epochs'?"),
        (["--recipe", '{"small_crop": 24}'], "--recipe small_crop: this training does not do it"),
        (["--recipe", '{"norm_batches": 50}'], "--recipe norm_batches: this training does not do it"),
        (["--data", "absent.npz"], "absent.npz: no such file"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, message, capsys):
    assert gpu.main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_operations_are_those_that_the_networks_tell_of_themselves():
    assert work_of(define("vgg-small")).binary == pytest.approx(604e6, rel=1e-3)
    assert work_of(define("resnet18-cifar")).binary == pytest.approx(547e6, rel=1e-3)
    assert "NVIDIA H100" in forecast(8.0, gpu.SHARES, 5.0)


def test_networks_are_imported_without_numba_and_scipy():
    code = (
        "import sys; from importlib.abc import MetaPathFinder\n"
        "class Absent(MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('numba', 'llvmlite', 'scipy'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from benchmarks.gpu import packages\n"
        "packages.find_spec = lambda name: None if name in ('numba', 'scipy') else 1\n"
        "notes = packages.prepare(); assert len(notes) == 2, notes\n"
        "import torch\n"
        "from benchmarks.gpu import equality, training\n"
        "from benchmarks.gpu.circuits import reference_cases\n"
        "row = equality._compared(reference_cases()[0], torch.device('cpu'), {})\n"
        "assert row['spice'] < 1e-9 and row['converged'], row\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_the_whole_run_from_end_to_end(tmp_path):
    environment = {**os.environ, gpu.OUT_VARIABLE: str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "benchmarks.gpu", "--minutes", "9"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    content = json.loads((tmp_path / "gpu.json").read_text())
    for part in ("vgg-small", "resnet18-cifar"):
        for told in content["parts"][part]["networks"]:
            assert load_checkpoint(tmp_path / told["file"]).metadata["accuracies"][0]["correct"] == told["correct"]
    assert max(file.stat().st_size for file in tmp_path.iterdir()) < 16e6


def test_a_network_is_counted_again_where_it_is_wanted(small_sample, tmp_path, monkeypatch, capsys):
    train(job(small_sample, tmp_path, epochs=1), time.monotonic() + 600, lambda **news: None)
    monkeypatch.setattr(check, "load_images", lambda path: small_sample)
    file = str(tmp_path / "fashion-cnn-long.last.safetensors")
    monkeypatch.setattr(sys, "argv", ["check", "images", file])
    assert check.main() == 0
    assert "of 200, the file says" in capsys.readouterr().out


def test_packages_that_are_there_need_no_stand_in():
    assert packages.prepare() == []
    assert packages.has("numba")
