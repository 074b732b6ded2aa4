"""Two sets of designs point by point: what changed, by how much, and whether more than chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.intervals import difference_interval, paired_correlation
from pipeline.objectives import known_costs
from pipeline.predictions import Predictions
from pipeline.tables import AXIS_COLUMNS
from simcore.errors import InputError

# Beside the axes, what can make the same point come out otherwise.
_CIRCUMSTANCES = ("model_digest", "dataset_digest", "dataset_split", "images", "solver_version", "git_commit")
_OF_INTERVALS = ["design_key", "accuracy", "images", "dataset_digest", "dataset_split"]
ReadPredictions = Callable[[str], Predictions]


@dataclass(frozen=True)
class Comparison:
    """What changes from a to b.

    Attributes:
        points: one row a pair of designs: the axes they share, ``design_key_a`` and ``_b``, ``accuracy_a`` and ``_b``,
            ``accuracy_change`` (b - a) with its 95 % interval ``change_low`` to ``change_high``, ``paired`` (the same
            images were compared one by one, which makes the interval narrower), and for every cost its two values and
            ``COST_change``, b / a - 1.
        changed: axes and circumstances whose values never agree: name -> (in a, in b), a list where there are several.
        only_a, only_b: designs without a partner.
        names: what a and b are called.
    """

    points: pd.DataFrame
    changed: dict[str, tuple[Any, Any]]
    only_a: pd.DataFrame
    only_b: pd.DataFrame
    names: tuple[str, str]


def compare_designs(
    a: pd.DataFrame, b: pd.DataFrame, names: tuple[str, str], predictions: ReadPredictions | None = None
) -> Comparison:
    """Pairs designs that agree in every axis but those that set a and b apart as wholes.

    Args:
        a, b: rows of ``designs``. predictions: reads a design's images; without it intervals take the two for
            independent samples.

    Raises:
        InputError: there is nothing to compare, nothing fits, or a design fits several.
    """
    for frame, name in ((a, names[0]), (b, names[1])):
        if frame.empty:
            raise InputError(f"no design of '{name}' is finished, or none was chosen")
    a, b = a.reset_index(drop=True), b.reset_index(drop=True)
    axes = [name for name in AXIS_COLUMNS if name not in ("design_key", "sweep") and name in a and name in b]
    changed = _differences(a, b, [*axes, *_CIRCUMSTANCES])
    shared = [name for name in axes if name not in changed]
    for frame, name in ((a, names[0]), (b, names[1])):
        doubles = frame[frame.duplicated(shared, keep=False)]
        if not doubles.empty:
            raise InputError(
                f"in '{name}' {len(doubles)} designs differ only in {', '.join(changed) or 'what is not an axis'}, "
                "so it is not clear which to compare: choose one value of each"
            )
    keys = shared + ["_row"]
    left, right = (frame.assign(_row=range(len(frame)))[keys] for frame in (a, b))
    pairs = left.merge(right, on=shared, suffixes=("_a", "_b"))
    if pairs.empty:
        raise InputError(f"no design of '{names[0]}' agrees with one of '{names[1]}' in {', '.join(shared)}")
    one, two = a.iloc[pairs["_row_a"]], b.iloc[pairs["_row_b"]]
    points = one[shared].reset_index(drop=True)
    for name in ("design_key", "accuracy", "accuracy_low", "accuracy_high"):
        points[f"{name}_a"], points[f"{name}_b"] = one[name].to_numpy(), two[name].to_numpy()
    points["accuracy_change"] = points.accuracy_b - points.accuracy_a
    rows = zip(*(frame[_OF_INTERVALS].to_dict("records") for frame in (one, two)), strict=True)
    intervals = [_change_interval(first, second, predictions) for first, second in rows]
    for index, name in enumerate(("change_low", "change_high", "paired")):
        points[name] = [interval[index] for interval in intervals]
    for cost in known_costs(one):
        if cost.column not in two:
            continue
        for side, frame in (("a", one), ("b", two)):
            points[f"{cost.column}_{side}"] = frame[cost.column].to_numpy()
        points[f"{cost.column}_change"] = points[f"{cost.column}_b"] / points[f"{cost.column}_a"] - 1
    alone = [frame.drop(frame.index[pairs[row]]) for frame, row in ((a, "_row_a"), (b, "_row_b"))]
    return Comparison(points, changed, alone[0], alone[1], names)


def _differences(a: pd.DataFrame, b: pd.DataFrame, columns: list[str]) -> dict[str, tuple[Any, Any]]:
    """Columns whose values never agree: these set a and b apart as wholes."""
    found = {}
    for name in columns:
        if name in a and name in b:
            values = [[_plain(value) for value in frame[name].unique()] for frame in (a, b)]
            if not set(values[0]) & set(values[1]):
                found[name] = tuple(one[0] if len(one) == 1 else one for one in values)
    return found  # type: ignore[return-value]


def _change_interval(
    a: dict[str, Any], b: dict[str, Any], predictions: ReadPredictions | None
) -> tuple[float, float, bool]:
    after, before = ((round(row["accuracy"] * row["images"]), int(row["images"])) for row in (b, a))
    same_images = all(a[name] == b[name] for name in ("dataset_digest", "dataset_split", "images"))
    if predictions is None or not same_images:
        return *difference_interval(after, before), False
    images = int(a["images"])
    first, second = (predictions(row["design_key"]).correct[:images] for row in (b, a))
    if len(first) < images or len(second) < images:
        return *difference_interval(after, before), False
    table = [int((x & y).sum()) for x, y in ((first, second), (first, ~second), (~first, second), (~first, ~second))]
    return *difference_interval(after, before, paired_correlation(*table)), True


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
