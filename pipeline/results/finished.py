"""Finished sweeps as data frames: what ``pipeline.open`` returns."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.front.fronts import GROUP_COLUMNS
from pipeline.front.pareto import non_dominated
from pipeline.results.comparison import Comparison, chips_of, compare_designs, split_images_of
from pipeline.storage.predictions import Predictions
from pipeline.storage.store import Store
from pipeline.sweep.axes import WORLD_COLUMNS
from pipeline.sweep.objectives import Direction
from pipeline.tables.files import SWEEPS_FOLDER
from pipeline.tables.schema import RECOMMENDATIONS, TABLES
from pipeline.tables.stored import UnusableTable, read_table
from simcore.design_axes import REFERENCE_SOLVERS
from simcore.errors import InputError, unknown_name

# Names that stand for content: a network that was trained again is another network, and a split holds other images.
_CONTENT = {"model": ("model_digest",), "dataset": ("dataset_digest", "dataset_split")}


_UNTIL_WORN = "images_until_worn"
GAINS = frozenset(
    {_UNTIL_WORN, "tops_per_watt", "tops_per_mm2", "throughput_per_s", "partial_sum_reduction", "front_support"}
    | {"accuracy", "accuracy_low", "accuracy_high", "ideal_accuracy"}
    | {"accuracy_chip_p5", "yield", "yield_low", "yield_high"}
)
"""Columns of ``designs`` in which more is better."""


class UnreadSweep(UserWarning):
    """A sweep is left out of an answer about all sweeps, since its table cannot be used."""


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
        self._told: set[str] = set()  # of damaged tables, once each
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
            sweep: name of a sweep; all of them if None. A column that an earlier version did not write holds the
                default of its axis, or nulls.

        Raises:
            InputError: no such table or sweep, or its table is damaged. Of all sweeps, one whose table is damaged is
                left out with a warning (``UnreadSweep``) unless it is the only one.
        """
        if name not in TABLES:
            raise unknown_name("table", name, TABLES)
        if sweep is not None and sweep not in self._sweeps:
            raise unknown_name(f"sweep in {self.store.uri}", sweep, self._sweeps)
        if sweep is not None:
            tables = [read_table(sweep, name, self.store)]
        else:
            tables = self._usable_tables(name)
        tables = [table for table in tables if table is not None]
        # Another version may have written columns beside those of today.
        return pa.concat_tables(tables, promote_options="default") if tables else TABLES[name].empty_table()

    def _usable_tables(self, name: str) -> list[pa.Table | None]:
        """A table of every sweep; one that cannot be used must not hide the others."""
        tables: list[pa.Table | None] = []
        errors: list[UnusableTable] = []
        for sweep in self._sweeps:
            try:
                tables.append(read_table(sweep, name, self.store))
            except UnusableTable as error:
                errors.append(error)
        if errors and not tables:
            raise errors[0]
        for unread in errors:
            if unread.where not in self._told:
                self._told.add(unread.where)
                warnings.warn(UnreadSweep(f"left out: {unread}"), stacklevel=3)
        return tables

    def designs(self, sweep: str | None = None) -> pd.DataFrame:
        """One row a design point.

        Args:
            sweep: name of a sweep; all of them, one after the other, if None.

        Raises:
            InputError: no such sweep.
        """
        return _frame(self.table("designs", sweep))

    def recommendations(self, sweep: str | None = None) -> pd.DataFrame:
        """One row a set that ``binsparx recommend SWEEP.yaml`` judged; empty where it was not asked.

        Args:
            sweep: name of a sweep; all of them, one after the other, if None.

        Raises:
            InputError: no such sweep.
        """
        return _frame(self.table(RECOMMENDATIONS, sweep))

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
        designs = _each_once(self.designs(sweep))
        found = designs[designs.design_key.str.startswith(key_start.lower())]
        if not key_start or found.empty:
            raise InputError(f"no design in {self.store.uri} has a key that begins with '{key_start}'")
        if len(found) > 1:
            keys = ", ".join(key[:12] for key in found.design_key[:4]) + (", ..." if len(found) > 4 else "")
            raise InputError(f"{len(found)} designs have keys that begin with '{key_start}': {keys}; give more digits")
        return found.iloc[0]

    def front(
        self,
        cost: str | Sequence[str] = "energy_per_image_J",
        within: Sequence[str] = ("model", "dataset", *WORLD_COLUMNS),
        sweep: str | None = None,
    ) -> pd.DataFrame:
        """Designs that no other of their group beats in accuracy and cost, the best cost first; empty without any.

        A design that a race left behind in its sweep is on no front, nor is one below the floor of its sweep.

        Args:
            cost: one column, or several. Those in which more is better (``GAINS``: ``tops_per_watt``, ...) are to be
                large, all others small; null in ``images_until_worn`` is never, the largest.
            within: columns that make the groups. Corner, device effects, age, reads and temperature are what the world
                turns out to be, not a choice, so each world has a front of its own; () makes one front of all.
            sweep: name of a sweep; all of them if None.

        Returns:
            Rows of ``designs``.

        Raises:
            InputError: no such column or sweep, or a cost that is no number.
        """
        designs = self.designs(sweep)
        costs = [cost] if isinstance(cost, str) else list(cost)
        for name in (*costs, *within):
            if name not in designs:
                raise unknown_name("column of designs", name, designs.columns)
        for name in costs:
            if not holds_numbers(designs[name]):
                raise InputError(f"expected a column of numbers to set against the accuracy, found '{name}'", "cost")
        designs = _each_once(seen_all(designs))
        if designs.empty:
            return designs
        names = [*within, *(column for name in within for column in _CONTENT.get(name, ()) if column in designs)]
        # Tables of earlier versions may lack a column, which comes as null then: their designs count all the same.
        groups = [group for _, group in designs.groupby(names, sort=False, dropna=False)] if within else [designs]
        members = []
        for group in groups:
            kept = group[on_front(group, costs)]
            members.append(
                kept.sort_values(
                    [costs[0], "design_key"],
                    ascending=[costs[0] not in GAINS, True],
                    key=lambda column: _never_is_most(designs, column),
                )
            )
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
        return compare_designs(first, second, names, self.store)

    def predictions(self, design_key: str, chip: int = 0) -> Predictions:
        """What a chip of a finished design made of every image that is stored, in the order of the images.

        Args:
            design_key: its key, or the first digits of it.
            chip: index from 0; where chips do not differ the first stands for all.

        Raises:
            InputError: no such design, or several, or no such chip, or no image of it is stored.
        """
        row = self.design(design_key)
        chips = chips_of(row)
        if not 0 <= chip < chips:
            raise InputError(f"design {row.design_key[:12]} has the chips 0 to {chips - 1}, found {chip}", "chip")
        found = Predictions.read(self.store, row.design_key, split_images_of(row), chip)
        if not len(found):
            raise InputError(f"no images of a design '{row.design_key}' are stored in {self.store.uri}")
        return found

    def chips(self, sweep: str | None = None) -> pd.DataFrame:
        """One row a chip of each design whose chips differ.

        Args:
            sweep: name of a sweep; all of them, one after the other, if None.

        Raises:
            InputError: no such sweep.
        """
        return _frame(self.table("chips", sweep))


