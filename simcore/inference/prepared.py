"""A network that is ready to be read on a design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simcore.design import Design
from simcore.inference.mapped_products import ProductOnImages
from simcore.inference.stored_layers import StoredLayer
from simcore.inference.validation import Evidence
from simcore.mapping.row_groups import RowGroup
from simcore.mapping.tiling import LayerMapping, as_layer_output
from simcore.mitigation.base import OutputLine
from simcore.network.modules import GraphNetwork
from simcore.readout.adc import ConverterSettings
from simcore.readout.fused import ReadoutTables
from simcore.surrogate.base import Surrogate


@dataclass(frozen=True)
class ChipSource:
    """What a layer of any chip is made from.

    Attributes:
        stored: the layer as stored, on nominal cells.
        models: its fast solvers, fitted to nominal cells; None where there are none.
    """

    stored: StoredLayer
    models: list[Surrogate] | None


@dataclass(frozen=True)
class WrittenOperand:
    """How the tiles of an image are made.

    Attributes:
        calibration: the product on the images that converters are set on.
        design: as written operands meet it.
        models: fast solvers for any bits, of the row groups; None where none is fitted.
        flipped_columns: of all row groups, stored complemented, on average over these images.
        chip: index of the chip; None: nominal cells.
    """

    calibration: ProductOnImages
    design: Design
    models: list[Surrogate] | None
    flipped_columns: int
    chip: int | None = None


@dataclass(frozen=True)
class PreparedLayer:
    """One mapped layer, ready to be read.

    Attributes:
        mapping: its tiles.
        tables: of the fused readout.
        converters: of its row groups.
        groups: its row groups, kept where the exact solver does the reading; else None.
        outputs: what is done to its dot products; None where nothing is.
        source: what the layer of any chip is made from; None where chips do not differ.
        written: how the tiles of an image are made, where an operand is written for every image; all else is then that
            of one calibration image, but for the converters. None of a layer of weights.
    """

    mapping: LayerMapping
    tables: ReadoutTables
    converters: ConverterSettings
    groups: list[RowGroup] | None
    outputs: OutputLine | None = None
    source: ChipSource | None = None
    written: WrittenOperand | None = None

    def finished(self, shares: np.ndarray, shape: torch.Size) -> torch.Tensor:
        """The layer's outputs.

        Args:
            shares: (B, P, C) of dot products, as read.
            shape: of the layer's input signs.
        """
        outputs = as_layer_output(self.mapping, shares, shape)
        return outputs if self.outputs is None else self.outputs.of(outputs)


@dataclass(frozen=True)
class Prepared:
    """One network on one design.

    Attributes:
        design: the design; one that asks for the exact solver where evidence beyond its limits did.
        network: the network.
        layers: the mapped layers by name, in execution order.
        solver: what reads the columns: ``fast``, ``transfer`` (exact matrix of a linear array), ``exact``,
            ``ideal`` or ``ideal_circuit``.
        evidence: held-out reads against the exact solver.
        chip: index of the chip whose cells the layers have; None: the nominal design.
        images: that a chip is calibrated on; None where it is not.
    """

    design: Design
    network: GraphNetwork
    layers: dict[str, PreparedLayer]
    solver: str
    evidence: Evidence
    chip: int | None = None
    images: torch.Tensor | None = None
