"""Convolutions and pools whose margins differ from side to side, as other frameworks have them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

_FAR_BELOW = -3e38
"""No value is lower: what a place beside the map counts as where the largest is looked for."""

Margins = Sequence[tuple[int, int]]
"""Places before and after along each axis of the map."""


def convolution(
    values: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Sequence[int],
    margins: Margins,
    dilation: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """Of maps (B, C, H, W) or lines (B, C, L), padded with zeros.

    Layers here have the same margin on both sides. Where the file's differ, both get one that is larger by whole
    strides than the one before, so that every window stands where it did, and the windows beyond are cut off.
    """
    padding, first = [], []
    for (before, after), step in zip(margins, stride, strict=True):
        more = max(0, -(-(after - before) // step))
        padding.append(before + more * step)
        first.append(more)
    function = functional.conv1d if weight.dim() == 3 else functional.conv2d
    result = function(values, weight, bias, list(stride), padding, list(dilation), groups)
    for axis, (start, (before, after)) in enumerate(zip(first, margins, strict=True), start=2):
        extent = (weight.shape[axis] - 1) * dilation[axis - 2] + 1
        length = (values.shape[axis] + before + after - extent) // stride[axis - 2] + 1
        if result.shape[axis] != length:
            result = result.narrow(axis, start, length)
    return result


def max_pool(values: torch.Tensor, kernel: Sequence[int], stride: Sequence[int], margins: Margins) -> torch.Tensor:
    """The largest value of each window; places beside the map never win."""
    function = functional.max_pool1d if values.dim() == 3 else functional.max_pool2d
    same = all(before == after and 2 * before <= k for (before, after), k in zip(margins, kernel, strict=True))
    if same:
        return function(values, list(kernel), list(stride), [before for before, _ in margins])
    return function(functional.pad(values, _last_first(margins), value=_FAR_BELOW), list(kernel), list(stride))


def avg_pool(
    values: torch.Tensor, kernel: Sequence[int], stride: Sequence[int], margins: Margins, count_margins: bool
) -> torch.Tensor:
    """The mean of each window; places beside the map count as zeros, or not at all."""
    function = functional.avg_pool1d if values.dim() == 3 else functional.avg_pool2d
    same = all(before == after and 2 * before <= k for (before, after), k in zip(margins, kernel, strict=True))
    if same:
        padding = [before for before, _ in margins]
        return function(values, list(kernel), list(stride), padding, count_include_pad=count_margins)
    padded = functional.pad(values, _last_first(margins))
    result = function(padded, list(kernel), list(stride))
    if count_margins:
        return result
    ones = functional.pad(torch.ones((1, 1, *values.shape[2:]), device=values.device), _last_first(margins))
    return result / function(ones, list(kernel), list(stride))


def same_margins(sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int],
                 more_before: bool = False) -> list[tuple[int, int]]:  # fmt: skip
    """Margins with which a map of ``sizes`` gives ceil(size / stride) results; an odd one is larger after it, or
    before it."""
    margins = []
    for size, k, step, d in zip(sizes, kernel, stride, dilation, strict=True):
        total = max(0, (-(-size // step) - 1) * step + (k - 1) * d + 1 - size)
        less = total // 2
        margins.append((total - less, less) if more_before else (less, total - less))
    return margins


def _last_first(margins: Margins) -> list[int]:
    return [places for margin in reversed(list(margins)) for places in margin]
