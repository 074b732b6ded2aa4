"""The generated tables of docs/cost.md: numbers with their sources, a tile taken apart, the model beside a chip."""

from __future__ import annotations

import math
from dataclasses import replace

from simcore.cost import CostOptions, CostSettings, LayerActivity, Tile, layer_cost, resolve
from simcore.cost.macro import PARTIAL_SUM_CUTS, load_macro, macro_area_um2, macro_energy, saving
from simcore.design import Adc, Design
from simcore.technology import circuit_parameters
from simcore.technology.devices import load_bitcell
from simcore.technology.periphery_file import load_periphery


def parameters() -> str:
    """Every number of the periphery file."""
    periphery = load_periphery("7nm")
    lines = ["| parameter | value | low | high | unit | source |", "|---|---|---|---|---|---|"]
    for name, quantity in periphery.parameters.items():
        low, high = (f"{end:g}" if end is not None else "" for end in (quantity.low, quantity.high))
        lines.append(f"| `{name}` | {quantity.value:g} | {low} | {high} | {quantity.unit} | {quantity.source} |")
    sources = [f"- {name}: {text}" for name, text in periphery.sources.items()]
    return "\n".join([*lines, "", *sources])


def tile() -> str:
    """One read of a 64 x 64 tile of 8T-SRAM, a quarter of the cells ON, under several assumptions."""
    cases = {
        "4-bit flash, `v_read`": (4, resolve(CostOptions())),
        "4-bit flash, `v_dd`": (4, resolve(CostOptions(array_supply="v_dd"))),
        "4-bit flash of 1.3 fJ a comparator": (4, resolve(CostOptions(parameters={"comparator_energy": 1.3}))),
        "6-bit SAR": (6, resolve(CostOptions())),
        "6-bit SAR, on until converted": (6, resolve(CostOptions(on_time="conversion"))),
    }
    lines = [
        "| case | array | ADC | other | total | array, ADC share | energy change | area change |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (bits, settings) in cases.items():
        dense, sparse = (_read(level, bits, settings) for level in ("dense", "binsparx"))
        total = dense.total_energy_J
        array, adc = dense.energy_J["array"], dense.energy_J["adc"]
        lines.append(
            f"| {name} | {_pj(array)} | {_pj(adc)} | {_pj(total - array - adc)} | {_pj(total)} | "
            f"{100 * array / total:.0f} %, {100 * adc / total:.0f} % | "
            f"{100 * (sparse.total_energy_J / total - 1):+.1f} % | "
            f"{100 * (sparse.total_area_m2 / dense.total_area_m2 - 1):+.1f} % |"
        )
    return "\n".join(lines)


def macro() -> str:
    """The model beside the measured macro: totals, shares, savings, areas."""
    chip, settings = load_macro(), resolve(CostOptions())
    lines = [
        "| code | converters | word lines | columns | model | measured | ratio | share at code 0, model | measured |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    idle = macro_energy(chip, 0, settings).total
    idle_measured = chip.measured_energy_J(0)
    for code in sorted(chip.measured.energy_pJ):
        found, measured = macro_energy(chip, code, settings), chip.measured_energy_J(code)
        lines.append(
            f"| {code} | {_pj(found.converters)} | {_pj(found.word_lines)} | {_pj(found.columns)} | "
            f"{_pj(found.total)} | {_pj(measured)} | {found.total / measured:.2f} | "
            f"{100 * idle / found.total:.0f} % | {100 * idle_measured / measured:.0f} % |"
        )
    lines += ["", "| code | saving, model | saving, silicon |", "|---|---|---|"]
    for code in (4, 6, 8):
        model, silicon = (
            [100 * saving(of(code), of(code * (1 - cut))) for cut in PARTIAL_SUM_CUTS]
            for of in (lambda at: macro_energy(chip, at, settings).total, chip.measured_energy_J)
        )
        lines.append(f"| {code} | {model[0]:.1f}-{model[1]:.1f} % | {silicon[0]:.1f}-{silicon[1]:.1f} % |")
    lines += ["", "| area | model, um² | measured, um² | ratio |", "|---|---|---|---|"]
    for name, model_area in macro_area_um2(chip, settings).items():
        measured = chip.measured.area_um2[name]
        known = not math.isnan(model_area)
        shown = (f"{model_area:.0f}", f"{model_area / measured:.2f}") if known else ("not modelled", "")
        lines.append(f"| {name} | {shown[0]} | {measured:.0f} | {shown[1]} |")
    return "\n".join(lines)


def _read(level: str, bits: int, settings: CostSettings):  # type: ignore[no-untyped-def]
    """One read of the tile; BinSparX draws 45 % less current, drives half the rows, flips a quarter of everything."""
    circuit = circuit_parameters("8T-SRAM")
    design = Design(circuit=circuit, rows=64, cols=64, sparsity=level, adc=Adc(bits=bits))
    cell = load_bitcell("8T-SRAM").cell
    assert cell is not None  # noqa: S101
    dense = LayerActivity(64, 64, 1, 1, 64 * 16 * circuit.on_current(), 32, 0, 0)
    sparse = replace(
        dense, column_current_A=0.55 * dense.column_current_A, driven_rows=24, flipped_sub_vectors=0.25,
        flipped_columns=16,
    )  # fmt: skip
    return layer_cost(Tile.of(design, cell), dense if level == "dense" else sparse, settings)


def _pj(joules: float) -> str:
    return f"{1e12 * joules:.2f}"
