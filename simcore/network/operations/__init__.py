"""The operations a network graph may use: their attributes, and the shape each makes of its inputs.

Shapes leave out the batch: (C, H, W) for images and feature maps, (F,) for vectors, (T, F) for tokens. An operation is
a class here and a module in ``simcore.network.layers``, both in the file of its family.
"""

from __future__ import annotations

from simcore.network.operations import elementwise, layout, normalization, product, window
from simcore.network.operations.base import Operation, Shape, Size

__all__ = ["OPERATIONS", "Operation", "Shape", "Size"]

OPERATIONS: dict[str, type[Operation]] = {
    "normalize": normalization.Normalize,
    "conv2d": window.Conv2d,
    "linear": product.Linear,
    "binary_conv2d": window.BinaryConv2d,
    "binary_linear": product.BinaryLinear,
    "window_sum2d": window.WindowSum2d,
    "matmul": product.Matmul,
    "binary_matmul": product.BinaryMatmul,
    "embedding": product.Embedding,
    "batch_norm": normalization.BatchNorm,
    "layer_norm": normalization.LayerNorm,
    "softmax": normalization.Softmax,
    "reduce": normalization.Reduce,
    "max_pool2d": window.MaxPool2d,
    "avg_pool2d": window.AvgPool2d,
    "global_avg_pool": window.GlobalAvgPool,
    "sign": elementwise.Sign,
    "hardtanh": elementwise.Hardtanh,
    "clamp": elementwise.Clamp,
    "relu": elementwise.Relu,
    "prelu": elementwise.Prelu,
    "abs": elementwise.Abs,
    "sigmoid": elementwise.Sigmoid,
    "tanh": elementwise.Tanh,
    "gelu": elementwise.Gelu,
    "silu": elementwise.Silu,
    "exp": elementwise.Exp,
    "log": elementwise.Log,
    "sqrt": elementwise.Sqrt,
    "power": elementwise.Power,
    "round": elementwise.Round,
    "floor": elementwise.Floor,
    "scale": elementwise.Scale,
    "factor": elementwise.Factor,
    "offset": elementwise.Offset,
    "add": elementwise.Add,
    "subtract": elementwise.Subtract,
    "multiply": elementwise.Multiply,
    "divide": elementwise.Divide,
    "maximum": elementwise.Maximum,
    "minimum": elementwise.Minimum,
    "flatten": layout.Flatten,
    "reshape": layout.Reshape,
    "permute": layout.Permute,
    "slice": layout.Slice,
    "concat": layout.Concat,
    "pad": layout.Pad,
    "constant": layout.Constant,
}