def is_beyond(row: Mapping[str, Any] | pd.Series) -> bool:
    """Whether the evidence of a row of ``designs`` is beyond the limits of its sweep."""
    return not row.get("evidence_within_limits", True)


def seen_all(designs: pd.DataFrame) -> pd.DataFrame:
    """The designs that no race stopped as beaten and that saw as many images and chips as any other such one of their
    sweep, network and world; references, which no race stops, are left out.
    """
    return designs[_saw_all(designs)]


def hardware_only(designs: pd.DataFrame) -> pd.DataFrame:
    """The designs that are no references."""
    return designs[_is_hardware(designs)]


def _is_hardware(designs: pd.DataFrame) -> pd.Series:
    return ~designs["solver_setting"].isin(REFERENCE_SOLVERS)


def on_front(group: pd.DataFrame, costs: Sequence[str], accuracy: str = "accuracy") -> NDArray[np.bool_]:
    """Whether no other row is as accurate at lower costs.

    A design that a race stopped as beaten is on no front; nor is one that saw fewer images or chips than others of its
    sweep, a reference, which is no hardware, or what is below the floor of its sweep.

    Args:
        group: rows of ``designs`` that may be compared.
        costs: columns to be kept small, or large where more is better (``GAINS``).
        accuracy: the column that is to be large.

    Returns:
        (rows,) booleans.
    """
    compared = (_saw_all(group) & above_floor(group)).to_numpy()
    directions: list[Direction] = ["max", *("max" if name in GAINS else "min" for name in costs)]  # type: ignore[list-item]
    members = np.zeros(len(group), bool)
    values = group[[accuracy, *costs]].apply(lambda column: _never_is_most(group, column))
    members[compared] = non_dominated(values[compared].to_numpy(float), directions)
    return members


def _never_is_most(designs: pd.DataFrame, column: pd.Series) -> pd.Series:
    """Some rows of a column of numbers; where no cell wears out, of a design whose costs are known, infinity."""
    if column.name != _UNTIL_WORN:
        return column
    known = designs["energy_per_image_J"].notna()[column.index]
    return column.mask(column.isna() & known, np.inf)


def holds_numbers(column: pd.Series) -> bool:
    """Whether a column is one to reckon with: of numbers, true and false being none."""
    return bool(pd.api.types.is_numeric_dtype(column)) and not pd.api.types.is_bool_dtype(column)


def above_floor(designs: pd.DataFrame) -> pd.Series:
    """Which designs are as accurate as the front of their sweep asks; all, in tables of versions that knew no floor."""
    if "above_floor" not in designs:
        return pd.Series(True, index=designs.index)
    return designs["above_floor"].fillna(True).astype(bool)


def _saw_all(designs: pd.DataFrame) -> pd.Series:
    """Another sweep may just ask for fewer images or chips, and a race may be done with one world before another: the
    most is that of one sweep, network and world, of the designs that run in the race and that it did not stop as
    beaten."""
    group = [name for name in ("sweep", *GROUP_COLUMNS) if name in designs]
    runs = _is_hardware(designs) & (designs["stopped"] != "beaten")
    seen = _evaluations(designs).where(runs)
    return seen == seen.groupby([designs[name] for name in group], dropna=False).transform("max")


def _evaluations(designs: pd.DataFrame) -> pd.Series:
    """Images of all chips together."""
    return designs["images"] * (designs["chips"].fillna(1) if "chips" in designs else 1)


def _each_once(designs: pd.DataFrame) -> pd.DataFrame:
    """Of a design that several sweeps hold, the row that saw most images of all chips."""
    most_first = np.argsort(-_evaluations(designs).to_numpy(), kind="stable")
    return designs.iloc[most_first].drop_duplicates("design_key").sort_index()


def _frame(table: pa.Table) -> pd.DataFrame:
    frame = table.to_pandas()
    frame.attrs["units"] = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in table.schema}
    return frame
