"""The operations of ONNX and QONNX that are known here, each in the file of its family."""

from __future__ import annotations

from simcore.network.importers.onnx.operations import (
    comparison,
    elementwise,
    layout,
    normalization,
    products,
    quantization,
    window,
)
from simcore.network.importers.onnx.operations.base import Call, Importer, Result

__all__ = ["OPERATIONS", "TABLE", "Call", "Importer", "Result"]

OPERATIONS: dict[str, Importer] = {
    **elementwise.OPERATIONS,
    **comparison.OPERATIONS,
    **products.OPERATIONS,
    **window.OPERATIONS,
    **normalization.OPERATIONS,
    **layout.OPERATIONS,
    **quantization.OPERATIONS,
}
TABLE = layout.TABLE
