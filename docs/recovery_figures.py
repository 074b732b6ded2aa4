"""The pictures of docs/recovery.md: ``python docs/recovery_figures.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from recovery_designs import HARDWARE, WITHIN, accuracies, damaged, designs_of, hardware_name, losses

_PICTURES = Path(__file__).parent / "images"
_MOST = 80.0  # points at which colours end
_DARK = 55.0  # points from which text is white
# The passes of sweeps/pass-effects.yaml: heading -> how a design that has it is kept.
_PASSES = ["wide_sink:2", "near_sink", "bent_references", "popcount_term", "recalibrated_outputs"]
_EFFECTS = ["binsparx", "grouped", *_PASSES]


def alone_and_away() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Points that each pass gives alone, and that are lost without it: a row a damaged design, a column a pass."""
    table = designs_of("pass-effects")
    sets = [
        frozenset(passes.split("+")) - {"none"} | {"binsparx"} & {sparsity} | {"grouped"} & {order}
        for passes, sparsity, order in zip(table.mitigations, table.sparsity, table.row_order, strict=True)
    ]
    index = ["number", *HARDWARE]
    points = 100 * table.assign(passes=sets).pivot(index=index, columns="passes", values="accuracy")
    nothing, everything = frozenset[str](), frozenset(_EFFECTS)
    points = points[100 * table.groupby(index).ideal_accuracy.first() - points[nothing] > 100 * WITHIN]
    ones = {name: frozenset({name}) for name in _EFFECTS}
    # Without flips no order of the rows leaves few ones: both go together.
    away = ones | {"binsparx": ones["binsparx"] | ones["grouped"]}
    without = {" and ".join(sorted(gone)): everything - gone for gone in away.values()}
    alone = {name: points[one] - points[nothing] for name, one in ones.items() if one in points}
    return pd.DataFrame(alone), pd.DataFrame({name: points[everything] - points[one] for name, one in without.items()})


def draw_passes() -> None:
    """Which pass matters where: points each gives alone, and points lost without it."""
    alone, away = alone_and_away()
    figure = Figure(figsize=(12, 0.34 * len(alone) + 2.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _heat_map(left, alone, "gained by the pass alone, on dense storage", "PuOr", -_MOST)
    _heat_map(right, away, "lost when it is taken from the full set with wide_sink:2", "PuOr", -_MOST)
    left.set_yticks(range(len(alone)), [hardware_name(*key[1:]) for key in alone.index], fontsize=8)
    right.set_yticks([])
    figure.suptitle("accuracy in points, fashion-cnn, designs that lose more than a point dense", fontsize=11)
    figure.savefig(_PICTURES / "pass-effects.png", dpi=110)


def draw_recovery() -> None:
    """Loss of every damaged design, dense, with flips, with passes, with the full set."""
    chosen = damaged(accuracies("recovery"))
    models = list(chosen.model.unique())
    figure = Figure(figsize=(12, 0.24 * chosen.model.value_counts().max() + 1.8), layout="constrained")
    for axes, model in zip(np.atleast_1d(figure.subplots(1, len(models))), models, strict=True):
        here = chosen[chosen.model == model]
        _heat_map(axes, 100 * losses(here), model, "Reds", 0.0)
        names = [hardware_name(*key) for key in here[HARDWARE].itertuples(index=False)]
        axes.set_yticks(range(len(here)), names, fontsize=7)
    figure.suptitle("points below ideal arithmetic, of designs that lose more than one point dense", fontsize=11)
    figure.savefig(_PICTURES / "recovery.png", dpi=110)


def _heat_map(axes: Axes, points: pd.DataFrame, title: str, colours: str, lowest: float) -> None:
    axes.imshow(points.to_numpy(float), cmap=colours, vmin=lowest, vmax=_MOST, aspect="auto")
    for (row, column), value in np.ndenumerate(points.to_numpy(float)):
        if not np.isnan(value):
            colour = "white" if abs(value) > _DARK else "black"
            axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(points.shape[1]), points.columns, rotation=30, ha="right", fontsize=8)
    axes.set_title(title, fontsize=10)


if __name__ == "__main__":
    draw_passes()
    draw_recovery()
