"""One read of one tile, as it happens in a run: the circuit, the bits stored, and the input bits of a real image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.crossbar import Circuit
from simcore.datasets import Dataset
from simcore.design import Design
from simcore.errors import InputError, unknown_name
from simcore.inference.stored_layers import binary_input_signs, images_for_calibration, mapped_layers, stored_layers
from simcore.mapping.row_groups import RowGroup
from simcore.mapping.tiling import input_vectors
from simcore.network.checkpoint import Checkpoint
from simcore.network.inputs import network_input


@dataclass(frozen=True)
class ReadPlace:
    """Which read.

    Attributes:
        layer: name of a mapped layer.
        group: its row group, from 0.
        column_tile: its column tile, from 0.
        split: split of the data set.
        image: image of the split, from 0.
        position: read of the layer, from 0: output positions row by row, the reads of one side by side.
    """

    layer: str
    group: int = 0
    column_tile: int = 0
    split: str = "test"
    image: int = 0
    position: int = 0


@dataclass(frozen=True)
class TileRead:
    """What a read consists of.

    Attributes:
        group: the row group.
        bits: (1, N) as applied to it.
        columns: of the layer's columns, those of this tile.
    """

    group: RowGroup
    bits: np.ndarray
    columns: slice

    @property
    def circuit(self) -> Circuit:
        """Cells, wires and terminals."""
        return self.group.tile.circuit

    @property
    def weights(self) -> np.ndarray:
        """(R, C) bits as stored in the whole tile."""
        return self.group.tile.bits[:, self.columns]

    @property
    def inputs(self) -> np.ndarray:
        """(R,) bits as applied, 0 on rows of other row groups."""
        driven: np.ndarray = self.group.driven(self.bits)[0]
        return driven


def tile_read(checkpoint: Checkpoint, design: Design, dataset: Dataset, place: ReadPlace) -> TileRead:
    """One read, with the weights stored as ``prepare`` stores them and the ideal network's activations.

    Args:
        checkpoint: the network.
        design: what it is mapped on.
        dataset: where the image comes from, and the calibration images.
        place: which read.

    Raises:
        InputError: no such layer, row group, column tile, split, image or position.
    """
    mapped = mapped_layers(checkpoint, design)
    if place.layer not in mapped:
        raise unknown_name(f"mapped layer of {checkpoint.name}", place.layer, mapped)
    _require_below("image", place.image, dataset.splits.get(place.split, 0), f"split '{place.split}'")
    images, _ = dataset.read(place.split, place.image, 1)
    pixels = network_input(images)
    calibration = images_for_calibration(checkpoint, design, dataset)
    (layer,) = stored_layers(checkpoint, design, calibration, place.layer)
    signs = binary_input_signs(checkpoint.network, pixels, {layer.name})[layer.name]
    vectors = input_vectors(layer.mapping, signs)[0]
    of_layer = f"layer '{layer.name}'"
    _require_below("group", place.group, len(layer.groups), of_layer)
    group = layer.groups[place.group]
    tiles = list(group.tile.tiles())
    _require_below("column tile", place.column_tile, len(tiles), of_layer)
    _require_below("position", place.position, len(vectors), of_layer)
    return TileRead(group, group.apply(vectors[place.position][None]).bits, tiles[place.column_tile])


def _require_below(what: str, index: int, count: int, owner: str) -> None:
    if not 0 <= index < count:
        known = f"0 to {count - 1}" if count else "none"
        raise InputError(f"{owner} has no {what} {index} (known: {known})")
