"""A recommendation as rows of the table ``recommendations``: one a set that the confirming images judged."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pipeline.columns import Row
from pipeline.recommend.recommendation import Recommendation, Standing
from pipeline.sweep.objectives import OBJECTIVES
from pipeline.tables.schema.recommendations import DENSE_PLACE

COSTS = {"energy": "energy_per_image_J", "latency": "latency_per_image_s", "area": "area_m2"}


def rows_of(found: Iterable[Recommendation], sweep: str) -> list[Row]:
    """The rows of some recommendations: dense storage, the chosen set, the other finalists.

    Args:
        found: in the order of the hardware.
        sweep: its name.
    """
    rows = []
    for one in found:
        for place, standing in ((DENSE_PLACE, one.dense), *enumerate((one.chosen, *one.others))):
            rows.append(_row(one, standing, place) | {"sweep": sweep})
    return rows


def _row(one: Recommendation, standing: Standing, place: int) -> Row:
    point, options = standing.candidate.point, one.options
    accuracy, change = standing.accuracy, standing.change
    columns: Row = {
        "design_key": standing.key,
        **point.columns,
        "dataset": point.dataset.name,
        "topology": point.configuration.circuit.topology,
        "place": place,
        "mitigation_set": standing.candidate.name,
        "verdict": one.kind if place == 0 else "",
        "target": options.target,
        "confidence_asked": options.confidence,
        "confidence": standing.confidence,
        "confirmed": standing.confirmed,
        "chips": one.chips if one.chips_differ else None,
        "least": OBJECTIVES[options.by].label,
        "images": one.images,
        **_interval("accuracy", accuracy),
        "ideal_accuracy": one.ideal_accuracy,
        **_interval("change_from_ideal", change),
        "evidence_within_limits": standing.within_limits,
        **point.sources,
    }
    for name, column in COSTS.items():
        columns[column] = _known(standing.costs.get(column, math.nan))
        columns[f"{name}_change"] = _known(standing.cost_change(column, one.dense))
    return columns


def _interval(name: str, values: tuple[float, float, float]) -> Row:
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
