"""The tables of finished sweeps as they are read: whole, and with the columns of today."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.storage.store import Store
from pipeline.sweep.axes import EFFECTS, SCALARS
from pipeline.sweep.field_types import NO_EFFECTS
from pipeline.tables.files import table_path
from pipeline.tables.schema import TABLES
from simcore.errors import InputError, one_line

# A sweep of a version that did not know an axis yet had its default.
_DEFAULTS = {axis.column: axis.default for axis in SCALARS if not axis.required and isinstance(axis.default, axis.kind)}
_DEFAULTS[EFFECTS.column] = NO_EFFECTS


class UnusableTable(InputError):
    """A table that is damaged, or lacks what a table of today cannot do without."""


def read_table(sweep_name: str, table: str, store: Store) -> pa.Table | None:
    """A table of a finished sweep, or None where there is none.

    A column that an earlier version did not write holds the default of its axis, or nulls.

    Raises:
        UnusableTable: it is damaged, or has no column that every row of today has.
    """
    path = table_path(sweep_name, table)
    data = store.read(path)
    if data is None:
        return None
    where, remedy = store.display(path), _remedy(sweep_name, table)
    try:
        found = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        reason = one_line(error).replace("Parquet input source '<Buffer>'", "it as Parquet")
        raise UnusableTable(f"the table is damaged ({reason}); {remedy}", where) from None
    return _of_today(found, TABLES[table], where, remedy)


def _remedy(sweep_name: str, table: str) -> str:
    if table == "recommendations":
        return f"`binsparx recommend` with the file of sweep '{sweep_name}' writes it anew"
    return f"running sweep '{sweep_name}' again writes it anew from what is stored"


def _of_today(table: pa.Table, schema: pa.Schema, where: str, remedy: str) -> pa.Table:
    """The columns of ``schema`` in its order, then what another version may have written beside them."""
    columns, fields = [], []
    for field in schema:
        if field.name in table.column_names:
            column = table[field.name]
        elif field.name in _DEFAULTS or field.nullable:
            value = pa.scalar(_DEFAULTS.get(field.name), field.type)
            column = pa.chunked_array([pa.repeat(value, table.num_rows)], field.type)
        else:
            raise UnusableTable(f"another version wrote the table, without a column '{field.name}'; {remedy}", where)
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowException:
            message = f"column '{field.name}' holds {column.type}, expected {field.type}; {remedy}"
            raise UnusableTable(message, where) from None
        if column.null_count and not field.nullable:
            raise UnusableTable(f"column '{field.name}' holds nulls; {remedy}", where)
        fields.append(field)
    beside = [name for name in table.column_names if name not in schema.names]
    columns += [table[name] for name in beside]
    fields += [table.schema.field(name) for name in beside]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))
