"""What the reads of a layer add up to, in whole numbers, so that sums are the same whatever is added first."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, fields
from typing import Any

from simcore.errors import BinsparxError

CURRENTS_A_LSB = 2**20
"""Units of ``column_current`` in an LSB."""
ERRORS_A_LSB = 2**10
"""Units of ``worst_error`` in an LSB, and of ``squared_error`` in an LSB^2."""

_MOST = 2**62  # that is added up in 64 bits


def require_addable(squared: float) -> None:
    """Refuses squared errors that wrap where they are added up as whole numbers.

    Args:
        squared: their sum, over ``ERRORS_A_LSB``.

    Raises:
        BinsparxError: they are of converters that tell nothing any more.
    """
    if squared >= _MOST:
        raise BinsparxError(
            "the errors of partial sums are too large to be added up: nearly every code is at an end; see the "
            "converter's bits, gain and offset"
        )


def _sum() -> Any:
    return field(default=0, metadata={"merge": operator.add})


def _largest() -> Any:
    return field(default=0, metadata={"merge": max})


def _of_the_design(default: Any = 0) -> Any:
    """The same in every shard; of ``weight_flips``, in every shard of a chip."""
    return field(default=default, metadata={"merge": lambda mine, _: mine})


@dataclass(frozen=True)
class LayerTotals:
    """Over the column reads of one layer.

    Attributes:
        layer: its name.
        column_reads: of every column in every read; each is converted, or the difference of two.
        partial_sum: sum of PS' as applied and stored.
        dense_partial_sum: sum of PS with neither flips nor pruning.
        squared_error, worst_error: of the converted sum against PS', in LSB^2 and LSB over ``ERRORS_A_LSB``; a
            difference's counts for each column.
        column_current: sum of solved column currents in LSB over ``CURRENTS_A_LSB``.
        clipped: conversions above the top code, of differences also those below the first; counted for each column.
        activation_reads: sub-vectors applied.
        activation_flips: those applied complemented.
        applied_ones: rows that were driven, sum of sum(X') over these sub-vectors.
        weight_flips: complemented columns of all row groups, where shards are of several chips with flips of their own
            those of the first.
        stored_columns: columns of all row groups.
        inputs: rows that the layer fills.
        lsb_A: the current of a lone ON cell in amperes.
    """

    layer: str = field(metadata={"merge": lambda mine, _: mine})
    column_reads: int = _sum()
    partial_sum: int = _sum()
    dense_partial_sum: int = _sum()
    squared_error: int = _sum()
    worst_error: int = _largest()
    column_current: int = _sum()
    clipped: int = _sum()
    activation_reads: int = _sum()
    activation_flips: int = _sum()
    applied_ones: int = _sum()
    weight_flips: int = _of_the_design()
    stored_columns: int = _of_the_design()
    inputs: int = _of_the_design()
    lsb_A: float = _of_the_design(0.0)

    def merge(self, other: LayerTotals) -> LayerTotals:
        """Of the reads of both, of the same layer of the same design. Raises BinsparxError as ``require_addable``."""
        require_addable(self.squared_error + other.squared_error)
        return LayerTotals(
            **{f.name: f.metadata["merge"](getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        )
