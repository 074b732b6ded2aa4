"""What docs/recovery.md tells of: the designs of three sweeps, kept in docs/results/recovery.

After ``binsparx run`` of sweeps/recovery.yaml, sweeps/pass-effects.yaml or sweeps/cnv.yaml, ``python
docs/recovery_designs.py [RESULTS]`` copies what the page needs of those that are in RESULTS; ``python docs/tables.py``
writes the tables and ``python docs/recovery_figures.py`` draws the pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import pipeline
from pipeline.front.intervals import PairedCounts

KEPT = Path(__file__).parent / "results" / "recovery"
SWEEPS = ("recovery", "pass-effects", "cnv")
HARDWARE = ["device", "corner", "rows", "active_rows"]
COSTS = ["energy_per_image_J", "latency_per_image_s", "area_m2"]
_COLUMNS = [
    *("model", *HARDWARE, "cols", "sparsity", "row_order", "mitigations", "accuracy", "ideal_accuracy", "images"),
    *(*COSTS, "evidence_within_limits", "design_key", "solver_version"),
]
_PASSES = "bent_references+popcount_term+recalibrated_outputs"
# The sets of sweeps/recovery.yaml and sweeps/cnv.yaml: heading -> (sparsity, row order, passes); the last one, where
# most is lost.
SETS = {
    "dense": ("dense", "channel", "none"),
    "BinSparX": ("binsparx", "channel", "none"),
    "BinSparX, grouped": ("binsparx", "grouped", "none"),
    "passes, no flips": ("dense", "channel", _PASSES),
    "full set": ("binsparx", "grouped", f"near_sink+{_PASSES}"),
    "full set, wide sinks": ("binsparx", "grouped", f"wide_sink:4+near_sink+{_PASSES}"),
}
_DEVICES = ["8T-SRAM", "1T-1ReRAM"]
_CORNERS = ["optimistic", "nominal", "pessimistic"]
WITHIN = 0.01 + 1e-9  # a design is back where it loses at most a point; accuracies are quotients of counts


def designs_of(sweep: str) -> pd.DataFrame:
    """The designs of a sweep with the name of their set, and ``number`` in the order of bitcell, corner and size."""
    table = pd.read_parquet(KEPT / f"{sweep}.parquet")
    names = {stored: name for name, stored in SETS.items()}
    kept = zip(table.sparsity, table.row_order, table.mitigations, strict=True)
    place = 10 * table.device.map(_DEVICES.index) + table.corner.map(_CORNERS.index)
    in_parts = (table.active_rows < table.rows).astype(int)
    return table.assign(set=[names.get(one) for one in kept], number=1e4 * place + 1e3 * in_parts + table.rows)


def accuracies(sweep: str) -> pd.DataFrame:
    """A row a network and hardware, a column each set of the sweep and ``ideal``; in order."""
    table = designs_of(sweep)
    index = ["model", "number", *HARDWARE]
    wide = table.pivot(index=index, columns="set", values="accuracy")
    ideal = table.groupby(index).ideal_accuracy.first()
    return (
        wide.filter(items=list(SETS))
        .assign(ideal=ideal)
        .reset_index()
        .sort_values(["model", "number"], ascending=[False, True])
    )


def losses(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Of each design and set what is lost of the ideal accuracy; NaN where the sweep has not both."""
    return accuracy.filter(items=list(SETS)).rsub(accuracy.ideal, axis=0)


def within_a_point(accuracy: pd.DataFrame) -> pd.DataFrame:
    """For each design and set, whether it loses at most a point of the ideal accuracy."""
    return losses(accuracy) <= WITHIN


def damaged(accuracy: pd.DataFrame) -> pd.DataFrame:
    """The designs that lose more than a point dense."""
    return accuracy[~within_a_point(accuracy).dense]


def hardware_name(device: str, corner: str, rows: int, active_rows: int) -> str:
    """As the page calls it."""
    return f"{device} {corner}, {rows} rows" + ("" if active_rows == rows else f", {active_rows} at a time")


def reach(row: pd.Series) -> float:
    """How far the 95 % interval of a design's distance from ideal arithmetic, on the same images, reaches from it."""
    counts = PairedCounts(*row[list(PairedCounts._fields)])
    low, high = counts.interval()
    return max(high - counts.change, counts.change - low)


def copy_results(uri: str) -> None:
    """What the page needs of the sweeps that were run, and what each design (first) and ideal arithmetic get right.

    Args:
        uri: results folder that they were run into.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    results = pipeline.open(uri)
    for name in {*SWEEPS} & {*results.sweeps()}:
        table = results.designs(name)[_COLUMNS]
        # More images of a design may be stored than its sweep asked for.
        seen = [(results.predictions(row.design_key), slice(row.images)) for row in table.itertuples()]
        table[list(PairedCounts._fields)] = [
            PairedCounts.of(one.correct[first], (one.ideal_predictions == one.labels)[first]) for one, first in seen
        ]
        table.to_parquet(KEPT / f"{name}.parquet")


if __name__ == "__main__":
    copy_results(sys.argv[1] if len(sys.argv) > 1 else "results")
