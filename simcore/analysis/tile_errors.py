"""Which tiles of a layer err: real activations read exactly, converted, and compared with the true partial sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simcore.datasets import Dataset
from simcore.inference.preparation import Prepared, binary_input_signs, stored_layers
from simcore.mapping.tiling import input_vectors
from simcore.mitigation.stored import applied_inputs
from simcore.network.checkpoint import Checkpoint
from simcore.readout.adc import convert
from simcore.surrogate.fit import exact_currents


@dataclass(frozen=True)
class LayerTiles:
    """One layer's tiles.

    Attributes:
        layer: its name in the network.
        rms_error: (row groups, column tiles) rms of converted minus true partial sum, LSB.
        mean_sum: (row groups, column tiles) mean partial sum as applied, LSB.
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
    design = prepared.design
    pixels, _ = dataset.read(split, 0, min(images, dataset.splits[split]))
    batch = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float()
    signs = binary_input_signs(checkpoint.network, batch, set(prepared.layers))
    result = []
    for layer in stored_layers(checkpoint, design, dataset):
        name, mapping, stored = layer.name, layer.mapping, layer.stored
        of_images = input_vectors(mapping, signs[name])
        vectors = of_images.reshape(-1, len(mapping.order))
        chosen = vectors[np.linspace(0, len(vectors) - 1, min(reads, len(vectors))).astype(int)]
        starts = np.arange(0, mapping.weights.shape[1], design.cols)
        squares, sums = [], []
        for index, group in enumerate(mapping.groups):
            bits = applied_inputs(chosen[:, group.start : group.stop], design.flips_activations)
            currents = exact_currents(mapping, stored, index, design, bits)
            true = bits.astype(np.float64) @ stored[index].bits
            error = convert(currents, prepared.layers[name].converters, index) - true
            widths = np.diff(np.append(starts, error.shape[1]))
            squares.append(np.add.reduceat((error**2).mean(axis=0), starts) / widths)
            sums.append(np.add.reduceat(true.mean(axis=0), starts) / widths)
        result.append(LayerTiles(name, np.sqrt(np.array(squares)), np.array(sums), of_images.shape[1]))
    return result
