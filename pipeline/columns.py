"""A column of a stored table: its name and type, and its unit and meaning in the metadata."""

from __future__ import annotations

import pyarrow as pa

DIMENSIONLESS = ""
TEXT, INT, FLOAT, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

Row = dict[str, str | int | float | bool | None]
"""A row of a table by the names of its columns."""


def column(name: str, kind: pa.DataType, unit: str, description: str, nullable: bool = False) -> pa.Field:
    """A column with its unit and meaning."""
    metadata = {"unit": unit, "description": description}
    return pa.field(name, kind, nullable=nullable, metadata=metadata)
