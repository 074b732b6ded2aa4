"""What a sweep found, in three sentences a network made from its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from pipeline.front.chips import interval_of_the_picked
from pipeline.front.intervals import PairedCounts, exact_interval
from pipeline.front.significance import ERROR, largest_by_halves
from pipeline.results.comparison import Comparison, split_images_of
from pipeline.results.finished import Results, is_beyond, seen_all
from pipeline.results.names import choice_name, design_name, world_names, world_words
from pipeline.results.robust import only_flips, spread_columns, worst_worlds
from pipeline.storage.predictions import read_chips
from pipeline.storage.store import Store
from pipeline.sweep.names import level_name, world_name
from pipeline.sweep.objectives import Objective, known_costs
from pipeline.tables.schema import HARDWARE_COLUMNS

_GAP = "\u00a0"  # a space at which no line breaks
MOST_GAINS, LEAST_GAINS = 30, 10
"""Of more changes than so many together a chart shows the largest and the smallest."""
NEAR_IDEAL = 0.02
"""Accuracy loss up to which a design counts as near ideal arithmetic."""


@dataclass(frozen=True)
class Gains:
    """A sparsity level beside dense storage on the same hardware."""

    level: str
    comparison: Comparison

    @property
    def drawn(self) -> pd.DataFrame:
        """The points that a chart has room for, best first: all, or the largest and the smallest changes."""
        points = self.comparison.points.sort_values("accuracy_change", ascending=False, kind="stable")
        if len(points) <= MOST_GAINS + LEAST_GAINS:
            return points
        return pd.concat([points.head(MOST_GAINS), points.tail(LEAST_GAINS)])

    def of_network(self, model: str) -> Gains | None:
        """Those of one network, still judged among all; None where it has none."""
        points = self.comparison.points
        if "model" not in points:
            return self
        own = (points.model == model).to_numpy()
        halves = self.comparison.halves
        kept = None if halves is None else [half for half, is_own in zip(halves, own, strict=True) if is_own]
        if not own.any():
            return None
        return Gains(self.level, replace(self.comparison, points=points[own].reset_index(drop=True), halves=kept))


def find_gains(results: Results, designs: pd.DataFrame) -> Gains | None:
    """``binsparx``, or the best level there is, against ``dense``, both with nothing beyond the flips and judged on all
    images and chips, where both are there on the same hardware; None where that is nowhere."""
    designs = seen_all(designs)
    plain = designs[only_flips(designs)]
    same = [name for name in (*HARDWARE_COLUMNS, "model_digest", "dataset_digest", "images", "chips") if name in plain]
    for level in ("binsparx", "activation", "weight"):
        dense, sparse = plain[plain.sparsity == "dense"], plain[plain.sparsity == level]
        dense, sparse = (
            one.merge(other[same].drop_duplicates(), on=same) for one, other in ((dense, sparse), (sparse, dense))
        )
        if not dense.empty:
            return Gains(level, results.compare(dense, sparse))
    return None


def findings(designs: pd.DataFrame, gains: Gains | None, store: Store | None = None) -> dict[str, list[str]]:
    """What was found of each network: networks are not rivals of each other.

    Args:
        designs: of a sweep.
        gains: of its sparsity.
        store: has the designs' images; without it nothing allows for a design with chips having been picked.
    """
    return {
        str(model): sentences(own, None if gains is None else gains.of_network(str(model)), store)
        for model, own in designs.groupby("model", sort=False)
    }


def sentences(designs: pd.DataFrame, gains: Gains | None, store: Store | None = None) -> list[str]:
    """What the circuit costs a network, what sparsity gives back, what to build; what a race stopped is left out, and
    the sentences say so."""
    every, beaten = len(designs), int((designs.stopped == "beaten").sum())
    designs = seen_all(designs)
    if designs.empty:
        return [f"All designs that are here, {every}, were beaten in a race by others that did not finish."]
    costs = _what_it_costs(designs)
    if beaten:
        costs = f"A race stopped {beaten} of {every} designs as beaten; all that follows is of the others. {costs}"
    return [costs, _what_sparsity_gives(gains, designs), _what_to_build(designs, store, raced=beaten > 0)]


def _percent(value: float) -> str:
    return f"{100 * value:.1f}{_GAP}%"


def _what_it_costs(designs: pd.DataFrame) -> str:
    dense = designs[(designs.sparsity == "dense") & only_flips(designs)]
    chosen = dense if not dense.empty else designs
    worst = chosen.loc[chosen.accuracy_loss.idxmax()]
    how, kind = ("stored densely, ", "dense ") if not dense.empty else ("", "")
    costs = f"Circuits cost the network up to {100 * worst.accuracy_loss:.1f} points of accuracy"
    if worst.accuracy_loss <= 0:
        costs = f"No {kind}design loses accuracy on these images"
    fine = int((chosen.accuracy_loss <= NEAR_IDEAL).sum())
    return (
        f"{costs}: {how}{design_name(worst, designs)}{_mark(worst)} classifies {_percent(worst.accuracy)} of "
        f"{worst.images} images rightly where ideal arithmetic gets {_percent(worst.ideal_accuracy)}; {fine} of "
        f"{len(chosen)} {kind}designs stay within {100 * NEAR_IDEAL:g} points of it on these images."
    )


def _what_sparsity_gives(gains: Gains | None, designs: pd.DataFrame) -> str:
    if gains is None:
        return "No dense and sparsified levels of the same hardware saw the same images, so no gain can be told."
    points = gains.comparison.points
    up, down = (int((points.verdict == verdict).sum()) for verdict in ("better", "worse"))
    costs = known_costs(points, "_change")
    sparse = designs[designs.design_key.isin(points.design_key_b)]
    spent = [f"{cost.label} by {_span(points[f'{cost.column}_change'])}{_disputed(sparse, cost)}" for cost in costs]
    more = f"; it changes {', '.join(spent)}" if spent else ""
    worse = f" and lowers it on {down}" if down else ""
    return (
        f"Without any training, {gains.level} raises accuracy on {up} of {len(points)} hardware designs by more than "
        f"chance explains{worse} (none of them by mistake, with 95{_GAP}% confidence){_largest_gain(gains)}{more}."
    )


def _disputed(designs: pd.DataFrame, cost: Objective) -> str:
    """How far a change may lie elsewhere, as circuit numbers that sources disagree about go to their ends."""
    low, high = (f"{cost.name}_change_{end}" for end in ("low", "high"))
    if low not in designs or designs[low].isna().all():
        return ""
    return f" (disputed: {_span(pd.concat([designs[low], designs[high]]))})"


def _largest_gain(gains: Gains) -> str:
    """The largest gain as images tell it that had no say in which it is; nothing where none is seen at all.

    Where designs were not compared image by image there are no such images, and the words say so."""
    points, halves = gains.comparison.points, gains.comparison.halves
    best = points.loc[points.accuracy_change.idxmax()]
    if best.accuracy_change <= 0:
        return ""
    if halves is None:
        return (
            f"; the largest gain seen is {_points(best.accuracy_change)} ({_percent(best.accuracy_a)} to "
            f"{_percent(best.accuracy_b)} on {design_name(best, points)}), flattered by having been picked"
        )
    (first, counts), (second, others) = largest_by_halves(halves)
    here, there = (f" on {design_name(points.iloc[pair], points)}" for pair in (first, second))
    return (
        f"; the largest gain, picked by every other image and measured on the rest, is {_measured(counts)}"
        f"{here if first != second else ''}, and the other way round {_measured(others)}{there}"
    )


def _points(change: float) -> str:
    return f"{100 * change:.1f} points".replace("-", "\u2212")


def _measured(counts: PairedCounts) -> str:
    low, high = counts.interval()
    ends = f"{100 * low:.1f} to {100 * high:.1f}".replace("-", "\u2212")
    return f"{_points(counts.change)} (95{_GAP}% interval {ends})"


def _interval_of_the_best(best: pd.Series, among: int, store: Store | None) -> str:
    """95 % interval of an accuracy that was picked from several: all their intervals hold at once (Bonferroni).

    Where chips differ it takes every image of every chip; without them the interval is that of the row, and the words
    say so.
    """
    if "chips" not in best or pd.isna(best.chips):
        return _allowed_for(exact_interval(round(best.accuracy * best.images), int(best.images), ERROR / among))
    if store is not None:
        place = str(best.design_key), split_images_of(best), int(best.chips), int(best.images)
        if len(correct := read_chips(store, *place)):
            return _allowed_for(interval_of_the_picked(correct, among))
    return f"{_percent(best.accuracy_low)} to {_percent(best.accuracy_high)} by itself, flattered by having been picked"


def _allowed_for(interval: tuple[float, float]) -> str:
    return f"{_percent(interval[0])} to {_percent(interval[1])}, which allows for its having been picked"


def _span(changes: pd.Series) -> str:
    low, high = 100 * changes.min(), 100 * changes.max()
    ends = [f"{low:+.1f}"] if high - low < 0.05 else [f"{low:+.1f}", f"{high:+.1f}"]
    return " to ".join(ends).replace("-", "\u2212") + f"{_GAP}%"


def _what_to_build(designs: pd.DataFrame, store: Store | None, raced: bool) -> str:
    """A world is no choice: designs are judged by the one that is worst for them."""
    worlds, words = world_names(designs).unique().tolist(), world_words(designs)
    kind, names = ("corner", designs.corner.unique()) if words == "corner" else ("world", worlds)
    worst = worst_worlds(designs)
    if worst.empty:
        there = "was left by the race" if raced else "was computed"
        return f"No design {there} in every {kind} ({', '.join(names)}), so none can be said to hold in all."
    costs = known_costs(worst)
    best = worst.loc[worst.accuracy.idxmax()]
    interval = _interval_of_the_best(best, int(worst.worlds.sum()), store)
    judged, everywhere = _judged_by(kind, names, worst)
    if raced and everywhere:
        judged += f", of what the race left{everywhere}"
    text = (
        f"{judged}, the most accurate design is {choice_name(best, worst)}, {level_name(best)}{_mark(best)}, with "
        f"{_percent(best.accuracy)} in the {world_name(best)} ({interval})"
    )
    cost = costs[0] if costs else None
    if cost is not None and pd.notna(best[cost.column]):
        text += f" at {_spent(best, cost)}"
    near = worst[worst.accuracy_loss <= NEAR_IDEAL]
    points = f"{100 * NEAR_IDEAL:g} points of ideal arithmetic"
    if near.empty:
        return text + f"; no design comes within {points}{everywhere}: this one loses {100 * best.accuracy_loss:.1f}."
    if cost is None or (near := near.dropna(subset=[cost.column])).empty:
        return text + "."
    cheap = near.loc[near[cost.column].idxmin()]
    if cheap.design_key == best.design_key:
        return text + f", and the cheapest within {points}{everywhere} is the same."
    found = f"{choice_name(cheap, worst)}, {level_name(cheap)}{_mark(cheap)}"
    return text + (
        f"; the cheapest within {points}{everywhere} is {found}, with "
        f"{_percent(cheap.accuracy)} or more at {_spent(cheap, cost)}."
    )


def _mark(row: pd.Series) -> str:
    """What is to be known of a design whose fast solver is not as good as was asked."""
    return " (~: exact reads show its fast solver beyond the sweep's limits)" if is_beyond(row) else ""


def _judged_by(kind: str, names: Sequence[str], worst: pd.DataFrame) -> tuple[str, str]:
    """By which worlds the choices are judged, and what holds "in every" one of them; a device may have its own."""
    most, several = int(worst.worlds.max()), f"{len(names)} {kind}s ({', '.join(names)})"
    if len(names) == 1:
        return "On these images", ""
    if most == len(names):
        return f"Judged by the worst of {several}", f" in every {kind}"
    if most == 1:
        return f"With each device in one of {several}", ""
    return f"Judged by the worst {kind} of its device, of {several}", f" in every {kind} of its device"


def _spent(row: pd.Series, cost: Objective) -> str:
    """``135 nJ of energy per image (disputed: 58.1 nJ to 330 nJ)``."""
    low, high = spread_columns(cost.column)
    text = f"{cost.show(row[cost.column], gap=_GAP)} of {cost.label}"
    if low not in row or pd.isna(row[low]):
        return text
    ends = f"{cost.show(row[low], gap=_GAP)} to {cost.show(row[high], gap=_GAP)}"
    return f"{text} (disputed: {ends})"
