"""What the layers of a design did: whole-number totals of their shards added up, then told in amperes and LSB.

Whole numbers add up to the same however images are cut into shards, so all sums come first and units last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import reduce
from typing import Any

from simcore.readout.layer_totals import CURRENTS_A_LSB, ERRORS_A_LSB, LayerTotals

OF_THE_DESIGN = ("stored_columns", "weight_flips", "inputs")
"""Of the stored weights: the same in every shard."""
Totals = dict[str, Any]
"""The fields of ``LayerTotals``."""


def sum_layers(shards: Sequence[Sequence[Totals]]) -> list[Totals]:
    """Totals of each layer over all shards, in the units of a shard's own."""
    return [_merged(parts) for parts in zip(*shards, strict=True)]


def sum_network(layers: Sequence[Totals]) -> Totals:
    """Totals of all layers together, without what is of one layer's weights."""
    return {name: value for name, value in _merged(layers).items() if name not in OF_THE_DESIGN}


def in_units(totals: Totals) -> Totals:
    """The same with ``column_current_A`` in place of ``column_current`` and ``lsb_A``, and errors in LSB and LSB^2."""
    told = {name: value for name, value in totals.items() if name not in ("column_current", "lsb_A")}
    return told | {
        "column_current_A": totals["column_current"] / CURRENTS_A_LSB * totals["lsb_A"],
        "squared_error": totals["squared_error"] / ERRORS_A_LSB,
        "worst_error": totals["worst_error"] / ERRORS_A_LSB,
    }


def _merged(parts: Iterable[Totals]) -> Totals:
    return asdict(reduce(LayerTotals.merge, (LayerTotals(**part) for part in parts)))
