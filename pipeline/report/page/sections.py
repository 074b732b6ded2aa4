"""The parts of the page that need no script: tables, heat maps, failures, provenance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps

from pipeline.execution.failures import FailureReport
from pipeline.results.comparison import of_releases
from pipeline.results.finished import seen_all
from pipeline.results.fixed import cost_choices, fixed_axes, said, varying_axes
from pipeline.results.names import distinguishing, hardware_name, only_of_chips, world_names, world_words
from pipeline.results.stopped import stop_words
from pipeline.sweep.keys import short_key
from pipeline.sweep.names import array_name
from pipeline.sweep.objectives import OBJECTIVES, Objective, known_costs
from pipeline.tables.schema import AXIS_COLUMNS
from pipeline.tables.schema.recommendations import DENSE_PLACE
from simcore.design_axes import Adc
from simcore.inference.revisions import setting_revisions
from simcore.passes import revisions

_LEVELS = ("dense", "weight", "activation", "binsparx")
_EVIDENCE = {
    "evidence_rms_lsb": "rms of currents (LSB)",
    "evidence_worst_lsb": "worst current (LSB)",
    "evidence_converted_rms_lsb": "rms of codes (LSB)",
    "evidence_converted_worst_lsb": "worst code (LSB)",
    "evidence_top_bias_lsb": "bias of the highest sums (LSB)",
    "evidence_output_error": "error of dot products (of their spread)",
    "kcl_residual": "Kirchhoff residual",
}
_CHIPS = {
    "chips": ("chips", 1),
    "accuracy_chip_std": ("from chip to chip (points)", 100),
    "accuracy_chip_p5": ("95 % of chips (%)", 100),
    "yield": ("yield (%)", 100),
    "yield_low": ("yield, low", 100),
    "yield_high": ("yield, high", 100),
}
"""Columns of designs whose chips differ: heading and factor."""
_MADE_OF = ["model_digest", "dataset_digest", "dataset_split", "solver_version"]
_MOST_LISTED = 20  # values of an axis


def table(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """An HTML table; numbers to the right."""
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in heading)
    body = []
    for row in rows:
        cells = "".join(
            f"<td{' class=number' if isinstance(value, int | float) else ''}>{_unbroken(_shown(value))}</td>"
            for value in row
        )
        body.append(f"<tr>{cells}</tr>")
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"


def findings(of_networks: Mapping[str, Sequence[str]]) -> str:
    """The sentences of each network, below its name where there are several."""
    parts = []
    for model, sentences in of_networks.items():
        heading = f"<h3>{escape(model)}</h3>" if len(of_networks) > 1 else ""
        parts.append(heading + "".join(f"<p>{_unbroken(sentence)}</p>" for sentence in sentences))
    return "".join(parts)


def _unbroken(text: str) -> str:
    """Escaped, with names such as 1T-1ReRAM that no line breaks at their hyphens; very long ones may be broken."""
    return re.sub(r"(?<![^\s(])[^\s,;<>&]{1,20}-[^\s,;<>&]{1,20}", r"<span class=whole>\g<0></span>", escape(text))


def asked(designs: pd.DataFrame, shown: int, description: str) -> str:
    """The axes with their values; ``shown``: designs that the page shows one by one."""
    names = [name for name in AXIS_COLUMNS if name in designs and name not in ("design_key", "sweep")]
    values = {name: [str(value).replace(";", " ") for value in designs[name].unique() if str(value)] for name in names}
    rows = [(name.replace("_", " "), _listed(own)) for name, own in values.items() if len(own) > 1]
    rows += [
        ("the same for all", said(fixed_axes(designs))),
        ("costs are counted with", said(cost_choices(designs))),
    ]
    images = designs.images.max()
    lead = f"<p>{escape(description)}</p>" if description else ""
    stopped = f", but for those that the race stopped: {words}" if (words := stop_words(designs)) else ""
    note = f"{len(designs):,} designs, each judged on {images} images{stopped}."
    if shown < len(designs):
        note += (
            f" Where designs are shown one by one {shown:,} are: those on a front, the largest gains, and a sample of "
            "the others. Sentences and heat maps are of all."
        )
    return f"{lead}<p>{note}</p>" + table(("axis", "values"), [row for row in rows if row[1]])


def race(designs: pd.DataFrame, objectives: Sequence[str]) -> str:
    """What fronts cannot say of a sweep that was a race for one front; nothing of others.

    Args:
        designs: of the sweep.
        objectives: names of what that front is of.
    """
    beaten = int((designs.stopped == "beaten").sum())
    if not beaten:
        return ""
    labels = [OBJECTIVES[name].label for name in objectives]
    by = f" for {', '.join(labels[:-1])} and {labels[-1]}" if len(labels) > 1 else ""
    return (
        f" The sweep was a race{by}, world by world, which stopped {beaten} designs as beaten: fronts of other costs, "
        "and of what holds in every world, are of the designs that it left."
    )


def sizes_and_worlds(designs: pd.DataFrame) -> str:
    """What the heat maps lie over, as a heading."""
    words = world_words(designs)
    return f"Array size, {words}" if " and " in words else f"Array size and {words}"


def heat_maps(designs: pd.DataFrame) -> str:
    """Accuracy over array size and world, a map a device and sparsity level: the best of whatever else varies.

    Only designs that saw all images: the few of a design that a race stopped may flatter it."""
    designs = seen_all(designs)
    sizes = designs.assign(
        world=_worlds(designs), size=[array_name(row.rows, row.cols, row.active_rows) for row in designs.itertuples()]
    )
    order = sizes.sort_values(["rows", "cols", "active_rows"])["size"].unique()
    parts = []
    for (model, device), group in sizes.groupby(["model", "device"], sort=False):
        maps = []
        for level in [level for level in _LEVELS if (group.sparsity == level).any()]:
            chosen = group[group.sparsity == level]
            grid = chosen.pivot_table("accuracy", "world", "size", aggfunc="max", sort=False)
            maps.append(_heat_map(level, grid.reindex(columns=[size for size in order if size in grid.columns])))
        name = f"{model} on {device}" if designs.model.nunique() > 1 else str(device)
        parts.append(f"<h3>{escape(name)}</h3><div class=maps>{''.join(maps)}</div>")
    return "".join(parts)


def _worlds(designs: pd.DataFrame) -> pd.Series:
    """Names of the worlds, short where corners alone tell them apart."""
    return designs["corner"] if world_words(designs) == "corner" else world_names(designs)


def recommendations(found: pd.DataFrame, designs: pd.DataFrame) -> str:
    """What brings each piece of hardware back, as ``binsparx recommend SWEEP.yaml`` found; nothing where it was not
    asked.

    Args:
        found: rows of ``recommendations``. Those of another network, other images or another solver than all designs,
            or of passes or settings that compute other numbers now, are left out, and the words say so.
        designs: of the sweep.
    """
    if found.empty:
        return ""
    made_of, known = (pd.MultiIndex.from_frame(of_releases(rows)[_MADE_OF]) for rows in (found, designs))
    judged_as_now = made_of.isin(known) & found.apply(_computes_as_now, axis=1)
    # A set is chosen among all that were judged beside it; a piece of hardware begins with its dense storage.
    pieces = (found.place == DENSE_PLACE).cumsum()
    every, found = found, found[judged_as_now.groupby(pieces).transform("all")]
    judged, shown = (int((rows.place == 0).sum()) for rows in (every, found))
    left = (
        f"<p class=note>{judged - shown} of {judged} recommendations are left out: they are of another network, other "
        "images or another solver than these designs, of passes or settings that compute other numbers now, or do not "
        "say of which; "
        "<code>binsparx recommend</code> finds them anew.</p>"
        if shown < judged
        else ""
    )
    if found.empty:
        return recommended(left)
    rows = []
    axes = distinguishing(found[found.place == DENSE_PLACE])  # knobs change the hardware of what is chosen
    for chosen, dense in zip(
        found[found.place == 0].to_dict("records"), found[found.place == DENSE_PLACE].to_dict("records"), strict=True
    ):
        name = chosen["mitigation_set"]
        rows.append(
            (
                hardware_name(dense, axes), f"none; closest: {name}" if chosen["verdict"] == "missed" else name,
                chosen["verdict"], 100 * chosen["confidence"], 100 * dense["accuracy"], 100 * chosen["accuracy"],
                100 * chosen["ideal_accuracy"],
                *(_percent(chosen[f"{cost}_change"]) for cost in ("energy", "latency", "area")),
            )
        )  # fmt: skip
    first = found.iloc[0]
    note = (
        f"The cheapest set by {escape(first.least)} that is confirmed to lose less than {100 * first.target:g} % of "
        f"images against ideal arithmetic, {100 * first.confidence_asked:g} % sure or more, judged on {first.images} "
        "images that had no say in what is judged on them. Where none is, the surest of those that are likely to, or "
        "the closest, as the same images have it. Costs are changes against dense storage, in %."
    )
    if found.chips.notna().any():
        note += f" {only_of_chips(int(found.chips.max())).capitalize()}."
    heading = (
        "hardware", "set", "verdict", "sure (%)", "dense (%)", "accuracy (%)", "ideal (%)", "energy", "latency", "area",
    )  # fmt: skip
    return recommended(f"<p class=note>{note}</p>{table(heading, rows)}{left}")


def _computes_as_now(row: pd.Series) -> bool:
    """Whether the passes and the converter of a row's set compute what they did when it was judged."""
    try:
        adc = Adc(
            bits=int(row.adc_bits),
            reference=row.adc_reference,
            fit=row.adc_fit,
            range=row.adc_range,
            noise_lsb=float(row.adc_noise),
        )
        revised = setting_revisions((), adc, row.mitigations) + revisions(row.mitigations)
    except ValueError:
        return False  # a pass or a setting that is no more
    return set(revised.split("+")) <= {"", *str(row.solver_version).split("+")}


