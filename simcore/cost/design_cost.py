"""The cost of a layer and of a design, component by component."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from simcore.cost import area, energy, timing
from simcore.cost.activity import LayerActivity
from simcore.cost.added import Added, Costed, code_table
from simcore.cost.digital import DigitalLayer, digital_cost
from simcore.cost.hardware import Tile
from simcore.cost.leakage import SRAM_BIT_FINS, Leaking
from simcore.cost.lines import bit_line_cell_capacitance, word_line_capacitance
from simcore.cost.settings import CostSettings
from simcore.cost.totals import Cost, DesignCost
from simcore.cost.writing import counter_area, images_until_worn, write_energy, write_time


def design_cost(
    tile: Tile,
    layers: Iterable[LayerActivity],
    settings: CostSettings,
    digital: Iterable[DigitalLayer] = (),
    passes: Sequence[Costed] = (),
) -> DesignCost:
    """Layers one after another on tiles of their own, all of which leak until the image is done.

    Args:
        tile: array, cell and converter of the design.
        layers: what each mapped layer did, in the order of the network.
        settings: who pays for what, and the numbers of the periphery.
        digital: layers that no array holds.
        passes: that cost something beside what the tile says of them.
    """
    parts = [layer_cost(tile, layer, settings, passes) for layer in layers]
    engine = digital_cost(digital, settings)
    seconds = math.fsum((*(part.latency_s for part in parts), engine.latency_s))
    return DesignCost(tuple(replace(part, powered_s=seconds) for part in parts), replace(engine, powered_s=seconds))


def layer_cost(tile: Tile, layer: LayerActivity, settings: CostSettings, passes: Sequence[Costed] = ()) -> Cost:
    """One layer with its own tiles, which leak while it works; ``passes`` as in ``design_cost``."""
    tile = tile.of_layer(layer)
    seconds = layer_latency(tile, layer, settings)
    added = all_added(tile, layer, settings, passes)
    areas = layer_area(tile, layer, settings) | {"mitigations": added.area_m2}
    return Cost(
        energy_J=layer_energy(tile, layer, settings)
        | {
            "mitigations": added.energy_J,
            "write": write_energy(tile, layer, settings) if layer.written else 0.0,
        },
        latency_s=seconds,
        area_m2=areas,
        operations=layer.operations / (tile.encoding.rows_an_input * tile.encoding.column_reads_an_output),
        tiles=tile.row_tiles(layer.groups) * tile.column_tiles(layer.columns),
        charge_C=array_charge(tile, layer, settings, settling(tile, settings)),
        leakage_W=layer_leaking(tile, layer, areas, added, settings).power_W(settings),
        powered_s=seconds,
        slowest_s=seconds,
        write_s=write_time(tile, layer, settings) if layer.written else 0.0,
        images_until_worn=images_until_worn(tile) if layer.written else math.inf,
    )


def layer_energy(tile: Tile, layer: LayerActivity, settings: CostSettings) -> dict[str, float]:
    """Joules of each component (``ENERGY_COMPONENTS``) for one image, without leakage, ``mitigations`` and
    ``write``."""
    s, conversions = settings, tile.conversions(layer)
    encoding = tile.encoding
    always_read = s.stored_sums == "baseline" or layer.written  # sums that change are no constants of a threshold
    sums = tile.with_sums(layer.columns)
    counted = tile.counted_sub_vectors(layer)
    # A flipped column takes part in every position's read; a flipped sub-vector in every column's.
    undone = layer.flipped_columns * layer.positions + layer.flipped_sub_vectors * tile.conversions_of(layer.columns)
    inputs_given = layer.positions * layer.inputs  # to rows
    inputs_read = inputs_given / (encoding.rows_an_input * encoding.reads_a_position)
    adder, register = s.full_adder_energy, s.flip_flop_energy
    # What was flipped is counted over the layer: its row groups take part alike.
    popcount, compare, stored_sum, undo = (
        tile.mean_over_groups(layer.inputs, value)
        for value in (
            lambda rows: energy.popcount_energy(rows, adder),
            lambda rows: energy.comparison_energy(tile.counted_rows(rows), adder),
            lambda rows: energy.stored_sum_energy(rows, s.stored_bit_read_energy),
            lambda rows: energy.undo_energy(rows, adder, register),
        )
    )
    return {
        "array": array_energy(tile, layer, s, settling(tile, s)),
        "word_line": energy.word_line_energy(
            layer.driven_rows * tile.column_tiles(layer.columns), word_line_capacitance(tile, s), s.v_dd
        ),
        "bit_line": energy.bit_line_energy(
            layer.column_reads, tile.rows * bit_line_cell_capacitance(tile, s), tile.v_read_V
        ),
        "adc": conversions * conversion_energy(resolution(tile, s), s),
        "accumulate": conversions * energy.accumulate_energy(accumulator_bits(tile, layer), adder, register),
        "activation_buffer": inputs_read * s.buffer_read_energy if s.activation_buffer else 0.0,
        "popcount": counted * popcount if tile.pays_popcount(s) else 0.0,
        "compare": counted * compare if tile.flips_activations else 0.0,
        "xor": energy.xor_energy(
            inputs_given * (1.0 if tile.flips_activations else encoding.inverted_rows), s.xor_energy
        ),
        "stored_sums": (
            (counted if always_read else layer.flipped_sub_vectors) * sums * stored_sum
            if tile.pays_sums(s, layer.written)
            else 0.0
        ),
        "undo": undone * undo,
    }


def array_energy(tile: Tile, layer: LayerActivity, settings: CostSettings, settled: float) -> float:
    """Joules that the column currents of one image take, with those that are mirrored.

    Args:
        tile: array, cell and converter of the design.
        layer: what the layer did.
        settings: the supply that currents are drawn from, and how long columns conduct.
        settled: seconds until the wires of a read have settled (``settling``).
    """
    supply = tile.v_read_V if settings.array_supply == "v_read" else settings.v_dd
    drawn = float(energy.array_energy(array_charge(tile, layer, settings, settled), supply))
    return drawn + _mirrored_energy(tile, layer, settings, settled)


def _mirrored_energy(tile: Tile, layer: LayerActivity, settings: CostSettings, settled: float) -> float:
    """Joules of mirrors, which turn the currents of subtracted columns round and draw them once more from the supply
    while they are converted: half of all currents, as those of weights and of their complements are on average."""
    if not tile.encoding.subtracts_currents:
        return 0.0
    seconds = on_time(tile, layer, settings, settled)
    if settings.columns_read_on(tile.columns_are_independent) == "together":
        seconds /= column_groups(tile, layer, settings)
    return float(energy.array_energy(energy.array_charge(layer.column_current_A / 2, seconds), settings.v_dd))


def mirrors_area(tile: Tile, layer: LayerActivity, settings: CostSettings) -> float:
    """Square metres of these mirrors: one for the current that comes and one for that which leaves, for each
    converter."""
    if not tile.encoding.subtracts_currents:
        return 0.0
    tiles = tile.row_tiles(layer.groups) * tile.column_tiles(layer.columns)
    return tiles * tile.converters(settings) * 2 * settings.current_mirror_area


def array_charge(tile: Tile, layer: LayerActivity, settings: CostSettings, settled: float) -> float:
    """Coulombs that flow through the columns in all reads of one image."""
    return float(energy.array_charge(layer.column_current_A, on_time(tile, layer, settings, settled)))


def layer_latency(tile: Tile, layer: LayerActivity, settings: CostSettings) -> float:
    """Seconds for one image: what is written for it, the rounds of reads, and the flip path in each of them or once to
    fill the pipeline."""
    return latency(tile, layer, layer_reads(tile, layer, settings), settings)


@dataclass(frozen=True)
class Reads:
    """The reads of a layer for one image, less their conversions: nothing here is disputed.

    Attributes:
        rounds: reads after one another.
        column_groups: conversions after one another in a read.
        word_line_s: until the rows are driven.
        settling_s: until the wires have settled, for each conversion.
        flip_s: of the flip path, where sub-vectors are flipped.
        write_s: until what is written for the image is there.
    """

    rounds: float
    column_groups: int
    word_line_s: float
    settling_s: float
    flip_s: float
    write_s: float


def layer_reads(tile: Tile, layer: LayerActivity, settings: CostSettings) -> Reads:
    """How the reads of one image follow one another."""
    s = settings
    word_line = timing.word_line_delay(
        s.word_line_driver_resistance,
        s.word_line_resistance * tile.cols * tile.cell_width_m,
        word_line_capacitance(tile, s),
    )
    rounds = timing.rounds(
        layer.positions,
        layer.groups,
        tile.steps,
        tile.row_tiles(layer.groups),
        tile.column_tiles(layer.columns),
        s.parallel_tiles,
    )
    flip = timing.flip_time(tile.counted_rows(tile.active_rows), s.full_adder_delay, s.comparison_delay, s.xor_delay)
    write = write_time(tile, layer, s) if layer.written else 0.0
    return Reads(rounds, column_groups(tile, layer, s), word_line, settling(tile, s), flip, write)


def column_groups(tile: Tile, layer: LayerActivity, settings: CostSettings) -> int:
    """Conversions one after another in a read: the columns of a converter, or pairs of them, neighbours. A layer fills
    a tile from its first column on, so that one which leaves half of the columns empty leaves half of the converters
    idle, and those at work have as much to do as ever."""
    conversions = tile.conversions_of(tile.cols)
    return min(math.ceil(conversions / tile.converters(settings)), tile.conversions_of(layer.columns))


def latency(tile: Tile, layer: LayerActivity, reads: Reads, settings: CostSettings) -> float:
    """Seconds for one image with the conversions and the flip path of ``settings``."""
    conversion = conversion_time(tile, layer, settings)
    read = float(timing.read_time(reads.word_line_s, reads.column_groups, reads.settling_s, conversion))
    if not tile.flips_activations:
        return reads.write_s + reads.rounds * read
    if settings.flip_path == "serial":
        return reads.write_s + reads.rounds * (read + reads.flip_s)
    return reads.write_s + reads.rounds * max(read, reads.flip_s) + reads.flip_s


def layer_area(tile: Tile, layer: LayerActivity, settings: CostSettings) -> dict[str, float]:
    """Square metres of each component but ``mitigations``. Popcount, comparison and XOR serve all tiles that the same
    inputs go to."""
    s = settings
    row_tiles = tile.row_tiles(layer.groups)
    tiles = row_tiles * tile.column_tiles(layer.columns)
    converters, registers = tile.converters(s), tile.conversions_of(tile.cols)
    stored_columns = tile.cols * tile.steps
    width = accumulator_bits(tile, layer)
    logic = 1 / s.logic_utilisation
    popcount = area.popcount_area(tile.active_rows, s.full_adder_area)
    return {
        "cells": tiles * tile.rows * tile.cols * tile.cell_area_m2,
        "converters": tiles * converters * converter_area(resolution(tile, s), s) + mirrors_area(tile, layer, s),
        "drivers": tiles * tile.rows * s.row_driver_area,
        "accumulators": tiles
        * logic
        * (
            area.accumulator_area(width, converters, registers, s.full_adder_area, s.flip_flop_area)
            + (counter_area(tile, s) if layer.written and tile.counts_operands else 0.0)
        ),
        "popcount": row_tiles * logic * popcount if tile.pays_popcount(s) else 0.0,
        "input_flip": row_tiles
        * logic
        * (
            area.input_flip_area(tile.active_rows, tile.counted_rows(tile.active_rows), s.full_adder_area, s.xor_area)
            if tile.flips_activations
            else tile.active_rows * tile.encoding.inverted_rows * s.xor_area
        ),
        "column_flags": tiles * logic * area.column_flags_area(stored_columns, s.flip_flop_area)
        if tile.flips_weights
        else 0.0,
        "stored_sums": tiles
        * logic
        * area.stored_sums_area(tile.with_sums(stored_columns), tile.active_rows, s.stored_bit_area)
        if tile.pays_sums(s, layer.written)
        else 0.0,
    }


def accumulator_bits(tile: Tile, layer: LayerActivity) -> int:
    """Bits of a dot product of the layer."""
    return energy.accumulator_bits(layer.inputs // tile.encoding.rows_an_input)


def resolution(tile: Tile, settings: CostSettings) -> int:
    """Bits that a converter tells currents by. Successive approximation bisects equal distances: where thresholds bend
    it needs codes finer than those it delivers, which a table turns into them. A flash ladder bends as it is."""
    bends = tile.bends_thresholds and settings.converter_kind(tile.adc_bits) == "sar"
    return tile.adc_bits + (tile.finer_bits if bends else 0)


def all_added(tile: Tile, layer: LayerActivity, settings: CostSettings, passes: Sequence[Costed]) -> Added:
    """What the passes of a design add to a layer, and what its bent thresholds need; ``tile`` is the layer's own."""
    return sum((one.cost(tile, layer, settings) for one in passes), start=bent_thresholds(tile, layer, settings))


