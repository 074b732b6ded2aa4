"""The generated tables and paragraphs of docs/recovery.md, and the README's paragraph on what comes back."""

from __future__ import annotations

import pandas as pd
from markdown_table import markdown_table
from recovery_designs import (
    COSTS,
    HARDWARE,
    SETS,
    WITHIN,
    accuracies,
    damaged,
    designs_of,
    hardware_name,
    reach,
    within_a_point,
)

from pipeline.front.intervals import Z_95

_REMEDIES = list(SETS)[1:]
_ON_ALL = list(SETS)[:-1]  # the sets that every design has
_NEAR = 0.03  # of ideal: designs whose place beside the line chance may decide


def recovered() -> str:
    """How many designs lose more than a point dense, and how many of them each set brings back."""
    rows = []
    lost = damaged(accuracies("recovery"))
    for name, part in [*lost.groupby("model", sort=False), ("both", lost)]:
        back = within_a_point(part)[_REMEDIES]
        counts = [f"{int(back[one].sum())}{_of_how_many(part[one])}" for one in _REMEDIES]
        rows.append([str(name), str(len(part)), *counts, f"**{int(back.any(axis=1).sum())}**"])
    return markdown_table(["network", "lose more than a point dense"], [*_REMEDIES, "any of these"], rows)


def recovered_in_words() -> str:
    """How well the distances from ideal arithmetic are known that decide who is back."""
    table = designs_of("recovery")
    near = table[(table.ideal_accuracy - table.accuracy).abs() <= _NEAR]
    ends = 100 * near.apply(reach, axis=1)
    accuracy = accuracies("recovery")
    wider = 100 * (accuracy["full set, wide sinks"] - accuracy["full set"]).dropna()
    return (
        f"Counted as back is what loses at most a point on these {table.images.max()} images. The distance from ideal "
        f"arithmetic on the same images is known to within {ends.median():.1f} points (95 %, median of {len(near)} "
        f"designs within {100 * _NEAR:.0f} points of ideal; {ends.max():.1f} at most), so that single ones "
        "may stand on the other side of the line, and *any of these* is picked by the images that measure it. Sinks of "
        f"four times the width, beside the full set, move {len(wider)} accuracies by {wider.mean():+.1f} points on "
        f"average (±{Z_95 * wider.sem():.1f} by their scatter)."
    )


def summary(page: str = "docs/recovery.md") -> str:
    """What comes back and what flips still give, in a paragraph for who has not opened the ``page``."""
    accuracy = accuracies("recovery")
    lost = damaged(accuracy)
    back = within_a_point(lost)
    grouped, beside = _gains(accuracy)
    alone = 100 * (accuracy.BinSparX - accuracy.dense).mean()
    return (
        f"BinSparX is one remedy of many. Of the {len(accuracy)} of these designs whose converters are re-ranged (the "
        f"others are left out), {designs_of('recovery').images.max()} images each, [{len(lost)} lose more than a "
        f"point]({page}) stored densely. BinSparX brings {back['BinSparX'].sum()} of them back, with grouped rows "
        f"{back['BinSparX, grouped'].sum()}; bent references, a popcount term and recalibrated outputs without any "
        f"flip {back['passes, no flips'].sum()}; the full set (all of these, and rows near the sink) "
        f"{back['full set'].sum()}. On average over all {len(accuracy)} flips give {alone:.0f} points where nothing "
        f"else is done, {grouped:.0f} with grouped rows; beside the other passes grouped flips and rows near the sink "
        f"add {beside:.0f}."
    )


def gain_that_remains() -> str:
    """What flips add to dense storage, and what they add where the other passes are there already."""
    rows = []
    for (device, corner), part in accuracies("recovery").groupby(["device", "corner"], sort=False):
        numbers = [f"{100 * part[one].mean():.1f}" for one in ["ideal", *_ON_ALL]]
        rows.append([f"{device} {corner}", *numbers, *(f"{one:+.1f}" for one in _gains(part))])
    heads = ["ideal", *_ON_ALL, "flips, alone", "flips, beside passes"]
    return markdown_table(["designs"], heads, rows)


def vgg_small() -> str:
    """Every hardware design of VGG-small."""
    return _designs("vgg-small", "recovery")


def resnet18() -> str:
    """Every hardware design of ResNet-18."""
    return _designs("resnet18-cifar", "recovery")


def cnv() -> str:
    """Every hardware design of CNV-W1A1."""
    return _designs("cnv-w1a1", "cnv")


