"""How the cells of an array are fed, one topology a file; ``TOPOLOGIES`` lists them by the name that files have."""

from __future__ import annotations

from typing import Literal

from simcore.crossbar.topologies.base import Topology
from simcore.crossbar.topologies.gate_driven import GateDriven
from simcore.crossbar.topologies.input_sourced import InputSourced

TopologyName = Literal["input_sourced", "gate_driven"]

TOPOLOGIES: dict[str, Topology] = {"input_sourced": InputSourced(), "gate_driven": GateDriven()}

__all__ = ["TOPOLOGIES", "Topology", "TopologyName"]
