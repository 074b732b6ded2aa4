"""The parts of the page that need no script: tables, heat maps, failures, provenance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps

from pipeline.execution.failures import FailureReport
from pipeline.results.finished import seen_all
from pipeline.sweep.names import array_name
from pipeline.tables.schema import AXIS_COLUMNS

_LEVELS = ("dense", "weight", "activation", "binsparx")
_COSTS = ("charge_per_image_C", "energy_per_image_J", "latency_per_image_s", "throughput_per_s", "area_m2")
_EVIDENCE = {
    "evidence_rms_lsb": "rms of currents (LSB)",
    "evidence_worst_lsb": "worst current (LSB)",
    "evidence_converted_rms_lsb": "rms of codes (LSB)",
    "evidence_converted_worst_lsb": "worst code (LSB)",
    "evidence_top_bias_lsb": "bias of the highest sums (LSB)",
    "evidence_output_error": "error of dot products (of their spread)",
    "kcl_residual": "Kirchhoff residual",
}
_MOST_LISTED = 20  # values of an axis


def table(heading: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """An HTML table; numbers to the right."""
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in heading)
    body = []
    for row in rows:
        cells = "".join(
            f"<td{' class=number' if isinstance(value, int | float) else ''}>{escape(_shown(value))}</td>"
            for value in row
        )
        body.append(f"<tr>{cells}</tr>")
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<div class=wide><table>{title}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"


def asked(designs: pd.DataFrame, shown: int, description: str) -> str:
    """The axes with their values; ``shown``: designs that the page shows one by one."""
    rows = []
    for name in AXIS_COLUMNS:
        if name in ("design_key", "sweep") or name not in designs:
            continue
        values = [str(value) for value in designs[name].unique() if str(value)]
        if len(values) > 1 or name in ("model", "dataset", "device", "corner", "rows", "sparsity"):
            rows.append((name.replace("_", " "), _listed(values)))
    images = designs.images.max()
    lead = f"<p>{escape(description)}</p>" if description else ""
    fewer = int((designs.images < images).sum())
    stopped = f", but for {fewer} that the race stopped after {designs.images.min()} or more" if fewer else ""
    note = f"{len(designs):,} designs, each judged on {images} images{stopped}."
    if shown < len(designs):
        note += (
            f" Where designs are shown one by one {shown:,} are: those on a front, the largest gains, and a sample of "
            "the others. Sentences and heat maps are of all."
        )
    return f"{lead}<p>{note}</p>" + table(("axis", "values"), rows)


def heat_maps(designs: pd.DataFrame) -> str:
    """Accuracy over array size and corner, a map a device and sparsity level: the best of whatever else varies.

    Only designs that saw all images: the few of a design that a race stopped may flatter it."""
    designs = seen_all(designs)
    sizes = designs.assign(size=[array_name(row.rows, row.cols, row.active_rows) for row in designs.itertuples()])
    order = sizes.sort_values(["rows", "cols", "active_rows"])["size"].unique()
    parts = []
    for (model, device), group in sizes.groupby(["model", "device"], sort=False):
        maps = []
        for level in [level for level in _LEVELS if (group.sparsity == level).any()]:
            chosen = group[group.sparsity == level]
            grid = chosen.pivot_table("accuracy", "corner", "size", aggfunc="max", sort=False)
            maps.append(_heat_map(level, grid.reindex(columns=[size for size in order if size in grid.columns])))
        name = f"{model} on {device}" if designs.model.nunique() > 1 else str(device)
        parts.append(f"<h3>{escape(name)}</h3><div class=maps>{''.join(maps)}</div>")
    return "".join(parts)


def evidence(designs: pd.DataFrame) -> str:
    """How far the fast solver is from the exact one, on reads of the run itself, before and after the converter."""
    rows = []
    for (device, corner, solver), group in designs.groupby(["device", "corner", "solver"], sort=False):
        rows.append(
            (
                str(device), str(corner), str(solver), len(group), int(group.evidence_reads.sum()),
                *(_largest(group[name].abs()) for name in _EVIDENCE),
                int(group.evidence_unsolved.sum()), int((~group.evidence_within_limits).sum()),
            )
        )  # fmt: skip
    heading = (
        "device", "corner", "solver", "designs", "column reads solved exactly", *_EVIDENCE.values(),
        "not converged", "beyond limits",
    )  # fmt: skip
    return table(heading, rows)


def failures(reports: Sequence[FailureReport], missing: str) -> str:
    """Points that could not be computed, with what repeats them; ``missing`` says what else the sweep has not."""
    note = f"<p><strong>{escape(missing)}.</strong></p>" if missing else ""
    if not reports:
        return note + "<p>None: no point that was run has failed.</p>"
    rows = [(report.design, report.stage, report.reason, report.command) for report in reports]
    return note + table(("design", "while", "reason", "repeat with"), rows)


def provenance(designs: pd.DataFrame, sweep_text: str) -> str:
    """Which code, weights and images the figures are of, and the sweep file itself."""
    names = ("model_digest", "dataset_digest", "dataset_split", "solver_version", "package_version", "git_commit")
    rows = [(name.replace("_", " "), ", ".join(str(v) for v in designs[name].unique() if v) or "-") for name in names]
    return (
        table(("", ""), rows) + f"<details><summary>The sweep file</summary><pre>{escape(sweep_text)}</pre></details>"
    )


def all_designs(designs: pd.DataFrame, existing: int) -> str:
    """Every design in a table that folds away; ``existing``: designs that there are in all."""
    constant = [name for name in AXIS_COLUMNS if name in designs and designs[name].astype(str).nunique() == 1]
    axes = [name for name in AXIS_COLUMNS if name in designs and name not in constant and name != "topology"]
    found = (
        "accuracy",
        "accuracy_low",
        "accuracy_high",
        "partial_sum_reduction",
        "rms_error_lsb",
        "mean_column_current_A",
    )
    costs = [name for name in _COSTS if name in designs]
    columns = [*axes, *found, *costs, "on_front", "evidence_within_limits"]
    shown = designs[columns].assign(design_key=designs.design_key.str[:12])
    rows = shown.astype(object).where(shown.notna(), None).to_numpy().tolist()
    number = f"All {existing:,}" if len(designs) == existing else f"{len(designs):,} of {existing:,}"
    return f"<details><summary>{number} designs</summary>{table(columns, rows)}</details>"


def _heat_map(level: str, grid: pd.DataFrame) -> str:
    head = "".join(f"<th scope=col>{escape(str(size))}</th>" for size in grid.columns)
    body = []
    for corner, values in zip(grid.index, grid.to_numpy(), strict=True):
        cells = "".join(_heat_cell(float(value)) for value in values)
        body.append(f"<tr><th scope=row>{escape(str(corner))}</th>{cells}</tr>")
    caption = f"<caption>{escape(level)}: accuracy (%)</caption>"
    rows = f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    return f"<div class=wide><table class=heat>{caption}{rows}</table></div>"


def _heat_cell(value: float) -> str:
    if np.isnan(value):
        return "<td>-</td>"
    red, green, blue = (round(255 * part) for part in colormaps["cividis"](value)[:3])
    ink = "#000" if 0.299 * red + 0.587 * green + 0.114 * blue > 120 else "#fff"
    return f'<td style="background:rgb({red},{green},{blue});color:{ink}">{100 * value:.1f}</td>'


def _listed(values: list[str]) -> str:
    if len(values) <= _MOST_LISTED:
        return ", ".join(values)
    return f"{', '.join(values[: _MOST_LISTED - 1])}, ..., {values[-1]} ({len(values):,} values)"


def _largest(values: pd.Series) -> float | str:
    return float(values.max()) if values.notna().any() else "-"


def _shown(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return "-" if value is None else str(value)
