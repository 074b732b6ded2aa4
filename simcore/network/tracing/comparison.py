"""Whether a network gives what it was made from does."""

from __future__ import annotations

from collections.abc import Callable

import torch

from simcore.errors import InputError
from simcore.network.modules import GraphNetwork

TOLERANCE = 1e-4
"""Of a logit, absolute or of its size."""
_TIE = 1e-6
"""Of the largest logit: whose logits are no further apart are equal but for the rounding of float32, and which of them
is the largest is chance. Judgement: about ten roundings."""
_AT_ONCE = 64  # images that go through both together


def require_equal(
    original: Callable[[torch.Tensor], object],
    network: GraphNetwork,
    example: torch.Tensor,
    taken: torch.Tensor,
    whose: str = "the module's",
    place: str = "",
) -> float:
    """The largest difference of the logits.

    Args:
        original: a module in evaluation mode, or another forward pass.
        network: made from it.
        example: what the network takes.
        taken: what the original takes.
        whose: logits they are to be, for the message.
        place: that the message names.

    Raises:
        InputError: another prediction, or a difference above the tolerance.
    """
    largest, changed, beyond = 0.0, 0, False
    for start in range(0, len(example), _AT_ONCE):
        expected = _logits(original(taken[start : start + _AT_ONCE]))
        found = network(example[start : start + _AT_ONCE])
        apart = (found - expected).abs()
        largest = max(largest, float(apart.max()))
        largest_of = expected.max(dim=1).values
        behind = largest_of - expected.gather(1, found.argmax(1, keepdim=True))[:, 0]
        changed += int((behind > _TIE * expected.abs().amax(dim=1)).sum())
        beyond |= bool(beyond_tolerance(found, expected).any())
    if beyond or changed:
        raise InputError(
            f"the network's logits are not {whose}: {changed} of {len(example)} predictions differ, logits by up "
            f"to {largest:.3g}. Where a value is exactly at a threshold, torch.sign gives 0 and arrays +1 (write "
            "torch.where(x >= 0, 1.0, -1.0)); a module whose result depends on earlier calls or on chance is none that "
            "can be traced",
            place,
        )
    return largest


def beyond_tolerance(found: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """For each input, whether its logits are further from those expected than rounding explains."""
    apart = (found - expected).abs()
    return ((apart > TOLERANCE * (1 + expected.abs())) | ~apart.isfinite()).any(dim=1)


def _logits(result: object) -> torch.Tensor:
    """As the trace finds them: the first tensor (batch, classes) of a result."""
    if isinstance(result, torch.Tensor):
        return result
    parts = result.values() if isinstance(result, dict) else result
    for part in parts:  # type: ignore[attr-defined]
        if isinstance(part, torch.Tensor) and part.dim() == 2:
            return part
    raise InputError("the module gives no logits of shape (batch, classes)", "its result")
