"""The paper's networks and table: plain PyTorch and mapped ideal arrays agree image by image; rows run again are the
same to the last bit; the page says what the tables say.

What needs CIFAR-10 or shipped weights says loudly that it skips. Slow ones: `make test-paper`.
"""

from __future__ import annotations

import os
import random
import sys
import zlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as functional
from PIL import Image
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import paper  # noqa: E402
import paper_accuracy  # noqa: E402
import paper_claims  # noqa: E402
import paper_costs  # noqa: E402
import paper_evidence  # noqa: E402
import paper_figures  # noqa: E402
import paper_fits  # noqa: E402
import paper_halves  # noqa: E402
import paper_levels  # noqa: E402
import paper_numbers  # noqa: E402
import paper_sizes  # noqa: E402

from pipeline.execution.runner import RunOptions, run_sweep  # noqa: E402
from pipeline.results.finished import Results  # noqa: E402
from pipeline.tables.schema import HARDWARE_COLUMNS  # noqa: E402
from simcore.datasets import open_dataset  # noqa: E402
from simcore.datasets.importing import ImportRequest, import_dataset  # noqa: E402
from simcore.inference.evaluation import evaluate, mapped_logits, prepare  # noqa: E402
from simcore.network.checkpoint import Checkpoint, find_model, load_checkpoint, model_names, network_digest  # noqa: E402
from simcore.network.definitions import define  # noqa: E402
from simcore.network.modules import GraphNetwork  # noqa: E402
from tests import paper_tables  # noqa: E402
from tests.pipeline import fake_simcore  # noqa: E402
from tests.pipeline.finished_sweep import finish_sweep  # noqa: E402
from tests.simcore.small_networks import make_design  # noqa: E402

NETWORKS = ("vgg-small", "resnet18-cifar")
CIFAR10 = ROOT / "data" / "cifar10"
SWEEP = ROOT / "sweeps" / "paper.yaml"
DESIGNS = ROOT / "docs" / "results" / "paper" / "designs.parquet"
# Where it ran and what it was compared with; not what was computed.
NOT_COMPUTED = ("sweep", "on_front", "package_version", "git_commit")
# Where a design stands among those that it was run with; a row that is run alone has none.
AMONG_OTHERS = (
    "pareto_rank", "front_candidate", "front_support", "front_probability", "knee",
    *(f"{cost}_change{end}" for cost in ("energy", "latency", "area") for end in ("", "_low", "_high")),
)  # fmt: skip

needs_cifar10 = pytest.mark.skipif(
    not (CIFAR10 / "dataset.json").is_file(),
    reason="NO CIFAR-10 IN data/cifar10 (docs/bring-your-own.md): the paper's networks are not checked",
)


def plain_logits(network, images):
    """The network's graph in plain PyTorch functions, layer after layer in float32."""
    tensors, values = network.named_tensors(), {"input": images}

    def sign(x):
        return torch.where(x >= 0, 1.0, -1.0)

    for node in network.graph.nodes:
        x, *others = [values[name] for name in node.inputs]
        a, weight = node.attrs, tensors.get(f"{node.name}.weight")
        spatial = {"stride": a.get("stride"), "padding": a.get("padding")}
        if node.op == "normalize":
            mean, std = (np.array(a[name], np.float64)[:, None, None] for name in ("mean", "std"))
            y = torch.addcmul(
                torch.from_numpy((-mean / std).astype(np.float32)),
                x,
                torch.from_numpy((1 / (255 * std)).astype(np.float32)),
            )
        elif node.op == "conv2d":
            y = functional.conv2d(x, weight, **spatial)
        elif node.op == "binary_conv2d":
            y = functional.conv2d(sign(x).double(), sign(weight).double(), **spatial).float()
        elif node.op == "batch_norm":
            moments = (tensors[f"{node.name}.running_mean"], tensors[f"{node.name}.running_var"])
            y = functional.batch_norm(x, *moments, weight, tensors[f"{node.name}.bias"], eps=1e-5)
        elif node.op == "max_pool2d":
            y = functional.max_pool2d(x, a["kernel"], a["stride"])
        elif node.op == "hardtanh":
            y = functional.hardtanh(x)
        elif node.op == "prelu":
            y = functional.prelu(x, weight)
        elif node.op == "add":
            y = x + others[0]
        elif node.op == "global_avg_pool":
            y = x.mean(dim=(2, 3))
        elif node.op == "flatten":
            y = x.flatten(1)
        else:
            assert node.op == "linear", node.op
            y = functional.linear(x, weight, tensors[f"{node.name}.bias"])
        values[node.name] = y
    return y


