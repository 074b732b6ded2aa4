"""An independent forward pass of a file: ONNX's own reference in NumPy, and QONNX's operations after its definitions.

It shares neither shapes nor operations with what makes the network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from simcore.errors import InputError
from simcore.network.importers.onnx.ordering import in_order
from simcore.network.importers.onnx.reading import STANDARD, OnnxFile

_SAYS_ITS_MODE = 14  # opset from which a batch norm has an attribute training_mode
_AXIS_ALONE = 13  # opset; before it, a softmax runs over all axes from the given one on


class ReferencePass:
    """Computes what the file says.

    Args:
        file: what was read; its message is left as it is.
        result: name of the value that holds the logits.
        images: that the file takes at once; 0 where it leaves their number open.
    """

    def __init__(self, file: OnnxFile, result: str, images: int) -> None:
        import onnx
        from onnx.reference import ReferenceEvaluator

        model = onnx.ModelProto()
        model.CopyFrom(file.model)
        del model.graph.output[:]
        model.graph.output.append(onnx.ValueInfoProto(name=result))
        del model.graph.value_info[:]
        for domain in {node.domain for node in model.graph.node} - {entry.domain for entry in model.opset_import}:
            model.opset_import.append(onnx.helper.make_opsetid(domain, 1))
        _sort(model, file, result)
        try:
            self._evaluator = ReferenceEvaluator(model, new_ops=_own_operations(model))
        except Exception as error:  # noqa: BLE001 (the package raises whatever it meets)
            raise InputError(_not_computed(error), str(file.path)) from None
        self._file, self._images = file, images

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes) of ``images`` (B, ...).

        Raises:
            InputError: the reference cannot compute them.
        """
        kind = np.int64 if self._file.whole_numbers else np.float32
        at_once = self._images or len(images)
        padded = torch.cat([images, images[:1].expand(-len(images) % at_once, *images.shape[1:])])
        try:
            with np.errstate(all="ignore"):
                results = [self._run(part.numpy().astype(kind)) for part in padded.split(at_once)]
            logits = np.concatenate([np.asarray(result).reshape(at_once, -1) for result in results])
        except Exception as error:  # noqa: BLE001
            raise InputError(_not_computed(error), str(self._file.path)) from None
        return torch.from_numpy(logits[: len(images)].astype(np.float32))

    def _run(self, images: np.ndarray) -> np.ndarray:
        found: Any = self._evaluator.run(None, {self._file.input: images})
        return np.asarray(found[0])


def _sort(model: Any, file: OnnxFile, result: str) -> None:
    """Put the message's nodes into an order in which they can be computed, without those that the result needs not."""
    by_output = {name: node for node in model.graph.node for name in node.output if name}
    ordered = [by_output[next(name for name in node.outputs if name)] for node in in_order(file, result)]
    copies = []
    for node in ordered:
        copy = type(node)()
        copy.CopyFrom(node)
        copies.append(copy)
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _not_computed(error: Exception) -> str:
    reason = str(error).strip().splitlines()
    return (
        f"the independent forward pass of the package onnx cannot compute it, and nothing is saved unchecked: "
        f"{reason[0][:200] if reason else type(error).__name__}"
    )


def _own_operations(model: Any) -> list[Any]:
    """QONNX's operations for the evaluator, in every domain that the file names them in; and those of old opsets that
    the evaluator computes as new ones say: the batch norm, with statistics of the batch, and softmax, over one axis."""
    from onnx.reference.op_run import OpRun

    def made(domain: str, name: str, compute: Any) -> Any:
        return type(name, (OpRun,), {"op_domain": domain, "_run": compute})

    computing = {
        "BipolarQuant": _bipolar,
        "Quant": _quant,
        "IntQuant": _quant,
        "MultiThreshold": _multi_threshold,
        "XnorPopcountMatMul": _xnor_popcount,
    }
    domains = {node.domain for node in model.graph.node} - set(STANDARD)
    quantizers = [made(domain, name, run) for domain in sorted(domains) for name, run in computing.items()]
    standard = (entry.version for entry in model.opset_import if entry.domain in STANDARD)
    opset = min(standard, default=_SAYS_ITS_MODE)
    old = [made("", "BatchNormalization", _batch_norm)] if opset < _SAYS_ITS_MODE else []
    if opset < _AXIS_ALONE:
        old += [made("", "Softmax", _softmax), made("", "LogSoftmax", _log_softmax)]
    return [*quantizers, *old]


