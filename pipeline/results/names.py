"""What people call a design among others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from pipeline.sweep.axes import CONDITIONS, CORNER, ENCODING, WORLD, WORLD_COLUMNS
from pipeline.sweep.names import array_name, beyond_corner, world_name
from pipeline.tables.schema import HARDWARE_COLUMNS

_ARRAY = ("rows", "cols", "active_rows")
_USUAL = ("device", "corner", *_ARRAY)  # always in a design's name


def hardware_name(row: Mapping[str, Any], axes: Iterable[str] = ()) -> str:
    """The hardware of a design, short: ``8T-SRAM nominal 64x64/16, adc bits 5``.

    Args:
        row: of ``designs``; what it does not have is left out.
        axes: columns named beside device, corner and array where they hold anything; those of its world in words.
    """
    parts = [str(row[name]) for name in ("device", "corner") if name in row]
    sizes = [name for name in _ARRAY if name in row]
    if len(sizes) == len(_ARRAY):
        parts.append(array_name(*(row[name] for name in _ARRAY)))
        sizes = []
    axes = list(axes)
    world = beyond_corner(row) if set(axes) & set(WORLD_COLUMNS) else ""
    others = [name for name in axes if name not in WORLD_COLUMNS]
    return ", ".join([" ".join(parts) + world, *_axis_texts(row, [*sizes, *others])])


def design_name(row: pd.Series, designs: pd.DataFrame) -> str:
    """The hardware of a design in a sentence: ``8T-SRAM 64x64/16, adc bits 5 in the nominal corner``.

    Args:
        row: one of ``designs``.
        designs: those it is told apart from: axes beyond the usual ones are named where they vary among these.
    """
    return f"{choice_name(row, designs)} in the {world_name(row)}"


def choice_name(row: pd.Series, designs: pd.DataFrame) -> str:
    """The hardware of a design without its world, which nobody chooses: ``8T-SRAM 64x64/16, adc bits 5``.

    Args:
        row: one of ``designs``.
        designs: as of ``design_name``.
    """
    axes = [name for name in distinguishing(designs) if name not in ("model", *WORLD_COLUMNS)]
    model = f"{row.model} on " if designs.model.nunique() > 1 else ""
    array = array_name(row.rows, row.cols, row.active_rows)
    return ", ".join([f"{model}{row.device} {array}", *_axis_texts(row, axes)])


def world_names(designs: pd.DataFrame) -> pd.Series:
    """What people call the world of each design."""
    return designs[CORNER.column].astype(str) + " corner" + worlds_beyond_corner(designs)


def worlds_beyond_corner(designs: pd.DataFrame) -> pd.Series:
    """Of these names what stands behind the corner."""
    places = designs[[name for name in WORLD_COLUMNS if name in designs]]
    return pd.Series(map(beyond_corner, places.to_dict("records")), index=designs.index, dtype=object)


def world_words(designs: pd.DataFrame) -> str:
    """What tells the worlds of these designs apart, in a sentence: ``corner``, ``corner, effects and age``."""
    names = [CORNER.column, *(axis.column for axis in WORLD if axis.column in designs)]
    varying = [name for name in dict.fromkeys(names) if name == CORNER.column or designs[name].nunique() > 1]
    words = {axis.column: axis.word for axis in CONDITIONS}
    *first, last = (words.get(name, name) for name in varying)
    return f"{', '.join(first)} and {last}" if first else last


def distinguishing(designs: pd.DataFrame) -> list[str]:
    """Hardware axes that tell designs of the same device, corner and array apart; lossless bits follow from array and
    encoding and do not."""
    axes = [name for name in HARDWARE_COLUMNS if name in designs and name not in ("sweep", "dataset", *_USUAL)]
    usual = designs.groupby(list(_USUAL), dropna=False)
    encoded = usual if ENCODING.column not in designs else designs.groupby([*_USUAL, ENCODING.column], dropna=False)
    same = {name: encoded if name == "adc_bits" else usual for name in axes}
    return [name for name in axes if same[name][name].nunique(dropna=False).max() > 1]


def only_of_chips(chips: int) -> str:
    """What a claim that was judged on so many chips, which differ, does not say."""
    them = "the one chip that was" if chips == 1 else f"the {chips} chips that were"
    return f"all of this holds for {them} judged: chips differ, and others may lose more"


def overridden(overrides: object) -> dict[str, str]:
    """The circuit parameters of the column ``overrides``, ``r_col=5;v_read=0.3``, with their values as text."""
    pairs = (part.partition("=") for part in str(overrides).split(";"))
    return {name: value for name, sign, value in pairs if sign}


def split_overrides(designs: pd.DataFrame) -> pd.DataFrame:
    """The designs with a column for each circuit parameter that any of them replaces, in the place of ``overrides``.

    A parameter that a design leaves as it is has an empty text.
    """
    if "overrides" not in designs:
        return designs
    every = [overridden(value) for value in designs["overrides"]]
    names = [name for name in dict.fromkeys(name for one in every for name in one) if name not in designs]
    place = designs.columns.get_loc("overrides")
    added = pd.DataFrame({name: [one.get(name, "") for one in every] for name in names}, index=designs.index)
    return pd.concat([designs.iloc[:, :place], added, designs.iloc[:, place + 1 :]], axis=1)


def _axis_texts(row: Mapping[str, Any], axes: Iterable[str]) -> list[str]:
    texts: list[str] = []
    for name in axes:
        value = row[name]
        if name == "overrides":
            texts += [f"{parameter}={text}" for parameter, text in overridden(value).items()]
        elif value not in ("", None):
            text = f"{value:g}" if isinstance(value, float) else str(value)
            texts.append(f"{name.replace('_', ' ')} {text}")
    return texts
