"""Finished sweeps as data frames: what ``pipeline.open`` returns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.front.pareto import non_dominated
from pipeline.results.comparison import Comparison, compare_designs
from pipeline.storage.predictions import Predictions
from pipeline.storage.store import Store
from pipeline.sweep.objectives import Direction
from pipeline.tables.files import SWEEPS_FOLDER, read_table
from pipeline.tables.schema import SCHEMAS
from simcore.design_axes import REFERENCE_SOLVERS
from simcore.errors import InputError, unknown_name

# Names that stand for content: a network that was trained again is another network, and a split holds other images.
_CONTENT = {"model": ("model_digest",), "dataset": ("dataset_digest", "dataset_split")}


class Results:
    """The finished sweeps of a results folder.

    Frames carry the unit of every column in ``frame.attrs["units"]``; what a column means stands in the schema of
    ``table``. Nothing is written.
    """

    def __init__(self, uri: str = "results") -> None:
        """Lists the sweeps; tables are read when they are asked for.

        Args:
            uri: a folder, or a URI such as ``s3://bucket/results``.

        Raises:
            InputError: there is no finished sweep.
        """
        self.store = Store(uri)
        suffix = "/designs.parquet"
        listed = [path for path, _ in self.store.list(SWEEPS_FOLDER) if path.endswith(suffix)]
        self._sweeps = sorted(path.removeprefix(f"{SWEEPS_FOLDER}/").removesuffix(suffix) for path in listed)
        if not self._sweeps:
            raise InputError(f"no finished sweep in '{self.store.uri}'; make one with: binsparx run SWEEP.yaml")

    def __repr__(self) -> str:
        return f"Results('{self.store.uri}': {', '.join(self._sweeps)})"

    def sweeps(self) -> list[str]:
        """Names of the sweeps that have tables here, sorted."""
        return list(self._sweeps)

    def table(self, name: str, sweep: str | None = None) -> pa.Table:
        """A table of one sweep, or of all sweeps one after the other, with units and descriptions in the schema.

        Args:
            name: ``designs``, ``layers``, ``shards`` and so on, as the files are called.
            sweep: name of a sweep; all of them if None. A column that an earlier version did not write is null.

        Raises:
            InputError: no such table or sweep.
        """
        if name not in SCHEMAS:
            raise unknown_name("table", name, SCHEMAS)
        if sweep is not None and sweep not in self._sweeps:
            raise unknown_name(f"sweep in {self.store.uri}", sweep, self._sweeps)
        chosen = self._sweeps if sweep is None else [sweep]
        tables = [table for one in chosen if (table := read_table(one, name, self.store)) is not None]
        # Sweeps of earlier versions may lack columns that were added since: they come as null.
        return pa.concat_tables(tables, promote_options="default") if tables else SCHEMAS[name].empty_table()

    def designs(self, sweep: str | None = None) -> pd.DataFrame:
        """One row a design point.

        Args:
            sweep: name of a sweep; all of them, one after the other, if None.

        Raises:
            InputError: no such sweep.
        """
        return _frame(self.table("designs", sweep))

    def layers(self, sweep: str | None = None) -> pd.DataFrame:
        """One row a design point and layer.

        Args:
            sweep: name of a sweep; all of them, one after the other, if None.

        Raises:
            InputError: no such sweep.
        """
        return _frame(self.table("layers", sweep))

    def design(self, key_start: str, sweep: str | None = None) -> pd.Series:
        """The one design whose key begins so.

        Args:
            key_start: the first digits of its key, as many as tell it from the others.
            sweep: name of a sweep; all of them if None.

        Returns:
            Its row of ``designs``.

        Raises:
            InputError: none, or several.
        """
        designs = self.designs(sweep).drop_duplicates("design_key")
        found = designs[designs.design_key.str.startswith(key_start.lower())]
        if not key_start or found.empty:
            raise InputError(f"no design in {self.store.uri} has a key that begins with '{key_start}'")
        if len(found) > 1:
            keys = ", ".join(key[:12] for key in found.design_key[:4])
            raise InputError(f"{len(found)} designs have keys that begin with '{key_start}': {keys}; give more digits")
        return found.iloc[0]

    def front(
        self,
        cost: str | Sequence[str] = "energy_per_image_J",
        within: Sequence[str] = ("model", "dataset", "corner"),
        sweep: str | None = None,
    ) -> pd.DataFrame:
        """Designs that no other design of their group beats in accuracy and cost, cheapest first; empty without any.

        A design that a race left behind in its sweep is on no front, nor is one below the floor of its sweep.

        Args:
            cost: one column to be kept small, or several.
            within: columns that make the groups. A corner is what the world turns out to be, not a choice, so each has
                a front of its own; () makes one front of all.
            sweep: name of a sweep; all of them if None.

        Returns:
            Rows of ``designs``.

        Raises:
            InputError: no such column or sweep.
        """
        designs = self.designs(sweep)
        costs = [cost] if isinstance(cost, str) else list(cost)
        for name in (*costs, *within):
            if name not in designs:
                raise unknown_name("column of designs", name, designs.columns)
        # Of a design that several sweeps hold, the row that saw most images counts.
        ordered = seen_all(designs).sort_values("images", ascending=False, kind="stable")
        designs = ordered.drop_duplicates("design_key").sort_index()
        if designs.empty:
            return designs
        names = [*within, *(column for name in within for column in _CONTENT.get(name, ()) if column in designs)]
        # Tables of earlier versions may lack a column, which comes as null then: their designs count all the same.
        groups = [group for _, group in designs.groupby(names, sort=False, dropna=False)] if within else [designs]
        members = []
        for group in groups:
            kept = group[on_front(group, costs)]
            members.append(kept.sort_values([costs[0], "design_key"]))
        front = pd.concat(members, ignore_index=True)
        front.attrs = designs.attrs
        return front

    def compare(self, a: str | pd.DataFrame, b: str | pd.DataFrame) -> Comparison:
        """What changes from ``a`` to ``b``, design by design, with 95 % intervals of the change.

        Args:
            a: name of a sweep, or a slice of ``designs()``.
            b: name of a sweep, or a slice of ``designs()``.

        Raises:
            InputError: no design of one fits a design of the other, or several fit.
        """
        first, second = (self.designs(one) if isinstance(one, str) else one for one in (a, b))
        names = (a if isinstance(a, str) else "a", b if isinstance(b, str) else "b")
        return compare_designs(first, second, names, self.predictions)

    def predictions(self, design_key: str) -> Predictions:
        """What a design made of every image that is stored, in the order of the images.

        Args:
            design_key: the whole key, as in the column of that name.
        """
        return Predictions.read(self.store, design_key)


def seen_all(designs: pd.DataFrame) -> pd.DataFrame:
    """The designs that saw as many images as any of their sweep.

    Those that a race left behind are not to be set beside them.
    """
    return designs[_saw_all(designs)]


def hardware_only(designs: pd.DataFrame) -> pd.DataFrame:
    """The designs that are no references."""
    return designs[_is_hardware(designs)]


def _is_hardware(designs: pd.DataFrame) -> pd.Series:
    return ~designs["solver_setting"].isin(REFERENCE_SOLVERS)


def on_front(group: pd.DataFrame, costs: Sequence[str]) -> NDArray[np.bool_]:
    """Whether no other row is as accurate at lower costs.

    A design that a race left behind saw fewer images than the others of its sweep, and is on no front; nor is a
    reference, which is no hardware, or what is below the floor of its sweep.

    Args:
        group: rows of ``designs`` that may be compared.
        costs: columns to be kept small.

    Returns:
        (rows,) booleans.
    """
    compared = (_saw_all(group) & _is_hardware(group) & above_floor(group)).to_numpy()
    directions: list[Direction] = ["max", *(["min"] * len(costs))]  # type: ignore[list-item]
    members = np.zeros(len(group), bool)
    members[compared] = non_dominated(group.loc[compared, ["accuracy", *costs]].to_numpy(float), directions)
    return members


def above_floor(designs: pd.DataFrame) -> pd.Series:
    """Which designs are as accurate as the front of their sweep asks; all, in tables of versions that knew no floor."""
    if "above_floor" not in designs:
        return pd.Series(True, index=designs.index)
    return designs["above_floor"].fillna(True).astype(bool)


def _saw_all(designs: pd.DataFrame) -> pd.Series:
    """Fewer images than another of its sweep has only what a race stopped; another sweep may just ask for fewer."""
    return designs["images"] == designs.groupby("sweep")["images"].transform("max")


def _frame(table: pa.Table) -> pd.DataFrame:
    frame = table.to_pandas()
    frame.attrs["units"] = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in table.schema}
    return frame