def bent_thresholds(tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
    """What keeps bent thresholds. A flash ladder: the taps, for every row group in every tile. Successive
    approximation: a table from finer codes to codes; its own finer bits are the converter's (``resolution``)."""
    if not tile.bends_thresholds:
        return Added()
    if settings.converter_kind(tile.adc_bits) == "sar":
        return code_table(tile, layer, settings, 2 ** resolution(tile, settings), tile.adc_bits)
    taps = (2**tile.adc_bits - 1) * (tile.adc_bits + tile.finer_bits)
    ladders = layer.groups * tile.column_tiles(layer.columns)
    return Added.stored(0.0, ladders * taps, settings)


def conversion_energy(bits: int, settings: CostSettings) -> float:
    """Joules of one conversion."""
    if settings.converter_kind(bits) == "flash":
        return float(energy.flash_energy(bits, settings.comparator_energy))
    return float(energy.sar_energy(bits, settings.sar_energy_per_bit))


def converter_area(bits: int, settings: CostSettings) -> float:
    """Square metres of one converter."""
    if settings.converter_kind(bits) == "flash":
        return float(area.flash_area(bits, settings.comparator_area))
    return float(area.sar_area(bits, settings.sar_area_4_bit, settings.sar_area_8_bit))


def conversion_time(tile: Tile, layer: LayerActivity, settings: CostSettings) -> float:
    """Seconds of one conversion at the layer's mean column current (at least half an ON cell's is taken: judgement)."""
    if settings.converter_kind(tile.adc_bits) == "sar":
        return float(timing.sar_time(resolution(tile, settings), settings.sar_bit_time))
    column = tile.v_read_V / max(layer.mean_column_current_A, tile.on_current_A / 2)
    return float(timing.flash_time(settings.flash_delay, settings.flash_delay_per_ohm, column))


def settling(tile: Tile, settings: CostSettings) -> float:
    """Seconds until the wires of a read have settled: the bit line, and the line that feeds its cells."""
    load = bit_line_cell_capacitance(tile, settings)
    if tile.feeds_along_columns:  # beside the bit line, past the same transistors
        feed_load = load
    else:
        drain = tile.gate_fins * settings.fin_drain_capacitance
        feed_load = energy.line_capacitance(tile.cell_width_m, settings.wire_capacitance, 1, drain)
    constant = timing.elmore_delay(tile.r_sink_ohm, tile.r_col_ohm, tile.rows, load) + timing.elmore_delay(
        tile.r_feed_ohm, tile.r_line_ohm, tile.line_cells, feed_load
    )
    return float(timing.settling_time(constant, resolution(tile, settings)))


def on_time(tile: Tile, layer: LayerActivity, settings: CostSettings, settled: float) -> float:
    """Seconds that a column conducts in a read, whose wires have settled after ``settled`` seconds: what is sampled
    sooner than that is not the column's current. Columns that are read together conduct while any of them is read."""
    if settings.on_time == "sampled":
        own = max(settings.sampled_on_time, settled)
    else:
        own = settled + conversion_time(tile, layer, settings)
    together = settings.columns_read_on(tile.columns_are_independent) == "together"
    return own * column_groups(tile, layer, settings) if together else own


def layer_leaking(
    tile: Tile, layer: LayerActivity, areas: dict[str, float], added: Added, settings: CostSettings
) -> Leaking:
    """What leaks of a layer's tiles: cells that need a supply, stored sums, logic, drivers and what is added. What
    converters leak is part of their energy a conversion.

    Args:
        areas: ``layer_area`` of the layer.
        added: ``all_added`` to it.
    """
    tiles = tile.row_tiles(layer.groups) * tile.column_tiles(layer.columns)
    logic = ("accumulators", "popcount", "input_flip", "column_flags")
    placed = math.fsum(areas[name] for name in logic)
    sum_bits = areas["stored_sums"] * settings.logic_utilisation / settings.stored_bit_area
    fins = tiles * tile.rows * tile.cols * tile.leaking_fins + sum_bits * SRAM_BIT_FINS
    transistors = areas["drivers"] + mirrors_area(tile, layer, settings)
    return Leaking(fins, placed * settings.logic_utilisation + transistors) + added.leaking
