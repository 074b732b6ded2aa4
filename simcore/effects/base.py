"""What makes one chip differ from another and from the nominal design: the base of device effects, one a file.

An effect is a small model of cited numbers. It acts on the circuit (all cells alike), on the cells of the tiles, on the
converters, or adds noise to every read; what it does not name it leaves alone. Every random draw comes from
``TileDraws``, so that a cell of a chip is the same whoever asks, in any order, on any machine.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from jaxtyping import Float64, UInt8
from pydantic import BaseModel, ConfigDict

from simcore.crossbar.cells import Cells
from simcore.crossbar.circuit import Circuit


@dataclass(frozen=True)
class Conditions:
    """What time and use have done to a chip.

    Attributes:
        age_s: seconds since the cells were programmed.
        reads: reads of every cell since then.
        temperature_K: of the chip.
    """

    age_s: float
    reads: float
    temperature_K: float


@dataclass(frozen=True)
class PhysicalCells:
    """The cells of tiles side by side as they are on a chip.

    Attributes:
        circuit: of every tile; its ``g_on`` and ``g_off`` are what a nominal cell of either state has.
        states: 1 where a cell conducts along the ON curve, whatever was meant to be stored.
        conductances: of every cell, in siemens.
    """

    circuit: Circuit
    states: UInt8[np.ndarray, "rows columns"]
    conductances: Float64[np.ndarray, "rows columns"]

    @classmethod
    def nominal(cls, circuit: Circuit, states: UInt8[np.ndarray, "rows columns"]) -> PhysicalCells:
        """Cells that are as meant."""
        return cls(circuit, states, _nominal(circuit, states))

    def with_conductances(self, conductances: Float64[np.ndarray, "rows columns"]) -> PhysicalCells:
        """The same states; a conductance below 0 is 0."""
        return replace(self, conductances=np.maximum(conductances, 0.0))

    def scaled(self, factors: Float64[np.ndarray, "rows columns"] | float) -> PhysicalCells:
        """The same states with every conductance multiplied; a factor below 0 is 0."""
        return self.with_conductances(self.conductances * factors)

    def with_states(self, changed: np.ndarray, state: int) -> PhysicalCells:
        """Some cells in another state, with its nominal conductance.

        Args:
            changed: (rows, columns) bool, where.
            state: 0 or 1.
        """
        states, values = self.states.copy(), self.conductances.copy()
        states[changed] = state
        values[changed] = self.circuit.g_on if state else self.circuit.g_off
        return replace(self, states=states, conductances=values)

    def cells(self) -> Cells:
        """As solvers take them: a factor on the curve of the state of each cell."""
        nominal = _nominal(self.circuit, self.states)
        factors = np.divide(self.conductances, nominal, out=np.ones_like(nominal), where=nominal > 0)
        return Cells(self.states, factors)


def _nominal(circuit: Circuit, states: np.ndarray) -> np.ndarray:
    return np.where(states == 1, circuit.g_on, circuit.g_off)


@dataclass(frozen=True)
class TileDraws:
    """Random numbers of the tiles side by side that hold the same rows of a layer, on one chip.

    Each tile has a generator of its own, seeded by the design's seed, the effect, the chip, the layer and the place of
    the tile; rows and columns are places in its draw. Cells that no layer uses are drawn as well, so that a cell does
    not depend on how much of its tile is in use.

    Attributes:
        seed: of the design.
        chip: index of the chip.
        layer: index of the layer among all of the network that arrays could hold.
        tile_row: index of the tiles among those of the layer.
        rows: of a tile.
        width: columns of a tile.
        columns: of all tiles together that are in use.
    """

    seed: int
    chip: int
    layer: int
    tile_row: int
    rows: int
    width: int
    columns: int

    def normal(self, name: str) -> Float64[np.ndarray, "rows columns"]:
        """Standard normal, one a cell; other names give other numbers."""
        return self._cells(name, lambda rng, shape: rng.standard_normal(shape))

    def uniform(self, name: str) -> Float64[np.ndarray, "rows columns"]:
        """In [0, 1), one a cell."""
        return self._cells(name, lambda rng, shape: rng.random(shape))

    def column_normal(self, name: str) -> Float64[np.ndarray, " columns"]:
        """Standard normal, one a column of each tile."""
        return self._columns(name, lambda rng: rng.standard_normal(self.width))

    def column_uniform(self, name: str) -> Float64[np.ndarray, " columns"]:
        """In [0, 1), one a column of each tile."""
        return self._columns(name, lambda rng: rng.random(self.width))

    def row_uniform(self, name: str) -> Float64[np.ndarray, "rows columns"]:
        """In [0, 1), one a row of each tile, the same in all of its columns."""
        return self._cells(name, lambda rng, shape: np.broadcast_to(rng.random((shape[0], 1)), shape))

    def _cells(self, name: str, draw) -> np.ndarray:  # type: ignore[no-untyped-def]
        parts = [draw(rng, (self.rows, self.width)) for rng in self._generators(name)]
        return np.concatenate(parts, axis=1)[:, : self.columns]

    def _columns(self, name: str, draw) -> np.ndarray:  # type: ignore[no-untyped-def]
        return np.concatenate([draw(rng) for rng in self._generators(name)])[: self.columns]

    def _generators(self, name: str) -> list[np.random.Generator]:
        source = zlib.crc32(name.encode())
        place = (self.seed, source, self.chip, self.layer, self.tile_row)
        return [
            np.random.Generator(np.random.Philox(np.random.SeedSequence((*place, tile))))
            for tile in range(-(-self.columns // self.width))
        ]


@dataclass(frozen=True)
class ConverterErrors:
    """What the converters of tiles side by side have of their own, one a column.

    Attributes:
        gain: factor.
        offset_lsb: in codes.
    """

    gain: Float64[np.ndarray, " columns"]
    offset_lsb: Float64[np.ndarray, " columns"]

    def then(self, other: ConverterErrors) -> ConverterErrors:
        """Both together; another offset is not multiplied."""
        return ConverterErrors(self.gain * other.gain, self.offset_lsb + other.offset_lsb)


@dataclass(frozen=True)
class ReadNoise:
    """Standard deviation of the current of one cell from read to read, as a share of an ON cell's nominal current.

    Attributes:
        on: of an ON cell.
        off: of an OFF cell.
    """

    on: float
    off: float


class Effect(BaseModel):
    """One effect; ``kind`` names it among ``simcore.effects.KINDS``. Hooks act in the order in which they stand here,
    those of one kind in the order of ``KINDS``.

    Attributes:
        kind: its name.
        depends_on: the fields of ``Conditions`` that change it.
        drawn_per_chip: whether the kind draws cells or converters of every chip, so that chips differ. What acts on all
            chips alike does not, nor does noise, which is drawn anew in every read and leaves nothing on a chip.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str
    depends_on: ClassVar[tuple[str, ...]] = ()
    drawn_per_chip: ClassVar[bool] = True

    def resolved(self, folder: Path, where: str) -> Self:
        """The effect with the contents of the files that its block names.

        Args:
            folder: that their paths start from.
            where: place of the effect, for messages.

        Raises:
            InputError: a file that cannot be read or holds something else.
        """
        return self

    def check(self, circuit: Circuit, conditions: Conditions) -> None:
        """Whether the numbers hold for a design.

        Args:
            circuit: nominal.
            conditions: what time and use have done.

        Raises:
            ConditionError: the conditions lie outside what they describe.
            ValueError: the circuit does.
        """

    def altered_circuit(self, circuit: Circuit, conditions: Conditions) -> Circuit:
        """The circuit that all chips have under some conditions.

        Args:
            circuit: nominal.
            conditions: what time and use have done.
        """
        return circuit

    def altered_cells(self, cells: PhysicalCells, draws: TileDraws, conditions: Conditions) -> PhysicalCells:
        """The cells of tiles side by side on one chip.

        Args:
            cells: as the effects before have left them.
            draws: where every random number comes from.
            conditions: what time and use have done.
        """
        return cells

    def converter_errors(self, draws: TileDraws) -> ConverterErrors | None:
        """Errors of the converters of tiles side by side on one chip; None where they have none."""
        return None

    def holds(self, other: Effect) -> bool:
        """Whether its numbers hold the consequences of another effect already."""
        return False

    @property
    def adds_read_noise(self) -> bool:
        """Whether ``read_noise`` gives any."""
        return type(self).read_noise is not Effect.read_noise

    def read_noise(self, circuit: Circuit, conditions: Conditions) -> ReadNoise | None:
        """Noise of the cells from read to read; None without any."""
        return None
