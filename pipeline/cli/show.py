"""``binsparx show``: everything that is known about one design."""

from __future__ import annotations

import json as json_module
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from pipeline.cli.json_output import json_row
from pipeline.cli.options import RESULTS_FOLDER, DesignArgument, JsonOption, ResultsOption, make_console
from pipeline.results.finished import Results
from pipeline.sweep.objectives import COSTS

_PERCENT = ("accuracy", "accuracy_low", "accuracy_high", "ideal_accuracy", "partial_sum_reduction", "clipped_fraction")


def show(design: DesignArgument, results: ResultsOption = None, json: JsonOption = False) -> None:
    """Show everything about one design: axes, figures with units, layers, evidence, provenance, what it was made from.

    Examples: `binsparx show 3f2a91` (the first digits of a key from `binsparx results` or the report).
    """
    opened = Results(results or RESULTS_FOLDER)
    row = opened.design(design)
    layers = opened.layers(row.sweep)
    layers = layers[layers.design_key == row.design_key].sort_values("layer_index")
    designs = opened.designs()
    sweeps = sorted(set(designs.sweep[designs.design_key == row.design_key]))
    if json:
        print(
            json_module.dumps(
                {
                    "design": json_row(row.to_dict()),
                    "layers": [json_row(layer) for layer in layers.to_dict("records")],
                    "sweeps": sweeps,
                },
                indent=2,
            )
        )
        return
    _print(row, layers, sweeps, opened, make_console())


def _print(row: Any, layers: Any, sweeps: list[str], opened: Results, console: Console) -> None:
    schema = opened.table("designs", row.sweep).schema
    costs = {cost.column: cost for cost in COSTS}
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    for name in ("", "value", "meaning"):
        table.add_column(name, overflow="fold")
    for field in schema:
        value = row[field.name]
        if value is None or value != value or value == "":
            continue
        unit = (field.metadata or {}).get(b"unit", b"").decode()
        if field.name in costs:
            shown = costs[field.name].show(value)
        elif field.name in _PERCENT:
            shown = f"{100 * value:.2f} %"
        else:
            shown = f"{value:.4g} {unit}" if isinstance(value, float) else f"{value} {unit if unit != '1' else ''}"
        if field.name == "sweep":
            shown = ", ".join(sweeps)
        table.add_row(field.name, shown.strip(), (field.metadata or {}).get(b"description", b"").decode())
    console.print(table, highlight=False)
    console.print()
    parts = Table(title="layers", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    parts.add_column("layer")
    for name in ("mean sum (LSB)", "reduction", "rms error (LSB)", "worst (LSB)", "clipped", "column current"):
        parts.add_column(name, justify="right")
    for layer in layers.itertuples():
        parts.add_row(
            layer.layer, f"{layer.mean_partial_sum:.2f}", f"{100 * layer.partial_sum_reduction:.1f} %",
            f"{layer.rms_error_lsb:.3f}", f"{layer.worst_error_lsb:.1f}", f"{100 * layer.clipped_fraction:.2f} %",
            costs["mean_column_current_A"].show(layer.mean_column_current_A),
        )  # fmt: skip
    console.print(parts, highlight=False)
    console.print(f"\nwhy it loses accuracy: binsparx explain {row.design_key[:12]}", highlight=False)
