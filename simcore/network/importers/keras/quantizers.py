"""The quantizers of larq, by name (docs.larq.dev/larq/api/quantizers); all else that a file says of them is ignored."""

from __future__ import annotations

import re
from collections.abc import Callable

import torch

from simcore.network.importers.keras.reading import class_name

Quantizer = Callable[[torch.Tensor], torch.Tensor]


def signs(values: torch.Tensor) -> torch.Tensor:
    """+1 or -1; larq's sign of 0 is +1."""
    return torch.where(values >= 0, 1.0, -1.0)


def _magnitude_aware(values: torch.Tensor) -> torch.Tensor:
    """Signs times the mean size of each output's weights; outputs are last, as Keras has them."""
    return signs(values) * values.abs().mean(dim=tuple(range(values.dim() - 1)))


def _heaviside(values: torch.Tensor) -> torch.Tensor:
    return (values > 0).float()


_QUANTIZERS: dict[str, Quantizer] = {
    "ste_sign": signs,
    "approx_sign": signs,
    "swish_sign": signs,
    "ste_heaviside": _heaviside,
    "magnitude_aware_sign": _magnitude_aware,
    "no_op": lambda values: values,
}


def quantizer(described: object) -> Quantizer:
    """The quantizer of a layer's settings: a name, a class with its name, or None.

    Raises:
        ValueError: one that is not known here.
    """
    if described is None:
        return _QUANTIZERS["no_op"]
    name = class_name(described)
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if snake not in _QUANTIZERS:
        raise ValueError(f"the quantizer '{name[:60]}' is not known here ({', '.join(sorted(_QUANTIZERS))} are)")
    return _QUANTIZERS[snake]
