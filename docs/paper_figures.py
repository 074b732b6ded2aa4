"""Pictures of the paper page, drawn from its tables: colours that every eye tells apart, the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from paper_costs import ENERGY_GROUPS, energy_shares
from paper_numbers import (
    BINSPARX,
    DENSE,
    GROUPED,
    PAPER_REDUCTION,
    Hardware,
    Row,
    level_name,
    levels_run_throughout,
    models_of,
    networks_of,
)

from pipeline.report.drawing import COLOURS
from simcore.analysis.partial_sums import coin_flip_imbalance

_BLUE, _RED, _GREEN, _PINK, _ORANGE, _SKY, _BLACK = COLOURS
ORDER_STYLES = {
    "channel": (_BLUE, "o", "-"),
    "spatial": (_GREEN, "s", "--"),
    "grouped": (_RED, "D", "-"),
}
LEVEL_STYLES = {
    ("dense", "channel"): (_BLACK, "dense", "-"),
    ("binsparx", "channel"): (_BLUE, "both flips", "-"),
    ("binsparx", "grouped"): (_RED, "both flips, grouped", "--"),
}
_SPARSITY_MARKS = {
    "dense": ("o", _BLACK, ""),
    "weight": ("s", _GREEN, ":"),
    "activation": ("^", _ORANGE, ":"),
    "binsparx": ("D", _BLUE, "-"),
}
# Of a component of the energy: colour, hatch.
_COMPONENT_STYLES = (
    (_BLUE, ""), (_ORANGE, ""), (_SKY, ""), (_GREEN, ""), (_PINK, ""), (_RED, "///"), ("#999999", "..."), ("#cccccc", ""),
)  # fmt: skip
_PRUNED_MARK = ("v", _PINK, "--")


def draw_accuracy(designs: list[Hardware], model: str) -> bytes:
    """Dense, both flips, grouped and ideal, a line a design, one panel a corner."""
    chosen = [d for d in designs if d.model == model]
    corners = list(dict.fromkeys(d.corner for d in chosen))
    lines = [[d for d in chosen if d.corner == corner] for corner in corners]
    height = 1.3 + 0.3 * max(len(line) for line in lines)
    figure = Figure(figsize=(1.5 + 3.6 * len(corners), height), layout="constrained")
    for axes, corner, line in zip(figure.subplots(1, len(corners), squeeze=False)[0], corners, lines, strict=True):
        for place, design in enumerate(line):
            _accuracy_line(axes, place, design)
        axes.axvline(100 * line[0].ideal, color="#555555", linestyle="--", linewidth=1.1, label="ideal arithmetic")
        axes.set_yticks(range(len(line)), [_short(d) for d in line], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_title(f"{corner} corner", fontsize=10)
        axes.set_xlabel("accuracy (%)")
        axes.grid(True, axis="x", color="#dddddd", linewidth=0.6)
    _legend_of(figure)
    images = next(iter(chosen[0].levels.values()))["images"]
    figure.suptitle(
        f"{model}: rows of an array / rows read together, {images} images a design; *: converter never re-ranged",
        fontsize=10,
    )
    return _png(figure)


def draw_reduction(partial_sums: list[Row]) -> bytes:
    """Reduction of the mean partial sum over the rows read together, one panel a network."""
    models = models_of(partial_sums)
    figure = Figure(figsize=(1.0 + 4.2 * len(models), 4.2), layout="constrained")
    for axes, model in zip(figure.subplots(1, len(models), squeeze=False, sharey=True)[0], models, strict=True):
        mine = [r for r in partial_sums if r["model"] == model and r["layer"] == "all" and r["sparsity"] == "binsparx"]
        together = sorted({row["rows_read_together"] for row in mine})
        axes.axhspan(*(100 * share for share in PAPER_REDUCTION), color="#cccccc", label="the paper: 43.1 to 49.8 %")
        for order, (colour, marker, line) in ORDER_STYLES.items():
            values = {
                r["rows_read_together"]: 100 * r["partial_sum_reduction"] for r in mine if r["row_order"] == order
            }
            axes.plot(sorted(values), [values[n] for n in sorted(values)], color=colour, marker=marker, linestyle=line,
                      label=f"row order: {order}")  # fmt: skip
        coins = [100 * (1 - (1 - coin_flip_imbalance(n)) ** 2) for n in together]
        axes.plot(together, coins, color=_BLACK, linestyle=":", label="coin flips (closed form)")
        axes.set_xscale("log", base=2)
        axes.set_xticks(together, [str(n) for n in together])
        axes.set_xlabel("rows read together")
        axes.set_title(model, fontsize=10)
        axes.set_ylim(0, 100)
        axes.grid(True, color="#dddddd", linewidth=0.6)
    figure.axes[0].set_ylabel("mean partial sum lowered by (%)")
    _legend_of(figure)
    return _png(figure)


def draw_layers(partial_sums: list[Row], together: int) -> bytes:
    """Reduction and imbalances layer by layer, one column a network."""
    models = models_of(partial_sums)
    figure = Figure(figsize=(1.0 + 4.6 * len(models), 5.6), layout="constrained")
    panels = figure.subplots(2, len(models), squeeze=False, sharey="row")
    for column, model in enumerate(models):
        mine = [
            r for r in partial_sums
            if r["model"] == model and r["layer"] != "all" and r["sparsity"] == "binsparx"
            and r["rows_read_together"] == together
        ]  # fmt: skip
        layers = list(dict.fromkeys(row["layer"] for row in mine))
        upper, lower = panels[:, column]
        for order, (colour, marker, line) in ORDER_STYLES.items():
            rows = {row["layer"]: row for row in mine if row["row_order"] == order}
            style: dict[str, Any] = {"marker": marker, "linestyle": line, "markersize": 4.5}
            upper.plot([100 * rows[n]["partial_sum_reduction"] for n in layers], color=colour,
                       label=f"row order: {order}", **style)  # fmt: skip
            lower.plot([rows[n]["input_imbalance"] for n in layers], color=colour, **style)
            lower.plot([rows[n]["weight_imbalance"] for n in layers], color=colour, fillstyle="none", alpha=0.7,
                       **style)  # fmt: skip
        lower.axhline(coin_flip_imbalance(together), color=_BLACK, linestyle=":", label="coin flips")
        upper.set_title(model, fontsize=10)
        lower.set_xticks(range(len(layers)), layers, rotation=90, fontsize=8)
        upper.set_xticks(range(len(layers)), [])
        for axes in (upper, lower):
            axes.grid(True, color="#dddddd", linewidth=0.6)
    _start_at_zero(panels[:, 0])
    panels[0, 0].set_ylabel(f"mean partial sum lowered by (%)\n{together} rows read together", fontsize=9)
    panels[1, 0].set_ylabel("imbalance |sum| / N\nfilled: inputs, hollow: weights", fontsize=9)
    _legend_of(figure)
    return _png(figure)


def draw_distributions(reads: list[Row], model: str) -> bytes:
    """Partial sums and column currents of every layer, before and after."""
    mine = [row for row in reads if row["model"] == model]
    layers = list(dict.fromkeys(row["layer"] for row in mine))
    per_line = 5 if len(layers) <= 5 else 4
    lines = -(-len(layers) // per_line)
    largest = max(row["partial_sum"] for row in mine)
    figure = Figure(figsize=(11, 0.9 + 3.4 * lines), layout="constrained")
    panels = figure.subplots(2 * lines, per_line, squeeze=False)
    for place, layer in enumerate(layers):
        line, column = divmod(place, per_line)
        for offset, (quantity, title) in enumerate((("partial_sum", "partial sum"), ("current", "column current"))):
            axes = panels[2 * line + offset, column]
            for key, (colour, label, style) in LEVEL_STYLES.items():
                values, share = _histogram(_of_level(mine, layer, key), quantity)
                axes.plot(values, 100 * share, color=colour, linestyle=style, label=label, linewidth=1.3)
            axes.set_title(f"{layer}: {title}", fontsize=8)
            axes.set_xlim(0, largest)
            axes.set_ylim(bottom=0)
            axes.tick_params(labelsize=7)
            if offset == 1:
                axes.set_xlabel("LSB", fontsize=8)
    for axes in panels.ravel():
        axes.set_visible(axes.has_data())
    figure.supylabel("column reads (%)", fontsize=9)
    _legend_of(figure)
    figure.suptitle(f"{model} on {design_name(mine)}; LSB: the current of one ON cell", fontsize=10)
    return _png(figure)


def draw_errors(reads: list[Row]) -> bytes:
    """What the wires take and what the converter makes of it, against the true partial sum."""
    models = models_of(reads)
    figure = Figure(figsize=(1.0 + 4.4 * len(models), 6.0), layout="constrained")
    panels = figure.subplots(2, len(models), squeeze=False, sharex=True, sharey="row")
    for column, model in enumerate(models):
        mine = [row for row in reads if row["model"] == model]
        for key, (colour, label, style) in LEVEL_STYLES.items():
            sums, weight, lost, square = _by_partial_sum(_of_level(mine, None, key))
            panels[0, column].plot(sums, lost, color=colour, linestyle=style, label=label)
            panels[1, column].plot(sums, np.sqrt(square), color=colour, linestyle=style)
            mean = float((sums * weight).sum() / weight.sum())
            for axes, values in ((panels[0, column], lost), (panels[1, column], np.sqrt(square))):
                axes.plot(mean, np.interp(mean, sums, values), "o", color=colour, markersize=6)
        panels[0, column].set_title(model, fontsize=10)
        panels[1, column].set_xlabel("true partial sum (LSB); dots: the mean of all reads", fontsize=9)
        for axes in panels[:, column]:
            axes.grid(True, color="#dddddd", linewidth=0.6)
    _start_at_zero(panels[:, 0])
    panels[0, 0].set_ylabel("partial sum - column current (LSB)", fontsize=9)
    panels[1, 0].set_ylabel("rms error of the code (LSB)", fontsize=9)
    _legend_of(figure)
    figure.suptitle(design_name(reads), fontsize=10)
    return _png(figure)


def _start_at_zero(rows: Iterable[Axes]) -> None:
    """Let each row of panels that share their vertical axis begin at 0, once all is drawn: it no longer grows then."""
    for axes in rows:
        axes.set_ylim(bottom=0)


def draw_energy(designs: list[Hardware]) -> bytes:
    """Energy change of both flips with its spread, a line a design, one panel a network."""
    figure, panels = _panels_of_lines(designs, width=4.4, height=1.5, of_line=0.3)
    for axes, line in panels:
        for place, design in enumerate(line):
            for level, marker, colour, label, offset in (
                (BINSPARX, "D", _BLUE, "both flips", -0.14),
                (GROUPED, "s", _RED, "both flips, grouped rows", 0.14),
            ):
                row = design.levels.get(level)
                if row is None:
                    continue
                if row["energy_change_low"] is not None:
                    ends = [100 * row["energy_change_low"], 100 * row["energy_change_high"]]
                    axes.plot(ends, [place + offset] * 2, color=colour, linewidth=1.6, alpha=0.6)
                change = 100 * (row["energy_per_image_J"] / design.levels[DENSE]["energy_per_image_J"] - 1)
                axes.plot(change, place + offset, marker, color=colour, markersize=5.5, linestyle="", label=label)
        axes.axvline(0, color="#555555", linewidth=0.8)
        axes.axvline(-9, color=_BLACK, linestyle="--", linewidth=1.1, label="the paper: about -9 %")
        _name_lines(axes, line)
        axes.set_xlabel("energy against dense (%); lines: the spread", fontsize=9)
        axes.grid(True, axis="x", color="#dddddd", linewidth=0.6)
    _legend_of(figure)
    return _png(figure)


def draw_shares(designs: list[Hardware]) -> bytes:
    """Energy by component, dense and with both flips, two bars a design, one panel a network."""
    figure, panels = _panels_of_lines(designs, width=4.6, height=1.7, of_line=0.42)
    for axes, line in panels:
        for level, offset in ((DENSE, -0.2), (BINSPARX, 0.2)):
            places = [place + offset for place in range(len(line))]
            shares = [energy_shares(design, level) for design in line]
            left = np.zeros(len(line))
            for name, (colour, hatch) in zip(ENERGY_GROUPS, _COMPONENT_STYLES, strict=True):
                width = np.array([100 * share[name] for share in shares])
                axes.barh(
                    places, width, 0.36, left, color=colour, hatch=hatch, edgecolor="white", linewidth=0.4, label=name
                )
                left += width
        axes.axvline(100, color="#555555", linewidth=0.8)
        _name_lines(axes, line)
        axes.set_xlabel("energy (% of dense); upper bar dense, lower both flips", fontsize=9)
    _legend_of(figure)
    return _png(figure)


def _panels_of_lines(
    designs: list[Hardware], width: float, height: float, of_line: float
) -> tuple[Figure, list[tuple[Axes, list[Hardware]]]]:
    """A panel a network, a line a design; sizes in inches: of a panel, of what is around the lines, of a line."""
    models = networks_of(designs)
    lines = [[design for design in designs if design.model == model] for model in models]
    size = (1.8 + width * len(models), height + of_line * max(len(line) for line in lines))
    figure = Figure(figsize=size, layout="constrained")
    return figure, list(zip(figure.subplots(1, len(models), squeeze=False)[0], lines, strict=True))


def _name_lines(axes: Axes, line: list[Hardware]) -> None:
    axes.set_yticks(range(len(line)), [_short(design) for design in line], fontsize=8)
    axes.invert_yaxis()
    axes.set_title(line[0].model, fontsize=10)


def draw_levels(designs: list[Hardware]) -> bytes:
    """Accuracy of every level on every design, the most accurate with both flips first, one panel a network."""
    found = {model: levels_run_throughout(designs, model) for model in networks_of(designs)}
    shown = {model: run for model, run in found.items() if run[1]}
    figure = Figure(figsize=(10.5, 1.0 + 3.6 * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, (model, (tuned, levels)) in zip(panels, shown.items(), strict=True):
        mine = sorted(tuned, key=lambda design: -design.levels[BINSPARX]["accuracy"])
        for level in levels:
            marker, colour, line = _PRUNED_MARK if level[1] else _SPARSITY_MARKS[level[0]]
            accuracy = [100 * design.levels[level]["accuracy"] for design in mine]
            axes.plot(accuracy, marker=marker, color=colour, linestyle=line, linewidth=1.0, markersize=4.5,
                      markerfacecolor="white" if level == DENSE else colour, label=level_name(level))  # fmt: skip
        axes.axhline(100 * mine[0].ideal, color="#555555", linestyle="--", linewidth=1.0, label="ideal arithmetic")
        axes.set_xticks(range(len(mine)), [f"{_short(d)} {d.corner}" for d in mine], rotation=90, fontsize=7)
        axes.set_ylim(0, 100)
        axes.set_ylabel("accuracy (%)", fontsize=9)
        axes.set_title(model, fontsize=10)
        axes.grid(True, color="#dddddd", linewidth=0.6)
    _legend_of(figure)
    return _png(figure)


def _accuracy_line(axes: Axes, place: int, design: Hardware) -> None:
    marks: tuple[tuple[Any, str, str, str], ...] = (
        (DENSE, "o", _BLACK, "dense"),
        (BINSPARX, "D", _BLUE, "both flips"),
        (GROUPED, "s", _RED, "both flips, grouped rows"),
    )
    shown = [design.accuracy(level) for level, *_ in marks if level in design.levels]
    if len(shown) > 1:
        values = [100 * value for value in shown if value is not None]
        axes.plot([min(values), max(values)], [place, place], color="#bbbbbb", linewidth=2, zorder=1)
    for level, marker, colour, label in marks:
        accuracy = design.accuracy(level)
        if accuracy is not None:
            face = "white" if level == DENSE else colour
            axes.plot(100 * accuracy, place, marker, color=colour, markerfacecolor=face, markersize=6, label=label,
                      linestyle="", zorder=3)  # fmt: skip


def _short(design: Hardware) -> str:
    size = str(design.rows) if design.active_rows == design.rows else f"{design.rows}/{design.active_rows}"
    return f"{design.device} {size}{' *' if design.adc_reference == 'nominal' else ''}"


def _of_level(rows: list[Row], layer: str | None, key: tuple[str, str]) -> list[Row]:
    return [
        r for r in rows if (layer is None or r["layer"] == layer) and (r["sparsity"], r["row_order"]) == key
    ]  # fmt: skip


def _histogram(rows: list[Row], quantity: str) -> tuple[np.ndarray, np.ndarray]:
    values = np.array([row[quantity] for row in rows])
    counts = np.bincount(values, [row["reads"] for row in rows])
    return np.arange(len(counts)), counts / counts.sum()


def _by_partial_sum(rows: list[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sums that occur, their weight among all reads, mean current lost and mean squared code error at each."""
    sums = np.array([row["partial_sum"] for row in rows])
    weight = np.array([row["weight"] for row in rows])
    lost = sums - np.array([row["mean_current"] for row in rows])
    square = np.array([row["squared_error"] for row in rows])
    seen = np.flatnonzero(np.bincount(sums, [row["reads"] for row in rows]) >= 20)  # fewer reads say little
    total = np.bincount(sums, weight)
    means = [np.bincount(sums, weight * values)[seen] / total[seen] for values in (lost, square)]
    return seen, total[seen], means[0], means[1]


def design_name(rows: list[Row]) -> str:
    """The design that reads were sampled on, for people."""
    row = rows[0]
    fit = f", converters fitted {row['adc_fit']}" if "adc_fit" in row else ""
    return f"{row['device']}, {row['corner']} corner, {row['rows']} rows read together{fit}; reads solved exactly"


def _legend_of(figure: Figure) -> None:
    named: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    columns = 2 if figure.get_figwidth() < 7 else 4
    figure.legend(
        list(named.values()), list(named), loc="outside lower center", ncols=columns, fontsize=8.5, frameon=False
    )


def _png(figure: Figure) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=110, metadata={"Software": None})
    return sink.getvalue()
