"""The tables of a sweep, written piece by piece: no table is ever held in memory to be written."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.columns import Row
from pipeline.front.fronts import MARKS, Fronts, find_fronts, input_columns
from pipeline.storage.store import Store, naming
from pipeline.sweep.spec import ParetoSpec
from pipeline.tables.schema import RECOMMENDATIONS, RECOMMENDATIONS_SCHEMA, SCHEMAS

SWEEPS_FOLDER = "sweeps"
DRAWN = ("front.png", "front.svg", "report.html")
"""What a run draws of its tables beside them."""
GROUP_ROWS = 4096
"""Rows of a row group: always the same, so that the same rows give the same bytes."""


def table_path(sweep_name: str, table: str) -> str:
    """Where a table of a sweep lies in the store."""
    return f"{SWEEPS_FOLDER}/{sweep_name}/{table}.parquet"


def write_recommendations(sweep_name: str, rows: Sequence[Row], store: Store) -> str:
    """Puts the table ``recommendations`` of a sweep beside its other tables, and says where."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=RECOMMENDATIONS_SCHEMA), sink)
    path = table_path(sweep_name, RECOMMENDATIONS)
    store.put(path, sink.getvalue().to_pybytes())
    return path


class TableFiles(Mapping[str, pa.Table]):
    """The tables of one sweep in a scratch folder; a table is read when it is asked for.

    Rows are added design by design; ``finish`` finds the fronts and completes ``designs`` and ``pareto``.
    """

    def __init__(self, pareto: ParetoSpec) -> None:
        self._pareto = pareto
        self._scratch = tempfile.TemporaryDirectory(prefix="binsparx-tables-", ignore_cleanup_errors=True)
        self._folder = Path(self._scratch.name)
        self._rows: dict[str, list[Row]] = {name: [] for name in SCHEMAS}
        self._writers = {name: self._writer(name, "draft") for name in SCHEMAS if name != "pareto"}
        self._correct_sizes: list[int] = []
        self._correct = (self._folder / "correct").open("w+b")

    def add(self, rows: Mapping[str, list[Row]], correct: Sequence[np.ndarray]) -> None:
        """Adds rows to each named table; ``correct`` holds, for each row of ``designs``, the bits that
        ``find_fronts`` asks for."""
        for bits in correct:
            self._correct_sizes.append(len(bits))
            self._correct.write(bits.tobytes())
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
        columns = pq.read_table(draft, columns=input_columns(self._pareto))
        fronts = find_fronts(columns, self._correct_images(), self._pareto)
        members: list[pa.Table] = []
        start = 0
        with self._writer("designs") as writer:
            for piece in _row_groups(draft):
                marked = _marked(piece, fronts, start)
                writer.write_table(marked, row_group_size=GROUP_ROWS)
                members.append(marked.filter(marked["on_front"]))
                start += piece.num_rows
        draft.unlink()
        self._write_fronts(pa.concat_tables([SCHEMAS["designs"].empty_table(), *members]), fronts)

    def path(self, name: str) -> Path:
        """The file of a table in the scratch folder."""
        return self._folder / f"{name}.parquet"

    def publish(self, sweep_name: str, store: Store) -> None:
        """Writes each table whole into the store, designs last: readers find in the others what those speak of.

        What was drawn of earlier tables goes: where nothing can be drawn of these, nothing is beside them.
        """
        with contextlib.suppress(OSError):  # where nothing may be deleted it stays until it is drawn anew
            store.delete(f"{SWEEPS_FOLDER}/{sweep_name}/{name}" for name in DRAWN)
        for name in sorted(SCHEMAS, key=lambda name: name == "designs"):
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

    def _write(self, name: str, rows: list[Row]) -> None:
        table = pa.Table.from_pylist(rows, schema=SCHEMAS[name])
        with naming(str(self._folder)):
            self._writers[name].write_table(table, row_group_size=GROUP_ROWS)

    def _correct_images(self) -> list[np.ndarray]:
        """What was given as ``correct``, row by row, mapped from the disk."""
        self._correct.flush()
        if not sum(self._correct_sizes):
            return [np.zeros(0, np.uint8) for _ in self._correct_sizes]
        whole = np.memmap(self._correct, dtype=np.uint8, mode="r")
        return np.split(whole, np.cumsum(self._correct_sizes)[:-1])

    def _write_fronts(self, members: pa.Table, fronts: Fronts) -> None:
        """``pareto``: the rows on a front in the order of the fronts, not of the plan."""
        rank = {row: index for index, row in enumerate(sorted(fronts.order))}
        table = members.take(pa.array([rank[row] for row in fronts.order], pa.int64()))
        schema = SCHEMAS["pareto"]
        added = {
            "front_position": pa.array(fronts.positions, pa.int64()),
            "objectives": pa.array([",".join(self._pareto.objectives)] * len(fronts.order), pa.string()),
        }
        for name, values in added.items():
            table = table.append_column(name, values)
        with self._writer("pareto") as writer:
            writer.write_table(table.select(schema.names).cast(schema), row_group_size=GROUP_ROWS)


def _marked(piece: pa.Table, fronts: Fronts, start: int) -> pa.Table:
    """Rows ``start`` and following of ``designs``, with what is known of the fronts."""
    for name in MARKS:
        index = piece.schema.get_field_index(name)
        values = fronts.marks[name][start : start + piece.num_rows]
        piece = piece.set_column(index, piece.schema.field(index), pa.array(values))
    return piece


def _row_groups(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            yield file.read_row_group(index)
