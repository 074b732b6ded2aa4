"""The tile that a design reads: its size, wires, cells and converter, in SI units."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from simcore.cost import energy
from simcore.cost.activity import LayerActivity
from simcore.cost.settings import CostSettings
from simcore.design import Design
from simcore.encodings import ENCODINGS, Encoding
from simcore.passes import PASSES, passes_of
from simcore.technology.devices import CellGeometry, CellWrite

FINER_BITS = 2
"""Bits by which a converter's own codes are finer than bent thresholds, unless a pass says how many: a judgement, a
quarter of a code."""


@dataclass(frozen=True)
class Tile:
    """One array with what belongs to it.

    Attributes:
        rows: cells of a column.
        cols: cells of a row.
        active_rows: rows read together.
        adc_bits: bits of its converters.
        bends_thresholds: their thresholds do not lie at equal distances.
        finer_bits: bits by which the places of bent thresholds are finer than codes.
        flips_weights: the sparsity level stores columns complemented.
        flips_activations: the sparsity level applies sub-vectors complemented.
        flips_by_layer: a layer that nothing is flipped in has no logic for it.
        counted_every: one row of so many is counted for the flip of a sub-vector.
        v_read_V: read voltage.
        on_current_A: current of a lone ON cell.
        off_current_A: current of a lone OFF cell.
        columns_are_independent: what a column draws does not depend on the others.
        r_sink_ohm: foot of a bit line.
        r_col_ohm: bit line, from cell to cell.
        r_feed_ohm: terminal of the line that carries the current to the cells (``Topology.feed_line``).
        r_line_ohm: that line, from cell to cell.
        line_cells: cells on that line.
        feeds_along_columns: that line runs beside the bit line, past the same transistors; else along the row.
        cell_height_m: along the bit line.
        cell_width_m: along the word line.
        cell_area_m2: of one cell.
        gate_fins: fins of a cell's select transistor.
        leaking_fins: fins of a cell that leak while it keeps its bit.
        write: what it takes to write cells; None where the bitcell file does not say.
        encoding: how products of signs become cells and reads.
    """

    rows: int
    cols: int
    active_rows: int
    adc_bits: int
    bends_thresholds: bool
    finer_bits: int
    flips_weights: bool
    flips_activations: bool
    flips_by_layer: bool
    counted_every: int
    v_read_V: float
    on_current_A: float
    off_current_A: float
    columns_are_independent: bool
    r_sink_ohm: float
    r_col_ohm: float
    r_feed_ohm: float
    r_line_ohm: float
    line_cells: int
    feeds_along_columns: bool
    cell_height_m: float
    cell_width_m: float
    cell_area_m2: float
    gate_fins: int
    leaking_fins: int
    write: CellWrite | None = None
    encoding: Encoding = ENCODINGS["zero_one"]

    @classmethod
    def of(cls, design: Design, cell: CellGeometry) -> Tile:
        """The tile of a design.

        Args:
            design: its array, sparsity, converter and circuit.
            cell: the size of its bitcell, from the bitcell file.
        """
        circuit = design.operating_circuit
        wiring = circuit.wiring
        passes = {one.name: one.number for one in passes_of(design.mitigations)}
        return cls(
            rows=design.rows,
            cols=design.cols,
            active_rows=design.rows_read_together,
            adc_bits=design.adc.bits,
            bends_thresholds=any(PASSES[name].bends_thresholds for name in passes),
            finer_bits=int(passes.get("threshold_grid") or 0) if "threshold_grid" in passes else FINER_BITS,
            flips_weights=design.flips_weights,
            flips_activations=design.flips_activations,
            flips_by_layer="flips_where_they_pay" in passes,
            counted_every=int(passes.get("sampled_popcount") or 1),
            v_read_V=circuit.v_read,
            on_current_A=circuit.on_current(),
            off_current_A=circuit.off_current(),
            columns_are_independent=wiring.columns_are_independent,
            r_sink_ohm=circuit.r_sink,
            r_col_ohm=circuit.r_col,
            r_feed_ohm=circuit.r_driver,
            r_line_ohm=wiring.wire(circuit),
            line_cells=design.rows if wiring.feeds_along_columns else design.cols,
            feeds_along_columns=wiring.feeds_along_columns,
            cell_height_m=cell.height_um * 1e-6,
            cell_width_m=cell.width_um * 1e-6,
            cell_area_m2=cell.area_um2 * 1e-12,
            gate_fins=cell.gate_fins,
            leaking_fins=cell.leaking_fins,
            write=cell.write,
            encoding=ENCODINGS[design.encoding],
        )

    def of_layer(self, layer: LayerActivity) -> Tile:
        """The tile as one layer needs it: without the logic of flips that it does not make."""
        if not self.flips_by_layer:
            return self
        weights, activations = layer.flipped_columns > 0, layer.flipped_sub_vectors > 0
        return replace(
            self,
            flips_weights=self.flips_weights and weights,
            flips_activations=self.flips_activations and activations,
        )

    def counted_rows(self, rows: int) -> int:
        """Rows of so many that are counted for the flip of a sub-vector."""
        return math.ceil(rows / self.counted_every)

    @property
    def steps(self) -> int:
        """Reads that cover all rows."""
        return math.ceil(self.rows / self.active_rows)

    def mean_over_groups(self, inputs: int, value: Callable[[int], float]) -> float:
        """Mean over the row groups of a layer: the last of a tile may be smaller, and so may the last of all.

        Args:
            inputs: rows that the layer fills.
            value: of a row group, by its number of rows.
        """
        whole, rest = divmod(inputs, self.rows)
        filled = [(self.rows, whole)] + ([(rest, 1)] if rest else [])
        groups, total = 0, 0.0
        for rows, tiles in filled:
            full, last = divmod(rows, self.active_rows)
            total += tiles * (full * value(self.active_rows) + (value(last) if last else 0.0))
            groups += tiles * (full + (last > 0))
        return total / groups

    def row_tiles(self, groups: int) -> int:
        """Tiles above one another that hold ``groups`` row groups."""
        return math.ceil(groups / self.steps)

    def column_tiles(self, columns: int) -> int:
        """Tiles side by side that hold ``columns`` columns."""
        return math.ceil(columns / self.cols)

    @property
    def sum_bits(self) -> int:
        """Bits of what a conversion stands for."""
        return energy.sum_bits(self.encoding.span_of_sums(self.active_rows))

    def conversions_of(self, columns: int) -> int:
        """Conversions of a read of so many columns."""
        return columns // self.encoding.columns_a_conversion

    def conversions(self, layer: LayerActivity) -> float:
        """Those of a layer for one image."""
        return layer.column_reads / self.encoding.columns_a_conversion

    def counted_sub_vectors(self, layer: LayerActivity) -> float:
        """Sub-vectors of a layer whose ones are counted for one image: one count serves all reads of a position, whose
        inputs are the same or the complement."""
        return layer.sub_vectors / self.encoding.reads_a_position

    def converters(self, settings: CostSettings) -> int:
        """Converters of a tile."""
        return settings.converters(self.conversions_of(self.cols))

    @property
    def flips(self) -> bool:
        """The sparsity level flips anything."""
        return self.flips_weights or self.flips_activations

    @property
    def flips_apart(self) -> bool:
        """Of the columns of one output some may be complemented and others not: what they had in common no longer
        cancels."""
        return self.flips_weights and self.encoding.columns_an_output > 1

    @property
    def counts_inputs(self) -> bool:
        """Sums of the inputs are needed, in products or to decide what is flipped."""
        return self.encoding.counts_inputs or self.flips_activations or self.flips_apart

    @property
    def counts_weights(self) -> bool:
        """Sums of the stored bits are needed: of reads of which some are complemented they no longer cancel."""
        return self.encoding.counts_weights or self.flips_activations or self.flips_apart

    @property
    def counts_operands(self) -> bool:
        """Ones of every column are counted where an operand is written: for its products, or to decide what is stored
        complemented."""
        return self.counts_weights or self.flips_weights

    def pays_popcount(self, settings: CostSettings) -> bool:
        """Sums of the inputs are counted here, and not by what ``settings`` takes to be there anyway."""
        return self.counts_inputs and (settings.popcount == "baseline" or self.flips)

    def pays_sums(self, settings: CostSettings, written: bool) -> bool:
        """Sums of the stored bits are kept and read, for they are no constants of a threshold: of what is complemented
        at run time, of bits that are ``written`` for every image, or because ``settings`` say so."""
        return self.counts_weights and (settings.stored_sums == "baseline" or self.flips_activations or written)

    def with_sums(self, columns: int) -> float:
        """Sums of stored bits that so many columns have: one an output, unless its columns are flipped apart."""
        return columns if self.flips_apart else columns / self.encoding.columns_an_output
