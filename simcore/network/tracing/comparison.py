"""Whether a network gives what the module does that it was traced from."""

from __future__ import annotations

import torch
from torch import nn

from simcore.errors import InputError
from simcore.network.modules import GraphNetwork

TOLERANCE = 1e-4
"""Of a logit, absolute or of its size."""
_TIE = 1e-6
"""Of the largest logit: whose logits are no further apart are equal but for the rounding of float32, and which of them
is the largest is chance. Judgement: about ten roundings."""
_AT_ONCE = 64  # images that go through both together


def require_equal(module: nn.Module, network: GraphNetwork, example: torch.Tensor, taken: torch.Tensor) -> float:
    """The largest difference of the logits.

    Args:
        module: in evaluation mode.
        network: traced from it.
        example: what the network takes.
        taken: what the module takes.

    Raises:
        InputError: another prediction, or a difference above the tolerance.
    """
    largest, changed, beyond = 0.0, 0, False
    for start in range(0, len(example), _AT_ONCE):
        expected = _logits(module(taken[start : start + _AT_ONCE]))
        found = network(example[start : start + _AT_ONCE])
        apart = (found - expected).abs()
        largest = max(largest, float(apart.max()))
        largest_of = expected.max(dim=1).values
        behind = largest_of - expected.gather(1, found.argmax(1, keepdim=True))[:, 0]
        changed += int((behind > _TIE * expected.abs().amax(dim=1)).sum())
        beyond |= bool((apart > TOLERANCE * (1 + expected.abs())).any()) or not bool(apart.isfinite().all())
    if beyond or changed:
        raise InputError(
            f"the network's logits are not the module's: {changed} of {len(example)} predictions differ, logits by up "
            f"to {largest:.3g}. Where a value is exactly at a threshold, torch.sign gives 0 and arrays +1 (write "
            "torch.where(x >= 0, 1.0, -1.0)); a module whose result depends on earlier calls or on chance is none that "
            "can be traced",
            type(module).__name__,
        )
    return largest


def _logits(result: object) -> torch.Tensor:
    """As the trace finds them: the first tensor (batch, classes) of a result."""
    if isinstance(result, torch.Tensor):
        return result
    parts = result.values() if isinstance(result, dict) else result
    for part in parts:  # type: ignore[attr-defined]
        if isinstance(part, torch.Tensor) and part.dim() == 2:
            return part
    raise InputError("the module gives no logits of shape (batch, classes)", "its result")