def cnv_in_words() -> str:
    """How many designs come back, and what flips give alone and beside the other passes."""
    accuracy = accuracies("cnv")
    lost = damaged(accuracy)
    back = within_a_point(lost).sum()
    alone, beside = _gains(accuracy)
    return (
        f"Of {len(lost)} designs that lose more than a point dense, BinSparX brings {back['BinSparX']} back, BinSparX "
        f"with grouped rows {back['BinSparX, grouped']}, passes without flips {back['passes, no flips']}, the full set "
        f"{back['full set']}. Flips with grouped rows give {alone:.1f} points on average where nothing else is "
        f"done, and {beside:.1f} beside the other passes (rows near the sink among them): bent references take over "
        "part of what flips do, and leave them the rest. Which set is cheapest is picked by the images that measure "
        "it; one accuracy is known to ±3 points."
    )


def single_passes_in_words() -> str:
    """What flips, bent references and a popcount term do by themselves on the damaged designs of the pass sweep."""
    table = designs_of("pass-effects").set_index(HARDWARE)
    channel = table[table.row_order == "channel"]
    stored = channel[(channel.sparsity == "dense") & (channel.mitigations == "none")]
    lost = (stored.ideal_accuracy - stored.accuracy)[lambda loss: loss > WITHIN]

    def gained(sparsity: str, mitigations: str) -> pd.Series:
        found = channel[(channel.sparsity == sparsity) & (channel.mitigations == mitigations)]
        return (found.accuracy - stored.accuracy).reindex(lost.index)

    def most(gain: pd.Series) -> int:
        return int((gain > lost / 2).sum())

    flips, bent, term = gained("binsparx", "none"), gained("dense", "bent_references"), gained("dense", "popcount_term")
    worse = 100 * -bent[bent < 0]
    return (
        f"On fashion-cnn, {table.images.max()} images, {len(lost)} designs lose more than a point. Flips by themselves "
        f"bring back more than half of that on {most(flips)} of them, bent references on {most(bent)}; bent references "
        f"make {len(worse)} worse, by {worse.min():.1f} to {worse.max():.1f} points, and a popcount term by itself, on "
        f"dense storage with straight references, {int((term < 0).sum())}."
    )


def _of_how_many(accuracy: pd.Series) -> str:
    """Where a set is not there for every design."""
    return f" of {accuracy.count()}" if accuracy.hasnans else ""


def _gains(accuracy: pd.DataFrame) -> tuple[float, float]:
    """Points that flips with grouped rows give on average, where nothing else is done and beside the other passes."""
    mean = 100 * accuracy[_ON_ALL].mean()
    return mean["BinSparX, grouped"] - mean["dense"], mean["full set"] - mean["passes, no flips"]


def _designs(model: str, sweep: str) -> str:
    """Every hardware design of a network: accuracies, and what the cheapest set costs that brings it back."""
    rows = []
    table = designs_of(sweep)
    within = within_a_point(accuracies(sweep).set_index(["model", "number"])).loc[model]
    sets = list(within.columns)
    for key, part in table[table.model == model].groupby(["number", *HARDWARE], sort=True):
        number, *hardware = key
        by_set = part.set_index("set")
        cells = [_accuracy(by_set.loc[one]) if one in by_set.index else "" for one in sets]
        back = by_set.loc[[one for one in sets if within.loc[number, one]]]
        ideal = f"{100 * part.ideal_accuracy.iloc[0]:.1f}"
        rows.append([hardware_name(*hardware), ideal, *cells, *_cheapest(back, by_set.loc["dense"])])
    return markdown_table(["design"], ["ideal", *sets, "cheapest back", "energy", "latency", "area"], rows)


def _cheapest(back: pd.DataFrame, dense: pd.Series) -> list[str]:
    """The set of least energy among those that bring a design back, and what it costs against dense storage."""
    if "dense" in back.index:
        return ["dense", "", "", ""]
    if not len(back):
        return ["none", "", "", ""]
    best = back.sort_values("energy_per_image_J").iloc[0]
    return [str(best.name), *(f"{100 * (best[cost] / dense[cost] - 1):+.1f} %" for cost in COSTS)]


def _accuracy(design: pd.Series) -> str:
    """In %, with a mark where the fast solver is beyond its limits."""
    beyond = not (pd.isna(design.evidence_within_limits) or design.evidence_within_limits)
    return f"{100 * design.accuracy:.1f}" + " ~" * beyond
