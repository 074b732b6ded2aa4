"""Random inputs on which an imported network is compared with its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from simcore.errors import InputError
from simcore.network.layers.normalization import Normalize, numbers_of_channels
from simcore.network.modules import GraphNetwork
from simcore.network.tracing.comparison import beyond_tolerance

Forward = Callable[[torch.Tensor], torch.Tensor]
Normalization = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation of each channel of x / 255; one number is that of all."""

_ROUNDINGS = (-4.0, -1.0, 1.0, 4.0)
"""By how many roundings of float32 an input is moved to see whether a value is at a threshold. Judgement."""
_EPS = float(torch.finfo(torch.float32).eps)


def random_images(shape: Sequence[int], count: int, bytes_alone: bool, table: int | None) -> torch.Tensor:
    """Inputs (count, *shape), the same in every call.

    Args:
        shape: without the batch.
        count: of inputs.
        bytes_alone: whole numbers in 0..255; else every second input is normally distributed, around zero.
        table: whole numbers below it, that look up a table; None where the input is no such number.
    """
    generator = torch.Generator().manual_seed(0)
    if table is not None:
        return torch.randint(0, table or 256, (count, *shape), generator=generator).float()
    images = torch.randint(0, 256, (count, *shape), generator=generator).float()
    if not bytes_alone:
        images[::2] = torch.randn(images[::2].shape, generator=generator)
    return images


def first_step(normalize: Normalization | None, shape: Sequence[int]) -> Forward:
    """What comes between the data set's inputs and those of the file.

    Raises:
        InputError: numbers for other channels than the input has.
    """
    if normalize is None:
        return lambda images: images
    return Normalize(*numbers_of_channels(normalize, shape))


def finite_logits(logits: torch.Tensor, place: str) -> torch.Tensor:
    """Of which inputs the file itself gives finite logits.

    Raises:
        InputError: these are less than half of them.
    """
    finite = logits.isfinite().all(dim=1)
    if 2 * int(finite.sum()) < len(logits):
        raise InputError(
            f"its own logits are no finite numbers on {len(logits) - int(finite.sum())} of {len(logits)} random inputs",
            place,
        )
    return finite


def clear_of_thresholds(network: GraphNetwork, images: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """Which inputs are not among those whose logits are others than expected because a value is exactly at a threshold.

    There the order in which float32 sums are rounded decides on a sign. Such an input shows: the network's own logits
    change when it is moved by a few roundings. Where that is so for more than half of the inputs, all are kept.
    """
    logits = network(images)
    differing = beyond_tolerance(logits, expected)
    unsteady = torch.zeros_like(differing)
    for roundings in _ROUNDINGS if bool(differing.any()) else ():
        unsteady |= beyond_tolerance(network(images * (1 + roundings * _EPS)), logits)
    kept = ~(differing & unsteady)
    return kept if 2 * int(kept.sum()) >= len(images) else torch.ones_like(kept)
