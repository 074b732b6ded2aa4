"""Cost columns: sums of their parts, changes against dense, and settings that recompute nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from pipeline.execution.runner import RunOptions, RunResult, run_sweep
from pipeline.report.terminal import print_costs, print_front
from pipeline.sweep import simulation
from pipeline.sweep.plan import make_plan
from pipeline.sweep.simulation import digital_layers as of_a_network
from pipeline.sweep.spec import CostSpec, load_sweep
from pipeline.tables.schema import DESIGNS_SCHEMA, PARETO_SCHEMA
from simcore.cost_options import CostOptions
from simcore.errors import InputError
from simcore.network.checkpoint import find_model, load_checkpoint
from tests.pipeline.fake_simcore import write_sweep

pytestmark = pytest.mark.usefixtures("fakes")

ROOT = Path(__file__).resolve().parents[3]


def run(folder: Path, **changes: str) -> RunResult:
    options = RunOptions(results=str(folder / "results"))
    return run_sweep(write_sweep(folder, **changes), options, Console(file=io.StringIO()))


def rows_of(result: RunResult, table: str = "designs") -> list[dict[str, Any]]:
    return result.tables[table].to_pylist()


def parts(row: dict[str, Any], start: str, end: str, *totals: str) -> float:
    return sum(
        value
        for name, value in row.items()
        if name.startswith(start) and name.endswith(end) and name not in totals and "per_image" not in name
    )


def test_the_file_and_the_simulator_mean_the_same() -> None:
    for name, field in CostSpec.model_fields.items():
        assert field.default == CostOptions.model_fields[name].default, name
    assert list(CostSpec.model_fields) == list(CostOptions.model_fields)


@pytest.mark.usefixtures("ray_cluster")
def test_cost_columns_and_settings_that_recompute_nothing(tmp_path: Path) -> None:
    first = run(tmp_path)
    designs, layers = rows_of(first), rows_of(first, "layers")
    for row in [*designs, *layers]:
        energies = parts(row, "energy_", "_J")
        areas = parts(row, "area_", "_m2", "area_m2", "area_low_m2", "area_high_m2")
        assert energies == pytest.approx(row["energy_per_image_J"])
        assert areas == pytest.approx(row["area_m2"])
        for name, unit in (("energy_per_image", "_J"), ("latency_per_image", "_s"), ("area", "_m2")):
            low, high = row[f"{name}_low{unit}"], row[f"{name}_high{unit}"]
            assert 0 < low <= row[f"{name}{unit}"] <= high
        for name in ("energy_change", "latency_change", "area_change"):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
        # 1 ns a column read, at 0.264 V
        assert row["charge_per_image_C"] == pytest.approx(
            row["mean_column_current_A"] * row["column_reads_per_image"] * 1e-9
        )
        assert row["energy_array_J"] == pytest.approx(row["charge_per_image_C"] * 0.264)
    for row in designs:
        own = [layer for layer in layers if layer["design_key"] == row["design_key"]]
        # The layers on arrays and the digital ones make the design.
        digital = {
            "energy_per_image_J": sum(row[f"energy_digital_{part}_J"] for part in ("mac", "memory", "leakage")),
            "latency_per_image_s": row["latency_digital_s"],
            "area_m2": row["area_digital_m2"],
        }
        for name in (*digital, "charge_per_image_C", "energy_leakage_J", "tiles"):
            assert sum(layer[name] for layer in own) + digital.get(name, 0) == pytest.approx(row[name])
        # 9 x 16 x 100 and 320 x 10 multiplications, 7 x 9 and 320 cycles of 16 x 16 multipliers
        assert row["digital_macs"] == 17600
        assert row["energy_digital_mac_J"] == pytest.approx(17600 * 100e-15)
        assert row["latency_digital_s"] == pytest.approx((63 + 320) * 1e-9)
        slowest = max(*(layer["latency_per_image_s"] for layer in own), row["latency_digital_s"])
        assert row["throughput_per_s"] == pytest.approx(1 / slowest)
        assert row["energy_delay_Js"] == pytest.approx(row["energy_per_image_J"] * row["latency_per_image_s"])
        (dense,) = [other for other in designs if (other["rows"], other["sparsity"]) == (row["rows"], "dense")]
        for name, column in (("energy", "energy_per_image_J"), ("latency", "latency_per_image_s"), ("area", "area_m2")):
            assert row[f"{name}_change"] == pytest.approx(row[column] / dense[column] - 1)
        # 2 x inputs x columns x positions of two layers, 2 row groups of so many rows
        operations = 2 * 2 * (2 * row["rows"]) * 50 * 10
        arrays = row["energy_per_image_J"] - digital["energy_per_image_J"]
        assert row["tops_per_watt"] == pytest.approx(operations / arrays / 1e12)
        area = 1e6 * (row["area_m2"] - digital["area_m2"])
        busiest = max(layer["latency_per_image_s"] for layer in own)
        assert row["tops_per_mm2"] == pytest.approx(operations / busiest / area / 1e12)
        counted = "popcount=baseline;stored_sums=binsparx;activation_buffer=counted;digital_layers=counted"
        assert row["cost_boundary"] == counted
        assert "columns_read=in_turn" in row["cost_assumptions"] and "digital_array=16x16" in row["cost_assumptions"]

    changed = run(tmp_path, cost="{array_supply: v_dd, parameters: {comparator_energy: 3}}",
                  pareto="{objectives: [accuracy, current]}")  # fmt: skip
    assert changed.tasks_run == 0
    for before, after in zip(designs, rows_of(changed), strict=True):
        assert after["energy_array_J"] == pytest.approx(before["energy_array_J"] * 0.7 / 0.264)
        assert after["accuracy"] == before["accuracy"]
    assert [row["sparsity"] for row in rows_of(changed, "pareto")] == ["binsparx"]

    without = run(tmp_path, cost="{digital_layers: false}")
    assert without.tasks_run == 0
    for before, after in zip(designs, rows_of(without), strict=True):
        assert after["digital_macs"] == after["latency_digital_s"] == after["area_digital_m2"] == 0
        assert after["latency_per_image_s"] == pytest.approx(
            before["latency_per_image_s"] - before["latency_digital_s"]
        )
        assert after["tops_per_mm2"] == before["tops_per_mm2"]

    alone = run(tmp_path, sparsity="binsparx")
    assert alone.tasks_run == 0
    assert all(row["energy_change"] is row["area_change_high"] is None for row in rows_of(alone))


def test_digital_layers_of_a_network_that_ships() -> None:
    checkpoint = load_checkpoint(find_model("fashion-cnn"))
    model = simulation.Model("fashion-cnn", checkpoint.digest, checkpoint)
    mapped = [layer.name for layer in checkpoint.binary_layers("")]
    first, last = of_a_network(model, mapped)
    # 28 x 28 positions of 32 maps over 3 x 3 pixels; 256 maps of 3 x 3 to 10 classes
    assert (first.macs, first.bits, last.macs, last.bits) == (784 * 32 * 9, 8, 2304 * 10, 8)
    left_out = of_a_network(model, mapped[1:])
    assert [(layer.name, layer.bits) for layer in left_out] == [("conv0", 8), ("bconv1", 1), ("linear", 8)]


@pytest.mark.usefixtures("ray_cluster")
def test_three_objectives_and_what_a_terminal_shows_of_costs(tmp_path: Path) -> None:
    result = run(tmp_path, pareto="{objectives: [accuracy, latency, area], resamples: 50}")
    text = io.StringIO()
    print_costs(result.tables["designs"], Console(file=text, width=80, force_terminal=True))
    print_front(result.tables["pareto"], Console(file=text, width=80, force_terminal=True))
    shown = text.getvalue()
    assert max(len(line) for line in shown.splitlines() if "8T-SRAM" in line) <= 80
    assert "the front of accuracy and latency and area" in shown and "mm²" in shown
    for row in rows_of(result, "pareto"):
        assert 0 <= row["front_support"] <= 1
        assert row["objectives"] == "accuracy,latency,area"


@pytest.mark.usefixtures("ray_cluster")
def test_a_cell_without_a_size_has_no_cost(tmp_path: Path) -> None:
    text = (ROOT / "sweeps/examples/my-cell.yaml").read_text()
    line = next(line for line in text.splitlines() if line.startswith("cell:"))
    (tmp_path / "cell.yaml").write_text(text.replace(line + "\n", ""))
    sweep = write_sweep(tmp_path, devices="[./cell.yaml, 8T-SRAM]")
    warning, note = make_plan(load_sweep(sweep)).warnings
    assert "'cell' says nothing about the cell's size" in warning
    assert note.startswith("adc.reference is not given")
    result = run(tmp_path, devices="[./cell.yaml, 8T-SRAM]")
    for row in rows_of(result):
        assert (row["energy_per_image_J"] is None) == (row["device"] == "cell")
        assert (row["pareto_rank"] == 0) == (row["device"] == "cell")
        assert not (row["on_front"] and row["device"] == "cell")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cost": "{technology: 7mn}"}, "small.yaml:8 cost: unknown technology '7mn'; did you mean '7nm'?"),
        ({"cost": "{parameters: {comparator_enrgy: 3}}"}, "did you mean 'comparator_energy'?"),
        ({"cost": "{array_supply: v_red}"}, "did you mean 'v_read'?"),
        ({"cost": "{columns_read: togeter}"}, "did you mean 'together'?"),
        ({"cost": "{digital_array: 0}"}, "digital_array"),
        ({"pareto": "{objectives: [accuracy, enrgy]}"}, "did you mean 'energy'?"),
        ({"pareto": "{objectives: [energy, energy]}"}, "an objective is named twice"),
        ({"pareto": "{resamples: 0}"}, "resamples"),
    ],
)
def test_bad_settings(tmp_path: Path, changes: dict[str, str], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        make_plan(load_sweep(write_sweep(tmp_path, **changes)))
    assert expected in str(caught.value)


def test_designs_that_a_race_stopped_are_shown_without_a_change_and_rows_on_the_front_apart(tmp_path: Path) -> None:
    designs = pa.Table.from_pylist(
        [
            dict.fromkeys(DESIGNS_SCHEMA.names)
            | {"sparsity": sparsity, "prune": 0.0, "device": "8T-SRAM", "corner": "nominal", "rows": 64, "cols": 64,
               "active_rows": 64, "adc_bits": 7, "row_order": "channel", "energy_per_image_J": energy,
               "latency_per_image_s": 1e-4, "area_m2": 1e-6}
            for sparsity, energy in (("dense", 2e-6), ("binsparx", 1e-6))
        ],
        DESIGNS_SCHEMA,
    )  # fmt: skip
    text = io.StringIO()
    print_costs(designs, Console(file=text, width=100))
    assert "2µJ" in text.getvalue() and ".." not in text.getvalue()
    same = {"model": "m", "corner": "nominal", "device": "8T-SRAM", "rows": 64, "cols": 64, "active_rows": 64,
            "adc_bits": 7, "sparsity": "binsparx", "prune": 0.0, "objectives": "accuracy,energy", "accuracy": 0.8,
            "energy_per_image_J": 1e-6, "front_support": 1.0, "knee": False}  # fmt: skip
    front = [dict.fromkeys(PARETO_SCHEMA.names) | same | {"design_key": 8 * letter, "row_order": order}
             for letter, order in (("a", "channel"), ("b", "grouped"))]  # fmt: skip
    print_front(pa.Table.from_pylist(front, PARETO_SCHEMA), Console(file=text, width=100))
    assert "grouped" in text.getvalue()

    text = io.StringIO()
    front[1]["model"] = "other"
    print_front(pa.Table.from_pylist(front, PARETO_SCHEMA), Console(file=text, width=100))
    (head,) = [line for line in text.getvalue().splitlines() if "device" in line]
    assert head.split().count("model") == 1 and head.startswith("model ")
