"""What the page's script draws, as JSON: places, names and axes; the script itself computes and names nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from pipeline.report.chip_figure import choose_designs
from pipeline.report.energy import energy_groups, part_name
from pipeline.report.front_panels import ACCURACY, OF_CHIPS, FrontPanel, front_panels, is_logarithmic
from pipeline.report.page.axes import accuracy_axis, cost_axis, error_axis
from pipeline.report.page.findings import MOST_GAINS, Gains
from pipeline.report.page.selection import hardware_numbers
from pipeline.results.finished import is_beyond
from pipeline.results.names import choice_name, distinguishing, hardware_name, world_names, world_words
from pipeline.results.robust import only_flips, robust_front
from pipeline.sweep.names import array_name, level_name
from pipeline.sweep.objectives import OBJECTIVES, Objective, known_costs

_DESIGN_COLUMNS = (
    "design_key device sparsity plain array accuracy accuracy_low accuracy_high ideal_accuracy partial_sum_reduction "
    "rms_error_lsb chips accuracy_chip_p5 accuracy_chip_std yield yield_low yield_high"
).split()
_DIGITS = 9


def page_data(
    designs: pd.DataFrame,
    layers: pd.DataFrame,
    gains: Gains | None,
    worst: pd.DataFrame,
    chips: pd.DataFrame,
    of_chips: bool,
) -> str:
    """JSON that is safe inside a ``script`` element; of layers, gains and worst worlds those of ``designs``.

    Args:
        designs: rows of ``designs`` that are shown one by one.
        layers: rows of ``layers``.
        gains: levels beside dense storage, if there are any.
        worst: of ``worst_worlds``.
        chips: rows of ``chips``.
        of_chips: draw fronts of the accuracy of 95 % of chips too.
    """
    designs = designs.reset_index(drop=True)
    designs["plain"] = only_flips(designs)
    designs["array"] = [array_name(*sizes) for sizes in designs[["rows", "cols", "active_rows"]].to_numpy().tolist()]
    rows = designs.to_dict("records")
    axes = distinguishing(designs)
    places = {key: index for index, key in enumerate(designs.design_key)}
    hardware = hardware_numbers(designs)
    with_chips = choose_designs(designs, chips)
    document: dict[str, object] = {
        "designs": {name: _values(designs[name]) for name in _DESIGN_COLUMNS},
        "names": [hardware_name(row, axes) for row in rows],
        "levels": [level_name(row) for row in rows],
        "beyond": [is_beyond(row) for row in rows],
        "models": designs.model.unique().tolist(),
        "hardware": hardware.tolist(),
        "costs": [_cost_chart(designs, cost, worst, places) for cost in known_costs(designs)]
        + [_cost_chart(designs, cost, worst[:0], places, OF_CHIPS) for cost in known_costs(designs) if of_chips],
        "chips": _chips(with_chips, chips, designs.model.nunique() > 1),
        "chips_left": int(designs.chips.notna().sum()) - len(with_chips),
        "energy": _energy(designs),
        "layers": _layers(designs, layers, hardware),
        "gains": None if gains is None else _gains(gains, designs, places),
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _cost_chart(
    designs: pd.DataFrame,
    cost: Objective,
    worst: pd.DataFrame,
    places: Mapping[str, int],
    accuracy: Objective = ACCURACY,
) -> dict[str, object]:
    """Accuracy against one cost: of each network that has it the axes, and a panel a world and one of the worst."""
    of_models: dict[str, dict[str, FrontPanel]] = {}
    for (model, world), panel in front_panels(designs, cost, accuracy=accuracy).items():
        of_models.setdefault(model, {})[world] = panel
    return {
        "label": cost.label,
        "accuracy": accuracy.column,
        "accuracy_label": accuracy.axis_label,
        "unit": cost.unit,
        "prefixed": cost.prefixed,
        "values": _values(cost.scale * designs[cost.column]),
        "shown": _shown(designs[cost.column], cost),
        "models": {
            model: _model_chart(panels, cost, _worst_panel(worst, model, cost, places, world_words(designs)))
            for model, panels in of_models.items()
        },
    }


def _model_chart(panels: dict[str, FrontPanel], cost: Objective, worst: dict[str, object] | None) -> dict[str, object]:
    """The panels share their axes; designs by their place, those on the front the cheapest first."""
    points = pd.concat([panel.points for panel in panels.values()])
    ideal = max(panel.ideal for panel in panels.values())
    drawn = [
        {
            "title": world,
            "ideal": panel.ideal,
            "others": panel.points.index[~panel.points.member].tolist(),
            "members": panel.members.index.tolist(),
        }
        for world, panel in panels.items()
    ]
    return {
        "x": {kind: asdict(cost_axis(points.x, cost, kind == "log")) for kind in ("linear", "log")},
        "logarithmic": is_logarithmic(points.x),
        "y": {
            "all": accuracy_axis(points.y_low.min(), points.y_high.max(), ideal),
            "linear": accuracy_axis(points.y_low.min(), points.y_high.max(), ideal, bent=False),
        },
        "panels": drawn if worst is None else [*drawn, {**worst, "ideal": ideal}],
    }


def _worst_panel(
    worst: pd.DataFrame, model: str, cost: Objective, places: Mapping[str, int], words: str
) -> dict[str, object] | None:
    """Each choice by its worst world, at its largest cost; None where a network has one."""
    own = worst[worst.model == model] if len(worst) else worst
    own = own[own[cost.column].notna()] if cost.column in own else own[:0]
    if own.empty or not own.worlds.gt(1).all():
        return None
    front = robust_front(own, cost.column)
    own = own[own.design_key.isin(places)]
    others, members = own[~own.design_key.isin(front.design_key)], front[front.design_key.isin(places)]
    drawn = pd.concat([others, members])
    return {
        "title": f"the worst of every {words}",
        "others": [places[key] for key in others.design_key],
        "members": [places[key] for key in members.design_key],
        "values": _values(cost.scale * drawn[cost.column]),
    }


def _energy(designs: pd.DataFrame) -> dict[str, object]:
    """An image's energy in groups of components, each with what is in it."""
    energy = OBJECTIVES["energy"]
    groups = energy_groups(designs)
    columns = [column for own in groups.values() for column in own]
    return {
        "parts": [
            {
                "name": name,
                "values": _values(designs[own].sum(axis=1)),
                "shown": _shown(designs[own].sum(axis=1), energy),
                "inside": {part_name(column): _shown(designs[column], energy) for column in own},
            }
            for name, own in groups.items()
        ],
        "totals": _shown(designs[columns].sum(axis=1), energy),
    }


