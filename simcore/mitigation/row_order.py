"""Orders of a layer's inputs on the rows: wiring, no cost at run time."""

from __future__ import annotations

import numpy as np

from simcore.mapping.row_order import grouped_order
from simcore.mapping.tiling import LayerMapping
from simcore.mitigation.base import Mitigation


class ChannelOrder(Mitigation):
    """A channel's kernel taps side by side, as layers come."""

    name = "channel"


class SpatialOrder(Mitigation):
    """A tap's channels side by side."""

    name = "spatial"

    def order(self, mapping: LayerMapping, vectors: np.ndarray) -> np.ndarray | None:
        taps = mapping.kernel[0] * mapping.kernel[1]
        return np.argsort(mapping.order % taps, kind="stable") if mapping.is_conv else None


class GroupedOrder(Mitigation):
    """Inputs that agree in the same row group, so that flips leave few ones (``mapping.row_order``); as they come where
    the encoding leaves nothing to flip."""

    name = "grouped"

    def order(self, mapping: LayerMapping, vectors: np.ndarray) -> np.ndarray | None:
        if mapping.encoding.balanced:
            return None
        return grouped_order(vectors, mapping.weights, np.array([span.rows for span in mapping.spans]))


ROW_ORDERS: dict[str, Mitigation] = {order.name: order for order in (ChannelOrder(), SpatialOrder(), GroupedOrder())}
