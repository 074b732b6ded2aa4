"""Two sets of designs point by point: what changed, by how much, and for which of them it is more than chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from pipeline.front.chips import chip_change
from pipeline.front.intervals import PairedCounts, difference_interval
from pipeline.front.significance import ERROR, chance_of_more, holm
from pipeline.storage.predictions import read_chips
from pipeline.storage.store import Store
from pipeline.sweep.axes import SETS
from pipeline.sweep.objectives import known_costs
from pipeline.tables.schema import AXIS_COLUMNS
from simcore.errors import InputError
from simcore.passes import without_revisions

# Beside the axes, what can make the same point come out otherwise.
_CIRCUMSTANCES = ("model_digest", "dataset_digest", "dataset_split", "images", "solver_version", "git_commit")
_OF_INTERVALS = ("design_key accuracy accuracy_chip_std images dataset_digest dataset_split chips split_images").split()
_NO_CHIP_BORDERS = 2**62  # more than any split holds: a design of a version without chips has one


@dataclass(frozen=True)
class Comparison:
    """What changes from a to b.

    Attributes:
        points: one row a pair of designs. The axes they share, ``design_key_a`` and ``_b``, ``accuracy_a`` and ``_b``,
            ``accuracy_change`` (b - a, on the images and chips that both saw) with its 95 % interval ``change_low`` to
            ``change_high``, of each by itself, ``paired`` (the same images were compared one by one, which makes the
            interval narrower), ``p_adjusted`` (p-value of the change's direction, adjusted for all pairs and both
            directions), ``verdict`` (``better`` or ``worse`` where the change is more than chance explains: with 95 %
            confidence none of these is wrong; else ``undecided``), and for every cost its two values and
            ``COST_change``, b / a - 1.
        halves: of each pair what every other image and what the rest shows, b first; None unless all are paired and
            have one chip.
        changed: axes and circumstances whose values never agree: name -> (in a, in b), a list where there are several.
        only_a: designs of a without a partner.
        only_b: designs of b without a partner.
        names: what a and b are called.
    """

    points: pd.DataFrame
    halves: list[tuple[PairedCounts, PairedCounts]] | None
    changed: dict[str, tuple[Any, Any]]
    only_a: pd.DataFrame
    only_b: pd.DataFrame
    names: tuple[str, str]


def compare_designs(a: pd.DataFrame, b: pd.DataFrame, names: tuple[str, str], store: Store | None = None) -> Comparison:
    """Pairs designs that agree in every axis but those that set a and b apart as wholes.

    Args:
        a: rows of ``designs``.
        b: rows of ``designs``.
        names: what a and b are called in messages.
        store: has the designs' images; without it intervals take the two for independent samples.

    Raises:
        InputError: there is nothing to compare, nothing fits, or a design fits several.
    """
    for frame, name in ((a, names[0]), (b, names[1])):
        if frame.empty:
            raise InputError(f"no design of '{name}' is finished, or none was chosen")
    a, b = a.reset_index(drop=True), b.reset_index(drop=True)
    axes = [name for name in AXIS_COLUMNS if name not in ("design_key", "sweep") and name in a and name in b]
    changed = _differences(a, b, [*axes, *_CIRCUMSTANCES])
    if SETS.column in changed and not _differences(of_releases(a), of_releases(b), ["solver_version"]):
        changed.pop("solver_version", None)  # the rest of it follows from the sets
    shared = [name for name in axes if name not in changed]
    for frame, name in ((a, names[0]), (b, names[1])):
        _require_distinct(frame, name, shared, changed)
    keys = shared + ["_row"]
    left, right = (frame.assign(_row=range(len(frame)))[keys] for frame in (a, b))
    pairs = left.merge(right, on=shared, suffixes=("_a", "_b"))
    if pairs.empty:
        raise InputError(f"no design of '{names[0]}' has a partner in '{names[1]}' with the same {', '.join(shared)}")
    one, two = a.iloc[pairs["_row_a"]], b.iloc[pairs["_row_b"]]
    points = one[shared].reset_index(drop=True)
    for name in ("design_key", "accuracy", "accuracy_low", "accuracy_high"):
        points[f"{name}_a"], points[f"{name}_b"] = one[name].to_numpy(), two[name].to_numpy()
    rows = zip(*(frame.reindex(columns=_OF_INTERVALS).to_dict("records") for frame in (one, two)), strict=True)
    changes = [_change(first, second, store) for first, second in rows]
    points["accuracy_change"] = [change.value for change in changes]
    points["change_low"], points["change_high"] = zip(*(change.interval for change in changes), strict=True)
    points["paired"] = [change.paired for change in changes]
    points["p_adjusted"], points["verdict"] = _verdicts(changes)
    halves = [change.halves for change in changes if change.halves is not None]
    for cost in known_costs(one):
        if cost.column not in two:
            continue
        for side, frame in (("a", one), ("b", two)):
            points[f"{cost.column}_{side}"] = frame[cost.column].to_numpy()
        points[f"{cost.column}_change"] = points[f"{cost.column}_b"] / points[f"{cost.column}_a"] - 1
    alone = [frame.drop(frame.index[pairs[row]]) for frame, row in ((a, "_row_a"), (b, "_row_b"))]
    return Comparison(points, halves if len(halves) == len(points) else None, changed, alone[0], alone[1], names)


def _require_distinct(designs: pd.DataFrame, name: str, shared: Sequence[str], changed: Iterable[str]) -> None:
    """Refuses designs that agree in all shared axes: any of them could be meant."""
    doubles = designs[designs.duplicated(shared, keep=False)]
    if not doubles.empty:
        raise InputError(
            f"in '{name}' {len(doubles)} designs differ from each other only in "
            f"{', '.join(changed) or 'what is not an axis'}, so it is not clear which of them to compare: choose "
            "one value of each"
        )


def _differences(a: pd.DataFrame, b: pd.DataFrame, columns: list[str]) -> dict[str, tuple[Any, Any]]:
    """Columns whose values never agree: these set a and b apart as wholes."""
    found = {}
    for name in columns:
        if name in a and name in b:
            values = [[_plain(value) for value in frame[name].unique()] for frame in (a, b)]
            if not set(values[0]) & set(values[1]):
                found[name] = tuple(one[0] if len(one) == 1 else one for one in values)
    return found  # type: ignore[return-value]


def of_releases(designs: pd.DataFrame) -> pd.DataFrame:
    """Rows whose solver versions do not name the passes that were revised, which those of other sets need not have."""
    versions = designs.get("solver_version", pd.Series(dtype=str))
    return designs.assign(solver_version=versions.map(without_revisions, na_action="ignore"))


@dataclass(frozen=True)
class _Change:
    """Accuracy of b less that of a: its interval, how likely chance alone were so far up or down, and both halves of
    the images, where each has one chip."""

    value: float
    interval: tuple[float, float]
    chance_up: float
    chance_down: float
    paired: bool = False
    halves: tuple[PairedCounts, PairedCounts] | None = None


def _independent(a: dict[str, Any], b: dict[str, Any]) -> _Change:
    """Of two samples that have nothing in common."""
    value = b["accuracy"] - a["accuracy"]
    if max(chips_of(a), chips_of(b)) > 1:
        return _Change(value, *_change_of_chips(a, b))
    after, before = ((round(row["accuracy"] * row["images"]), int(row["images"])) for row in (b, a))
    chances = chance_of_more(after, before), chance_of_more(before, after)
    return _Change(value, difference_interval(after, before), *chances)


def _change_of_chips(a: dict[str, Any], b: dict[str, Any]) -> tuple[tuple[float, float], float, float]:
    """Interval and chances of a change where chips differ and rows are all there is.

    Variances of chips and of images are added, the latter as if all that is left of an image's chance were its own, and
    the few degrees of freedom of the fewest chips stand for all (Student's t): rather too wide than too narrow. Rows
    that do not say how far chips scatter say nothing.
    """
    scatter = [(row["accuracy_chip_std"], chips_of(row)) for row in (a, b) if chips_of(row) > 1]
    if any(pd.isna(std) for std, _ in scatter):
        return (-1.0, 1.0), 1.0, 1.0
    of_chips = sum(std**2 / chips for std, chips in scatter)
    shares = [((row["accuracy"] * row["images"] + 2) / (row["images"] + 4), row["images"]) for row in (a, b)]
    error = np.sqrt(of_chips + sum(share * (1 - share) / images for share, images in shares))
    student = stats.t(min(chips for _, chips in scatter) - 1)
    value, reach = b["accuracy"] - a["accuracy"], error * student.ppf(1 - ERROR / 2)
    ends = max(-1.0, value - reach), min(1.0, value + reach)
    return ends, float(student.sf(value / error)), float(student.cdf(value / error))


def _change(a: dict[str, Any], b: dict[str, Any], store: Store | None) -> _Change:
    independent = _independent(a, b)
    if store is None or any(a[name] != b[name] for name in ("dataset_digest", "dataset_split")):
        return independent
    images = int(min(a["images"], b["images"]))
    chips = [chips_of(row) for row in (b, a)]
    common = chips if 1 in chips else [min(chips)] * 2  # one that stands for all is set beside each
    first, second = (
        read_chips(store, row["design_key"], split_images_of(row), count, images)
        for row, count in zip((b, a), common, strict=True)
    )
    if not len(first) or not len(second):
        return independent
    change = chip_change(first, second)
    whole = a["images"] == b["images"] and common == chips
    value = independent.value if whole else change.value  # what they share says another accuracy than their rows
    found = _Change(value, (change.low, change.high), change.chance_up, change.chance_down, True)
    if len(first) > 1 or len(second) > 1:
        return found
    halves = PairedCounts.of(first[0, ::2], second[0, ::2]), PairedCounts.of(first[0, 1::2], second[0, 1::2])
    return replace(found, halves=halves)


def chips_of(row: Mapping[str, Any] | pd.Series) -> int:
    """Chips that a design was measured on; where they do not differ the first stands for all.

    Args:
        row: of ``designs``.
    """
    return 1 if pd.isna(row["chips"]) else int(row["chips"])


def split_images_of(row: Mapping[str, Any] | pd.Series) -> int:
    """Images of the split that a design was measured on.

    Args:
        row: of ``designs``.
    """
    found = row.get("split_images")
    return _NO_CHIP_BORDERS if found is None or pd.isna(found) else int(found)


def _verdicts(changes: Sequence[_Change]) -> tuple[NDArray[np.float64], list[str]]:
    """p-values of the more likely direction, adjusted for both directions of all changes, and what they say."""
    up, down = holm([one.chance_up for one in changes] + [one.chance_down for one in changes]).reshape(2, -1)
    verdicts = [
        "better" if first <= ERROR else "worse" if second <= ERROR else "undecided"
        for first, second in zip(up, down, strict=True)
    ]
    return np.minimum(up, down), verdicts


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None  # which, other than NaN, equals itself
    return value.item() if hasattr(value, "item") else value
