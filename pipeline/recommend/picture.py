"""Pictures of recommendations: the sets that were tried, what was chosen for whom, and how sensitive that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.recommend.names import hardware_names
from pipeline.recommend.race import CONFIRMED, LIKELY, MISSED
from pipeline.recommend.recommendation import Recommendation, Standing, Tried, points_text
from pipeline.recommend.sensitivity import Curve
from pipeline.report.drawing import COLOURS, MARKERS, draw_grid, label_costs, picture_files
from pipeline.sweep.objectives import OBJECTIVES

_DENSE, _CHOSEN, _OTHER = COLOURS[4], COLOURS[0], "#8a8a8a"
_COLUMN_LABELS = {
    "adc_noise": "converter noise (LSB)",
    "adc_offset": "converter offset (LSB)",
    "adc_gain": "converter gain",
    "calibration_images": "calibration images",
}


def draw_search(one: Recommendation, title: str) -> dict[str, bytes]:
    """PNG and SVG of one search: every set's accuracy against its cost, the finalists with their intervals.

    Args:
        one: the recommendation.
        title: what the hardware is.
    """
    cost = OBJECTIVES[one.options.by]
    figure = Figure(figsize=(8.5, 5.4), layout="constrained")
    axes = figure.subplots()
    draw_grid(axes)
    ideal = 100 * one.ideal_accuracy
    axes.axhline(ideal, linestyle="--", color="#555555", linewidth=1.2)
    axes.axhspan(ideal - 100 * one.options.target, ideal, color=COLOURS[2], alpha=0.2, linewidth=0)
    judged = {standing.key for standing in (one.dense, one.chosen, *one.others)}
    for tried in one.tried:
        if tried.candidate.point.key not in judged:
            _draw_tried(axes, tried, cost.column, cost.scale)
    for standing in {one.dense.key: one.dense, **{s.key: s for s in (*one.others, one.chosen)}}.values():
        _draw_standing(axes, standing, one, cost.column, cost.scale)
    axes.set_xlabel(cost.axis_label)
    axes.set_ylabel(OBJECTIVES["accuracy"].axis_label)
    label_costs(axes, cost)
    axes.margins(x=0.12)
    figure.legend(handles=_search_legend(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    figure.suptitle(f"{title}\n{_headline(one)}", fontsize=10)
    return picture_files(figure, "recommend")


def draw_recommendations(found: Sequence[Recommendation], title: str) -> dict[str, bytes]:
    """PNG and SVG of many: from dense to the chosen set on every piece of hardware, and which passes are in it.

    Args:
        found: the recommendations.
        title: of the sweep.
    """
    names = hardware_names([one.hardware for one in found])
    passes = list(dict.fromkeys(part for one in found for part in _passes(one.chosen)))
    figure = Figure(figsize=(9.5 + 0.3 * len(passes), 2.3 + 0.34 * len(found)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1.2 + 0.3 * len(passes)])
    places = np.arange(len(found))[::-1]
    draw_grid(left, "x")
    for place, one in zip(places, found, strict=True):
        dense, chosen = (100 * standing.accuracy[0] for standing in (one.dense, one.chosen))
        colour = COLOURS[1] if one.kind == MISSED else _CHOSEN
        left.plot([dense, chosen], [place, place], color=colour, linewidth=1.4, zorder=2)
        left.plot(dense, place, "o", color=_DENSE, markersize=6, zorder=3)
        face = colour if one.kind == CONFIRMED else "white"
        left.plot(chosen, place, "D", color=colour, markerfacecolor=face, markersize=6.5, zorder=4)
        left.plot([100 * one.ideal_accuracy] * 2, [place - 0.35, place + 0.35], color="#222222", linewidth=1.6)
        for column, part in enumerate(passes):
            there = part in _passes(one.chosen)
            right.plot(column, place, "s", color=colour, markerfacecolor=colour if there else "white", markersize=8,
                       alpha=1.0 if there else 0.25)  # fmt: skip
        change = one.chosen.cost_change(OBJECTIVES["energy"].column, one.dense)
        text = "" if math.isnan(change) else f"{100 * change:+.1f} %"
        right.text(len(passes) + 0.1, place, text, va="center", fontsize=8)
    left.set_yticks(places, names, fontsize=8)
    left.set_xlabel(OBJECTIVES["accuracy"].axis_label)
    right.set_xticks([*range(len(passes)), len(passes) + 0.7], [*(part.replace("_", " ") for part in passes), "energy"],
                     rotation=60, ha="right", fontsize=8)  # fmt: skip
    right.set_xlim(-0.7, len(passes) + 1.6)
    for side in ("top", "right", "bottom", "left"):
        right.spines[side].set_visible(False)
    right.tick_params(length=0)
    figure.legend(handles=_many_legend(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    figure.suptitle(f"{title}: the cheapest sets within {points_text(found[0].options.target)} of ideal", fontsize=10)
    return picture_files(figure, "recommendations")


def draw_sensitivity(curves: Sequence[Curve], title: str, name: str) -> dict[str, bytes]:
    """PNG and SVG of the accuracy of a set and of dense storage as the converter and the calibration get worse.

    Args:
        curves: one a panel.
        title: what the hardware and the set are.
        name: of the set.
    """
    figure = Figure(figsize=(3.1 * len(curves), 3.5), layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
    for axes, curve in zip(panels, curves, strict=True):
        draw_grid(axes)
        for accuracies, colour, mark, label in (
            (curve.dense, _DENSE, "o", "dense"),
            (curve.chosen, _CHOSEN, "D", name),
        ):
            if accuracies:
                values, low, high = 100 * np.array(accuracies).T
                axes.fill_between(curve.values, low, high, color=colour, alpha=0.18, linewidth=0)
                axes.plot(curve.values, values, marker=mark, markersize=4, color=colour, label=label)
        if curve.column == "calibration_images" and curve.values:
            axes.set_xscale("log", base=2)
            axes.set_xticks(curve.values, [f"{value:g}" for value in curve.values])
        axes.set_xlabel(_COLUMN_LABELS[curve.column], fontsize=9)
    panels[0].set_ylabel(OBJECTIVES["accuracy"].axis_label)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10)
    return picture_files(figure, "sensitivity")


def _passes(standing: Standing) -> list[str]:
    """The passes of a set, without their numbers and without what is no pass."""
    parts = [part.partition(":")[0] for part in str(standing.candidate.mitigations).split("+")]
    return [part for part in parts if part not in ("dense", "none")]


def _draw_tried(axes: Axes, tried: Tried, column: str, scale: float) -> None:
    x = tried.costs.get(column, math.nan) * scale
    sparsity = dict(tried.candidate.mitigations.fields)["sparsity"]
    axes.plot(x, 100 * tried.accuracy, MARKERS[str(sparsity)], color=_OTHER, markerfacecolor="white", markersize=5,
              alpha=0.75, zorder=2)  # fmt: skip


def _draw_standing(axes: Axes, standing: Standing, one: Recommendation, column: str, scale: float) -> None:
    x, (value, low, high) = standing.costs.get(column, math.nan) * scale, (100 * v for v in standing.accuracy)
    is_chosen = standing.key == one.chosen.key
    colour = _CHOSEN if is_chosen else _DENSE if standing.key == one.dense.key else COLOURS[3]
    sparsity = dict(standing.candidate.mitigations.fields)["sparsity"]
    axes.errorbar(x, value, [[value - low], [high - value]], fmt=MARKERS[str(sparsity)], color=colour, capsize=2.5,
                  markersize=10 if is_chosen else 7, zorder=5 if is_chosen else 4)  # fmt: skip


def _headline(one: Recommendation) -> str:
    ends = {CONFIRMED: "surely", LIKELY: "likely", MISSED: "not"}
    return (
        f"{one.chosen.candidate.name}\n{ends[one.kind]} within {points_text(one.options.target)} of ideal "
        f"({100 * (one.chosen.confidence or 0):.0f} % sure, {one.images} images)"
    )


def _search_legend() -> list[Line2D]:
    marked = ((_CHOSEN, "D", "chosen"), (COLOURS[3], "D", "other finalists"),
              (_DENSE, "o", "dense, on the same images"))  # fmt: skip
    tried = Line2D(
        [], [], marker="o", linestyle="", color=_OTHER, markerfacecolor="white", label="tried on fewer images"
    )
    return [
        *(Line2D([], [], marker=mark, linestyle="", color=colour, label=text) for colour, mark, text in marked),
        tried,
        Line2D([], [], color="#555555", linestyle="--", label="ideal arithmetic"),
        Line2D([], [], color=COLOURS[2], alpha=0.3, linewidth=7, label="target"),
    ]


def _many_legend() -> list[Line2D]:
    def mark(shape: str, colour: str, face: str, label: str) -> Line2D:
        return Line2D([], [], marker=shape, linestyle="", color=colour, markerfacecolor=face, label=label)

    return [
        mark("o", _DENSE, _DENSE, "dense"),
        mark("D", _CHOSEN, _CHOSEN, "recommended, confirmed"),
        mark("D", _CHOSEN, "white", "recommended, likely"),
        mark("D", COLOURS[1], "white", "no set reaches the target: the closest"),
        Line2D([], [], color="#222222", marker="|", markersize=11, linestyle="", label="ideal arithmetic"),
    ]
