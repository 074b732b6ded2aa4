"""Designs that are no hardware: counted once, without costs, on no front, and said to be so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.cli.results import _list_sweeps
from pipeline.front.fronts import find_fronts, input_columns
from pipeline.report.page import build_report
from pipeline.report.picture import draw_front
from pipeline.report.terminal import print_costs, print_designs, print_front
from pipeline.results.finished import Results
from pipeline.sweep.evaluator import SimcoreEvaluator
from pipeline.sweep.keys import digest_of
from pipeline.sweep.plan import Plan, make_plan
from pipeline.sweep.spec import ParetoSpec, load_sweep
from pipeline.tracking.mlflow import parent_entry
from simcore.design import Design
from simcore.design_axes import Adc
from simcore.effects.base import Effect
from simcore.errors import InputError
from tests.pipeline.fake_simcore import write_sweep
from tests.pipeline.finished_sweep import finish_sweep
from tests.simcore.small_networks import make_design

pytestmark = pytest.mark.usefixtures("fakes")
ADC = "{bits: [1, 4, lossless], reference: [nominal, calibrated], noise_lsb: [0, 0.5]}"


def plan_of(folder: Path, **changes: str) -> Plan:
    return make_plan(load_sweep(write_sweep(folder, **changes)))


@pytest.mark.parametrize(
    ("fields", "digest"),
    [
        ({}, "ecc1339c38a86c77c75db95f4d3611701e36910e8c8bbcef12c4fed600c9eeb5"),
        (
            {"solver": "exact", "seed": 3, "prune": 0.1, "sparsity": "binsparx"},
            "503739ca97e9726321112b3bc5d0ebf7a8fd9d9566209338f36c951841d1a6e5",
        ),
        (
            {"solver": "fast", "active_rows": 8, "row_order": "grouped",
             "adc": Adc(bits=3, reference="calibrated", noise_lsb=0.5)},
            "977aa1b221d4691a02ee326249b3c81cfe4bc6fbf84c62b565ed9ebb3a7d1b52",
        ),
    ],
    ids=["plain", "exact", "fast"],
)  # fmt: skip
def test_designs_that_could_be_named_before_there_were_references_keep_their_content(fields: dict, digest: str) -> None:
    assert digest_of(make_design(**fields).content()) == digest


def test_axes_that_ideal_arithmetic_does_not_know_do_not_multiply_it(tmp_path: Path) -> None:
    many = {"adc": ADC, "seeds": "[0, 1]", "corners": "[nominal, pessimistic]"}
    plan = plan_of(tmp_path, solver="ideal", devices="[8T-SRAM, 1T-1ReRAM]", **many)
    assert len(plan.points) == 4  # two arrays, two levels
    assert plan.duplicates == 4 * (3 * 2 * 2 * 2 * 2 * 2) - 4
    assert {point.columns["adc_bits"] for point in plan.points} == {6, 7}
    assert {point.columns["adc_noise"] for point in plan.points} == {0.0}
    assert plan_of(tmp_path, solver="ideal").points[0].key == plan.points[0].key
    (note,) = plan.warnings
    assert note.startswith("small.yaml:") and "nothing of corners, devices, adc, seeds acts on them" in note
    with_converter = plan_of(tmp_path, solver="ideal_circuit", devices="[8T-SRAM, 1T-1ReRAM]", **many)
    assert len(with_converter.points) == 4 * 3 * 2 * 2 * 2
    assert {point.columns["adc_bits"] for point in with_converter.points} == {1, 4, 6, 7}


def test_passes_that_cannot_act_on_a_reference_do_not_multiply_it(tmp_path: Path) -> None:
    sets = "[none, bent_references, wide_sink:2, wide_sink:2+popcount_term, recalibrated_outputs]"
    changes = {"adc": "{reference: calibrated, bits: 4}", "mitigations": sets}
    plan = plan_of(tmp_path, solver="[auto, ideal, ideal_circuit]", **changes)
    found: dict[str, list[str]] = {}
    for point in plan.points:
        assert point.key == digest_of(point.content)
        assert Design.model_validate(point.content["design"]).content() == point.content["design"]
        found.setdefault(point.columns["solver_setting"], []).append(point.columns["mitigations"])
    assert len(found["auto"]) == 4 * 5 and found["ideal"] == ["none"] * 4
    assert set(found["ideal_circuit"]) == {"none", "bent_references", "popcount_term", "recalibrated_outputs"}
    assert len(found["ideal_circuit"]) == 4 * 4
    notes = [note for note in plan.warnings if "are references" in note]
    assert "nothing of adc, passes on arrays and converters acts on them" in notes[0]
    assert "nothing of passes on arrays acts on them" in notes[1]
    changes["points"] = "[{solver: ideal}]"
    assert len(plan_of(tmp_path, **changes).points) == 4 * 5 + 4


class OfChips(SimcoreEvaluator):
    """Simulates chips in another version."""

    def solver_version(self, effects: Sequence[Effect], mitigations: str, adc: Adc) -> str:
        return "2" if effects else "1"


def test_device_effects_do_not_multiply_references(tmp_path: Path) -> None:
    changes = {"solver": "[auto, ideal]", "effects": "[none, sram-vt-5, wires-neurosim]", "chips": "3"}
    points = make_plan(load_sweep(write_sweep(tmp_path, **changes)), OfChips()).points
    references = [point for point in points if point.configuration.is_reference]
    assert len(points) == 4 * 3 + 4 and len(references) == 4
    assert {point.solver_version for point in references} == {"1"} and not any(p.chips_differ for p in references)


@pytest.mark.parametrize("solvers", ["[auto, ideal, ideal_circuit]", "[ideal_circuit, ideal, auto]"])
def test_keys_are_those_of_the_content_and_hardware_keeps_its_own_beside_references(
    tmp_path: Path, solvers: str
) -> None:
    plan = plan_of(tmp_path, solver=solvers, adc=ADC)
    for point in plan.points:
        assert point.key == digest_of(point.content)
    alone = {point.key for point in plan_of(tmp_path, adc=ADC).points}
    assert {point.key for point in plan.points if not point.configuration.is_reference} == alone


def test_a_reference_is_on_no_front_whatever_it_is_drawn_for() -> None:
    rows = {
        "model_digest": "m", "dataset_digest": "d", "corner": "nominal", "images": 8,
        "effects": "none", "age_s": 1.0, "reads": 0.0, "temperature_K": 300.0, "chips": None,
        "accuracy": [1.0, 0.5, 0.25],
        "ideal_accuracy": 1.0, "chance_accuracy": 0.05,
        "energy_per_image_J": [None, 2.0, 1.0], "design_key": ["a", "b", "c"],
        "solver_setting": ["ideal", "auto", "exact"], "stopped": "",
    }  # fmt: skip
    table = pa.table({name: value if isinstance(value, list) else [value] * 3 for name, value in rows.items()})
    right = [np.packbits(np.arange(8) < count) for count in (8, 4, 2)]
    for objectives, members in ((["accuracy"], ["b"]), (["accuracy", "energy"], ["b", "c"])):
        spec = ParetoSpec(objectives=objectives)
        fronts = find_fronts(table.select(input_columns(spec)), right, spec)
        assert {rows["design_key"][row] for row in fronts.order} == set(members)
        assert fronts.marks["pareto_rank"][0] == 0 and fronts.marks["front_support"][0] == 0


def test_references_have_no_costs_and_every_reader_copes(tmp_path: Path) -> None:
    finish_sweep(tmp_path, solver="[auto, ideal, ideal_circuit]", adc="{bits: 4}")
    results = Results(str(tmp_path / "results"))
    designs = results.designs()
    references = designs[designs.solver_setting != "auto"]
    assert len(designs) == 12 and len(references) == 8
    costs = ["energy_per_image_J", "latency_per_image_s", "area_m2", "array_current_A", "tiles", "tops_per_watt"]
    assert references[costs].isna().all(axis=None) and not references.on_front.any()
    assert set(references.converter) == {"none"}
    hardware = designs[designs.solver_setting == "auto"]
    assert hardware[costs].notna().all(axis=None) and hardware.on_front.any()
    assert set(results.front("array_current_A").solver_setting) == {"auto"}
    console = Console(record=True, width=140)
    folder = tmp_path / "results/sweeps/small"
    written = [pq.read_table(folder / f"{name}.parquet") for name in ("designs", "pareto")]
    print_designs(written[0], console)
    print_costs(written[0], console)
    print_front(written[1], console)
    text = console.export_text()
    assert "reference, ideal, fake-cnn, 32x32: dense" in text
    assert "reference, ideal_circuit, fake-cnn, 64x64, 4 bit nominal: dense" in text
    assert len(draw_front(written[0], ["accuracy", "energy"])) == 2
    assert "ideal_circuit" not in build_report(results, "small").split("<script")[-1]


def test_the_best_accuracy_is_that_of_hardware_that_saw_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish_sweep(tmp_path, solver="[auto, ideal]", arrays="64x64")
    path = tmp_path / "results/sweeps/small/designs.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    lucky = {("ideal", "dense"): {"accuracy": 1.0}, ("auto", "binsparx"): {"accuracy": 0.96, "stopped": "beaten"}}
    for row in rows:
        row |= lucky.get((row["solver_setting"], row["sparsity"]), {})
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    (best,) = (row["accuracy"] for row in rows if (row["solver_setting"], row["sparsity"]) == ("auto", "dense"))
    _list_sweeps(Results(str(tmp_path / "results")), json=True)
    assert json.loads(capsys.readouterr().out)["sweeps"][0]["best_accuracy"] == best < 0.9
    tracked = parent_entry(load_sweep(tmp_path / "small.yaml"), rows, {}, failed=False)
    assert tracked.metrics["best_accuracy_pct"] == 100 * best


def test_references_are_told_apart_by_every_axis_that_varies(tmp_path: Path) -> None:
    adc = "{bits: 4, reference: calibrated, range: [full_scale, fixed]}"
    finish_sweep(tmp_path, solver="ideal_circuit", adc=adc, arrays="32x32", sparsity="[dense, binsparx]")
    console = Console(record=True, width=140)
    print_designs(pq.read_table(tmp_path / "results/sweeps/small/designs.parquet"), console)
    lines = [line for line in console.export_text().splitlines() if line.startswith("reference, ")]
    assert [line.partition(": ")[0].rpartition(", ")[2] for line in lines] == [
        "adc range full_scale",
        "adc range fixed",
    ]


def test_a_sweep_of_references_alone_is_shown(tmp_path: Path) -> None:
    finish_sweep(tmp_path, solver="ideal")
    path = tmp_path / "results/sweeps/small/designs.parquet"
    console = Console(record=True, width=140)
    table = pq.read_table(path)
    print_designs(table, console)
    assert "reference, ideal, fake-cnn, 64x64" in console.export_text()
    drawn = draw_front(table, ["accuracy", "energy"])
    assert set(drawn) == {"front.png", "front.svg"}
    assert b"small: fake-cnn on 100 images of fake-images" in drawn["front.svg"]
    assert b"references alone: none has a cost" in drawn["front.svg"]
    with pytest.raises(InputError, match="all designs of sweep 'small' are references, which no report shows"):
        build_report(Results(str(tmp_path / "results")), "small")