def pixels_of(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()


@pytest.fixture(scope="module")
def colour_images(tmp_path_factory):
    """Random smooth images of CIFAR-10's shape, so that both networks are checked without CIFAR-10."""
    from PIL import Image

    folder, rng = tmp_path_factory.mktemp("colour"), np.random.default_rng(0)
    for split, count in (("train", 2), ("test", 2)):
        place = folder / "images" / split / "any"
        place.mkdir(parents=True)
        for index in range(count):
            coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
            coarse.resize((32, 32), Image.Resampling.BICUBIC).save(place / f"{index}.png")
    return import_dataset(ImportRequest(source=folder / "images"), folder / "dataset")


@pytest.mark.parametrize("name", NETWORKS)
def test_both_graphs_on_ideal_arrays_give_plain_pytorch_logits(colour_images, name):
    torch.manual_seed(zlib.crc32(name.encode()))
    network = GraphNetwork(define(name)).eval().requires_grad_(False)
    checkpoint = Checkpoint(network, name, network_digest(network), {})
    design = make_design(rows=64, cols=64, active_rows=16, sparsity="binsparx", solver="ideal", calibration_images=2)
    images = pixels_of(colour_images.read("test", 0, 2)[0])
    prepared = prepare(checkpoint, design, colour_images)
    assert len(prepared.layers) == {"vgg-small": 5, "resnet18-cifar": 16}[name]
    with torch.inference_mode():
        mapped = mapped_logits(prepared, images)
        assert torch.equal(mapped, torch.cat([network(image) for image in images.split(1)]))
        torch.testing.assert_close(mapped, plain_logits(network, images), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@needs_cifar10
@pytest.mark.parametrize("order", ["channel", "grouped"])
@pytest.mark.parametrize("name", NETWORKS)
def test_plain_pytorch_and_ideal_arrays_agree_image_by_image(name, order):
    if name not in model_names():
        pytest.skip(f"{name} DOES NOT SHIP: its accuracy is not checked")
    checkpoint, dataset = load_checkpoint(find_model(name)), open_dataset(str(CIFAR10), "")
    images, labels = dataset.read("test", 0, 500)
    design = make_design(rows=64, cols=64, active_rows=16, row_order=order, sparsity="binsparx", solver="ideal",
                         calibration_images=32)  # fmt: skip
    found = evaluate(prepare(checkpoint, design, dataset), images, labels)
    with torch.inference_mode():
        plain = torch.cat([plain_logits(checkpoint.network, part) for part in pixels_of(images).split(25)])
    np.testing.assert_array_equal(found.predictions, plain.argmax(dim=1).numpy())
    np.testing.assert_array_equal(found.predictions, found.ideal_predictions)
    assert (found.predictions == labels).mean() > 0.7


@pytest.mark.slow
@needs_cifar10
def test_ten_rows_of_the_table_run_again_are_the_same_to_the_last_bit(tmp_path):
    """Other rows every day; BINSPARX_PAPER_ROWS says how many, or names keys."""
    if not DESIGNS.is_file():
        pytest.skip("NO docs/results/paper/designs.parquet: nothing to run again")
    table = {row["design_key"]: row for row in pq.read_table(DESIGNS).to_pylist()}
    wanted = os.environ.get("BINSPARX_PAPER_ROWS", "10")
    if wanted.isdigit():
        keys = random.Random(date.today().isoformat()).sample(sorted(table), min(int(wanted), len(table)))
    else:
        keys = [key for key in table if key.startswith(tuple(wanted.split(",")))]
    assert keys, f"no row has a key that begins with {wanted}"
    print("rows:", *(key[:12] for key in keys))
    for key in keys:
        options = RunOptions(results=str(tmp_path / "results"), only=key)
        result = run_sweep(str(SWEEP), options, Console(file=sys.stderr))
        assert not result.failures
        again = {row["design_key"]: row for row in result.tables["designs"].to_pylist()}[key]
        committed = table[key]
        columns = [name for name in committed if name not in (*NOT_COMPUTED, *AMONG_OTHERS)]
        assert {name: again[name] for name in columns} == {name: committed[name] for name in columns}


def test_changes_in_the_table_are_against_its_dense_rows():
    if not DESIGNS.is_file():
        pytest.skip("NO docs/results/paper/designs.parquet: nothing to compare")
    rows = pq.read_table(DESIGNS).to_pylist()
    # An axis younger than the table has one value in it.
    hardware = [name for name in HARDWARE_COLUMNS if name in rows[0]]
    dense = {tuple(row[name] for name in hardware): row for row in rows if row["sparsity"] == "dense"}
    compared = [row for row in rows if row["energy_change"] is not None]
    assert len(compared) > len(dense)
    for row in compared:
        own = dense[tuple(row[name] for name in hardware)]
        for cost, column in paper_numbers.COSTS.items():
            assert row[f"{column}_change"] == pytest.approx(row[cost] / own[cost] - 1, abs=1e-12)


def _design_row(device, sparsity, accuracy, row_order="channel", **more):
    row = dict.fromkeys((*HARDWARE_COLUMNS, "prune"), 0)
    return row | {
        "model": "net", "device": device, "corner": "nominal", "rows": 64, "active_rows": 64, "sparsity": sparsity,
        "prune": 0.0, "row_order": row_order, "accuracy": accuracy, "ideal_accuracy": 0.85, "adc_reference": "nominal",
        **more,
    }  # fmt: skip


def test_claims_against_counting_by_hand():
    """a falls to 10 % and comes back to 60, grouped to 84.5; b falls by 3 points and comes back to 84; c stands."""
    designs = paper_numbers.hardware_designs(
        [
            _design_row("a", "dense", 0.10, energy_per_image_J=2.0),
            _design_row("a", "binsparx", 0.60, energy_per_image_J=1.5),
            _design_row("a", "binsparx", 0.845, "grouped", energy_per_image_J=1.0),
            _design_row("b", "dense", 0.82, energy_per_image_J=None),
            _design_row("b", "binsparx", 0.84, energy_per_image_J=1.0),
            _design_row("c", "dense", 0.849),
            _design_row("c", "binsparx", 0.846),
            _design_row("d", "dense", 0.88),  # by luck: ideal is 0.85
            _design_row("d", "binsparx", 0.849),
        ]
    )
    both, grouped = paper_numbers.BINSPARX, paper_numbers.GROUPED
    assert [design.device for design in designs] == ["a", "b", "c", "d"]
    design, gain = paper_numbers.largest_gain(designs)
    assert (design.device, gain) == ("a", pytest.approx(0.745))
    assert paper_numbers.largest_gain(designs, both)[1] == pytest.approx(0.5)
    fallen, back = paper_numbers.back_to_ideal(designs, both)
    assert [[d.device for d in found] for found in (fallen, back)] == [["a", "b"], ["b"]]
    assert [d.device for d in paper_numbers.back_to_ideal(designs)[1]] == ["a", "b"]
    count, worst, loss = paper_numbers.worst_loss_where_dense_is_fine(designs, both)
    assert (count, worst.device, loss) == (2, "c", pytest.approx(0.003))
    assert paper_numbers.worst_loss_where_dense_is_fine(designs, grouped) == (0, None, 0.0)
    assert paper_numbers.cost_changes(designs, "energy_per_image_J", both) == [pytest.approx(-0.25)]
    assert paper_numbers.cost_changes(designs, "area_m2", both) == []


def test_the_largest_gain_is_measured_by_images_that_did_not_pick_it():
    """Even images favour a, odd ones b; each is told by what the other half says."""
    rows = [
        _design_row("a", "dense", 0.50, design_key="0", accuracy_even=0.40, accuracy_odd=0.60),
        _design_row("a", "binsparx", 0.70, design_key="1", accuracy_even=0.75, accuracy_odd=0.65),
        _design_row("b", "dense", 0.50, design_key="2", accuracy_even=0.50, accuracy_odd=0.50),
        _design_row("b", "binsparx", 0.68, design_key="3", accuracy_even=0.66, accuracy_odd=0.70),
        _design_row("b", "weight", 0.69, design_key="4", accuracy_even=0.65, accuracy_odd=0.73),
    ]
    columns = ("design_key", "accuracy_even", "accuracy_odd")
    bare = [{name: value for name, value in row.items() if name not in columns[1:]} for row in rows]
    both = paper_numbers.BINSPARX
    assert paper_numbers.largest_gain_by_halves(paper_numbers.hardware_designs(bare), both) is None
    assert paper_numbers.largest_gain_by_halves([], both) is None
    joined = paper_numbers.with_halves(bare, [{name: row[name] for name in columns} for row in rows])
    designs = paper_numbers.hardware_designs(joined)
    first, second = paper_numbers.largest_gain_by_halves(designs, both)
    assert (first.design.device, first.gain) == ("a", pytest.approx(0.05))
    assert (second.design.device, second.gain) == ("b", pytest.approx(0.16))
    assert paper_numbers.largest_gain_by_halves(designs)[1].level == ("weight", 0.0, "channel")
    told = paper_claims.by_halves(first, second)
    assert (
        told.startswith("**5.0 and 16.0 points**") and "net, a nominal, 64 rows" in told and "60.0 % to 65.0 %" in told
    )
    assert paper_claims.by_halves(first, first).count("net, a nominal") == 1
    assert paper._gain_in_short(designs)[0] == pytest.approx(0.105)
    claims = paper_claims.how_sure([replace(design, levels=_with_intervals(design.levels)) for design in designs], [])
    assert "measured on the rest" in claims


def _with_intervals(levels):
    return {level: row | {"images": 100, "accuracy_low": 0.4, "accuracy_high": 0.6} for level, row in levels.items()}


def test_halves_are_counted_of_stored_images(tmp_path, monkeypatch):
    fake_simcore.install(monkeypatch.setattr)
    finish_sweep(tmp_path)
    results = Results(str(tmp_path / "results"))
    table = paper_halves.halves(results, "small").to_pylist()
    accuracies = dict(results.designs("small")[["design_key", "accuracy"]].itertuples(index=False))
    assert {
        row["design_key"]: pytest.approx((row["accuracy_even"] + row["accuracy_odd"]) / 2) for row in table
    } == accuracies


def test_levels_against_counting_by_hand():
    """a falls to 60 %, and activations alone bring back most; b falls by a point and a half, and any flip mends it.
    What one design alone has, another order, and a converter that is never re-ranged are no part of it."""
    tuned = {"adc_reference": "calibrated"}
    designs = paper_numbers.hardware_designs(
        [
            _design_row("a", "dense", 0.60, **tuned, energy_per_image_J=2.0, area_m2=1.0),
            _design_row("a", "weight", 0.70, **tuned),
            _design_row("a", "activation", 0.80, **tuned),
            _design_row("a", "binsparx", 0.75, **tuned, energy_per_image_J=1.5, area_m2=1.25),
            _design_row("a", "binsparx", 0.85, "grouped", **tuned),
            _design_row("b", "dense", 0.835, **tuned),
            _design_row("b", "weight", 0.845, **tuned),
            _design_row("b", "activation", 0.845, **tuned),
            _design_row("b", "binsparx", 0.84, **tuned, array_current_A=1e-3),
            _design_row("b", "binsparx", 0.85, prune=0.1, **tuned, array_current_A=9e-4),
            _design_row("c", "dense", 0.85),
        ]
    )
    among, levels = paper_numbers.levels_run_throughout(designs, "net")
    assert [design.device for design in among] == ["a", "b"]
    assert [paper_numbers.level_name(level) for level in levels] == ["dense", "weight", "activation", "binsparx"]
    summary = [paper_levels.summary_of(among, level, levels) for level in levels]
    assert [found.accuracy for found in summary] == pytest.approx([0.7175, 0.7725, 0.8225, 0.795])
    assert [found.gain for found in summary] == pytest.approx([0, 0.055, 0.105, 0.0775])
    assert [(found.first, found.back, found.fallen) for found in summary] == [
        (0, 0, 2),
        (1, 1, 2),
        (2, 1, 2),
        (0, 1, 2),
    ]
    section = paper_levels.section(designs)
    assert "| net | dense | 2 | 71.8 % |  | 0 |  |  |  |  |" in section
    assert "| net | binsparx | 2 | 79.5 % | +7.8 | 0 | 1 of 2 | -25.0 % |  | +25.0 % |" in section
    assert "Pruning takes" not in section
    designs[1].levels["binsparx", 0.1, "channel"]["array_current_A"] = 1e-3
    assert "not one on 1 of the 1 pruned designs (64 rows read together)" in paper_levels.section(designs)
    assert paper_figures.draw_levels(designs).startswith(b"\x89PNG")
    assert paper_numbers.level_name(("binsparx", 0.1, "grouped")) == "binsparx prune 0.1, grouped"


def test_a_table_without_dense_or_without_other_levels_has_no_section_on_levels():
    tuned = {"adc_reference": "calibrated"}
    flips = [_design_row("a", level, 0.7, **tuned) for level in ("weight", "activation", "binsparx")]
    dense = _design_row("a", "dense", 0.6, **tuned)
    assert paper_levels.section(paper_numbers.hardware_designs(flips)) == ""
    assert paper_levels.section(paper_numbers.hardware_designs([dense, flips[-1]])) == ""
    assert "median change" in paper_levels.section(
        paper_numbers.hardware_designs([dense, *flips])
    )  # though none has costs


@pytest.mark.parametrize("images", [1000, 10_000])
def test_a_loss_of_exactly_one_point_is_within_one_point(images):
    """Whatever the binary fractions of both accuracies."""
    for right in range(int(0.8 * images), int(0.9 * images)):
        ideal, dense = right / images, (right - images // 100) / images
        designs = paper_numbers.hardware_designs([_design_row("a", "dense", dense, ideal_accuracy=ideal)])
        assert paper_numbers.back_to_ideal(designs, paper_numbers.DENSE) == ([], [])


def test_reads_of_a_layer_weigh_what_the_layer_reads():
    """Ten reads drawn stand for a thousand of one layer, thirty for a hundred of another."""
    common = {"model": "net", "rows": 64, "sparsity": "dense", "row_order": "channel"}
    sums = [
        {**common, "layer": layer, "rows_read_together": 64, "sparsity": "binsparx", "column_reads": reads}
        for layer, reads in (("first", 1000), ("second", 100))
    ]
    reads = [{**common, "layer": layer, "reads": n} for layer, n in (("first", 4), ("first", 6), ("second", 30))]
    assert [row["weight"] for row in paper_numbers.weighted_reads(reads, sums)] == pytest.approx([400, 600, 100])


def test_the_page_is_written_from_the_tables():
    assert paper.PAGE.read_text(encoding="utf-8") == paper.page(), "run: python docs/paper.py"
    for name in paper.picture_names():
        with Image.open(paper.PICTURES / name) as picture:
            assert picture.info.get("Source") == paper.source_of_pictures(), "run: python docs/paper.py"


def test_the_tables_hold_what_the_experiments_are_to_show():
    """A sweep that no longer shows it is a finding, however well its page is written."""
    if not DESIGNS.is_file():
        pytest.skip("NO docs/results/paper/designs.parquet: nothing to look at")
    designs = paper_numbers.hardware_designs(paper_numbers.fitted(paper_numbers.read_rows("designs")))
    sums = paper_numbers.read_rows("partial_sums")
    assert set(paper_numbers.networks_of(designs)) == set(NETWORKS)
    _, gain = paper_numbers.largest_gain(designs, paper_numbers.BINSPARX)
    assert gain >= 0.70
    for level in (paper_numbers.BINSPARX, paper_numbers.GROUPED):
        count, _, loss = paper_numbers.worst_loss_where_dense_is_fine(designs, level)
        assert count > 0
        assert loss <= 0.01
    for model in NETWORKS:
        together = {n: paper_numbers.reduction_of(sums, model, order, n)["partial_sum_reduction"]
                    for order, n in (("channel", 16), ("grouped", 64))}  # fmt: skip
        assert together[16] >= paper_numbers.PAPER_REDUCTION[0]
        assert together[64] > 0.40


@pytest.fixture(scope="module")
def older():
    """The committed table as solver version 5 would have left it."""
    if not DESIGNS.is_file():
        pytest.skip("NO docs/results/paper/designs.parquet: no page to write from it")
    return paper_tables.older_rows(DESIGNS)


@pytest.fixture
def write_page(tmp_path, monkeypatch):
    """Writes the page of any designs."""

    def write(rows, schema=None):
        folder = tmp_path / "paper"
        paper_tables.write_tables(folder, DESIGNS, rows, schema)
        for module in (paper, paper_numbers):
            monkeypatch.setattr(module, "FOLDER", folder)
        return paper.page()

    return write


NEWER_SECTIONS = ("## Which way converters are fitted", "## How far the fast solver is from exact solves",
                  "energy-shares.png", "The fast solver is compared", "arrays alone")  # fmt: skip


def test_an_older_table_has_none_of_the_newer_sections(older, write_page):
    page = write_page(older)
    assert not [part for part in NEWER_SECTIONS if part in page]


def test_a_newer_table_of_fewer_images_writes_every_section(older, write_page):
    """Designs fitted by least squares are in no count, table or picture but their own section's."""
    rows = paper_tables.newer_rows(older)
    others = [row for row in rows if row["adc_fit"] == "least_squares"]
    page = write_page(rows, paper_tables.newer_schema())
    assert not [part for part in NEWER_SECTIONS if part not in page]
    assert f"{len(older)} design points of [sweeps/paper.yaml]" in page
    assert f"and {len(others)} of them again with [converters fitted otherwise]" in page
    assert "Accuracies are of 500 test images" in page
    assert "a point is 5 images" in page
    versions = {"6", *(row["solver_version"] for row in paper_numbers.read_rows("reads"))}
    assert page.rstrip().endswith(f"Solver version {', '.join(sorted(versions))}.")
    without = [row for row in rows if row not in others]
    designs, alone = (paper_numbers.hardware_designs(paper_numbers.fitted(table)) for table in (rows, without))
    assert paper_costs.section(designs) == paper_costs.section(alone)
    assert paper_accuracy.section(designs) == paper_accuracy.section(alone)
    assert paper.summary().count(f"on {len(alone)} hardware designs") == 1
    assert "% of the sweep's 500 test images in ideal arithmetic" in paper.summary()
    assert "Digital layers are in these totals; of the arrays alone" in paper.cost_summary()
    costed = paper_costs.with_digital(
        paper_costs.costed(paper_numbers.hardware_designs(paper_numbers.fitted(paper_numbers.design_rows())))
    )
    assert paper_figures.draw_shares(costed).startswith(b"\x89PNG")
    for design in costed:
        assert sum(paper_costs.energy_shares(design, paper_numbers.DENSE).values()) == pytest.approx(1, abs=1e-9)


def test_every_component_of_the_energy_has_its_place_in_the_picture():
    components = {
        field.name
        for field in paper_tables.newer_schema()
        if field.metadata[b"description"].startswith(b"of energy_per_image_J")
    }
    shown = [part for parts in paper_costs.ENERGY_GROUPS.values() for part in parts]
    assert sorted(shown) == sorted(components)


def _fit_row(device, sparsity, accuracy, fit, **more):
    common = {"adc_reference": "calibrated", "model_digest": "m", "images": 100, "solver_version": "6"}
    return _design_row(device, sparsity, accuracy, adc_fit=fit, **common | more)


def _two_fits():
    """Unbiased is better by 10 points on a dense, worse by 2 on b with both flips, and 1 worse on b dense."""
    return [
        _fit_row("a", "dense", 0.50, "unbiased"),
        _fit_row("a", "binsparx", 0.80, "unbiased"),
        _fit_row("b", "dense", 0.60, "unbiased"),
        _fit_row("b", "binsparx", 0.70, "unbiased"),
        _fit_row("c", "dense", 0.60, "unbiased"),
        _fit_row("a", "dense", 0.40, "least_squares"),
        _fit_row("a", "binsparx", 0.80, "least_squares"),
        _fit_row("b", "dense", 0.61, "least_squares"),
        _fit_row("b", "binsparx", 0.72, "least_squares"),
    ]


def test_fits_against_counting_by_hand():
    rows = _two_fits()
    assert [design.device for design in paper_numbers.hardware_designs(paper_numbers.fitted(rows))] == ["a", "b", "c"]
    told = paper_fits.section(rows)
    assert "| net | a | nominal | 64 of 64 | 50.0 | 40.0 | 80.0 | 80.0 | +30.0 | +40.0 |" in told
    assert "Dense, 1 of the 2 designs are more accurate with `unbiased` and 1 with `least_squares`, +4.5 points" in told
    assert "from -1.0 (net, b nominal, 64 rows) to +10.0 (net, a nominal, 64 rows)" in told
    assert "both flips, 0 of the 2 designs are more accurate with `unbiased` and 1 with `least_squares`, -1.0" in told
    assert "gain +20.0 points on average with `unbiased`, +25.5 with `least_squares`" in told
    assert "better by more than a point in 1 of 4 cases: net, b nominal, 64 rows, both flips (+2.0)." in told
    assert paper_fits.section(rows[:5]) == ""
    for row in rows[7:]:
        row["accuracy"] -= 0.02
    assert "Nowhere is `least_squares` better by more than a point." in paper_fits.section(rows)


def test_evidence_against_counting_by_hand():
    def row(device, changed, rms, within):
        return _design_row(device, "dense", 0.5, evidence_changed=changed, evidence_converted_rms_lsb=rms,
                           evidence_within_limits=within, evidence_reads=1000)  # fmt: skip

    rows = [
        row("a", 0.01, 0.02, True),
        row("b", 0.03, 0.04, True),
        row("b", 0.2, 0.5, False),
        row("c", None, None, True),
    ]
    told = paper_evidence.section(rows)
    assert "3,000 in all, of 3 of the 4 design points" in told
    assert "3.0 % differ in the median over designs, 20.0 % at most" in told
    assert "0.040 LSB in the median and 0.50 at most" in told
    assert "1 of the 4 design points is beyond" in told
    assert told.endswith("1 of b nominal.")
    shares = {"a": (0.1, 0.8), "b": (0.3, 0.5)}
    common = {"evidence_changed": 0.0, "evidence_converted_rms_lsb": 0.0, "evidence_reads": 1}
    marked = [
        _fit_row(device, level, share, "unbiased", evidence_within_limits=(device, level) != ("a", "dense"), **common)
        for device, both in shares.items()
        for level, share in zip(("dense", "binsparx"), both, strict=True)
    ]
    assert "is +20.0 points (net, b nominal, 64 rows, converter re-ranged)." in paper_evidence.section(marked)
    assert "All 2 are within" in paper_evidence.section(rows[:2])
    assert paper_evidence.section([_design_row("a", "dense", 0.5)]) == ""


def test_sizes_that_come_back_against_counting_by_hand():
    """a is back with 32 rows, and with 64 where 16 are read together; b in one corner only."""

    def designs(device, rows, together, accuracy, energy):
        common = {"adc_reference": "calibrated", "rows": rows, "active_rows": together, "energy_per_image_J": energy}
        return [
            _design_row(device, "binsparx", share, corner=corner, **common)
            for corner, share in zip(("nominal", "pessimistic"), accuracy, strict=True)
        ]

    good, half, bad = (0.85, 0.84), (0.85, 0.80), (0.2, 0.2)
    rows = [
        *designs("a", 32, 32, good, 1.0), *designs("a", 64, 64, half, 0.5), *designs("a", 64, 16, good, 3.0),
        *designs("a", 32, 16, good, 3.5), *designs("b", 32, 32, half, 1.0),
    ]  # fmt: skip
    assert paper_sizes.sentence(paper_numbers.hardware_designs(rows)) == (
        "In nominal and pessimistic corner alike, a arrays of 32 rows that are all read at once and of 64 rows with "
        "16 read together, at 3.0 to 3.0 times the energy of the smaller ones, come back to within 1 point of ideal; "
        "no b array does."
    )
    none = [*designs("b", 32, 32, half, 1.0), *designs("a", 32, 32, bad, 1.0)]
    assert paper_sizes.sentence(paper_numbers.hardware_designs(none)) == (
        "In nominal and pessimistic corner alike, no b array and no a array comes back to within 1 point of ideal."
    )
    assert paper_sizes.sentence([]) == ""


def test_no_picture_is_left_over():
    assert {path.name for path in paper.PICTURES.glob("*")} == set(paper.picture_names())
