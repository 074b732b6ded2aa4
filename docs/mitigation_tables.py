"""The generated table of docs/mitigations.md: every pass by its name, in the order in which they act."""

from __future__ import annotations

from markdown_table import markdown_table

from pipeline.sweep.axes import SCALARS
from pipeline.sweep.mitigation_sets import PRUNING, STANDING_FOR
from simcore.passes import PASSES, PassName

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
