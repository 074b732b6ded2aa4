"""Designs by the corner that is worst for them, held to a table that can be read."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.report.page.findings import findings, sentences
from pipeline.results.robust import only_flips, robust_front, worst_worlds

CORNERS = ("nominal", "pessimistic")


def design(key: str, corner: str, accuracy: float, energy: float, **changes: Any) -> dict[str, Any]:
    return {
        "design_key": key + corner[0], "sweep": "s", "model": "net", "dataset": "d", "device": "8T-SRAM",
        "corner": corner, "overrides": "", "rows": ord(key), "cols": 64, "active_rows": ord(key), "sparsity": "dense",
        "prune": 0.0, "solver_setting": "auto", "images": 100, "accuracy": accuracy, "ideal_accuracy": 0.93,
        "accuracy_loss": 0.93 - accuracy, "energy_per_image_J": energy, "energy_per_image_low_J": energy / 2,
        "energy_per_image_high_J": 2 * energy, "above_floor": accuracy > 0.2, "stopped": "", **changes,
    }  # fmt: skip


def of_both(key: str, nominal: float, pessimistic: float, energy: float, **changes: Any) -> list[dict[str, Any]]:
    pairs = zip(CORNERS, (nominal, pessimistic), (energy, 1.1 * energy), strict=True)
    return [design(key, corner, accuracy, spent, **changes) for corner, accuracy, spent in pairs]


DESIGNS = pd.DataFrame(
    [
        *of_both("a", 0.94, 0.50, 1e-9),  # the best of the nominal corner, and cheap there
        *of_both("b", 0.93, 0.92, 2e-9),
        *of_both("c", 0.92, 0.925, 3e-9),
        *of_both("e", 0.60, 0.11, 0.5e-9),  # guesses in one corner
        design("f", "nominal", 0.99, 0.1e-9),  # was not tried in the other
    ]
)


def test_a_choice_is_judged_by_its_worst_corner_and_its_largest_cost() -> None:
    worst = worst_worlds(DESIGNS).set_index("design_key")
    assert list(worst.index) == ["ap", "bp", "cn", "ep"]
    assert worst.accuracy.tolist() == [0.50, 0.92, 0.92, 0.11]
    assert worst.energy_per_image_J["cn"] == 1.1 * 3e-9 and worst.energy_per_image_high_J["cn"] == 2 * 1.1 * 3e-9
    assert robust_front(worst.reset_index(), "energy_per_image_J").design_key.tolist() == ["ap", "bp"]


def test_networks_are_not_rivals_and_what_varies_with_the_hardware_is_a_choice() -> None:
    other = DESIGNS.assign(model="other", accuracy=DESIGNS.accuracy - 0.05, design_key="o" + DESIGNS.design_key)
    overridden = DESIGNS.assign(
        overrides="r_col=9", accuracy=0.3, above_floor=True, design_key="r" + DESIGNS.design_key
    )
    front = robust_front(worst_worlds(pd.concat([DESIGNS, other, overridden])), "energy_per_image_J")
    assert front.groupby("model").design_key.agg(list).to_dict() == {
        "net": ["ren", "ap", "bp"], "other": ["oap", "obp"]
    }  # fmt: skip


def test_the_report_says_what_holds_in_every_corner_for_each_network() -> None:
    build = sentences(DESIGNS, None)[2].replace("\u00a0", " ")
    assert build.startswith("Judged by the worst of 2 corners (nominal, pessimistic), the most accurate design is")
    assert "8T-SRAM 98x64/98" not in build and "8T-SRAM 98x64, dense, with 92.0 % in the pessimistic corner" in build
    assert "2.2 nJ of energy per image (disputed: 1.1 nJ to 4.4 nJ)" in build
    assert "within 2 points of ideal arithmetic in every corner is the same" in build
    lossy = DESIGNS.assign(accuracy_loss=DESIGNS.accuracy_loss + 0.03)
    assert "no design comes within 2 points of ideal arithmetic in every corner" in sentences(lossy, None)[2]
    alone = DESIGNS[DESIGNS.design_key.isin(["an", "bp"])]
    assert "No design was computed in every corner (nominal, pessimistic)" in sentences(alone, None)[2]
    other = DESIGNS.assign(model="other", accuracy=DESIGNS.accuracy - 0.05, accuracy_loss=0.0)
    both = findings(pd.concat([DESIGNS, other]), None)
    assert list(both) == ["net", "other"] and "92.0" in both["net"][2] and "92.0" not in both["other"][2]


def test_the_report_says_where_devices_have_worlds_of_their_own() -> None:
    sram, reram = (DESIGNS[DESIGNS.design_key.isin([key + "n", key + "p"])] for key in "bc")
    own = pd.concat([sram.assign(effects="sram-vt"), reram.assign(effects="reram-5", device="1T-1ReRAM")])
    told = sentences(own.assign(stopped=""), None)[2].replace("\u00a0", " ")
    assert told.startswith("Judged by the worst world of its device, of 4 worlds (")
    assert "in every world of its device" in told
    alone = sentences(own[own.corner == "nominal"], None)[2]
    assert alone.startswith("With each device in one of 2 worlds (") and "every" not in alone


def test_the_report_speaks_of_what_a_race_left() -> None:
    raced = DESIGNS.assign(stopped=["", "", "beaten", "", "", "", "", "", ""])
    costs, _, build = sentences(raced, None)
    assert costs.startswith("A race stopped 1 of 9 designs as beaten; all that follows is of the others. ")
    assert build.startswith("Judged by the worst of 2 corners (nominal, pessimistic), of what the race left in every")
    none_left = raced[raced.design_key.isin(["bn", "bp", "cn"])].iloc[[0, 1, 2]]
    none_left = none_left.assign(stopped=["beaten", "", ""])
    assert "No design was left by the race in every corner" in sentences(none_left, None)[2]


def test_the_report_marks_designs_whose_solver_was_not_good_enough() -> None:
    marked = DESIGNS.assign(evidence_within_limits=DESIGNS.design_key != "bp")
    costs, _, build = sentences(marked, None)
    assert "98x64, dense (~: exact reads show its fast solver beyond the sweep's limits), with" in build
    assert "~" not in costs and "~" not in " ".join(sentences(marked.assign(evidence_within_limits=True), None))


def test_what_circuits_cost_is_told_of_designs_that_nothing_mends() -> None:
    mended = DESIGNS.assign(
        mitigations="popcount_term", accuracy=0.3, accuracy_loss=0.63, design_key="m" + DESIGNS.design_key
    )
    both = pd.concat([DESIGNS.assign(mitigations="none"), mended])
    assert sentences(both, None)[0] == sentences(DESIGNS.assign(mitigations="none"), None)[0]


def test_levels_that_differ_from_dense_in_their_flips_alone() -> None:
    levels = pd.DataFrame({"sparsity": ["dense", "binsparx", "binsparx"], "prune": [0.0, 0.0, 0.1]})
    assert only_flips(levels).tolist() == [True, True, False]
