"""What columns of a design really deliver: exactly solved reads of its own tiles with real images, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from simcore.datasets import Dataset
from simcore.design import Design
from simcore.inference.preparation import binary_input_signs, prepare, stored_layers
from simcore.mapping.tiling import input_vectors
from simcore.mitigation.stored import applied_inputs
from simcore.network.checkpoint import Checkpoint
from simcore.readout.adc import convert
from simcore.surrogate.fit import exact_currents

_GROUPS = 6  # row groups drawn from a layer
_READS = 48  # input vectors drawn for each of them


@dataclass(frozen=True)
class SampledReads:
    """Column reads of one layer, (n,) each.

    Attributes:
        layer: its name in the network.
        partial_sum: PS' as applied and stored.
        current: column current in LSB of the nominal unit, solved exactly.
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
    for place, layer in enumerate(stored_layers(checkpoint, design, dataset)):
        name, mapping, stored = layer.name, layer.mapping, layer.stored
        vectors = input_vectors(mapping, measured[name]).reshape(-1, len(mapping.order))
        draw = np.random.default_rng([design.seed, place, 1])
        sums, currents, codes = [], [], []
        for index in np.sort(draw.permutation(len(stored))[:_GROUPS]):
            group = mapping.groups[index]
            drawn = vectors[draw.permutation(len(vectors))[:_READS], group.start : group.stop]
            bits = applied_inputs(drawn, design.flips_activations)
            current = exact_currents(mapping, stored, index, design, bits)
            sums.append((bits.astype(np.int64) @ stored[index].bits).ravel())
            currents.append(current.ravel())
            codes.append(convert(current, prepared.layers[name].converters, index).ravel())
        yield SampledReads(name, np.concatenate(sums), np.concatenate(currents), np.concatenate(codes))
