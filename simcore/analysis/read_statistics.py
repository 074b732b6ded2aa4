"""What columns of a design really deliver: exactly solved reads of its own tiles with real images, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from simcore.datasets import Dataset
from simcore.design import Design
from simcore.inference.preparation import prepare
from simcore.inference.stored_layers import binary_input_signs, images_for_calibration, stored_layers
from simcore.mapping.tiling import input_vectors
from simcore.network.checkpoint import Checkpoint

_GROUPS = 6  # row groups drawn from a layer
_READS = 48  # input vectors drawn for each of them


@dataclass(frozen=True)
class SampledReads:
    """Conversions of one layer, (n,) each.

    Attributes:
        layer: its name in the network.
        partial_sum: PS' as applied and stored, or the difference of two.
        current: of the column, or the difference of two, in LSB of the nominal unit, solved exactly.
        code: the partial sum that the design's converter makes of it, LSB.
    """

    layer: str
    partial_sum: np.ndarray
    current: np.ndarray
    code: np.ndarray


def sample_reads(
    checkpoint: Checkpoint, design: Design, dataset: Dataset, images: torch.Tensor
) -> Iterator[SampledReads]:
    """Draw row groups of every mapped layer and input vectors of ``images``, and solve all their columns.

    Which groups, vectors and calibration inputs are drawn depends on the design's seed and the layer alone, so designs
    that differ in sparsity are sampled alike.

    Args:
        checkpoint: the network.
        design: what it is mapped on.
        dataset: its calibration images prepare the design.
        images: (n, C, H, W) float32 in 0..255, whose reads are solved.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    prepared = prepare(checkpoint, design, dataset)
    measured = binary_input_signs(checkpoint.network, images, set(prepared.layers))
    calibration = images_for_calibration(checkpoint, design, dataset)
    for place, layer in enumerate(stored_layers(checkpoint, design, calibration)):
        vectors = input_vectors(layer.mapping, measured[layer.name]).reshape(-1, len(layer.mapping.order))
        draw = np.random.default_rng([design.seed, place, 1])
        converters = prepared.layers[layer.name].converters
        sums, currents, codes = [], [], []
        for index in np.sort(draw.permutation(len(layer.groups))[:_GROUPS]).tolist():
            group = layer.groups[index]
            bits = group.apply(vectors[draw.permutation(len(vectors))[:_READS]]).bits
            current = group.exact_currents(bits)
            sums.append(group.sums_of_conversions(bits).astype(np.int64).ravel())
            currents.append(group.encoding.converted(current).ravel())
            met = group.met_by_converters(current, bits)
            codes.append(converters.convert(met, index, bits.sum(axis=1)).ravel())
        yield SampledReads(layer.name, np.concatenate(sums), np.concatenate(currents), np.concatenate(codes))
