"""What the page says where its tables are of another solver version than the code beside them."""

from __future__ import annotations

from paper_numbers import Row

from simcore.inference.evaluation import SOLVER_VERSION


def section(rows: list[Row], current: str = SOLVER_VERSION) -> str:
    """A sentence; nothing where the tables are of the ``current`` version."""
    versions = _others(rows, current)
    if not versions:
        return ""
    return (
        f"**The tables of this page are of solver version {versions}; the code is of version {current}**, and "
        "`binsparx run sweeps/paper.yaml` computes other rows than these."
    )


def in_short(rows: list[Row], current: str = SOLVER_VERSION) -> str:
    """The same for who has not opened the page."""
    versions = _others(rows, current)
    return f" These rows are of solver version {versions}; the code is of version {current}." if versions else ""


def _others(rows: list[Row], current: str) -> str:
    return ", ".join(sorted({row["solver_version"] for row in rows} - {current}))
