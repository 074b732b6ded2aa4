"""Accuracy against a cost, panel by panel: what every drawing of a front shows, whatever draws it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.results.finished import on_front
from pipeline.sweep.objectives import OBJECTIVES, Objective

_ACCURACY = OBJECTIVES["accuracy"]
_DRAWN = {"y": "accuracy", "y_low": "accuracy_low", "y_high": "accuracy_high", "ideal": "ideal_accuracy"}
_LOGARITHMIC = 4.0  # times the smallest cost


@dataclass(frozen=True)
class FrontPanel:
    """One network in one corner: a corner is what the world turns out to be, not a choice.

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


def front_panels(designs: pd.DataFrame, cost: Objective, as_stored: bool = False) -> dict[tuple[str, str], FrontPanel]:
    """The panels by network and corner, in the order of the designs; empty where no design has the cost.

    Args:
        designs: rows of ``designs``.
        cost: what the horizontal axis shows.
        as_stored: the front is the table's, of the sweep's own objectives; else it is that of accuracy and ``cost``.
    """
    known = designs[designs[cost.column].notna()]
    drawn = {name: _ACCURACY.scale * known[column] for name, column in _DRAWN.items()}
    known = known.assign(x=cost.scale * known[cost.column], **drawn)
    panels = {}
    for place, group in known.groupby(["model", "corner"], sort=False):
        members = group["on_front"].to_numpy(bool) if as_stored else on_front(group, [cost.column])
        whole = group[group.images == group.images.max()]  # what a race stopped saw fewer
        panels[place] = FrontPanel(group.assign(member=members), float(whole.ideal.max()))
    return panels


def is_logarithmic(costs: pd.Series) -> bool:
    """Whether they lie so far apart that only a logarithmic axis shows them all."""
    return bool(costs.max() > _LOGARITHMIC * costs.min() > 0)
