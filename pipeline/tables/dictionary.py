"""The data dictionary: every column of every table with its type, unit and meaning, from the schemas themselves."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

FIELDS = ("table", "column", "type", "unit", "nullable", "meaning")

DICTIONARY_SCHEMA = pa.schema([(name, pa.bool_() if name == "nullable" else pa.string()) for name in FIELDS])


def data_dictionary(schemas: Mapping[str, pa.Schema]) -> pa.Table:
    """One row a column, in the order of the tables."""
    rows = []
    for table, schema in schemas.items():
        for field in schema:
            metadata = field.metadata or {}
            unit, meaning = (metadata.get(key, b"").decode() for key in (b"unit", b"description"))
            values = (table, field.name, str(field.type), unit, field.nullable, meaning)
            rows.append(dict(zip(FIELDS, values, strict=True)))
    return pa.Table.from_pylist(rows, schema=DICTIONARY_SCHEMA)
