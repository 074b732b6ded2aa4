"""The figures of the paper page, taken from the tables in docs/results/paper: nothing here is typed in but the paper's
own claims."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.tables.schema import HARDWARE_COLUMNS
from simcore.design_axes import Adc

FOLDER = Path(__file__).parent / "results" / "paper"
Row = dict[str, Any]

# Malhotra and Gupta, arXiv 2412.03553.
PAPER_REDUCTION = (0.431, 0.498)
PAPER_LARGEST_GAIN = 0.7725
PAPER_ENERGY, PAPER_AREA = "about -9 %", "about +6 %"

NEAR_IDEAL = 0.01  # "back to ideal": within one point
NEARLY_IDEAL_DENSE = 0.02  # designs whose dense accuracy is within two points of ideal
_ROUNDING = 1e-9  # accuracies are counts of images over their number: no two differ by less but in rounding
COSTS = {"energy_per_image_J": "energy", "latency_per_image_s": "latency", "area_m2": "area"}
# Of the arrays alone, with all that belongs to them: totals less what the digital layers take of them.
ARRAYS = {"energy_arrays_J": "energy", "latency_arrays_s": "latency", "area_arrays_m2": "area"}
DIGITAL = {
    "energy_per_image_J": ("energy_digital_mac_J", "energy_digital_memory_J", "energy_digital_leakage_J"),
    "latency_per_image_s": ("latency_digital_s",),
    "area_m2": ("area_digital_m2",),
}
DEFAULT_FIT = str(Adc.model_fields["fit"].default)
OTHER_FIT = "least_squares"

# The row order is wiring: designs that differ in it are the same hardware, read and flipped differently.
_HARDWARE = tuple(name for name in HARDWARE_COLUMNS if name not in ("row_order", "dataset"))
Level = tuple[str, float, str]
DENSE: Level = ("dense", 0.0, "channel")
BINSPARX: Level = ("binsparx", 0.0, "channel")
GROUPED: Level = ("binsparx", 0.0, "grouped")


@dataclass(frozen=True)
class Hardware:
    """One design with all the levels at which it was run."""

    model: str
    device: str
    corner: str
    rows: int
    active_rows: int
    adc_reference: str
    levels: dict[Level, Row]

    @property
    def name(self) -> str:
        """For people."""
        size = (
            f"{self.rows} rows" if self.active_rows == self.rows else f"{self.rows} rows, {self.active_rows} at a time"
        )
        fixed = ", converter never re-ranged" if self.adc_reference == "nominal" else ""
        return f"{self.device} {self.corner}, {size}{fixed}"

    @property
    def re_ranged(self) -> bool:
        """Whether its converters are re-ranged for every row group."""
        return self.adc_reference == "calibrated"

    @property
    def ideal(self) -> float:
        return float(next(iter(self.levels.values()))["ideal_accuracy"])

    def accuracy(self, level: Level) -> float | None:
        """Accuracy at a level, None where it was not run."""
        return float(self.levels[level]["accuracy"]) if level in self.levels else None

    def best(self, *levels: Level) -> tuple[Level, float] | None:
        """The most accurate of ``levels`` (of all but dense if none is given)."""
        wanted = levels or tuple(level for level in self.levels if level[0] != "dense")
        found = [(level, float(self.levels[level]["accuracy"])) for level in wanted if level in self.levels]
        return max(found, key=lambda pair: pair[1]) if found else None

    def gain(self, *levels: Level) -> float | None:
        """Accuracy of the best of ``levels`` over dense."""
        best, dense = self.best(*levels), self.accuracy(DENSE)
        return None if best is None or dense is None else best[1] - dense


def read_rows(name: str) -> list[Row]:
    """All rows of NAME.parquet or of NAME-*.parquet; none where there is no such file."""
    files = sorted([*FOLDER.glob(f"{name}.parquet"), *FOLDER.glob(f"{name}-*.parquet")])
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def design_rows() -> list[Row]:
    """All design points of the table, with halves and the costs of the arrays alone where they are known."""
    return [with_arrays_alone(row) for row in with_halves(read_rows("designs"), read_rows("halves"))]


def fitted(rows: list[Row], fit: str = DEFAULT_FIT) -> list[Row]:
    """Rows whose converters are fitted so; a table older than the choice speaks of one fit only."""
    return [row for row in rows if row.get("adc_fit", DEFAULT_FIT) == fit]


def with_arrays_alone(row: Row) -> Row:
    """A row with the costs of its arrays alone, where it says what its digital layers take."""
    found = {}
    for (total, parts), name in zip(DIGITAL.items(), ARRAYS, strict=True):
        values = [row.get(part) for part in (total, *parts)]
        if all(value is not None for value in values):
            found[name] = values[0] - sum(values[1:])
    return row | found


def with_halves(rows: list[Row], halves: list[Row]) -> list[Row]:
    """Rows of designs with their accuracies on both halves of the images, where ``halves`` has them."""
    known = {row["design_key"]: row for row in halves}
    return [row | known.get(row["design_key"], {}) for row in rows]


def hardware_designs(rows: list[Row]) -> list[Hardware]:
    """Designs in the order of the table."""
    groups: dict[tuple[Any, ...], dict[Level, Row]] = {}
    for row in rows:
        key = tuple(row.get(name) for name in _HARDWARE)  # an axis younger than the table has one value in it
        groups.setdefault(key, {})[row["sparsity"], row["prune"], row["row_order"]] = row
    found = []
    for levels in groups.values():
        row = next(iter(levels.values()))
        named = (row[name] for name in ("model", "device", "corner", "rows", "active_rows", "adc_reference"))
        found.append(Hardware(*named, levels))
    return found


def models_of(rows: list[Row]) -> list[str]:
    """Networks, as they come."""
    return list(dict.fromkeys(row["model"] for row in rows))


def networks_of(designs: list[Hardware]) -> list[str]:
    """Networks, as the designs come."""
    return list(dict.fromkeys(design.model for design in designs))


def level_name(level: Level) -> str:
    """For people."""
    sparsity, prune, order = level
    return sparsity + (f" prune {prune:g}" if prune else "") + ("" if order == "channel" else f", {order}")


def levels_run_throughout(designs: list[Hardware], model: str) -> tuple[list[Hardware], list[Level]]:
    """Hardware of a network with converters re-ranged, and the levels of row order ``channel`` at which all of it was
    run; no levels unless dense and both flips are among them."""
    tuned = [design for design in designs if design.model == model and design.re_ranged]
    levels = [
        level
        for level in dict.fromkeys(level for design in tuned for level in design.levels)
        if level[2] == DENSE[2] and all(level in design.levels for design in tuned)
    ]
    return tuned, levels if {DENSE, BINSPARX} <= set(levels) else []


def largest_gain(designs: list[Hardware], *levels: Level) -> tuple[Hardware, float] | None:
    """The design that gains most over dense."""
    gains = [(design, gain) for design in designs if (gain := design.gain(*levels)) is not None]
    return max(gains, key=lambda pair: pair[1]) if gains else None


@dataclass(frozen=True)
class SplitGain:
    """The largest gain that one half of the images picks, and what the other half says of it: accuracy dense and at the
    level that was picked."""

    design: Hardware
    level: Level
    dense: float
    accuracy: float

    @property
    def gain(self) -> float:
        return self.accuracy - self.dense


def largest_gain_by_halves(designs: list[Hardware], *levels: Level) -> tuple[SplitGain, SplitGain] | None:
    """The largest gain over dense of ``levels`` (of all but dense if none is given), picked by the even images and
    measured on the odd ones, and the other way round: neither is flattered by having been picked. None without pairs, or
    where any lacks its halves."""
    pairs = [
        (design, level)
        for design in designs
        if DENSE in design.levels
        for level in levels or design.levels
        if level in design.levels and level[0] != "dense"
    ]
    found = []
    for picks, measures in (("accuracy_even", "accuracy_odd"), ("accuracy_odd", "accuracy_even")):
        rows = [(design.levels[DENSE], design.levels[level]) for design, level in pairs]
        if not rows or any(picks not in row or measures not in row for pair in rows for row in pair):
            return None
        place = max(range(len(rows)), key=lambda index: rows[index][1][picks] - rows[index][0][picks])
        found.append(SplitGain(*pairs[place], *(float(row[measures]) for row in rows[place])))
    return found[0], found[1]


def back_to_ideal(designs: list[Hardware], *levels: Level) -> tuple[list[Hardware], list[Hardware]]:
    """Designs whose dense accuracy is more than a point below ideal, and those of them that come back within it."""
    dense_too = [(d, dense, d.best(*levels)) for d in designs if (dense := d.accuracy(DENSE)) is not None]
    fallen = [(d, best) for d, dense, best in dense_too if best and not within(NEAR_IDEAL, d.ideal - dense)]
    back = [d for d, best in fallen if within(NEAR_IDEAL, d.ideal - best[1])]
    return [d for d, _ in fallen], back


def percent(share: float) -> str:
    """For people."""
    return f"{100 * share:.1f} %"


def signed(share: float) -> str:
    """For people, a change."""
    return f"{100 * share:+.1f} %"


def points(change: float) -> str:
    """For people, a change of accuracy; what rounds to nothing has no sign."""
    text = f"{100 * change:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def within(distance: float, loss: float) -> bool:
    """Whether a loss of accuracy is no larger than ``distance``, whatever the binary fractions."""
    return loss <= distance + _ROUNDING


def worst_loss_where_dense_is_fine(designs: list[Hardware], level: Level) -> tuple[int, Hardware | None, float]:
    """Of the designs whose dense accuracy is within two points of ideal: how many, which loses most by the level, and
    how much (negative: it gains). What dense storage has beyond ideal arithmetic is luck of these images, and no loss."""
    fine = [
        (d, min(dense, d.ideal) - accuracy)
        for d in designs
        if (dense := d.accuracy(DENSE)) is not None
        and (accuracy := d.accuracy(level)) is not None
        and within(NEARLY_IDEAL_DENSE, d.ideal - dense)
    ]
    if not fine:
        return 0, None, 0.0
    worst = max(fine, key=lambda pair: pair[1])
    return len(fine), worst[0], worst[1]


def cost_changes(designs: list[Hardware], column: str, level: Level) -> list[float]:
    """Relative change of a cost against dense, of every design that has it at both levels."""
    pairs = [(d.levels[DENSE], d.levels[level]) for d in designs if DENSE in d.levels and level in d.levels]
    return [
        sparse[column] / dense[column] - 1
        for dense, sparse in pairs
        if dense.get(column) is not None and sparse.get(column) is not None and dense[column] > 0
    ]


def reduction_of(rows: list[Row], model: str, order: str, together: int, layer: str = "all", **fields: Any) -> Row:
    """The row of the partial-sum table for both flips (or ``sparsity``).

    Raises:
        KeyError: there is none.
    """
    wanted = {"model": model, "row_order": order, "rows_read_together": together, "layer": layer,
              "sparsity": "binsparx", **fields}  # fmt: skip
    for row in rows:
        if all(row[name] == value for name, value in wanted.items()):
            return row
    raise KeyError(f"no partial sums of {wanted}")


def weighted_reads(reads: list[Row], partial_sums: list[Row]) -> list[Row]:
    """Sampled reads with the ``weight`` of each row in means over layers: the sample of a layer stands for all of the
    layer's column reads, however many were drawn.

    Raises:
        KeyError: a layer has no partial sums at the rows that its reads take together.
    """
    drawn: Counter[tuple[Any, ...]] = Counter()
    for row in reads:
        drawn[_sample_of(row)] += row["reads"]
    in_all = {
        (model, layer, rows): reduction_of(partial_sums, model, "channel", rows, layer)["column_reads"]
        for model, layer, rows in {(row["model"], row["layer"], row["rows"]) for row in reads}
    }
    return [
        {**row, "weight": in_all[row["model"], row["layer"], row["rows"]] * row["reads"] / drawn[_sample_of(row)]}
        for row in reads
    ]


def _sample_of(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("model", "layer", "sparsity", "row_order"))


def farthest_end(designs: list[Hardware]) -> float:
    """How far an end of a 95 % interval is from its accuracy at most, in points; intervals are not symmetric."""
    rows = [row for design in designs for row in design.levels.values()]
    ends = [abs(row[end] - row["accuracy"]) for row in rows for end in ("accuracy_low", "accuracy_high")]
    return 100 * max(ends)
