"""The generated table of docs/scope.md: the sweeps that ship."""

from __future__ import annotations

from pathlib import Path

import chip_tables
import paper_numbers
import pyarrow.parquet as pq
import recovery_designs
from markdown_table import markdown_table

from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep

_SWEEPS = Path(__file__).parents[1] / "sweeps"
# Sweep -> where its results stand.
_PAGES = {
    "quickstart": "tutorial.md",
    "paper": "paper.md",
    "recovery": "recovery.md",
    "pass-effects": "recovery.md#which-pass-matters-where",
    "cnv": "recovery.md#a-network-from-elsewhere",
    "chips-paper": "chips-results.md",
    "chips-sram": "chips-results.md",
    "chips-reram": "chips-results.md",
    "encodings": "encodings.md#what-they-give",
    "converter-bits": "cost.md#what-the-sweeps-that-ship-say",
}
# Tables of sweeps whose data set is not in the repository, so that they cannot be planned everywhere.
_KEPT = {
    "paper": paper_numbers.FOLDER / "designs.parquet",
    "chips-paper": chip_tables.RESULTS / "chips-paper.parquet",
    **{name: recovery_designs.KEPT / f"{name}.parquet" for name in ("recovery", "cnv")},
}


def shipped() -> str:
    """A row for each sweep, the examples left out."""
    names = {file.stem for file in _SWEEPS.glob("*.yaml")}
    if names != set(_PAGES):
        raise ValueError(f"_PAGES and the sweeps that ship differ in {sorted(names ^ set(_PAGES))}")
    return markdown_table(
        ["sweep", "networks", "data set", "results"], ["designs", "images", "chips"], map(_row, _PAGES)
    )


def _row(name: str) -> list[str]:
    sweep = load_sweep(str(_SWEEPS / f"{name}.yaml"))
    spec = sweep.spec
    designs = pq.read_metadata(_KEPT[name]).num_rows if name in _KEPT else len(make_plan(sweep).points)
    return [
        f"[{name}](../sweeps/{name}.yaml)",
        ", ".join(f"`{model}`" for model in spec.models),
        Path(spec.dataset.name).name,
        f"[page]({_PAGES[name]})",
        str(designs),
        f"{spec.dataset.images:,}",
        str(spec.chips),
    ]
