"""The tables of a sweep, written piece by piece and read when they are asked for: no table is ever held in memory to
be written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.fronts import FRONT_INPUT_COLUMNS, find_fronts
from pipeline.store import Store
from pipeline.tables import SCHEMAS

SWEEPS_FOLDER = "sweeps"
GROUP_ROWS = 4096
"""Rows of a row group: always the same, so that the same rows give the same bytes."""


def table_path(sweep_name: str, table: str) -> str:
    """Where a table of a sweep lies in the store."""
    return f"{SWEEPS_FOLDER}/{sweep_name}/{table}.parquet"


def read_table(sweep_name: str, table: str, store: Store) -> pa.Table | None:
    """A table of a finished sweep, or None where there is none."""
    data = store.read(table_path(sweep_name, table))
    return None if data is None else pq.read_table(pa.BufferReader(data))


class TableFiles(Mapping[str, pa.Table]):
    """The tables of one sweep in a scratch folder; a table is read when it is asked for.

    Rows are added design by design; ``finish`` finds the fronts and completes ``designs`` and ``pareto``.
    """

    def __init__(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="binsparx-tables-", ignore_cleanup_errors=True)
        self._folder = Path(self._scratch.name)
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
        self._writers = {name: self._writer(name, "draft") for name in SCHEMAS if name != "pareto"}

    def add(self, rows: Mapping[str, list[dict[str, Any]]]) -> None:
        """Adds rows to each named table."""
        for name, added in rows.items():
            held = self._rows[name]
            held += added
            while len(held) >= GROUP_ROWS:
                self._write(name, held[:GROUP_ROWS])
                del held[:GROUP_ROWS]

    def finish(self) -> None:
        """Writes what is left, finds the fronts, and completes every table."""
        for name, writer in self._writers.items():
            self._write(name, self._rows.pop(name))
            writer.close()
            if name != "designs":
                (self._folder / f"{name}.draft").rename(self.path(name))
        draft = self._folder / "designs.draft"
        fronts = find_fronts(pq.read_table(draft, columns=list(FRONT_INPUT_COLUMNS)))
        schema = SCHEMAS["designs"]
        place = schema.get_field_index("on_front")
        members: list[pa.Table] = []
        start = 0
        with self._writer("designs") as writer:
            for piece in _row_groups(draft):
                marks = pa.array(fronts.on_front[start : start + piece.num_rows])
                marked = piece.set_column(place, schema.field(place), marks)
                writer.write_table(marked, row_group_size=GROUP_ROWS)
                members.append(marked.filter(marks))
                start += piece.num_rows
        draft.unlink()
        self._write_fronts(pa.concat_tables([schema.empty_table(), *members]), fronts.order, fronts.positions)

    def path(self, name: str) -> Path:
        """The file of a table in the scratch folder."""
        return self._folder / f"{name}.parquet"

    def publish(self, sweep_name: str, store: Store) -> None:
        """Writes each table whole into the store."""
        for name in SCHEMAS:
            store.put_file(table_path(sweep_name, name), self.path(name))

    def __getitem__(self, name: str) -> pa.Table:
        if name not in SCHEMAS:
            raise KeyError(name)
        return pq.read_table(self.path(name))

    def __iter__(self) -> Iterator[str]:
        return iter(SCHEMAS)

    def __len__(self) -> int:
        return len(SCHEMAS)

    def _writer(self, name: str, ending: str = "parquet") -> pq.ParquetWriter:
        return pq.ParquetWriter(self._folder / f"{name}.{ending}", SCHEMAS[name], compression="zstd")

    def _write(self, name: str, rows: list[dict[str, Any]]) -> None:
        table = pa.Table.from_pylist(rows, schema=SCHEMAS[name])
        self._writers[name].write_table(table, row_group_size=GROUP_ROWS)

    def _write_fronts(self, members: pa.Table, order: list[int], positions: list[int]) -> None:
        """``pareto``: the rows on a front in the order of the fronts, not of the plan."""
        rank = {row: index for index, row in enumerate(sorted(order))}
        table = members.take(pa.array([rank[row] for row in order], pa.int64()))
        schema = SCHEMAS["pareto"]
        table = table.append_column("front_position", pa.array(positions, pa.int64())).select(schema.names)
        with self._writer("pareto") as writer:
            writer.write_table(table.cast(schema), row_group_size=GROUP_ROWS)


def _row_groups(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            yield file.read_row_group(index)
