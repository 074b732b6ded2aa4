"""What an image costs on a layer and on a design: the components, and what follows from their sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from simcore.cost.digital import DigitalCost

ENERGY_COMPONENTS = ("array", "word_line", "bit_line", "adc", "accumulate", "activation_buffer", "popcount", "compare",
                     "xor", "stored_sums", "undo", "mitigations", "write")  # fmt: skip
AREA_COMPONENTS = ("cells", "converters", "drivers", "accumulators", "popcount", "input_flip", "column_flags",
                   "stored_sums", "mitigations")  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Of one image on a layer, or on all layers that arrays hold.

    Attributes:
        energy_J: joules by component (``ENERGY_COMPONENTS``), without leakage.
        latency_s: one layer after another.
        area_m2: square metres by component (``AREA_COMPONENTS``).
        operations: multiplications and additions of the ±1 network, 1 bit x 1 bit.
        tiles: arrays.
        charge_C: what all column reads draw.
        leakage_W: of the tiles.
        powered_s: seconds that they leak for an image.
        slowest_s: time of the slowest layer.
        write_s: of ``latency_s``, what is written for the image.
        images_until_worn: after which cells that are written for each have met the writes that they endure.
    """

    energy_J: dict[str, float]
    latency_s: float
    area_m2: dict[str, float]
    operations: float
    tiles: int
    charge_C: float
    leakage_W: float
    powered_s: float
    slowest_s: float
    write_s: float = 0.0
    images_until_worn: float = math.inf

    @property
    def leakage_J(self) -> float:
        return self.leakage_W * self.powered_s

    @property
    def total_energy_J(self) -> float:
        return math.fsum((*self.energy_J.values(), self.leakage_J))

    @property
    def total_area_m2(self) -> float:
        return math.fsum(self.area_m2.values())

    @property
    def tops_per_watt(self) -> float:
        """10^12 operations a joule, 1 bit x 1 bit; 0 where nothing is spent."""
        total = self.total_energy_J
        return self.operations / total / 1e12 if total else 0.0

    @property
    def tops_per_mm2(self) -> float:
        """10^12 operations a second and mm², 1 bit x 1 bit, every layer at work on an image of its own."""
        rate = self.operations / self.slowest_s if self.slowest_s else 0.0
        return rate / self.total_area_m2 * 1e-18 if rate else 0.0


@dataclass(frozen=True)
class DesignCost:
    """Of one image on a design.

    Attributes:
        layers: the layers on their tiles, in the order of the network; each leaks until the image is done.
        digital: the layers that no array holds, together.
    """

    layers: tuple[Cost, ...]
    digital: DigitalCost

    @cached_property
    def mapped(self) -> Cost:
        """The layers on arrays, summed."""
        return total_cost(self.layers)

    @property
    def total_energy_J(self) -> float:
        return math.fsum((self.mapped.total_energy_J, self.digital.total_energy_J))

    @property
    def latency_s(self) -> float:
        """One layer after another, digital ones too."""
        return self.mapped.latency_s + self.digital.latency_s

    @property
    def interval_s(self) -> float:
        """Between images where every layer works on one of its own, and the digital engine on one: the slowest's
        time."""
        return max(self.mapped.slowest_s, self.digital.latency_s)

    @property
    def total_area_m2(self) -> float:
        return self.mapped.total_area_m2 + self.digital.area_m2

    @property
    def energy_delay_Js(self) -> float:
        return self.total_energy_J * self.latency_s


def total_cost(parts: Sequence[Cost]) -> Cost:
    """Energies, latencies and areas of layers, summed; ``powered_s`` and ``slowest_s`` are the largest.

    Args:
        parts: layers that leak for equally long.
    """
    return Cost(
        energy_J={name: math.fsum(part.energy_J[name] for part in parts) for name in ENERGY_COMPONENTS},
        latency_s=math.fsum(part.latency_s for part in parts),
        area_m2={name: math.fsum(part.area_m2[name] for part in parts) for name in AREA_COMPONENTS},
        operations=math.fsum(part.operations for part in parts),
        tiles=sum(part.tiles for part in parts),
        charge_C=math.fsum(part.charge_C for part in parts),
        leakage_W=math.fsum(part.leakage_W for part in parts),
        powered_s=max((part.powered_s for part in parts), default=0.0),
        slowest_s=max((part.slowest_s for part in parts), default=0.0),
        write_s=math.fsum(part.write_s for part in parts),
        images_until_worn=min((part.images_until_worn for part in parts), default=math.inf),
    )
