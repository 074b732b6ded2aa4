"""Kinds of fields that a sweep file has, for pydantic: how each is read and what it may hold."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value}")
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError("expected a number, a word or a list of them")


def is_effect_file(part: str) -> bool:
    """Whether a part of a set of device effects is a file and no name."""
    return part.endswith((".yaml", ".yml"))


def effect_names(text: str) -> list[str]:
    """The names of a set's parts: files are called as they are without folder and suffix."""
    return [PurePath(part).stem if is_effect_file(part) else part for part in text.split("+")]


def _effect_set(value: Any) -> str:
    """Names with a plus between them, or a list of such."""
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, str) and part.strip() for part in parts):
        raise ValueError(f"expected names of device effects such as 'sram-vt-5+stuck-1e-3', or none, found {value!r}")
    return "+".join(part.strip() for text in parts for part in text.split("+"))


AxisValue = str | int | float
Listed = BeforeValidator(_as_list)
"""Reads a scalar as a list of one: a list is an axis, a scalar is one value."""
Scalar = Annotated[Any, AfterValidator(_scalar)]
NO_EFFECTS = "none"
EffectSet = Annotated[Any, AfterValidator(_effect_set)]
"""A set of device effects, kept as text."""
Positive = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]


def values_of(item: Any) -> Any:
    """The kind of field that holds the values of an axis: one ``item`` or a list of them, not empty."""
    return Annotated[list[item], Listed, Field(min_length=1)]
