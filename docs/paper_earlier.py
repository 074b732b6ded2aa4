"""The page's section on what moved since the earlier table, and that table's figures in a small one.

python docs/paper_earlier.py docs/results/paper/earlier.parquet

keeps what the section needs of the table in docs/results/paper: run it before a table of another solver version takes its
place.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from markdown_table import markdown_table
from paper_costs import costed
from paper_fits import fit_pairs
from paper_numbers import (
    ARRAYS,
    BINSPARX,
    COSTS,
    DEFAULT_FIT,
    DENSE,
    DIGITAL,
    FOLDER,
    OTHER_FIT,
    Hardware,
    Level,
    Row,
    back_to_ideal,
    cost_changes,
    fitted,
    hardware_designs,
    largest_gain,
    points,
    read_rows,
    signed,
    with_arrays_alone,
)

from pipeline.tables.schema import SCHEMAS

NAME = "earlier"
_HARDWARE = ("model", "device", "corner", "rows", "active_rows", "adc_reference")
_KEY = (*_HARDWARE, "row_order", "sparsity", "prune")
_COLUMNS = (
    *_KEY, "adc_fit", "accuracy", "ideal_accuracy", "images", *COSTS, *(part for parts in DIGITAL.values() for part in parts),
    "energy_leakage_J", "model_digest", "solver_version",
)  # fmt: skip
_LEVELS = {"dense": DENSE, "both flips": BINSPARX}
_UNCOUNTED = "not counted"
_BEFORE_THE_CHOICE = OTHER_FIT  # tables without the column: converters were re-ranged so
_COUNTED = {"energy_digital_mac_J": "digital layers", "energy_leakage_J": "leakage"}
# What moved the figures, by the solver versions of the earlier table and of this one.
_WHY = {
    ("5", "7"): (
        "Two things changed. Converters were re-ranged in the direction of least error over all reads, which draws high "
        "sums towards the mean; they are fitted so that every sum is right on average now "
        "([Sensing](physics.md#sensing)). And the fast solver erred with the partial sum where OFF cells bend otherwise "
        "than ON cells, so that 1T-1ReRAM designs lost accuracy that their circuits do not lose "
        "([Fast solver](physics.md#fast-solver))."
    )
}
Key = tuple[Any, ...]


def kept(table: pa.Table) -> pa.Table:
    """What the section needs of a table of designs."""
    rows = fitted(table.to_pylist())
    for row in rows:
        never = row["adc_reference"] == "nominal"
        row.setdefault("adc_fit", DEFAULT_FIT if never else _BEFORE_THE_CHOICE)
    names = [name for name in _COLUMNS if name in rows[0]]
    schema = pa.schema([SCHEMAS["designs"].field(name) for name in names])
    return pa.Table.from_pylist([{name: row[name] for name in names} for row in rows], schema=schema)


def section(rows: list[Row], earlier: list[Row]) -> str:
    """Both tables beside each other; empty where there is no earlier one, or both are of one solver version."""
    if not rows or _versions(rows) == _versions(earlier):
        return ""
    old = {_key(row): with_arrays_alone(row) for row in earlier}
    new = {_key(row): row for row in fitted(rows)}
    both = [key for key in new if key in old and new[key]["model_digest"] == old[key]["model_digest"]]
    if not both:
        return ""
    before, after = ([table[key] for key in both] for table in (old, new))
    return "\n\n".join(
        [
            "## What moved since the earlier table",
            _tables_in_words(before, after, len(earlier)),
            *filter(None, [_WHY.get((_versions(before)[-1], _versions(after)[-1]))]),
            "Accuracy in %, mean before and after over designs of both networks, and the largest single change:",
            _by_corner(old, new, both),
            *_causes(rows, old),
            _headlines(_designs(before), _designs(after)),
        ]
    )


def _versions(rows: list[Row]) -> list[str]:
    return sorted({row["solver_version"] for row in rows})


def _key(row: Row) -> Key:
    return tuple(row[name] for name in _KEY)


def _designs(rows: list[Row]) -> list[Hardware]:
    """Hardware of one fit: which one, and what else both tables have in common, tells no two apart."""
    return hardware_designs([{name: value for name, value in row.items() if name != "adc_fit"} for row in rows])


def _tables_in_words(before: list[Row], after: list[Row], size: int) -> str:
    def fit(rows: list[Row]) -> str:
        return " and ".join(sorted({f"`{row['adc_fit']}`" for row in rows if row["adc_reference"] != "nominal"}))

    def images(rows: list[Row]) -> str:
        return " and ".join(f"{n:,}" for n in sorted({row["images"] for row in rows}))

    text = (
        f"The table that stood here was of solver version {', '.join(_versions(before))}, converters re-ranged by "
        f"{fit(before)}, {images(before)} images; this one is of version {', '.join(_versions(after))}, {fit(after)}, "
        f"{images(after)} images. {len(after)} design points are in both"
    )
    text += f", of {size} then." if size != len(after) else "."
    ideal = {}
    for old, new in zip(before, after, strict=True):
        ideal[new["model"]] = (old["ideal_accuracy"], new["ideal_accuracy"])
    if images(before) != images(after):
        moved = ", ".join(f"{model} {100 * a:.1f} and {100 * b:.1f} %" for model, (a, b) in ideal.items())
        text += f" Ideal accuracy is of either's own images: {moved}; changes below are of the distance from it."
    uncounted = [name for column, name in _COUNTED.items() if after[0].get(column) and before[0].get(column) is None]
    if uncounted:
        text += f" The earlier costs hold no {' and no '.join(uncounted)}."
    return text


def _by_corner(old: dict[Key, Row], new: dict[Key, Row], both: list[Key]) -> str:
    groups: dict[tuple[str, str, str], list[Key]] = {}
    for key in both:
        row = new[key]
        groups.setdefault((row["device"], row["corner"], row["adc_reference"]), []).append(key)
    rows = []
    for (device, corner, reference), keys in groups.items():
        cells = []
        for sparsity, prune, order in _LEVELS.values():
            mine = [key for key in keys if (new[key]["sparsity"], new[key]["prune"], new[key]["row_order"])
                    == (sparsity, prune, order)]  # fmt: skip
            cells += _moved(old, new, mine)
        rows.append([device, corner, "never re-ranged" if reference == "nominal" else "re-ranged", *cells])
    numbers = [f"{name}, {text}" for name in _LEVELS for text in ("designs", "mean", "change", "largest change")]
    return markdown_table(["device", "corner", "converter"], numbers, rows)


def _moved(old: dict[Key, Row], new: dict[Key, Row], keys: list[Key]) -> list[str]:
    """How many designs, their mean accuracies, the mean change and the largest one."""
    if not keys:
        return ["0", "", "", ""]
    change = {key: _from_ideal(new[key]) - _from_ideal(old[key]) for key in keys}
    most = max(keys, key=lambda key: abs(change[key]))
    means = [100 * mean(table[key]["accuracy"] for key in keys) for table in (old, new)]
    row = new[most]
    where = f"{row['model']}, {_rows_of(row)}"
    return [
        str(len(keys)),
        f"{means[0]:.1f} to {means[1]:.1f}",
        points(mean(change.values())),
        f"{points(change[most])} ({where})" if change[most] else "0.0",
    ]


def _from_ideal(row: Row) -> float:
    """What changes where the circuit's accuracy does and the images' difficulty does not."""
    distance: float = row["accuracy"] - row["ideal_accuracy"]
    return distance


def _rows_of(row: Row) -> str:
    rows, together = row["rows"], row["active_rows"]
    return f"{rows} rows" if rows == together else f"{rows} rows, {together} at a time"


def _causes(rows: list[Row], old: dict[Key, Row]) -> list[str]:
    """How much of the change is the fit's and how much the solver's, on designs of this table that are fitted as those
    of the earlier one were."""
    parts = []
    for name, level in _LEVELS.items():
        found = [
            tuple(map(_from_ideal, (old[key], pair.other.levels[level], pair.default.levels[level])))
            for pair in fit_pairs(rows)
            if (key := _key(pair.other.levels[level])) in old and old[key]["adc_fit"] == OTHER_FIT
            and old[key]["model_digest"] == pair.other.levels[level]["model_digest"]
        ]  # fmt: skip
        if found:
            before, same_fit, now = (mean(column) for column in zip(*found, strict=True))
            largest = max((middle - first for first, middle, _ in found), key=abs)
            parts.append(
                f"{name} {points(same_fit - before)} by everything else (most on one design: {points(largest)}) and "
                f"{points(now - same_fit)} by the fit ({len(found)} designs)"
            )
    if not parts:
        return []
    return [
        f"On designs that this table also has with the earlier fit, `{OTHER_FIT}`, accuracy changes on average: "
        f"{'; '.join(parts)}."
    ]


def _headlines(before: list[Hardware], after: list[Hardware]) -> str:
    """The page's headline figures of both tables over the design points that are in both."""
    lines = [[name, text_of(before), text_of(after)] for name, text_of in _FIGURES.items()]
    lines += _cost_lines(costed(before), costed(after))
    lines = [line for line in lines if any(line[1:])]
    compared = [line for line in lines if all(line) and _UNCOUNTED not in line]
    moved = [name for name, old, new in compared if old != new]
    stand = [name for name, old, new in compared if old == new]
    told = f"Moved: {'; '.join(moved)}." if moved else "None of them moved."
    if moved and stand:
        told += f" Unchanged: {'; '.join(stand)}."
    return (
        "The page's headline figures over the design points that are in both tables (largest gains as picked by the images "
        f"that measure them):\n\n{markdown_table(['', 'before', 'now'], [], lines)}\n\n{told}"
    )