def _batch_norm(
    self: Any,
    x: np.ndarray,
    scale: np.ndarray,
    bias: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    spatial: int = 1,
    training_mode: int = 0,
) -> tuple[np.ndarray]:
    scale, bias, mean, variance = (
        part.reshape(-1, *[1] * (x.ndim - 2)).astype(np.float64) for part in (scale, bias, mean, variance)
    )
    return ((scale * (x - mean) / np.sqrt(variance + epsilon) + bias).astype(np.float32),)


def _softmax(self: Any, x: np.ndarray, axis: int = 1) -> tuple[np.ndarray]:
    return (np.exp(_log_softmax(self, x)[0]),)


def _log_softmax(self: Any, x: np.ndarray, axis: int = 1) -> tuple[np.ndarray]:
    # The evaluator fills in the default of new opsets, so the node itself is asked.
    start = next((given.i for given in self.onnx_node.attribute if given.name == "axis"), 1)
    rows = x.reshape(int(np.prod(x.shape[:start])), -1).astype(np.float64)
    rows -= rows.max(axis=1, keepdims=True)
    return ((rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))).reshape(x.shape).astype(np.float32),)


def _bipolar(self: Any, x: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray]:
    return ((np.where(x < 0, np.float32(-1), np.float32(1)) * scale).astype(np.float32),)


def _quant(
    self: Any,
    x: np.ndarray,
    scale: np.ndarray,
    zero: np.ndarray,
    bits: np.ndarray,
    signed: int = 1,
    narrow: int = 1,
    rounding_mode: str = "ROUND",
) -> tuple[np.ndarray]:
    width = int(np.asarray(bits).reshape(()))
    levels = x / scale + zero
    if signed and width == 1:
        levels = np.where(levels < 0, -1.0, 1.0)
    else:
        lowest = -(2 ** (width - 1)) + narrow if signed else 0
        highest = 2 ** (width - 1) - 1 if signed else 2**width - 1 - narrow
        levels = _round(np.minimum(np.maximum(levels, lowest), highest), rounding_mode.upper())
    return (((levels - zero) * scale).astype(np.float32),)


def _round(values: np.ndarray, mode: str) -> np.ndarray:
    size = np.abs(values)
    ways = {
        "FLOOR": np.floor,
        "CEIL": np.ceil,
        "DOWN": np.trunc,
        "UP": lambda _: np.copysign(np.ceil(size), values),
        "HALF_UP": lambda _: np.copysign(np.floor(size + np.float32(0.5)), values),
        "HALF_DOWN": lambda _: np.copysign(np.ceil(size - np.float32(0.5)), values),
    }
    rounded: np.ndarray = ways.get(mode, np.rint)(values)  # type: ignore[operator]
    return rounded


def _multi_threshold(
    self: Any,
    x: np.ndarray,
    thresholds: np.ndarray,
    out_dtype: str = "",
    out_scale: float = 1.0,
    out_bias: float = 0.0,
    data_layout: str = "",
) -> tuple[np.ndarray]:
    channel = -1 if data_layout.endswith("C") else 1
    channels_last = np.moveaxis(x, channel, -1)
    steps = np.broadcast_to(thresholds, (x.shape[channel], thresholds.shape[1]))
    count = np.sum(channels_last[..., None] >= steps, axis=-1)
    scaled = np.float32(out_scale) * count.astype(np.float32) + np.float32(out_bias)
    return (np.moveaxis(scaled, -1, channel),)


def _xnor_popcount(self: Any, x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
    both = (x[..., :, None] != 0) == (weights != 0)
    return (np.count_nonzero(both, axis=-2).astype(np.float32),)
