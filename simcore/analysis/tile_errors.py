"""Which tiles of a layer err: real activations read exactly, converted, and compared with the true partial sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.datasets import Dataset
from simcore.inference.prepared import Prepared
from simcore.inference.stored_layers import binary_input_signs, images_for_calibration, stored_layers
from simcore.mapping.row_groups import RowGroup
from simcore.mapping.tiling import input_vectors
from simcore.network.checkpoint import Checkpoint
from simcore.network.inputs import network_input


@dataclass(frozen=True)
class LayerTiles:
    """One layer's tiles.

    Attributes:
        layer: its name in the network.
        rms_error: (row groups, column tiles) rms of converted minus true partial sum, LSB.
        mean_sum: (row groups, column tiles) mean partial sum as applied, LSB; of differences where these are converted.
        positions: output positions of an image.
    """

    layer: str
    rms_error: np.ndarray
    mean_sum: np.ndarray
    positions: int


def tile_errors(
    checkpoint: Checkpoint, prepared: Prepared, dataset: Dataset, split: str, images: int = 4, reads: int = 16
) -> list[LayerTiles]:
    """Errors of every tile of every mapped layer, every column solved exactly.

    The inputs are those of the ideal network: what a tile does wrong is its own.

    Args:
        checkpoint: the network.
        prepared: the network on its design, with the converters that read the tiles.
        dataset: where images come from.
        split: their split.
        images: how many, from the first on.
        reads: input vectors of each layer, evenly spread over these images.

    Raises:
        UnsolvedError: a crossbar solve did not converge.
    """
    calibration = images_for_calibration(checkpoint, prepared.design, dataset)
    pixels, _ = dataset.read(split, 0, min(images, dataset.splits[split]))
    batch = network_input(pixels)
    signs = binary_input_signs(checkpoint.network, batch, set(prepared.layers))
    result = []
    for layer in stored_layers(checkpoint, prepared.design, calibration):
        of_images = input_vectors(layer.mapping, signs[layer.name])
        vectors = of_images.reshape(-1, of_images.shape[2])
        chosen = vectors[np.linspace(0, len(vectors) - 1, min(reads, len(vectors))).astype(int)]
        converters = prepared.layers[layer.name].converters
        squares, sums = [], []
        for index, group in enumerate(layer.groups):
            bits = group.apply(chosen).bits
            true = group.sums_of_conversions(bits)
            met = group.met_by_converters(group.exact_currents(bits), bits)
            error = converters.convert(met, index, bits.sum(axis=1)) - true
            squares.append(_over_tiles(group, (error**2).mean(axis=0)))
            sums.append(_over_tiles(group, true.mean(axis=0)))
        result.append(
            LayerTiles(
                layer.name, np.sqrt(np.array(squares)), np.array(sums), of_images.shape[1] // len(layer.mapping.signs)
            )
        )
    return result


def _over_tiles(group: RowGroup, values: np.ndarray) -> np.ndarray:
    """(column tiles,) means of the (C,) values of conversions."""
    starts = [group.conversions_of(columns)[0] for columns in group.tile.tiles()]
    return np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