def _layers(designs: pd.DataFrame, layers: pd.DataFrame, hardware: pd.Series) -> dict[str, object]:
    """Of designs with nothing beyond their flips the error of each layer, and of all hardware the axis they share."""
    plain = designs[designs.plain]
    known = layers[layers.design_key.isin(plain.design_key)].sort_values("layer_index")
    names = list(dict.fromkeys(known.layer))
    errors = known.pivot(index="design_key", columns="layer", values="rms_error_lsb")
    errors = errors.reindex(index=designs.design_key, columns=names).reset_index(drop=True)
    largest = errors.max(axis=1).fillna(0.0).groupby(hardware).max()
    return {
        "names": names,
        "errors": [_values(row) for _, row in errors.iterrows()],
        "axes": [asdict(error_axis(value)) for value in largest],
    }


def _chips(shown: pd.DataFrame, chips: pd.DataFrame, several: bool) -> list[dict[str, object]]:
    """Panel by panel (a network in a world) designs whose chips differ, each with what its chips reach; ``several``:
    the page is of several networks, and panels name theirs."""
    if shown.empty:
        return []
    accuracies = {str(key): np.sort(own.to_numpy(float)) for key, own in chips.groupby("design_key")["accuracy"]}
    panels = []
    for (model, world), own in shown.groupby([shown["model"], world_names(shown)], sort=False):
        values = [accuracies[key] for key in own["design_key"]]
        every = 100 * np.concatenate([*values, own["ideal_accuracy"].to_numpy(float)])
        margin = max(0.5, 0.04 * float(np.ptp(every)))
        panels.append(
            {
                "title": f"{model}, {world}" if several else world,
                "designs": own.index.tolist(),
                "names": [f"{choice_name(row, own)}, {level_name(row)}" for _, row in own.iterrows()],
                "chips": [_values(pd.Series(one)) for one in values],
                "quartiles": [_values(pd.Series(np.quantile(one, (0.25, 0.5, 0.75)))) for one in values],
                "low": max(0.0, float(every.min()) - margin),
                "high": min(100.0, float(every.max()) + margin),
                "loss": float(own["yield_loss"].max()),
            }
        )
    return panels


def _gains(gains: Gains, designs: pd.DataFrame, places: Mapping[str, int]) -> dict[str, object]:
    points, drawn = gains.comparison.points, gains.drawn
    dense = [places[key] for key in drawn.design_key_a]
    # Only what tells these apart, for room is short.
    axes = [name for name in distinguishing(designs) if designs[name].iloc[dense].nunique(dropna=False) > 1]
    return {
        "level": gains.level,
        "names": [hardware_name(row, axes) for row in designs.iloc[dense].to_dict("records")],
        "dense": dense,
        "sparse": [places[key] for key in drawn.design_key_b],
        "low": _values(drawn.change_low),
        "high": _values(drawn.change_high),
        "largest": MOST_GAINS if len(drawn) < len(points) else len(drawn),
        "left": len(points) - len(drawn),
        "paired": bool(points.paired.all()),
    }


def _shown(column: pd.Series, objective: Objective) -> list[str]:
    return ["not known" if math.isnan(value) else objective.show(value) for value in column.astype(float)]


def _values(column: pd.Series) -> list[float | str | None]:
    return [_plain(value) for value in column.tolist()]


def _plain(value: float | str | None) -> float | str | None:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
