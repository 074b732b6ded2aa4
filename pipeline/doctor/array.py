"""The array that a network is looked at for: its size, device and corner, with a converter that has a code for every
sum."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.cost import CostSettings, Tile, resolve
from simcore.cost_options import CostOptions
from simcore.design import Design
from simcore.design_axes import Adc, EvidenceLimits, lossless_bits
from simcore.errors import InputError
from simcore.inference.calibration_images import CalibrationImages
from simcore.technology import circuit_parameters
from simcore.technology.devices import load_bitcell


@dataclass(frozen=True)
class Array:
    """Rows and columns of cells of one device.

    Attributes:
        rows: cells of a column.
        cols: cells of a row.
        device: a bitcell that ships, or a file.
        corner: of the device.
    """

    rows: int
    cols: int
    device: str
    corner: str

    def design(self, calibration: CalibrationImages | None = None) -> Design:
        """The dense design on this array, its converters re-ranged on calibration inputs.

        Args:
            calibration: where these come from; None for a design that nothing is run on.

        Raises:
            InputError: no such device or corner.
        """
        return Design(
            circuit=circuit_parameters(self.device, self.corner, where="--device"),
            rows=self.rows,
            cols=self.cols,
            adc=Adc(bits=lossless_bits(self.rows), reference="calibrated"),
            evidence=EvidenceLimits(beyond="mark"),
            **(calibration.design_fields if calibration else {}),
        )

    def tile(self) -> Tile:
        """What costs are counted of.

        Raises:
            InputError: the device's file does not say how large a cell is.
        """
        cell = load_bitcell(self.device).cell
        if cell is None:
            text = f"'{self.device}' does not say how large its cell is, without which there are no costs"
            raise InputError(text, "--device")
        return Tile.of(self.design(), cell)

    @property
    def name(self) -> str:
        return f"{self.rows}x{self.cols} {self.device} {self.corner}"


def usual_costs() -> CostSettings:
    """How costs are counted where nothing is said about it."""
    return resolve(CostOptions())
