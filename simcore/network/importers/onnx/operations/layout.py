"""Where values stand, and constants."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from simcore.network.importers.onnx.operations.base import (
    LARGEST_SIZE,
    Call,
    Importer,
    Result,
    axis_of,
    given,
    sizes,
)

Inputs = Sequence[torch.Tensor | None]
_MOST_PARTS = 256  # of a split, or of a gather: a judgement
_TO_THE_END = 1 << 31  # exporters write the largest whole number there is


def _reshape(call: Call, inputs: Inputs) -> Result:
    value, wanted = given(inputs, 0), list(call.wholes_of(1))
    own = (call.images, *value.shape[1:]) if call.images else tuple(value.shape)
    if not call.whole("allowzero", 0):
        if any(size == 0 and place >= len(own) for place, size in enumerate(wanted)):
            raise ValueError(f"shape {wanted} takes a size of an input of shape {own} that it does not have")
        wanted = [own[place] if size == 0 else size for place, size in enumerate(wanted)]
    if wanted.count(-1) == 1:
        rest = -math.prod(wanted)
        wanted[wanted.index(-1)] = math.prod(own) // rest if rest > 0 else 0
    if min(wanted, default=1) < 1 or math.prod(wanted) != math.prod(own):
        raise ValueError(f"shape {list(call.wholes_of(1))} does not hold the values of an input of shape {own}")
    if not call.images:
        return value.reshape(wanted)
    if wanted[:1] != [call.images]:
        raise ValueError(f"shape {wanted} does not keep the batch, {call.images}, along the first axis")
    return value.reshape(value.shape[0], *wanted[1:])


def _flatten(call: Call, inputs: Inputs) -> Result:
    value = given(inputs, 0)
    axis = call.whole("axis", 1)
    axis = axis if axis == value.dim() else axis_of(axis, value.dim())
    if call.images and axis != 1:
        raise ValueError(f"axis {axis} flattens the batch too; axis 1 is expected")
    return value.reshape(math.prod(value.shape[:axis]), -1)


def _transpose(call: Call, inputs: Inputs) -> Result:
    value = given(inputs, 0)
    order = call.wholes("perm") or tuple(reversed(range(value.dim())))
    if sorted(order) != list(range(value.dim())):
        raise ValueError(f"perm {list(order)} does not name every axis of an input of shape {tuple(value.shape)} once")
    return value.permute(order)


def _squeeze(call: Call, inputs: Inputs) -> Result:
    value, axes = given(inputs, 0), call.wholes("axes", 1)
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(value.shape) if size == 1)
    places = {axis_of(axis, value.dim()) for axis in axes}
    if any(value.shape[axis] != 1 for axis in places - ({0} if call.images == 1 else set())):
        raise ValueError(f"axes {list(axes)} of an input of shape {tuple(value.shape)} are not all of size 1")
    if call.images and 0 in places:
        raise ValueError("it takes the axis of the batch away; export the network with a batch")
    return value.reshape([size for axis, size in enumerate(value.shape) if axis not in places])


def _unsqueeze(call: Call, inputs: Inputs) -> Result:
    value, axes = given(inputs, 0), call.wholes("axes", 1) or ()
    dimensions = value.dim() + len(axes)
    places = {axis_of(axis, dimensions) for axis in axes}
    if len(places) != len(axes):
        raise ValueError(f"axes {list(axes)} name one twice")
    if call.images and 0 in places:
        raise ValueError("it puts an axis in front of that of the batch")
    rest = iter(value.shape)
    return value.reshape([1 if axis in places else next(rest) for axis in range(dimensions)])


def _concat(call: Call, inputs: Inputs) -> Result:
    parts = [given(inputs, place) for place in range(len(inputs))]
    axis = axis_of(call.whole("axis", 0), parts[0].dim())
    if call.images:
        if axis == 0:
            raise ValueError("it joins along the axis of the batch")
        images = max(part.shape[0] for part in parts)
        parts = [part.expand(images, *part.shape[1:]) if part.shape[0] == 1 else part for part in parts]
    if len({part.dtype for part in parts}) > 1:
        parts = [part.float() for part in parts]
    return torch.cat(parts, axis)


def _slice(call: Call, inputs: Inputs) -> Result:
    value = given(inputs, 0)
    starts, ends = call.wholes("starts", 1) or (), call.wholes("ends", 2) or ()
    axes = call.wholes("axes", 3) or tuple(range(len(starts)))
    steps = call.wholes("steps", 4) or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise ValueError("starts, ends, axes and steps are not of one length")
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = axis_of(axis, value.dim())
        size = value.shape[place]
        if step < 1:
            raise ValueError(f"a step of {step} is not known here; steps forward are")
        first, last, _ = slice(max(start, -_TO_THE_END), min(end, _TO_THE_END), step).indices(size)
        if call.images and place == 0 and (first, last, step) != (0, size, 1):
            raise ValueError("it takes inputs out of the batch")
        if last <= first:
            raise ValueError(f"there is nothing from {start} to {end} along an axis of size {size}")
        whole = [slice(None)] * value.dim()
        whole[place] = slice(first, last, step)
        value = value[tuple(whole)]
    return value


def _split(call: Call, inputs: Inputs) -> Result:
    value = given(inputs, 0)
    axis = axis_of(call.whole("axis", 0), value.dim())
    if call.images and axis == 0:
        raise ValueError("it takes the batch apart")
    parts, size = call.outputs, value.shape[axis]
    lengths = call.wholes("split", 1)
    if lengths is None:
        each = -(-size // parts)
        lengths = (each,) * (parts - 1) + (size - each * (parts - 1),)
    if len(lengths) != parts or sum(lengths) != size or min(lengths) < 1 or parts > _MOST_PARTS:
        raise ValueError(f"parts {list(lengths)} of an axis of size {size} as {parts} outputs")
    return tuple(torch.split(value, list(lengths), axis))


def _gather(call: Call, inputs: Inputs) -> Result:
    value, places = given(inputs, 0), call.fixed[1]
    axis = axis_of(call.whole("axis", 0), value.dim())
    size = value.shape[axis]
    chosen = [int(place) for place in places.reshape(-1)] if places.size <= LARGEST_SIZE else []
    if not chosen or any(not -size <= place < size for place in chosen):
        raise ValueError(f"it takes places of an axis of size {size} that are not there")
    if call.images and axis == 0:
        raise ValueError("it takes inputs out of the batch")
    chosen = [place % size for place in chosen]
    if places.ndim == 0:
        return value.select(axis, chosen[0])
    if not call.images:
        picked = value.index_select(axis, torch.tensor(chosen, device=value.device))
        return picked.reshape(*value.shape[:axis], *places.shape, *value.shape[axis + 1 :])
    if len(chosen) > _MOST_PARTS and chosen != list(range(chosen[0], chosen[0] + len(chosen))):
        raise ValueError(f"it takes {len(chosen)} places one by one, at most {_MOST_PARTS} are known here")
    runs = [torch.narrow(value, axis, start, length) for start, length in _runs(chosen)]
    joined = torch.cat(runs, axis) if len(runs) > 1 else runs[0]
    return joined.reshape(*joined.shape[:axis], *places.shape, *joined.shape[axis + 1 :])


def _runs(places: list[int]) -> list[tuple[int, int]]:
    """Start and length of the places that follow one another."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and place == sum(runs[-1]):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((place, 1))
    return runs


