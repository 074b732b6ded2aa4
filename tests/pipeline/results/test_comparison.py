"""Two sets of designs point by point, where there are rows and no images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.results.comparison import Comparison, compare_designs

CHIPS, IMAGES = 4, 500


def row(level: str, rng: np.random.Generator, chips: int = CHIPS, spread: float = 0.04) -> dict[str, Any]:
    """A design whose chips scatter about 80 %, measured on images of its own."""
    chance = np.clip(rng.normal(0.8, 0.2, IMAGES) + rng.normal(0, spread, (chips, 1)), 0, 1)
    accuracies = (rng.random((chips, IMAGES)) < chance).mean(axis=1)
    accuracy = float(accuracies.mean())
    return {
        "design_key": level, "sparsity": level, "device": "8T-SRAM", "images": IMAGES, "accuracy": accuracy,
        "accuracy_low": accuracy - 0.02, "accuracy_high": accuracy + 0.02, "chips": chips if chips > 1 else None,
        "accuracy_chip_std": float(accuracies.std(ddof=1)) if chips > 1 else None,
    }  # fmt: skip


def compared(a: dict[str, Any], b: dict[str, Any]) -> Comparison:
    return compare_designs(pd.DataFrame([a]), pd.DataFrame([b]), ("a", "b"))


@pytest.mark.parametrize("other_chips", [CHIPS, 1])
def test_chips_that_scatter_are_no_change_more_often_than_said(other_chips: int) -> None:
    """Of 200 pairs that are alike at most 5 % may be called changed, give or take, and intervals hold 0 as often."""
    rng, wrong, missed = np.random.default_rng(1), 0, 0
    for _ in range(200):
        one = row("dense", rng)
        point = compared(one, row("binsparx", rng, other_chips, 0.04 if other_chips > 1 else 0.0)).points.iloc[0]
        wrong += point.verdict != "undecided"
        missed += not point.change_low <= 0 <= point.change_high
    assert wrong <= 200 * 0.05 + 3 * np.sqrt(200 * 0.05 * 0.95)
    assert missed <= 200 * 0.05 + 3 * np.sqrt(200 * 0.05 * 0.95)


def test_a_change_that_is_far_more_than_chips_scatter_is_found() -> None:
    rng = np.random.default_rng(2)
    one, other = row("dense", rng, spread=0.01), row("binsparx", rng, spread=0.01)
    other |= {"accuracy": one["accuracy"] + 0.15}
    assert compared(one, other).points.verdict.tolist() == ["better"]
    unknown = compared(one, other | {"accuracy_chip_std": None}).points.iloc[0]
    assert unknown.verdict == "undecided" and (unknown.change_low, unknown.change_high) == (-1.0, 1.0)


def test_what_both_tables_do_not_say_is_no_difference() -> None:
    rng = np.random.default_rng(3)
    one, other = (row(level, rng) | {"calibration_images": np.nan} for level in ("dense", "binsparx"))
    assert list(compared(one, other).changed) == ["sparsity"]
