"""The generated tables of docs/cost.md: numbers with their sources, a tile taken apart, the model beside a chip."""

from __future__ import annotations

import math
from dataclasses import replace

from markdown_table import markdown_table

from simcore.cost import CostSettings, LayerActivity, Tile, layer_cost, resolve
from simcore.cost.macro import PARTIAL_SUM_CUTS, load_macro, load_published, macro_area_um2, macro_energy, saving
from simcore.cost_options import CostOptions
from simcore.design import Design
from simcore.design_axes import Adc
from simcore.technology import circuit_parameters
from simcore.technology.devices import load_bitcell
from simcore.technology.periphery_file import load_periphery


def parameters() -> str:
    """Every number of the periphery file."""
    periphery = load_periphery("7nm")
    rows = []
    for name, quantity in periphery.parameters.items():
        low, high = (f"{end:g}" if end is not None else "" for end in (quantity.low, quantity.high))
        rows.append([f"`{name}`", f"{quantity.value:g}", low, high, quantity.unit, quantity.source])
    table = markdown_table(["parameter", "value", "low", "high", "unit", "source"], [], rows)
    sources = [f"- {name}: {text}" for name, text in periphery.sources.items()]
    return "\n".join([table, "", *sources])


def tile() -> str:
    """One read of a 64 x 64 tile of 8T-SRAM, a quarter of the cells ON, under several assumptions."""
    cases = {
        "4-bit flash, `v_read`": (4, resolve(CostOptions())),
        "4-bit flash, `v_dd`": (4, resolve(CostOptions(array_supply="v_dd"))),
        "4-bit flash of 1.3 fJ a comparator": (4, resolve(CostOptions(parameters={"comparator_energy": 1.3}))),
        "6-bit SAR": (6, resolve(CostOptions())),
        "6-bit SAR, on until converted": (6, resolve(CostOptions(on_time="conversion"))),
    }
    columns = ["array", "ADC", "other", "total", "array, ADC share", "energy change", "area change"]
    rows = []
    for name, (bits, settings) in cases.items():
        dense, sparse = (_read(level, bits, settings) for level in ("dense", "binsparx"))
        total = dense.total_energy_J
        array, adc = dense.energy_J["array"], dense.energy_J["adc"]
        shares = f"{100 * array / total:.0f} %, {100 * adc / total:.0f} %"
        changes = (sparse.total_energy_J / total, sparse.total_area_m2 / dense.total_area_m2)
        rows.append(
            [name, *map(_pj, (array, adc, total - array - adc, total)), shares]
            + [f"{100 * (change - 1):+.1f} %" for change in changes]
        )
    return markdown_table(["case"], columns, rows)


def efficiency() -> str:
    """Published macros and the tile, in operations of 1 bit x 1 bit."""
    rows = []
    for chip in load_published():
        density = f"{chip.tops_per_mm2:g}" if chip.tops_per_mm2 else ""
        scaled = f"{chip.one_bit * chip.tops_per_mm2:,.0f}" if chip.tops_per_mm2 else ""
        precision = f"{chip.activations} x {chip.weights}"
        rows.append(
            [chip.name, precision, f"{chip.tops_per_watt:g}", density, str(chip.one_bit),
             f"{chip.one_bit * chip.tops_per_watt:,.0f}", scaled]
        )  # fmt: skip
    for name, bits in (("the tile, 4-bit flash", 4), ("the tile, 6-bit SAR", 6)):
        found = _read("dense", bits, resolve(CostOptions()))
        own = [f"{found.tops_per_watt:,.0f}", f"{found.tops_per_mm2:,.0f}"]
        rows.append([name, "1 x 1", *own, "1", *own])
    columns = ["bits", "TOPS/W", "TOPS/mm²", "x", "1-bit TOPS/W", "1-bit TOPS/mm²"]
    sources = [f"- {chip.name}: {chip.source}" for chip in load_published()]
    return "\n".join([markdown_table(["macro"], columns, rows), "", *sources])


def macro() -> str:
    """The model beside the measured macro: totals, shares, savings, areas."""
    chip, settings = load_macro(), resolve(CostOptions())
    idle = macro_energy(chip, 0, settings).total
    idle_measured = chip.measured_energy_J(0)
    energies = []
    for code in sorted(chip.measured.energy_pJ):
        found, measured = macro_energy(chip, code, settings), chip.measured_energy_J(code)
        parts = (found.converters, found.word_lines, found.columns, found.total, measured)
        shares = [f"{100 * share:.0f} %" for share in (idle / found.total, idle_measured / measured)]
        energies.append([str(code), *map(_pj, parts), f"{found.total / measured:.2f}", *shares])
    savings = []
    for code in (4, 6, 8):
        ends = (
            [100 * saving(of(code), of(code * (1 - cut))) for cut in PARTIAL_SUM_CUTS]
            for of in (lambda at: macro_energy(chip, at, settings).total, chip.measured_energy_J)
        )
        savings.append([str(code), *(f"{low:.1f}-{high:.1f} %" for low, high in ends)])
    areas = []
    for name, model_area in macro_area_um2(chip, settings).items():
        measured = chip.measured.area_um2[name]
        known = not math.isnan(model_area)
        model, ratio = (f"{model_area:.0f}", f"{model_area / measured:.2f}") if known else ("not modelled", "")
        areas.append([name, model, f"{measured:.0f}", ratio])
    parts_of = ["converters", "word lines", "columns", "model", "measured", "ratio"]
    shares_of = ["share at code 0, model", "measured"]
    tables = (
        markdown_table(["code"], [*parts_of, *shares_of], energies),
        markdown_table(["code"], ["saving, model", "saving, silicon"], savings),
        markdown_table(["area"], ["model, um²", "measured, um²", "ratio"], areas),
    )
    return "\n\n".join(tables)


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