def _look_up(call: Call, inputs: Inputs) -> Result:
    """Rows of a table, of whole numbers that come as input."""
    if call.whole("axis", 0):
        raise ValueError("places that depend on the input are taken along the first axis of a table alone")
    return functional.embedding(given(inputs, 1).long(), given(inputs, 0))


def _pad(call: Call, inputs: Inputs) -> Result:
    value, mode = given(inputs, 0), call.text("mode", "constant")
    if mode != "constant":
        raise ValueError(f"padding by '{mode}' is not known here; pad with a constant")
    axes = call.wholes_of(3) if 3 in call.fixed else tuple(range(value.dim()))
    pads = sizes(call.wholes("pads", 1), 2 * len(axes), 0, least=0)
    margins = [(0, 0)] * value.dim()
    for place, axis in enumerate(axes):
        margins[axis_of(axis, value.dim())] = (pads[place], pads[place + len(axes)])
    if call.images and margins[0] != (0, 0):
        raise ValueError("it adds inputs to the batch")
    while margins and margins[0] == (0, 0):
        margins.pop(0)
    if not margins:
        return value
    return functional.pad(value, [side for margin in reversed(margins) for side in margin], value=call.limit("value", 2)
                          or 0.0)  # fmt: skip


def _expand(call: Call, inputs: Inputs) -> Result:
    value, wanted = given(inputs, 0), list(call.wholes_of(1))
    if min(wanted, default=1) < 1:
        raise ValueError(f"shape {wanted}")
    shape = list(torch.broadcast_shapes((call.images, *value.shape[1:]) if call.images else value.shape, wanted))
    if call.images:
        if shape[0] != call.images or len(shape) != value.dim():
            raise ValueError(f"shape {wanted} does not keep the batch along the first axis")
        shape[0] = value.shape[0]
    return value.expand(shape)


def _tile(call: Call, inputs: Inputs) -> Result:
    value, times = given(inputs, 0), sizes(call.wholes_of(1), given(inputs, 0).dim(), 1)
    if call.images and any(count != 1 for count in times):
        raise ValueError("it repeats values that depend on the input, which is not known here; use Expand")
    return value.repeat(times)


def _shape(call: Call, inputs: Inputs) -> Result:
    shape = list(given(inputs, 0).shape)
    return torch.tensor(shape[call.whole("start", 0) : call.whole("end", len(shape))], dtype=torch.long)


def _size(call: Call, inputs: Inputs) -> Result:
    return torch.tensor(given(inputs, 0).numel())


def _of_shape(call: Call, inputs: Inputs) -> Result:
    value = call.attributes.get("value", np.zeros(1, np.float32))
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise ValueError("attribute 'value' is not one number")
    shape = call.wholes_of(0)
    if min(shape, default=1) < 1:
        raise ValueError(f"shape {list(shape)}")
    return torch.from_numpy(value).reshape(()).expand(shape)


