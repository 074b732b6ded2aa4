"""Matrix products, and the XNOR-popcount that stands for one of signs."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from simcore.network.importers.onnx.operations.base import Call, Importer, Result, given, optional, require_bounded

Inputs = Sequence[torch.Tensor | None]


def _matmul(call: Call, inputs: Inputs) -> Result:
    return _product(call, given(inputs, 0).float(), given(inputs, 1).float())


def _product(call: Call, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    result = first @ second
    require_bounded(result.numel() // max(1, call.images) * first.shape[-1])
    return result


def _gemm(call: Call, inputs: Inputs) -> Result:
    """alpha A B + beta C, A and B transposed where the attributes say so."""
    first, second = given(inputs, 0).float(), given(inputs, 1).float()
    if call.whole("transA", 0):
        if call.images:
            raise ValueError("transA turns the batch; export the product with the batch along the first axis")
        first = first.t()
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    product = _product(call, first, second.t() if call.whole("transB", 0) else second)
    product = product if alpha == 1 else alpha * product
    bias = optional(inputs, 2)
    if bias is None:
        return product
    return product + (bias if beta == 1 else beta * bias)


def _xnor_popcount(call: Call, inputs: Inputs) -> Result:
    """Number of agreements of bits: (length + product of signs) / 2."""
    first, second = given(inputs, 0), given(inputs, 1)
    product = _product(call, 2 * first.float() - 1, 2 * second.float() - 1)
    return (product + second.shape[0]) * 0.5


OPERATIONS: dict[str, Importer] = {
    "MatMul": Importer(_matmul, 2, 2),
    "Gemm": Importer(_gemm, 2, 3, attributes=("alpha", "beta", "transA", "transB")),
    "XnorPopcountMatMul": Importer(_xnor_popcount, 2, 2, weights=(1,)),
}
