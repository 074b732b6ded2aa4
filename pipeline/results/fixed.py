"""What all designs of a sweep have in common: it decides every figure and is in no column that varies."""

from __future__ import annotations

import pandas as pd

from pipeline.results.finished import hardware_only
from pipeline.results.names import overridden
from pipeline.sweep.axes import AXES, SCALARS
from pipeline.sweep.names import array_name
from pipeline.tables.schema import AXIS_COLUMNS

_QUIET = {axis.column: axis.default for axis in SCALARS if axis.kind is not str}
"""Numbers of axes that add nothing where they are at their default: no offset, no noise, no pruning."""
_SIZES = ("rows", "cols", "active_rows")


def fixed_axes(designs: pd.DataFrame) -> dict[str, str]:
    """The axes with one value among all designs, by their names in words, in the order of the tables.

    Left out are numbers at their default, circuit parameters that are none, and sides of an array that vary together.
    """
    found: dict[str, str] = {}
    for name in AXIS_COLUMNS:
        if name in ("design_key", "sweep", *_SIZES) or name not in designs:
            continue
        values = designs[name].drop_duplicates().tolist()
        if name == "overrides":
            found |= {parameter: text for parameter, text in _fixed_overrides(values).items()}
        elif len(values) == 1 and not _says_nothing(name, values[0]):
            found[name.replace("_", " ")] = f"{values[0]:g}" if isinstance(values[0], float) else str(values[0])
    for name in designs.attrs.get("parameters", ()):  # of overrides that were taken apart
        values = designs[name].unique()
        if len(values) == 1 and values[0]:
            found[name] = str(values[0])
    sizes = designs[list(_SIZES)].drop_duplicates() if set(_SIZES) <= set(designs.columns) else designs[:0]
    if len(sizes) == 1:
        found["array"] = array_name(*sizes.iloc[0].tolist())
    return found


def cost_choices(designs: pd.DataFrame) -> dict[str, str]:
    """How costs were counted, in words: converter, columns that share one, supply, what is charged to whom.

    A choice that is not the same for all (a converter follows from its bits, columns that wait from the topology) has
    its values side by side.
    """
    hardware = hardware_only(designs)
    choices: dict[str, list[str]] = {}
    for name in ("converter", "cost_assumptions", "cost_boundary"):
        if name not in hardware:
            continue
        texts = [str(text) for text in hardware[name].dropna().unique()]
        found: dict[str, list[str]] = {}
        for text in texts:
            for part in text.split(";"):
                label, sign, value = part.partition("=")
                label, value = (label, value) if sign else (name, label)
                found.setdefault(label, []).append(value)
        for label, values in found.items():
            # A number that only some have of their own.
            others = ["the technology's"] if len(values) < len(texts) else []
            choices[label] = list(dict.fromkeys(value for value in [*values, *others] if value))
    return {label.replace("_", " "): " or ".join(values) for label, values in choices.items() if values}


def _fixed_overrides(values: list[str]) -> dict[str, str]:
    """Circuit parameters that every design has replaced by the same value."""
    every = [overridden(value) for value in values]
    return {name: text for name, text in every[0].items() if all(one.get(name) == text for one in every)}


def _says_nothing(name: str, value: object) -> bool:
    return bool(pd.isna(value)) or value == "" or (name in _QUIET and value == _QUIET[name])


def said(values: dict[str, str]) -> str:
    """``row order channel, adc reference calibrated``: on one line."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def varying_axes(designs: pd.DataFrame) -> list[str]:
    """Columns of axes with several values among these designs, in the order of the tables, sizes of arrays left out."""
    named = [axis.column for axis in AXES if axis.column in designs and axis.column not in _SIZES]
    return [name for name in named if designs[name].nunique(dropna=False) > 1]