def _constant(call: Call, inputs: Inputs) -> Result:
    if len(call.attributes) != 1:
        raise ValueError("one value is expected among its attributes")
    name, value = next(iter(call.attributes.items()))
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, str) or name not in _CONSTANTS:
        raise ValueError("a text is no value that networks here compute with")
    kind = torch.long if name.startswith("value_int") else torch.float32
    return torch.tensor(value, dtype=kind)


def _range(call: Call, inputs: Inputs) -> Result:
    start, limit, step = (float(call.fixed[place].reshape(())) for place in range(3))
    whole = all(np.issubdtype(call.fixed[place].dtype, np.integer) for place in range(3))
    if not step or not math.isfinite((limit - start) / step) or abs(limit - start) / abs(step) > LARGEST_SIZE:
        raise ValueError(f"a range from {start:g} to {limit:g} by {step:g} has no or too many values")
    values = torch.arange(start, limit, step)
    return values.long() if whole else values


def _depth_to_space(call: Call, inputs: Inputs) -> Result:
    """Channels as neighbouring places: in ONNX the block's place comes first (DCR), in PyTorch the channel (CRD)."""
    value, block = given(inputs, 0), sizes((call.whole("blocksize", 1),), 1, 1)[0]
    _, channels, height, width = value.shape
    if channels % block**2:
        raise ValueError(f"{channels} channels are not blocks of {block} x {block}")
    deep = channels // block**2
    if call.text("mode", "DCR") == "CRD":
        spread = value.reshape(-1, deep, block, block, height, width).permute(0, 1, 4, 2, 5, 3)
    else:
        spread = value.reshape(-1, block, block, deep, height, width).permute(0, 3, 4, 1, 5, 2)
    return spread.reshape(-1, deep, height * block, width * block)


def _space_to_depth(call: Call, inputs: Inputs) -> Result:
    value, block = given(inputs, 0), sizes((call.whole("blocksize", 1),), 1, 1)[0]
    _, channels, height, width = value.shape
    if height % block or width % block:
        raise ValueError(f"{height} x {width} places are not blocks of {block} x {block}")
    spread = value.reshape(-1, channels, height // block, block, width // block, block)
    return spread.permute(0, 3, 5, 1, 2, 4).reshape(-1, channels * block**2, height // block, width // block)


def _same(call: Call, inputs: Inputs) -> Result:
    return given(inputs, 0)


def _dropout(call: Call, inputs: Inputs) -> Result:
    if 2 in call.fixed and bool(call.fixed[2].any()):
        raise ValueError("it drops values by chance; export the network in evaluation mode")
    return given(inputs, 0)


_CONSTANTS = ("value", "value_float", "value_floats", "value_int", "value_ints")

OPERATIONS: dict[str, Importer] = {
    "Reshape": Importer(_reshape, 2, 2, fixed=(1,), attributes=("allowzero",)),
    "Flatten": Importer(_flatten, 1, 1, attributes=("axis",)),
    "Transpose": Importer(_transpose, 1, 1, attributes=("perm",)),
    "Squeeze": Importer(_squeeze, 1, 2, fixed=(1,), attributes=("axes",)),
    "Unsqueeze": Importer(_unsqueeze, 1, 2, fixed=(1,), attributes=("axes",)),
    "Concat": Importer(_concat, 1, 1 << 10, attributes=("axis",)),
    "Slice": Importer(_slice, 1, 5, fixed=(1, 2, 3, 4), attributes=("starts", "ends", "axes")),
    "Split": Importer(_split, 1, 2, fixed=(1,), attributes=("axis", "split", "num_outputs")),
    "Gather": Importer(_gather, 2, 2, fixed=(1,), attributes=("axis",)),
    "Pad": Importer(_pad, 1, 4, fixed=(1, 2, 3), attributes=("mode", "pads", "value")),
    "Expand": Importer(_expand, 2, 2, fixed=(1,)),
    "Tile": Importer(_tile, 2, 2, fixed=(1,)),
    "Shape": Importer(_shape, 1, 1, attributes=("start", "end"), shape_only=True),
    "Size": Importer(_size, 1, 1, shape_only=True),
    "ConstantOfShape": Importer(_of_shape, 1, 1, fixed=(0,), attributes=("value",)),
    "Constant": Importer(_constant, 0, 0, attributes=_CONSTANTS),
    "Range": Importer(_range, 3, 3, fixed=(0, 1, 2)),
    "DepthToSpace": Importer(_depth_to_space, 1, 1, attributes=("blocksize", "mode")),
    "SpaceToDepth": Importer(_space_to_depth, 1, 1, attributes=("blocksize",)),
    "Identity": Importer(_same, 1, 1),
    "Dropout": Importer(_dropout, 1, 3, fixed=(1, 2), attributes=("ratio", "seed")),
}
TABLE = Importer(_look_up, 2, 2, weights=(0,), attributes=("axis",))
"""Gather, where the places depend on the input: an embedding."""