def _largest(among: Callable[[Hardware], bool]) -> Callable[[list[Hardware]], str]:
    def text_of(designs: list[Hardware]) -> str:
        found = largest_gain([design for design in designs if among(design)], BINSPARX)
        return "" if found is None else f"{100 * found[1]:.1f} points: {found[0].model}, {found[0].name}"

    return text_of


def _back(*levels: Level) -> Callable[[list[Hardware]], str]:
    def text_of(designs: list[Hardware]) -> str:
        fallen, back = back_to_ideal(designs, *levels)
        return f"{len(back)} of {len(fallen)}"

    return text_of


_FIGURES: dict[str, Callable[[list[Hardware]], str]] = {
    "largest gain of both flips, re-ranged": _largest(lambda design: design.re_ranged),
    "largest gain of both flips, never re-ranged": _largest(lambda design: not design.re_ranged),
    "designs more than a point below ideal, dense": lambda designs: str(len(back_to_ideal(designs)[0])),
    "of them back to within one point, both flips": _back(BINSPARX),
    "of them back to within one point, any level or order": _back(),
}


def _cost_lines(before: list[Hardware], after: list[Hardware]) -> list[list[str]]:
    """Changes of costs by both flips. A table that counts no digital layers has the arrays' totals in its totals."""

    def text_of(designs: list[Hardware], column: str) -> str:
        changes = cost_changes(designs, column, BINSPARX)
        if not changes:
            return ""
        return f"median {signed(median(changes))} ({signed(min(changes))} to {signed(max(changes))})"

    lines = []
    for (total, name), arrays in zip(COSTS.items(), ARRAYS, strict=True):
        whole = [text_of(designs, total) for designs in (before, after)]
        alone = [text_of(designs, arrays) for designs in (before, after)]
        if not any(alone):
            lines.append([f"{name}, both flips, nominal corner", *whole])
            continue
        own = [alone[side] or whole[side] for side in (0, 1)]
        lines.append([f"{name} of the arrays, both flips, nominal corner", *own])
        lines.append([f"{name} with digital layers", *(whole[side] if alone[side] else _UNCOUNTED for side in (0, 1))])
    return lines


def main() -> None:
    """Keep the table that stands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    pq.write_table(kept(pq.read_table(FOLDER / "designs.parquet")), output, compression="zstd")


def earlier_rows() -> list[Row]:
    """The rows of the earlier table; none where none was kept."""
    return read_rows(NAME)


if __name__ == "__main__":
    main()
