"""Accuracy against a cost, panel by panel: what every drawing of a front shows, whatever draws it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.results.finished import Results, on_front
from pipeline.results.names import world_names, worlds_beyond_corner
from pipeline.sweep.objectives import OBJECTIVES, Objective

ACCURACY, OF_CHIPS = OBJECTIVES["accuracy"], OBJECTIVES["chip_accuracy"]
_LOGARITHMIC = 4.0  # times the smallest cost


@dataclass(frozen=True)
class FrontPanel:
    """One network in one world (``axes.WORLD``): what turns out to be, not a choice.

    Attributes:
        points: the designs that have the cost, with what is drawn: ``x`` (cost in its unit), ``y`` with its 95 %
            interval ``y_low`` to ``y_high`` and ``ideal`` (accuracies in %), and ``member`` (on the front).
        ideal: accuracy of ideal arithmetic in %, on all images.
    """

    points: pd.DataFrame
    ideal: float

    @property
    def members(self) -> pd.DataFrame:
        """The points on the front, the cheapest first."""
        return self.points[self.points.member].sort_values("x", kind="stable")

    @property
    def bottom_up(self) -> pd.DataFrame:
        """All points, those on the front last, so that they lie on top."""
        return self.points.sort_values("member", kind="stable")


def panel_lines(designs: pd.DataFrame) -> list[tuple[str, str]]:
    """The lines of panels in a picture whose columns are corners: a network, and what its world is beyond the corner.

    Args:
        designs: rows of ``designs``.
    """
    return list(dict.fromkeys(zip(designs["model"], worlds_beyond_corner(designs), strict=True)))


def front_panels(
    designs: pd.DataFrame, cost: Objective, as_stored: bool = False, accuracy: Objective = ACCURACY
) -> dict[tuple[str, str], FrontPanel]:
    """The panels by network and name of the world, in the order of the designs; empty where no design has the cost.

    Args:
        designs: rows of ``designs``.
        cost: what the horizontal axis shows.
        as_stored: the front is the table's, of the sweep's own objectives; else that of ``accuracy`` and ``cost``.
        accuracy: what the vertical axis shows; the interval is known of the mean alone.
    """
    designs = designs.assign(**{accuracy.column: accuracies(designs, accuracy)})
    known = designs[designs[cost.column].notna() & designs[accuracy.column].notna()]
    ends = ("accuracy_low", "accuracy_high") if accuracy is ACCURACY else (accuracy.column, accuracy.column)
    columns = dict(zip(("y", "y_low", "y_high", "ideal"), (accuracy.column, *ends, "ideal_accuracy"), strict=True))
    drawn = {name: accuracy.scale * known[column] for name, column in columns.items()}
    known = known.assign(x=cost.scale * known[cost.column], **drawn)
    panels = {}
    for place, group in known.groupby([known["model"], world_names(known)], sort=False):
        members = group["on_front"].to_numpy(bool) if as_stored else on_front(group, [cost.column], accuracy.column)
        whole = group[group.images == group.images.max()]  # what a race stopped saw fewer
        panels[place] = FrontPanel(group.assign(member=members), float(whole.ideal.max()))
    return panels


def accuracies(designs: pd.DataFrame, accuracy: Objective) -> pd.Series:
    """What a front has on its vertical axis: where all chips are alike, 95 % of them reach what one reaches.

    Args:
        designs: rows of ``designs``.
        accuracy: ``ACCURACY`` or ``OF_CHIPS``.
    """
    if accuracy is ACCURACY:
        return designs[ACCURACY.column]
    return designs[accuracy.column].where(designs["chips"].notna(), designs[ACCURACY.column])


def names_chip_accuracy(results: Results, sweep: str) -> bool:
    """Whether the front of a sweep is that of the accuracy of 95 % of chips."""
    return "chip_accuracy" in objectives_of(results, sweep)


def objectives_of(results: Results, sweep: str) -> list[str]:
    """Names of what the front of a sweep is of; none where nothing is on it."""
    objectives = results.table("pareto", sweep)["objectives"].to_pylist()
    return objectives[0].split(",") if objectives else []


def is_logarithmic(costs: pd.Series) -> bool:
    """Whether they lie so far apart that only a logarithmic axis shows them all."""
    return bool(costs.max() > _LOGARITHMIC * costs.min() > 0)
