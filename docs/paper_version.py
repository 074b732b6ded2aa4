"""What the page says where its tables are of another solver version than the code beside them."""

from __future__ import annotations

import pyarrow.parquet as pq
from markdown_table import markdown_table
from paper_numbers import FOLDER, Row

from simcore.inference.evaluation import SOLVER_VERSION

NAME = "sample"
"""A few designs of the sweep by a later version, on fewer images: docs/results/paper/sample.parquet."""
_AXES = ("model", "device", "corner", "rows", "active_rows", "row_order", "sparsity", "prune", "adc_reference")
_WHY = (
    "Two things changed. Converters were re-ranged in the direction of least error over all reads, which draws high sums "
    "towards the mean; they are fitted so that every sum is right on average now "
    "([Sensing](physics.md#sensing)). And the fast solver erred with the partial sum where OFF cells bend otherwise than "
    "ON cells, so that 1T-1ReRAM designs lost accuracy that their circuits do not lose ([Fast solver](physics.md#fast-solver)). Version 7 moves the last digits of the evidence, no prediction."
)


def sample_rows() -> list[Row]:
    """The designs of the sample; none where it is not there."""
    path = FOLDER / f"{NAME}.parquet"
    return list(pq.read_table(path).to_pylist()) if path.exists() else []


def _of_ideal(row: Row) -> str:
    return f"{100 * row['accuracy']:.1f} of {100 * row['ideal_accuracy']:.1f} %"


def section(rows: list[Row], sample: list[Row], current: str = SOLVER_VERSION) -> str:
    """A paragraph, and the same designs by both versions; nothing where the tables are of the ``current`` version."""
    versions = sorted({row["solver_version"] for row in rows} - {current})
    if not versions:
        return ""
    known = {tuple(row[name] for name in _AXES): row for row in rows}
    lines = []
    for row in sample:
        earlier = known.get(tuple(row[name] for name in _AXES))
        if earlier is not None and row["solver_version"] not in versions:
            size = (
                str(row["rows"]) if row["rows"] == row["active_rows"] else f"{row['rows']}, {row['active_rows']} read"
            )
            lines.append(
                [
                    row["model"], row["device"], row["corner"], size, row["sparsity"],
                    _of_ideal(earlier), _of_ideal(row), f"{row['images']}",
                ]
            )  # fmt: skip
    text = (
        f"**The tables of this page are of solver version {', '.join(versions)}; the code is of version {current}**, and "
        f"`binsparx run sweeps/paper.yaml` computes other rows than these. {_WHY}"
    )
    if not lines:
        return text
    numbers = [f"version {versions[-1]}", f"version {sample[0]['solver_version']}", "images of the latter"]
    table = markdown_table(["network", "bitcell", "corner", "rows", "level"], numbers, lines)
    return f"{text} Some of the sweep's designs by both, accuracy of ideal accuracy on the same images:\n\n{table}"


def in_short(rows: list[Row], current: str = SOLVER_VERSION) -> str:
    """The same in a sentence, for who has not opened the page."""
    versions = sorted({row["solver_version"] for row in rows} - {current})
    if not versions:
        return ""
    return f" These rows are of solver version {', '.join(versions)}; the page says what version {current} changes."
