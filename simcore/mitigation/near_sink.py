"""Row position: within rows that are read together, those that carry most current lie next to the sink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.mapping.row_groups import StoredBits
from simcore.mapping.tiling import LayerMapping
from simcore.mitigation.base import Mitigation


@dataclass(frozen=True)
class NearSink(Mitigation):
    """A row's current is the share of reads in which it is on times the ones that it stores; the further from the sink,
    the longer the bit line it drops a voltage over. Which row of a row group is where is wiring, free of cost.

    Source: arXiv 1907.00285, arXiv 2511.04798.

    Attributes:
        stored_by: the passes that decide what is stored and applied. They count ones, so that the order of the rows
            does not change what they decide, but for ``sampled_popcount``: it counts rows by their position, and here
            those of the order before.
    """

    stored_by: tuple[Mitigation, ...]
    name = "near_sink"

    def order(self, mapping: LayerMapping, vectors: np.ndarray) -> np.ndarray | None:
        order = np.arange(len(mapping.weights))
        for span in mapping.spans:
            rows = slice(span.start, span.stop)
            stored = StoredBits.plain(mapping.weights[rows])
            for one in self.stored_by:
                stored = one.store(stored, vectors[:, rows])
            on = stored.apply(vectors[:, rows]).bits.mean(axis=0)
            order[rows] = span.start + np.argsort(on * stored.bits.sum(axis=1), kind="stable")  # the sink is at the end
        return order
