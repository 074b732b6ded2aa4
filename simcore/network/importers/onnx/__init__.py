"""Networks from ONNX and QONNX files."""

from __future__ import annotations

from simcore.network.importers.onnx.imported import from_onnx

__all__ = ["from_onnx"]
