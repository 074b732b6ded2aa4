"""The cost of layers and designs: the checked tile by hand, who pays for what, and the spread."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest

from simcore.cost import (
    CostSettings,
    CostSpread,
    DigitalLayer,
    LayerActivity,
    Tile,
    design_cost,
    design_spreads,
    digital_spread,
    layer_cost,
    resolve,
)
from simcore.cost.added import Added, Costed
from simcore.cost.area import stored_sums_area
from simcore.cost.design_cost import column_groups, conversion_energy, layer_energy, on_time, settling
from simcore.cost.energy import popcount_adders, popcount_energy, stored_sum_energy, sum_bits
from simcore.cost.settings import AREA_AXES, ENERGY_AXES, LATENCY_AXES
from simcore.cost.writing import write_energy
from simcore.cost_options import CostOptions
from simcore.design import Design
from simcore.design_axes import Adc
from simcore.encodings import ENCODINGS
from simcore.errors import InputError
from simcore.mitigation.bent_references import BentReferences
from simcore.mitigation.digital_table import DigitalTable
from simcore.mitigation.fault_aware_rows import FaultAwareRows
from simcore.mitigation.nonuniform_codes import NonuniformCodes
from simcore.mitigation.popcount_term import COEFFICIENT_BITS, PopcountTerm
from simcore.mitigation.re_ranging import re_ranging
from simcore.mitigation.reference_bits import ReferenceBits
from simcore.mitigation.reference_column import ReferenceColumn
from simcore.mitigation.sampled_popcount import SampledPopcount
from simcore.mitigation.wide_terminals import WideSink
from simcore.technology import circuit_parameters
from simcore.technology.devices import load_bitcell
from simcore.technology.periphery_file import PERIPHERY_FOLDER, load_periphery, periphery_names

DENSE = LayerActivity(64, 64, 1, 1, 64 * 16 * 11.046e-6, 32, 0, 0)
# 9 inputs, 16 outputs, 100 positions; 320 inputs, 10 outputs
DIGITAL = (DigitalLayer("conv", 9, 16, 100, 8), DigitalLayer("dense", 320, 10, 1, 8))
# 45 % less current; the sub-vector is flipped every fourth time and 16 of 64 columns are: 16 + 64 / 4 = 32 additions
SPARSE = dataclasses.replace(DENSE, column_current_A=0.55 * DENSE.column_current_A, driven_rows=24,
                             flipped_sub_vectors=0.25, flipped_columns=16)  # fmt: skip

COSTED = (BentReferences("unbiased"), PopcountTerm("unbiased"), ReferenceColumn(), DigitalTable("unbiased", 4, 64),
          ReferenceBits(4, 64, re_ranging("calibrated", "unbiased")), WideSink(2.0), FaultAwareRows())  # fmt: skip


def tile(sparsity: str = "dense", bits: int = 4, device: str = "8T-SRAM", **fields) -> Tile:
    design = Design(circuit=circuit_parameters(device), sparsity=sparsity, adc=Adc(bits=bits),
                    **{"rows": 64, "cols": 64, **fields})  # fmt: skip
    cell = load_bitcell(device).cell
    assert cell is not None
    return Tile.of(design, cell)


def settings(**options):
    return resolve(CostOptions(**options))


def spreads(own: Tile, layers: list[LayerActivity], chosen: CostSettings, digital=()) -> CostSpread:
    cost = design_cost(own, layers, chosen, digital)
    return design_spreads(own, layers, cost, chosen, digital_spread(digital, chosen))[0]


def test_the_dense_tile_by_hand() -> None:
    found = layer_energy(tile(), DENSE, settings())
    picojoules = {name: value * 1e12 for name, value in found.items()}
    assert picojoules == pytest.approx(
        {
            "array": 0.264 * 64 * 16 * 11.046e-3,  # V x cells x mA x 1 ns = 2.986
            "word_line": 32 * 12.4736e-3 * 0.49,
            "bit_line": 64 * 64 * 0.0446e-3 * 0.264**2,
            "adc": 64 * 0.186,
            "accumulate": 64 * 8 * 2.2e-3,  # -64..64: 8 bits
            "activation_buffer": 64 * 28e-3,
            "popcount": 0.060,
            "compare": 0, "xor": 0, "stored_sums": 0, "undo": 0,
        },
        rel=1e-9,
    )  # fmt: skip


def test_what_binsparx_adds_by_hand() -> None:
    found = layer_energy(tile("binsparx"), SPARSE, settings())
    assert found["compare"] == pytest.approx(7e-15)
    assert found["xor"] == pytest.approx(64 * 0.35e-15)
    assert found["stored_sums"] == pytest.approx(0.25 * 64 * 7 * 0.35e-15)
    assert found["undo"] == pytest.approx(32 * 15.4e-15)
    assert found["array"] == pytest.approx(0.55 * 0.264 * 64 * 16 * 11.046e-15)


def test_latency_and_area_by_hand() -> None:
    found = layer_cost(tile(), DENSE, settings())
    # mean column current 16 cells: R = 0.264 / 176.7 uA = 1493.7 ohm
    conversion = 0.70e-9 + 3.7e-15 * 0.264 / (16 * 11.046e-6)
    # both lines: 64 x 0.0446 fF x ((190 + 188.5) + (0 + 188.5)) ohm, times 5 ln 2
    settled = 64 * 0.0446e-15 * (378.5 + 188.5) * 5 * 0.69314718
    assert found.latency_s == pytest.approx(16.2323e-12 + 8 * (settled + conversion), rel=1e-4)
    assert {name: value * 1e12 for name, value in found.area_m2.items()} == pytest.approx(
        {
            "cells": 4096 * 0.0529, "converters": 8 * 85.5, "drivers": 20,
            "accumulators": 8 * (8 * 0.204 + 64 * 0.292) / 0.7, "popcount": 12.24 / 0.7,
            "input_flip": 0, "column_flags": 0, "stored_sums": 0, "mitigations": 0,
        }
    )  # fmt: skip
    flipped = layer_cost(tile("binsparx"), SPARSE, settings()).area_m2
    assert flipped["input_flip"] == pytest.approx(9.812e-12 / 0.7)
    assert flipped["column_flags"] == pytest.approx(18.688e-12 / 0.7)
    assert flipped["stored_sums"] == pytest.approx(12.992e-12 / 0.7)


def test_a_layer_over_several_tiles_and_steps() -> None:
    # 150 inputs, 100 columns on 64 x 64 read 16 rows at a time: 3 x 2 tiles, 4 + 4 + 2 row groups
    layer = LayerActivity(150, 100, 10, 5, 1e-3, 300, 0, 0)
    found = layer_cost(tile(active_rows=16, bits=5), layer, settings())
    assert found.tiles == 6
    assert found.operations == 2 * 150 * 100 * 5
    one = layer_cost(tile(active_rows=16, bits=5), layer, settings(parallel_tiles=1))
    # 5 positions x 4 steps in parallel, 5 x 10 groups x 2 column tiles alone
    assert one.latency_s / found.latency_s == pytest.approx(100 / 20)
    assert one.energy_J == found.energy_J
    # 300 rows driven across two tiles side by side
    assert found.energy_J["word_line"] == pytest.approx(2 * 300 * 12.4736e-15 * 0.49)
    assert found.area_m2["popcount"] == pytest.approx(3 * (16 - 5 + 2) * 0.204e-12 / 0.7)


@pytest.mark.parametrize("sparsity", ["dense", "weight", "activation", "binsparx"])
@pytest.mark.parametrize("popcount", ["baseline", "binsparx"])
@pytest.mark.parametrize("stored_sums", ["baseline", "binsparx"])
def test_who_pays(sparsity: str, popcount: str, stored_sums: str) -> None:
    found = layer_cost(tile(sparsity), SPARSE, settings(popcount=popcount, stored_sums=stored_sums))
    flips_inputs = sparsity in ("activation", "binsparx")
    for part in (found.energy_J, found.area_m2):
        assert (part["popcount"] > 0) == (popcount == "baseline" or sparsity != "dense")
        assert (part["stored_sums"] > 0) == (stored_sums == "baseline" or flips_inputs)
    assert (found.energy_J["xor"] > 0) == (found.energy_J["compare"] > 0) == flips_inputs
    assert (found.area_m2["column_flags"] > 0) == (sparsity in ("weight", "binsparx"))
    assert settings(popcount=popcount).boundary.startswith(f"popcount={popcount};")


def test_serial_flips_lengthen_every_read_and_pipelined_ones_the_first() -> None:
    layer = dataclasses.replace(SPARSE, positions=100.0)
    plain, piped, serial = (
        layer_cost(tile(level), layer, settings(flip_path=path)).latency_s
        for level, path in (("dense", "serial"), ("binsparx", "pipelined"), ("binsparx", "serial"))
    )
    assert piped - plain == pytest.approx(477.5e-12)
    assert serial - plain == pytest.approx(100 * 477.5e-12)


def test_supply_on_time_converter_and_buffer_are_choices() -> None:
    base = layer_energy(tile(), DENSE, settings())
    assert layer_energy(tile(), DENSE, settings(array_supply="v_dd"))["array"] / base["array"] == pytest.approx(
        0.7 / 0.264
    )
    held = layer_energy(tile(bits=6), DENSE, settings(on_time="conversion"))
    settled = 64 * 0.0446e-15 * 567 * 7 * 0.69314718
    assert held["array"] / base["array"] == pytest.approx((settled + 7e-9) / 1e-9)
    assert held["adc"] == pytest.approx(64 * 6 * 30e-15)
    assert layer_energy(tile(bits=6), DENSE, settings(converter="flash"))["adc"] == pytest.approx(64 * 63 * 12.4e-15)
    assert layer_energy(tile(), DENSE, settings(activation_buffer=False))["activation_buffer"] == 0


def test_a_bit_less_is_cheaper_in_energy_time_and_area() -> None:
    for fewer, more in itertools.pairwise(range(1, 9)):
        for kind in ("flash", "sar"):
            low, high = (
                layer_cost(tile(bits=bits), DENSE, settings(converter=kind)) for bits in (fewer, more)
            )  # fmt: skip
            assert low.total_energy_J < high.total_energy_J
            assert low.total_area_m2 < high.total_area_m2
            assert low.latency_s < high.latency_s


def test_the_spread_of_a_difference_holds_its_mirrors():
    one, layer = encoded("current_difference")
    cost, found = layer_cost(one, layer, settings()), spreads(one, [layer], settings())
    assert found.area_m2[0] == pytest.approx(cost.total_area_m2)
    for name in ("energy_J", "latency_s", "area_m2"):
        central, *corners = getattr(found, name)
        assert min(corners) <= central * (1 + 1e-12) and central <= max(corners) * (1 + 1e-12), name


def test_the_spread_holds_every_mix_of_ends() -> None:
    dense, sparse = ([layer] for layer in (DENSE, SPARSE))
    base = settings()
    spread = spreads(tile(), dense, base)
    assert spread.energy_J[0] == pytest.approx(design_cost(tile(), dense, base).total_energy_J)
    change = [b / a - 1 for a, b in zip(spread.energy_J, spreads(tile("binsparx"), sparse, base).energy_J, strict=True)]
    for supply, conducts, comparator in itertools.product(
        ("v_read", "v_dd"), ("sampled", "conversion"), (1.3, 5.0, 12.4)
    ):
        mixed = settings(array_supply=supply, on_time=conducts, parameters={"comparator_energy": comparator})
        a, b = (
            design_cost(tile(level), layers, mixed).total_energy_J
            for level, layers in (("dense", dense), ("binsparx", sparse))
        )
        assert min(spread.energy_J) <= a * (1 + 1e-12) and a <= max(spread.energy_J) * (1 + 1e-12)
        assert min(change) - 1e-12 <= b / a - 1 <= max(change) + 1e-12


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize(
    ("level", "layer", "passes"), [("dense", DENSE, ()), ("binsparx", SPARSE, ()), ("binsparx", SPARSE, COSTED)]
)
def test_the_spread_is_the_cost_at_every_corner(
    level: str, layer: LayerActivity, passes: tuple[Costed, ...], bits: int
) -> None:
    base, own = settings(), tile(level, bits=bits)
    layers = [layer, dataclasses.replace(layer, inputs=150, groups=3, positions=7)]
    cost = design_cost(own, layers, base, DIGITAL, passes)
    whole, parts = design_spreads(own, layers, cost, base, digital_spread(DIGITAL, base), passes)

    def corners(axes: tuple[str, ...]) -> list:
        return [design_cost(own, layers, found, DIGITAL, passes) for found in (base, *base.corners(axes))]

    for found in (whole, *parts):
        assert [len(ends) for ends in (found.energy_J, found.latency_s, found.area_m2)] == [129, 5, 17]
    assert whole.energy_J == pytest.approx([cost.total_energy_J for cost in corners(ENERGY_AXES)], rel=1e-14)
    assert whole.latency_s == pytest.approx([cost.latency_s for cost in corners(LATENCY_AXES)], rel=1e-14)
    assert whole.area_m2 == pytest.approx([cost.total_area_m2 for cost in corners(AREA_AXES)], rel=1e-14)
    for index, part in enumerate(parts):
        energies = [cost.layers[index].total_energy_J for cost in corners(ENERGY_AXES)]
        assert part.energy_J == pytest.approx(energies, rel=1e-14)
        assert part.latency_s == pytest.approx([cost.layers[index].latency_s for cost in corners(LATENCY_AXES)])
        assert part.area_m2 == pytest.approx([cost.layers[index].total_area_m2 for cost in corners(AREA_AXES)])


def test_the_time_of_a_converter_is_disputed() -> None:
    """A 7-bit SAR takes 8 cycles of 0.0926 to 1.43 ns, a flash 0.70 to 0.98 ns and 3.7 to 5.18 fs an ohm."""
    own = tile(bits=7)
    times = spreads(own, [DENSE], settings()).latency_s
    fixed = times[0] - 8 * 8e-9
    assert min(times) == pytest.approx(fixed + 64 * 0.0926e-9)
    assert max(times) == pytest.approx(fixed + 64 * 1.43e-9)
    flash = spreads(tile(), [DENSE], settings()).latency_s
    slower = 8 * (0.28e-9 + 1.48e-15 * 0.264 / (16 * 11.046e-6))
    assert max(flash) - min(flash) == pytest.approx(slower)


def test_what_is_given_leaves_the_spread() -> None:
    numbers = {"comparator_energy": 5, "fin_off_current": 1, "logic_leakage": 2}
    times = {"flash_delay": 0.7, "flash_delay_per_ohm": 3.7e-6}  # for what leaks does so until the image is done
    known = settings(array_supply="v_read", on_time="sampled", parameters=numbers | times)
    assert len({round(joules * 1e18) for joules in spreads(tile(), [DENSE], known).energy_J}) == 1
    assert len(set(spreads(tile("binsparx"), [SPARSE], settings(flip_path="serial")).latency_s)) == 2


def test_corners_move_every_disputed_number() -> None:
    low, high = settings(corner="low"), settings(corner="high")
    assert (low.array_supply, low.on_time, high.array_supply, high.on_time) == (
        "v_read", "sampled", "v_dd", "conversion",
    )  # fmt: skip
    disputed = [name for name, quantity in load_periphery("7nm").parameters.items() if quantity.low is not None]
    assert disputed
    for name in disputed:
        assert vars(low)[name] < vars(high)[name]


def test_columns_conduct_as_the_solved_circuit_has_them() -> None:
    """Eight columns a converter. Columns that share rows draw their current until the last of them is read: the array
    takes eight times the charge in the same time; with a converter a column there is nothing to wait for."""
    own, cells = tile(device="1T-1ReRAM-BL"), tile(device="1T-1ReRAM")
    in_turn, together = (layer_cost(own, DENSE, settings(columns_read=way)) for way in ("in_turn", "together"))
    assert together.charge_C == pytest.approx(8 * in_turn.charge_C)
    assert together.latency_s == in_turn.latency_s
    assert layer_cost(own, DENSE, settings()) == together
    assert layer_cost(cells, DENSE, settings()) == layer_cost(cells, DENSE, settings(columns_read="in_turn"))
    one, other = (
        layer_cost(own, DENSE, settings(columns_read=way, columns_per_converter=1)) for way in ("in_turn", "together")
    )
    assert one == other
    assert one.charge_C == in_turn.charge_C
    assert one.latency_s < together.latency_s / 7
    assert one.area_m2["converters"] == 8 * together.area_m2["converters"]
    # Until it is converted a column conducts for eight settlings and conversions, and no longer than a read takes.
    held = settings(on_time="conversion")
    read = layer_cost(own, DENSE, held)
    assert DENSE.column_current_A * (read.latency_s - 100e-12) < read.charge_C < DENSE.column_current_A * read.latency_s


@pytest.mark.parametrize(
    ("cols", "columns", "shared", "expected"),
    [
        (64, 64, 8, 8),
        (64, 200, 8, 8),  # several tiles
        (128, 64, 8, 8),  # half of the columns empty: 8 of 16 converters are idle, the others read 8 columns each
        (128, 5, 8, 5),
        (12, 12, 8, 6),  # two converters, 6 columns each
        (64, 64, 1, 1),
    ],
)
def test_conversions_one_after_another(cols: int, columns: int, shared: int, expected: int) -> None:
    layer = dataclasses.replace(DENSE, columns=columns)
    assert column_groups(tile(cols=cols), layer, settings(columns_per_converter=shared)) == expected


def test_rows_of_an_array_do_not_shorten_a_read() -> None:
    """A layer of 64 x 64 on 64 x 64 and on 128 x 128 cells: the same conversions, longer wires."""
    small, large = (layer_cost(tile(rows=size, cols=size, bits=7), DENSE, settings()) for size in (64, 128))
    assert small.latency_s < large.latency_s < 1.01 * small.latency_s


def test_charge_and_energy_of_a_known_case() -> None:
    # 64 columns x 16 cells x 11.046 uA, each for 1 ns
    found = layer_cost(tile(), DENSE, settings())
    assert found.charge_C == pytest.approx(64 * 16 * 11.046e-15)
    assert DENSE.mean_column_current_A == pytest.approx(16 * 11.046e-6)
    assert found.energy_J["array"] == pytest.approx(0.264 * found.charge_C)
    supplied = layer_cost(tile(), DENSE, settings(array_supply="v_dd"))
    assert supplied.charge_C == found.charge_C
    assert supplied.energy_J["array"] == pytest.approx(0.7 * found.charge_C)


def test_leakage_by_hand() -> None:
    # 4096 cells x 4 fins x 1 pA x 0.7 V; accumulators of 243.84 x 8 / 12 um2, a popcount of 12.24, drivers of 20
    found = layer_cost(tile(), DENSE, settings())
    cells, logic = 4096 * 4 * 0.7e-12, (243.84 * 8 / 12 + 12.24 + 20) * 2.7e-9
    assert found.leakage_W == pytest.approx(cells + logic)
    assert found.leakage_J == pytest.approx((cells + logic) * found.latency_s)
    # Comparison, XOR, flip bits, and 64 sums of 7 bits in cells of 3 fins
    flipped = layer_cost(tile("binsparx"), SPARSE, settings())
    more = (9.812 + 18.688) * 2.7e-9 + 64 * 7 * 3 * 0.7e-12
    assert flipped.leakage_W - found.leakage_W == pytest.approx(more)
    # A ReRAM keeps its bits without a supply.
    assert layer_cost(tile(device="1T-1ReRAM"), DENSE, settings()).leakage_W == pytest.approx(logic)


def test_bits_that_passes_keep_leak_as_stored_sums_do() -> None:
    # A table of 2^(7 + 4) entries of 7 + 4 bits, the popcount's bin and bits after the point in accumulators
    own, without = tile(bits=7), layer_cost(tile(bits=7), DENSE, settings())
    found = layer_cost(own, DENSE, settings(), [DigitalTable("unbiased", 4, 64)])
    bits = 2**11 * 11
    logic = (found.area_m2["mitigations"] * 0.7 - bits * settings().stored_bit_area) * 2.7e3
    assert found.leakage_W - without.leakage_W == pytest.approx(bits * 3 * 0.7e-12 + logic)


def test_a_table_without_the_count_in_its_address_does_not_count() -> None:
    """Whoever pays for sum(X'): it needs none."""
    for bits, counts in ((0, False), (4, True)):
        table = DigitalTable("unbiased", bits, 64)
        free, paid = (table.cost(tile(bits=7), DENSE, settings(popcount=who)) for who in ("baseline", "binsparx"))
        assert (paid != free) == counts
    # Tables of 8 bits of address each: what one costs more is the bin of the count.
    with_count = table.cost(tile(bits=4), DENSE, settings()).energy_J
    assert with_count > DigitalTable("unbiased", 0, 64).cost(tile(bits=8), DENSE, settings()).energy_J


def test_what_codes_stand_for_has_bits_after_the_point_in_the_accumulators_too() -> None:
    """Tables of 3 bits of address and 7 + 4 bits either way."""
    chosen, own = settings(), tile(bits=3)
    assert NonuniformCodes().cost(own, DENSE, chosen) == DigitalTable("unbiased", 0, 64).cost(own, DENSE, chosen)


def test_one_sample_serves_both_reads_of_a_position() -> None:
    once, twice = (
        SampledPopcount(4).cost(*encoded(name, sparsity="activation"), settings()).energy_J
        for name in ("zero_one", "two_cycles")
    )
    assert once > 0 and twice == alike(once)


def test_passes_count_the_rows_that_there_are() -> None:
    """9 rows on a tile of 64: no more than a tile of 9 rows takes for them."""
    few = LayerActivity(9, 64, 1, 1, 1e-3, 4, 0, 0)
    for one in (SampledPopcount(4), PopcountTerm("unbiased")):
        large, small = (
            one.cost(tile(sparsity="binsparx", rows=rows), few, settings(popcount="binsparx")).energy_J
            for rows in (64, 9)
        )
        width = sum_bits(64) - sum_bits(9) if isinstance(one, PopcountTerm) else 0  # of sums, of the accumulators
        assert large == pytest.approx(small + width * 64 * settings().full_adder_energy)


def test_a_tile_that_is_read_at_once_has_one_range() -> None:
    """Nothing is read anew between its reads."""
    pass_ = ReferenceBits(4, 64, re_ranging("calibrated", "unbiased"))
    assert pass_.cost(tile(), DENSE, settings()).energy_J == 0
    assert pass_.cost(tile(active_rows=16), DENSE, settings()).energy_J > 0


def test_a_column_of_cells_leaks_as_cells_do() -> None:
    own, without = tile(), layer_cost(tile(), DENSE, settings())
    found = layer_cost(own, DENSE, settings(), [ReferenceColumn()])
    mirrors = (1 + 8) * 0.3125 * 2.7e-9
    assert found.leakage_W - without.leakage_W == pytest.approx(64 * 4 * 0.7e-12 + mirrors)


@pytest.mark.parametrize(("cols", "shared", "expected"), [(20, 64, 1), (100, 8, 13), (64, 8, 8)])
def test_passes_pay_for_whole_converters(cols: int, shared: int, expected: int) -> None:
    chosen = settings(columns_per_converter=shared)
    assert chosen.converters(cols) == expected
    own = tile(bits=8, rows=64, cols=cols)
    found = ReferenceBits(4, 64, re_ranging("calibrated", "unbiased")).cost(own, DENSE, chosen)
    registers = DENSE.groups * own.column_tiles(64) * 2 * 4 * chosen.stored_bit_area / chosen.logic_utilisation
    switches = own.column_tiles(64) * expected * 2 * 16 * 2 * chosen.fin_area
    assert found.area_m2 == pytest.approx(registers + switches)


def test_mirrors_draw_as_much_whether_columns_are_read_in_turn_or_together() -> None:
    own = tile(device="1T-1ReRAM")
    turn, together = (
        ReferenceColumn().cost(own, DENSE, settings(columns_read=way)).energy_J for way in ("in_turn", "together")
    )
    assert together == pytest.approx(turn)


def test_layers_that_are_written_anew_have_no_table_of_row_addresses() -> None:
    written = dataclasses.replace(DENSE, written=True)
    assert FaultAwareRows().cost(tile(), written, settings()) == Added()
    assert FaultAwareRows().cost(tile(), DENSE, settings()).area_m2 > 0


def test_a_run_of_nothing_costs_nothing_but_area() -> None:
    found = layer_cost(tile(), LayerActivity(64, 64, 1, 0, 0.0, 0, 0, 0), settings())
    assert found.total_energy_J == found.latency_s == 0
    assert found.tops_per_watt == 0
    assert found.total_area_m2 > 0


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM", "1T-1ReRAM-BL"])
def test_every_device_has_a_cost(device: str) -> None:
    found = layer_cost(tile(device=device), DENSE, settings())
    assert all(value >= 0 for value in (*found.energy_J.values(), *found.area_m2.values()))
    assert found.latency_s > 0


def test_activity_from_a_layers_totals() -> None:
    # 4 images of 9 positions, 3 row groups, 7 columns
    totals = {"column_reads": 4 * 9 * 3 * 7, "activation_reads": 4 * 9 * 3, "stored_columns": 21, "inputs": 40,
              "column_current_A": 8.0, "applied_ones": 12, "activation_flips": 6, "weight_flips": 5}  # fmt: skip
    found = LayerActivity.from_totals(totals, 4)
    assert found == LayerActivity(40, 7, 3, 9.0, 2.0, 3.0, 1.5, 5)
    assert (found.sub_vectors, found.column_reads, found.operations) == (27, 189, 2 * 40 * 7 * 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"technology": "5nm"}, "unknown technology '5nm'; did you mean '7nm'?"),
        ({"technology": "none.yaml"}, "cannot read the periphery file 'none.yaml'"),
        ({"parameters": {"comparator_enrgy": 1.0}}, "did you mean 'comparator_energy'?"),
        ({"parameters": {"v_dd": -1.0}}, "v_dd must be positive (V), got -1"),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(InputError) as caught:
        settings(**options)
    assert message in str(caught.value)