def recommended(content: str) -> str:
    """The part of the page with what ``binsparx recommend`` found, or why it does not show it."""
    return f"<section id=recommended><h2>What brings it back</h2>{content}</section>"


def _percent(change: float | None) -> str:
    return "-" if change is None or np.isnan(change) else f"{100 * change:+.1f}"


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
    rows = [(name.replace("_", " "), "\n".join(str(v) for v in designs[name].unique() if v) or "-") for name in names]
    return (
        table(("", ""), rows) + f"<details><summary>The sweep file</summary><pre>{escape(sweep_text)}</pre></details>"
    )


def all_designs(designs: pd.DataFrame, existing: int) -> str:
    """Every design in a table that folds away; ``existing``: designs that there are in all."""
    axes = varying_axes(designs)
    costs = known_costs(designs)
    head = ["key", "array", *axes, "accuracy (%)", "low", "high", "partial sums (%)", "rms error (LSB)"]
    of_chips = [name for name in _CHIPS if designs[name].notna().any()]
    head += [_CHIPS[name][0] for name in of_chips]
    head += [*(cost.label for cost in costs), "on front", "within limits"]
    body = []
    for row in designs.to_dict("records"):
        key = row["design_key"]
        array = array_name(row["rows"], row["cols"], row["active_rows"])
        accuracies = [100 * row[name] for name in ("accuracy", "accuracy_low", "accuracy_high")]
        numbers = [*accuracies, -100 * row["partial_sum_reduction"], row["rms_error_lsb"]]
        shown = [
            f"<td><button type=button class=copy data-key='{escape(key)}'>{escape(short_key(key))}</button></td>",
            f"<td data-v={row['rows'] * row['cols'] + row['active_rows'] / 1e6:.9g}>{escape(array)}</td>",
            *(_cell(row[name]) for name in axes),
            *(f"<td class=number data-v={value:.9g}>{value:.4g}</td>" for value in numbers),
            *(_number_cell(row[name], _CHIPS[name][1]) for name in of_chips),
            *(_cost_cell(row[cost.column], cost) for cost in costs),
            *(_cell(bool(row[name])) for name in ("on_front", "evidence_within_limits")),
        ]
        body.append(f"<tr>{''.join(shown)}</tr>")
    heading = "".join(f"<th scope=col>{escape(name.replace('_', ' '))}</th>" for name in head)
    rows = f"<table class=sortable><thead><tr>{heading}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    number = f"All {existing:,}" if len(designs) == existing else f"{len(designs):,} of {existing:,}"
    return (
        f"<details id=designs><summary>{number} designs: sort by a heading, copy a key</summary>"
        f"<p class=control><label>filter <input class=filter type=search placeholder='8T-SRAM 64x64 binsparx'></label> "
        f"<span class=count></span></p><div class=wide>{rows}</div></details>"
    )


def _cell(value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"<td{f' class=number data-v={value:.9g}' if number else ''}>{escape(_shown(value))}</td>"


def _number_cell(value: float, factor: float) -> str:
    if pd.isna(value):
        return "<td class=number>-</td>"
    return f"<td class=number data-v={value:.9g}>{factor * value:.4g}</td>"


def _cost_cell(value: float, cost: Objective) -> str:
    if pd.isna(value):
        return "<td class=number>-</td>"
    return f"<td class=number data-v={value:.9g}>{escape(cost.show(value))}</td>"


def _heat_map(level: str, grid: pd.DataFrame) -> str:
    head = "".join(f"<th scope=col>{escape(str(size))}</th>" for size in grid.columns)
    body = []
    for world, values in zip(grid.index, grid.to_numpy(), strict=True):
        cells = "".join(_heat_cell(float(value)) for value in values)
        body.append(f"<tr><th scope=row>{escape(str(world))}</th>{cells}</tr>")
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
