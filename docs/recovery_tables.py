"""The generated table of docs/recovery.md, from the table of a sweep in docs/results/recovery.

After `binsparx run sweeps/cnv.yaml`, ``python docs/recovery_tables.py`` copies what the page needs from results/;
``python docs/tables.py`` writes the table.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from markdown_table import markdown_table

RESULTS = Path(__file__).parent / "results" / "recovery"
SWEEPS = ("cnv",)
_COLUMNS = [
    "model", "device", "corner", "rows", "cols", "active_rows", "sparsity", "row_order", "mitigations", "accuracy",
    "ideal_accuracy", "images", "energy_per_image_J", "latency_per_image_s", "area_m2", "evidence_within_limits",
    "design_key", "solver_version",
]  # fmt: skip
_COSTS = ["energy_per_image_J", "latency_per_image_s", "area_m2"]
_HARDWARE = ["device", "corner", "rows", "active_rows"]
_CORNERS = ["optimistic", "nominal", "pessimistic"]
_PASSES = "bent_references+popcount_term+recalibrated_outputs"
# The five sets of sweeps/cnv.yaml: heading -> (sparsity, row order, passes).
SETS = {
    "dense": ("dense", "channel", "none"),
    "BinSparX": ("binsparx", "channel", "none"),
    "BinSparX, grouped": ("binsparx", "grouped", "none"),
    "passes, no flips": ("dense", "channel", _PASSES),
    "all": ("binsparx", "grouped", f"near_sink+{_PASSES}"),
}
WITHIN = 0.01  # a design is back where it loses at most so much of the ideal accuracy
_TOLERANCE = 1e-9  # accuracies are quotients of counts


def cnv() -> str:
    """Every hardware design of CNV-W1A1: accuracies, and what the cheapest set costs that brings it back."""
    rows = []
    for key, part in _designs("cnv").groupby(["number", *_HARDWARE], sort=True, observed=True):
        by_set = part.set_index("set")
        ideal = part.ideal_accuracy.iloc[0]
        cells = [f"{100 * by_set.accuracy[one]:.1f}{_mark(by_set.loc[one])}" for one in SETS]
        rows.append([_hardware(key[1:]), f"{100 * ideal:.1f}", *cells, *_cheapest(by_set, ideal)])
    return markdown_table(["design"], ["ideal", *SETS, "cheapest back", "energy", "latency", "area"], rows)


def cnv_in_words() -> str:
    """How many designs come back, and what flips give alone and beside the other passes."""
    table = _designs("cnv")
    accuracy = 100 * table.pivot(index="number", columns="set", values="accuracy")
    ideal = 100 * table.groupby("number").ideal_accuracy.first()
    within = accuracy.rsub(ideal, axis=0) <= 100 * (WITHIN + _TOLERANCE)
    alone = (accuracy["BinSparX, grouped"] - accuracy["dense"]).mean()
    beside = (accuracy["all"] - accuracy["passes, no flips"]).mean()
    back = {one: int(within[one].sum()) for one in SETS}
    return (
        f"Of {len(within) - back['dense']} designs that lose more than a point dense, BinSparX brings "
        f"{back['BinSparX']} back, BinSparX with grouped rows {back['BinSparX, grouped']}, passes without flips "
        f"{back['passes, no flips']}, all of them together {back['all']}. Flips with grouped rows give {alone:.1f} "
        f"points on average where nothing else is done, and {beside:.1f} beside the other passes (rows near the sink "
        "among them): bent references take over part of what flips do, and leave them the rest. Which set is cheapest "
        "is picked by the images that measure it; one accuracy is known to ±3 points."
    )


def _cheapest(by_set: pd.DataFrame, ideal: float) -> list[str]:
    back = by_set[(ideal - by_set.accuracy) <= WITHIN + _TOLERANCE]
    if "dense" in back.index:
        return ["dense", "", "", ""]
    if not len(back):
        return ["none", "", "", ""]
    best = back.sort_values("energy_per_image_J").iloc[0]
    changes = [best[cost] / by_set.loc["dense", cost] - 1 for cost in _COSTS]
    return [str(best.name), *(f"{100 * one:+.1f} %" for one in changes)]


def _mark(row: pd.Series) -> str:
    return "" if row.evidence_within_limits in (True, None) or pd.isna(row.evidence_within_limits) else " ~"


def _designs(sweep: str) -> pd.DataFrame:
    """The designs of a sweep with the name of their set, in the order of bitcell, corner and size."""
    table = pd.read_parquet(RESULTS / f"{sweep}.parquet")
    names = {stored: name for name, stored in SETS.items()}
    kept = zip(table.sparsity, table.row_order, table.mitigations, strict=True)
    table = table.assign(set=[names.get(one) for one in kept])
    order = {"device": ["8T-SRAM", "1T-1ReRAM"], "corner": _CORNERS}
    place = sum(table[column].map(values.index) * 10 ** (1 - n) for n, (column, values) in enumerate(order.items()))
    whole = (table.active_rows == table.rows).map({True: 0, False: 1})
    return table.assign(number=1e4 * place + 1e3 * whole + table.rows)


def _hardware(key: tuple[str, str, int, int]) -> str:
    device, corner, rows, active = key
    return f"{device} {corner}, {rows} rows" + ("" if active == rows else f", {active} at a time")


def copy_results(results: Path) -> None:
    """What the page needs of the sweeps that were run.

    Args:
        results: folder that they were run into.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in SWEEPS:
        found = results / "sweeps" / name / "designs.parquet"
        if found.exists():
            pd.read_parquet(found, columns=_COLUMNS).to_parquet(RESULTS / f"{name}.parquet")


if __name__ == "__main__":
    copy_results(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
