"""Networks from PyTorch modules, as people really have them."""

from __future__ import annotations

from simcore.network.tracing.traced import LayerPlace, TracedNetwork, from_torch

__all__ = ["LayerPlace", "TracedNetwork", "from_torch"]
