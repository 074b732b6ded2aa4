"""The generated tables of docs/mitigations.md: every pass by its name, in the order in which they act, and what sets
give and cost.

After `binsparx run sweeps/examples/passes.yaml`, ``python docs/mitigation_tables.py`` copies what the page needs from
results/ (or the folder that it is given); ``python docs/tables.py`` writes the tables.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from markdown_table import markdown_table

from pipeline.sweep.axes import SCALARS
from pipeline.sweep.mitigation_sets import PRUNING, STANDING_FOR
from simcore.passes import PASSES, PassName

KEPT = Path(__file__).parent / "results" / "passes.parquet"
_SET = ["sparsity", "row_order", "mitigations"]
_COSTS = {"energy": "energy_per_image_J", "latency": "latency_per_image_s", "area": "area_m2"}
_COLUMNS = ["device", *_SET, "accuracy", "evidence_within_limits", *_COSTS.values(), "design_key"]
_SETTING = "bent_references+popcount_term+recalibrated_outputs"
# What the sets of sweeps/examples/passes.yaml are called, by what they hold beside flips and row order.
_ALONE = {
    "none": "`dense`",
    **{
        name: f"`{name}`"
        for name in (
            "wide_sink:2", "reference_column", "popcount_term", "bent_references", "digital_table:4",
            "bent_references+threshold_grid:2", "bent_references+digital_table:4", "reference_bits:8",
            "recalibrated_outputs",
        )
    },
}  # fmt: skip
_FLIPPED = {
    "none": "`binsparx`",
    "sampled_popcount:4": "`binsparx+sampled_popcount:4`",
    "flips_where_they_pay": "`binsparx+flips_where_they_pay`",
}
_CHANGED = {
    f"near_sink+{_SETTING}": "*full set*",
    f"wide_sink:2+near_sink+{_SETTING}": "full set with `wide_sink:2`",
    f"near_sink+reference_column+{_SETTING}": "full set with `reference_column`",
    "near_sink+bent_references+popcount_term+threshold_grid:2+recalibrated_outputs": "full set with `threshold_grid:2`",
    f"near_sink+reference_bits:8+{_SETTING}": "full set with `reference_bits:8`",
    f"near_sink+sampled_popcount:4+{_SETTING}": "full set with `sampled_popcount:4`",
    f"near_sink+flips_where_they_pay+{_SETTING}": "full set with `flips_where_they_pay`",
    "near_sink+bent_references+digital_table:4+recalibrated_outputs":
        "full set with `digital_table:4` for `popcount_term`",
    "near_sink+reference_column+bent_references+recalibrated_outputs":
        "full set with `reference_column` for `popcount_term`",
    "wide_sink:2+near_sink+bent_references+digital_table:4+recalibrated_outputs":
        "full set with `wide_sink:2`, `digital_table:4` for `popcount_term`",
}  # fmt: skip
_SETS = {
    ("dense", "channel"): _ALONE,
    ("binsparx", "channel"): _FLIPPED,
    ("binsparx", "grouped"): _CHANGED,
}
_PLACES = {axis.column: axis.place for axis in SCALARS}


def passes() -> str:
    """What sets of mitigations may name."""
    rows = [
        [
            f"`{name}:0.1`" if name == PRUNING else f"`{name}`",
            one.meaning,
            f"`{_PLACES[one.column]}: {0.1 if one.value is None else one.value}`",
            "",
        ]
        for name, one in STANDING_FOR.items()
    ]
    rows += [
        [_name(one), one.meaning, f"`mitigations: {_name(one).strip('`')}`", _needs(one)] for one in PASSES.values()
    ]
    return markdown_table(["name", "what it does", "is kept as", "needs"], [], rows)


def gives() -> str:
    """Accuracy of every set on either bitcell, and what it costs against dense storage."""
    designs = pd.read_parquet(KEPT).set_index(["device", *_SET])
    devices = list(designs.index.unique("device"))
    rows = []
    for (sparsity, row_order), names in _SETS.items():
        for mitigations, shown in names.items():
            row = [shown]
            for device in devices:
                dense = designs.loc[(device, "dense", "channel", "none")]
                one = designs.loc[(device, sparsity, row_order, mitigations)]
                beyond = "" if one.evidence_within_limits else " ~"
                changes = [round(100 * (one[name] / dense[name] - 1), 1) + 0.0 for name in _COSTS.values()]
                row.append(f"{100 * one.accuracy:.1f} %{beyond}")
                row += ["" if one.equals(dense) else f"{change:+.1f} %" for change in changes]
            rows.append(row)
    numbers = [heading for device in devices for heading in (device, *_COSTS)]
    return markdown_table(["set"], numbers, rows)


def copy_results(results: Path) -> None:
    """What the page needs of the sweep.

    Args:
        results: folder that it was run into.
    """
    pd.read_parquet(results / "sweeps" / "passes" / "designs.parquet", columns=_COLUMNS).to_parquet(KEPT)


def _name(one: PassName) -> str:
    return f"`{one.name}:{one.example:g}`" if one.number else f"`{one.name}`"


def _needs(one: PassName) -> str:
    needs = ["converters that are re-ranged"] if one.sets_converters else []
    needs += ["`adc.range: full_scale`"] if one.sets_range else []
    needs += ["activation flips"] if one.activation_flips else []
    needs += ["weight flips"] if one.weight_flips else []
    needs += ["flips"] if one.flips else []
    needs += [f"`{one.widens}` above 0"] if one.widens else []
    needs += ["columns that do not see each other"] if one.independent_columns else []
    needs += ["thresholds that are bent"] if one.needs_bends else []
    needs += ["no " + " or ".join(f"`{name}`" for name in one.contradicts)] if one.contradicts else []
    needs += [f"{one.least_images} calibration images"] if one.least_images > 1 else []
    return ", ".join(needs)


if __name__ == "__main__":
    copy_results(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
