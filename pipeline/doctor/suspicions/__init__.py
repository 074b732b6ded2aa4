"""The usual mistakes, a file each."""

from __future__ import annotations

from pipeline.doctor.suspicions.base import Finding, Suspicion
from pipeline.doctor.suspicions.channels import Channels
from pipeline.doctor.suspicions.dead_layers import DeadLayers
from pipeline.doctor.suspicions.flatten_order import FlattenOrder
from pipeline.doctor.suspicions.input_scale import InputScale
from pipeline.doctor.suspicions.labels import Labels
from pipeline.doctor.suspicions.padding import PaddingValue
from pipeline.doctor.suspicions.zero_sign import ZeroSign

__all__ = ["SUSPICIONS", "Finding", "Suspicion"]

SUSPICIONS: tuple[Suspicion, ...] = (
    DeadLayers(),
    Labels(),
    InputScale(),
    Channels(),
    ZeroSign(),
    PaddingValue(),
    FlattenOrder(),
)
