"""What the page's script draws: columns of the tables as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import pandas as pd

from pipeline.front.objectives import known_costs
from pipeline.report.page.findings import MOST_GAINS, Gains, distinguishing
from pipeline.report.page.selection import hardware_numbers
from pipeline.tables.schema import AXIS_COLUMNS

_DESIGN_COLUMNS = [name for name in AXIS_COLUMNS if name not in ("sweep", "topology", "solver_setting")] + (
    "solver accuracy accuracy_low accuracy_high ideal_accuracy images partial_sum_reduction "
    "rms_error_lsb clipped_fraction evidence_converted_rms_lsb evidence_within_limits"
).split()
_DIGITS = 6


def page_data(designs: pd.DataFrame, layers: pd.DataFrame, gains: Gains | None) -> str:
    """JSON that is safe inside a ``script`` element; of layers and gains those of ``designs``."""
    costs = known_costs(designs)
    energies = [name for name in designs.columns if name.startswith("energy_") and name.endswith("_J")]
    components = [name for name in energies if not name.startswith("energy_per_image_")]  # the total and its spread
    columns = [name for name in _DESIGN_COLUMNS if name in designs]
    places = {key: index for index, key in enumerate(designs.design_key)}
    known = layers[layers.design_key.isin(places)].sort_values("layer_index")
    document: dict[str, Any] = {
        "designs": {name: _values(designs[name]) for name in [*columns, *(cost.column for cost in costs), *components]},
        "hardware": hardware_numbers(designs).tolist(),
        "varying": distinguishing(designs),
        "costs": [asdict(cost) for cost in costs],
        "components": components,
        "layers": {
            "names": list(dict.fromkeys(known.layer)),
            "design": [places[key] for key in known.design_key],
            **{name: _values(known[name]) for name in ("layer", "rms_error_lsb", "clipped_fraction")},
        },
        "gains": _gain_rows(gains, places),
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _gain_rows(gains: Gains | None, places: dict[str, int]) -> dict[str, Any] | None:
    if gains is None:
        return None
    points, drawn = gains.comparison.points, gains.drawn
    rows = [
        [places[row.design_key_a], places[row.design_key_b], *map(_plain, (row.change_low, row.change_high))]
        for row in drawn.itertuples()
    ]
    largest = MOST_GAINS if len(drawn) < len(points) else len(drawn)
    return {
        "level": gains.level,
        "rows": rows,
        "largest": largest,
        "left": len(points) - len(drawn),
        "paired": bool(points.paired.all()),
    }


def _values(column: pd.Series) -> list[Any]:
    return [_plain(value) for value in column.tolist()]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
