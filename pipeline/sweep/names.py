"""What people call an array and a sparsity level, the same in every list, table and drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.sweep.axes import CONDITIONS, CORNER, EFFECTS, LEVEL
from pipeline.sweep.field_types import NO_EFFECTS

_FLIPS, *_BEYOND = LEVEL


def array_name(rows: int, cols: int, active_rows: int) -> str:
    """``64x32``, and ``64x32/16`` where 16 rows are read together instead of all."""
    return f"{rows}x{cols}" if active_rows == rows else f"{rows}x{cols}/{active_rows}"


def world_name(row: Mapping[str, Any]) -> str:
    """``nominal corner``, and ``nominal corner with reram-5 after 1 day`` with device effects.

    Args:
        row: of ``designs``, or the columns of a point; what it does not have is left out.
    """
    return f"{row[CORNER.column]} corner{beyond_corner(row)}"


def beyond_corner(row: Mapping[str, Any]) -> str:
    """Of the name of a world what stands behind its corner: nothing without device effects.

    Args:
        row: as of ``world_name``.
    """
    effects = row.get(EFFECTS.column, NO_EFFECTS)
    if effects == NO_EFFECTS:
        return ""
    values = [(axis, row.get(axis.column, axis.default)) for axis in CONDITIONS]
    return " ".join([f" with {effects}", *(axis.told(value) for axis, value in values if value != axis.default)])


def level_name(row: Mapping[str, Any], short: bool = False) -> str:
    """``binsparx``, and ``binsparx prune 0.1`` where anything beyond the flips is not as it is without.

    Args:
        row: of ``designs``, or the columns of a level; what it does not have is left out.
        short: a number stands behind the first letter of its axis, ``p0.1``.
    """
    parts = [str(row[_FLIPS.column])]
    for axis in _BEYOND:
        value = row.get(axis.column)
        if value is None or value != value or value in ("", axis.default):
            continue
        name = axis.column[0] if short else f"{axis.column} "
        parts.append(str(value) if isinstance(value, str) else f"{name}{value:g}")
    return " ".join(parts)