def test_a_periphery_file_of_ones_own(tmp_path) -> None:
    assert periphery_names() == ["7nm"]
    text = (PERIPHERY_FOLDER / "7nm.yaml").read_text()
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("v_dd: {value: 0.7,", "v_dd: {value: 0.6,"))
    assert settings(technology=str(own)).v_dd == 0.6
    own.write_text(text.replace("v_dd: {value: 0.7,", "v_dd: {value: 0.7, low: 0.6, high: 0.8,"))
    with pytest.raises(
        InputError, match="gives low and high of v_dd, which the spread of costs does not follow; it .*sar"
    ):
        settings(technology=str(own))
    own.write_text(text.replace("v_dd: {value: 0.7, unit: V", "v_dd: {value: 0.7, unit: mV"))
    with pytest.raises(InputError, match="v_dd is given in 'mV', expected 'V'"):
        load_periphery(str(own))


def test_a_periphery_file_nested_without_end_is_refused_in_one_line(tmp_path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("[" * 3000)
    with pytest.raises(InputError, match="is not valid YAML"):
        load_periphery(str(own))


def test_a_column_is_never_sampled_before_it_has_settled() -> None:
    slow = settings(on_time="sampled", parameters={"sampled_on_time": 1e-6})
    assert on_time(tile(), DENSE, slow, 2e-9) == 2e-9
    assert on_time(tile(), DENSE, settings(on_time="sampled"), 2e-9) == 2e-9
    assert on_time(tile(), DENSE, settings(on_time="sampled"), 0.44e-9) == 1e-9


def test_row_groups_that_are_not_full_are_charged_for_their_own_rows() -> None:
    """288 rows on tiles of 64, 24 read together: four tiles of 24 + 24 + 16 and one of 24 + 8."""
    mean = tile(active_rows=24).mean_over_groups(288, float)
    assert mean == pytest.approx(288 / 14)
    layer = LayerActivity(288, 64, 14, 1, 1e-3, 144, 0, 0)
    adders = sum(rows - bits + (bits - 1) / 2 for rows, bits in [(24, 5)] * 9 + [(16, 5)] * 4 + [(8, 4)])
    assert layer_energy(tile(active_rows=24), layer, settings())["popcount"] == pytest.approx(adders * 1e-15)


def test_a_square_array_s_row_has_the_capacitance_of_a_row() -> None:
    """The row of a square input-sourced tile is no bit line: between the settling of its neighbours in size."""
    times = [settling(tile(device="1T-1ReRAM-BL", bits=6, rows=rows, cols=64), settings()) for rows in (63, 64, 65)]
    assert times[0] < times[1] < times[2]


def test_the_two_ends_of_a_disputed_converter_bound_its_area() -> None:
    """Beyond 8 bits the area falls where the 4-bit one grows, so that the ends cross."""
    areas = spreads(tile(bits=12), [DENSE], settings()).area_m2
    at = {(a4, a8): a8 * (a8 / a4) for a4 in (37, 310) for a8 in (156, 370)}
    per_tile = 64 / settings().columns_per_converter
    assert max(areas) - min(areas) == pytest.approx(per_tile * (max(at.values()) - min(at.values())) * 1e-12, rel=1e-6)


# 32 inputs, 16 outputs and one output position, as an encoding puts them on the rows and columns of a 64x64 array.
def encoded(name: str, **fields) -> tuple[Tile, LayerActivity]:
    one = tile(encoding=name, **fields)
    how = one.encoding
    inputs, columns, reads = 32 * how.rows_an_input, 16 * how.columns_an_output, how.reads_a_position
    return one, LayerActivity(inputs, columns, 1, reads, columns * reads * 16 * 11e-6, inputs * reads / 2, 0, 0)


def alike(value):
    """But for the last bits; joules are small beside what pytest takes for nothing."""
    return pytest.approx(value, rel=1e-12, abs=0)


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_layer_does_the_same_work_in_every_encoding(name):
    cost = layer_cost(*encoded(name), settings())
    assert cost.operations == 2 * 32 * 16
    assert cost.energy_J["activation_buffer"] == alike(32 * settings().buffer_read_energy)


def test_what_an_encoding_leaves_to_the_digital_side_is_charged():
    """Everything to the baseline: sums of inputs and weights where they do not cancel, a conversion a column and read,
    a gate for every complemented row."""
    s = settings(popcount="baseline", stored_sums="baseline")
    counted, stored = popcount_energy(32, s.full_adder_energy), stored_sum_energy(32, s.stored_bit_read_energy)
    wanted = {
        "zero_one": (counted, 16 * stored, 16, 0),
        "complement": (counted, 16 * stored, 16, 0),
        "two_cycles": (counted, 0, 32, 64),  # one count serves both reads; all inputs pass the gates twice
        "differential": (0, 16 * stored, 32, 0),  # one sum an output, not a column
        "current_difference": (0, 16 * stored, 16, 0),
        "xnor_rows": (0, 0, 16, 32),  # one of the two rows of every input is
        "xnor_differential": (0, 0, 32, 32),
        "xnor_current_difference": (0, 0, 16, 32),
    }
    assert list(wanted) == list(ENCODINGS)
    for name, (popcount, sums, conversions, complemented) in wanted.items():
        one, layer = encoded(name)
        energy_J, area_m2 = layer_energy(one, layer, s), layer_cost(one, layer, s).area_m2
        assert energy_J["popcount"] == alike(popcount), name
        assert energy_J["stored_sums"] == alike(sums), name
        assert energy_J["adc"] == alike(conversions * conversion_energy(4, s)), name
        assert energy_J["xor"] == alike(complemented * s.xor_energy), name
        # Of a tile of 64 columns, for two columns an output a sum each pair; of its 64 rows those with a gate.
        memory = stored_sums_area(64 / one.encoding.columns_an_output, 64, s.stored_bit_area) if sums else 0
        gates = 64 * one.encoding.inverted_rows * s.xor_area
        assert area_m2["stored_sums"] == alike(memory / s.logic_utilisation), name
        assert area_m2["input_flip"] == alike(gates / s.logic_utilisation), name
        assert (area_m2["popcount"] > 0) == (popcount > 0), name


@pytest.mark.parametrize(
    ("name", "level", "counts", "sums"),
    [
        ("two_cycles", "weight", 1, 0),  # both reads see the same stored column
        ("two_cycles", "activation", 1, 16),
        ("differential", "weight", 1, 32),  # columns of a pair flipped apart
        ("differential", "activation", 1, 16),  # counted to decide, and both columns flipped alike
        ("zero_one", "weight", 1, 16),
        ("xnor_rows", "binsparx", 0, 0),
    ],
)
def test_flips_bring_back_what_no_longer_cancels(name, level, counts, sums):
    s = settings(popcount="baseline", stored_sums="baseline")
    energy_J = layer_energy(*encoded(name, sparsity=level), s)
    assert energy_J["popcount"] == alike(counts * popcount_energy(32, s.full_adder_energy))
    assert energy_J["stored_sums"] == alike(sums * stored_sum_energy(32, s.stored_bit_read_energy))


def test_sums_of_what_is_written_are_counted_once_an_output():
    """And not at all where half of every column is ON."""
    energies = {}
    for name in ("zero_one", "differential", "xnor_rows"):
        one, layer = encoded(name, device="8T-SRAM")
        layer = dataclasses.replace(layer, written=True)
        with_sums, without = (write_energy(dataclasses.replace(one, encoding=ENCODINGS[encoding]), layer, settings())
                              for encoding in (name, "xnor_differential"))  # fmt: skip
        reads = settings().buffer_read_energy * layer.inputs * layer.columns
        cells = {"zero_one": 1, "differential": 2, "xnor_rows": 2}[name]
        energies[name] = with_sums - without - reads / cells + reads / 4
    counted = 16 * popcount_energy(32, settings().full_adder_energy)
    nothing = pytest.approx(0, abs=1e-6 * counted)
    assert energies == {"zero_one": alike(counted), "differential": alike(counted), "xnor_rows": nothing}


@pytest.mark.parametrize("name", ENCODINGS)
def test_levels_cost_nothing_where_nothing_can_be_flipped(name):
    s = settings(popcount="baseline", stored_sums="baseline")
    flipped, dense = (layer_cost(*encoded(name, sparsity=level), s) for level in ("binsparx", "dense"))
    if ENCODINGS[name].balanced:
        assert flipped == dense
    else:
        assert flipped.energy_J["popcount"] > 0 and flipped.energy_J["stored_sums"] > 0
        assert flipped.energy_J["compare"] > 0
        assert (flipped.area_m2["column_flags"] > 0) == ENCODINGS[name].flips_columns


@pytest.mark.parametrize(
    ("subtracted", "apart"),
    [("current_difference", "differential"), ("xnor_current_difference", "xnor_differential")],
)
def test_a_difference_of_currents_is_converted_once(subtracted, apart):
    """Half of the converters, which read as many conversions one after another; a current mirror for each, which draws
    half of the currents once more from the supply."""
    s = settings()
    (one, layer), (other, same) = encoded(subtracted), encoded(apart)
    assert layer == same
    once, twice = layer_cost(one, layer, s), layer_cost(other, layer, s)
    assert once.latency_s == twice.latency_s
    for name in ("adc", "accumulate"):
        assert once.energy_J[name] == alike(twice.energy_J[name] / 2)
    for name in ("bit_line", "word_line", "popcount", "stored_sums", "xor"):
        assert once.energy_J[name] == twice.energy_J[name]
    mirrored = layer.column_current_A / 2 * on_time(one, layer, s, settling(one, s)) * s.v_dd
    assert once.energy_J["array"] == alike(twice.energy_J["array"] + mirrored)
    mirrors = once.tiles * s.converters(32) * 2 * s.current_mirror_area
    assert once.area_m2["converters"] == alike(twice.area_m2["converters"] / 2 + mirrors)
    assert once.area_m2["accumulators"] == alike(twice.area_m2["accumulators"] / 2)
    assert once.leakage_W < twice.leakage_W


def test_counting_is_a_pass_s_own_cost_where_the_encoding_needs_none():
    """The popcount term looks at rows that are on: nothing else counts them behind differential columns, and there is
    nothing to count behind XNOR rows."""
    term = (PopcountTerm("unbiased"),)

    def added(name: str, payer: str) -> float:
        return layer_cost(*encoded(name), settings(popcount=payer), term).energy_J["mitigations"]

    counting = popcount_adders(32) * settings().full_adder_energy  # of the rows that there are
    # A bit less of sum(X') is multiplied where an input has one row.
    less = COEFFICIENT_BITS * settings().full_adder_energy
    assert added("differential", "baseline") - added("xnor_differential", "baseline") == alike(counting - less)
    for name, counts in (("zero_one", 1), ("two_cycles", 1), ("xnor_rows", 0)):  # one count serves both reads
        assert added(name, "binsparx") - added(name, "baseline") == pytest.approx(
            counts * counting, abs=1e-6 * counting
        )


def test_costs_that_are_counted_with_other_numbers_say_so(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text((PERIPHERY_FOLDER / "7nm.yaml").read_text().replace("value: 12.4,", "value: 12.3,"))
    said = [
        resolve(CostOptions(corner="low")).assumptions(True),
        resolve(CostOptions(parameters={"comparator_energy": 1.3})).assumptions(True),
        resolve(CostOptions(), periphery_file=str(own)).assumptions(True),
        resolve(CostOptions()).assumptions(True),
    ]
    assert len(set(said)) == 4
    assert ";cost_corner=low;" in said[0] and said[0].endswith("digital_array=16x16")
    assert said[1].endswith(";comparator_energy=1.3 fJ")
    assert said[2].startswith("technology=7nm@") and said[3].startswith("technology=7nm;cost_corner=nominal;")
