"""Blocks of numbers: those that ship, a user's own, and what is refused, each with one clear line."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pydantic import ValidationError

from simcore.design import Design
from simcore.effects import KINDS
from simcore.effects.effect_blocks import NONE, load_block, load_effects, preset_names
from simcore.errors import InputError
from simcore.technology import circuit_parameters
from tests.simcore.effects.examples import CIRCUIT, LATER, NUMBERS, draws_of, effect_of, on_chip, shipped

TABLE = "kind: measured_table, on: {samples_csv: cells.csv}"


def write(folder, effect: str, name: str = "mine.yaml") -> str:
    (folder / name).write_text(f"about: mine\nsource: my bench\neffect: {{{effect}}}\n")
    return name


def refused(folder, effect: str) -> str:
    """The one line that a block is refused with."""
    with pytest.raises(InputError) as caught:
        load_block(write(folder, effect), "sweep.yaml:4 effects", folder)
    text = str(caught.value)
    assert "\n" not in text and "mine.yaml:3" in text and "sweep.yaml:4" in text
    return text


@pytest.mark.parametrize("name", preset_names())
def test_blocks_that_ship_say_where_their_numbers_are_from(name):
    block = load_block(name)
    cited = re.search(r"/|arXiv|\d{4}", block.source)
    assert cited or "judgement" in block.source or block.source.startswith("as c3sram"), block.source
    assert block.effect.kind in KINDS and len(block.about) > 20


def test_a_set_is_put_in_the_order_in_which_effects_act(tmp_path):
    write(tmp_path, "kind: stuck_cells, on_fraction: 0.5", "stuck.yaml")
    found = load_effects("c3sram + stuck.yaml+sram-vt-5", folder=tmp_path)
    assert [one.kind for one in found] == ["read_port_mismatch", "stuck_cells", "converter_spread"]
    assert load_effects(NONE) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sram-vt5", "unknown effect 'sram-vt5'; did you mean 'sram-vt-5'?"),
        ("sram-vt-5+", "unknown effect ''"),
        ("sram-vt-5+sram-vt-6", "two effects of kind 'read_port_mismatch'"),
        ("none+sram-vt-5", "'none' stands alone"),
        ("absent.yaml", "cannot read the effect file 'absent.yaml'"),
    ],
)
def test_a_set_that_means_nothing_is_refused(text, message, tmp_path):
    with pytest.raises(InputError) as caught:
        load_effects(text, "sweep.yaml:4", tmp_path)
    assert str(caught.value).startswith("sweep.yaml:4: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        ("kind: read_port_mismatch, sigma_fraction: -0.05", "expected at least 0, found -0.05"),
        (
            "kind: aged_spread, largest_uS: 4, at: "
            "[{age_s: 1, coefficients_uS: [1]}, {age_s: 1, coefficients_uS: [2]}]",
            "age_s 1 is there twice",
        ),
        ("kind: read_port_mismatch, sigma_fraction: 5", "expected at most 1, found 5"),
        ("kind: read_port_mismatch, sigma_fraction: .nan", "finite number"),
        (
            "kind: read_port_mismatch, sigma: 0.05",
            "unknown field of read_port_mismatch 'sigma'; did you mean 'sigma_fraction'?",
        ),
        ("kind: read_port_mismatch", "sigma_fraction"),
        ("kind: read_port_mismach, sigma_fraction: 0.05", "kind of effect 'read_port_mismach'; did you mean"),
        ("sigma_fraction: 0.05", "needs a mapping with a kind (known: measured_table, "),
        ("kind: stuck_cells, on_fraction: 0.7, off_fraction: 0.7", "together at most 1"),
        ("kind: stuck_cells, on_fraction: 2", "expected at most 1, found 2"),
        ("kind: broken_lines, open_bit_line_fraction: 0.7, grounded_bit_line_fraction: 0.7", "together at most 1"),
        ("kind: programming_spread", "needs on or off"),
        ("kind: programming_spread, on: {distribution: gamma}", "lognormal"),
        ("kind: programming_spread, on: {distribution: lognormal, sigma_ln: -1}", "expected at least 0, found -1"),
        ("kind: programming_spread, series_ohm: -1, on: {distribution: normal}", "expected at least 0, found -1"),
        ("kind: relaxation, mean_per_ln_uS: 0, sigma_uS: -1, sigma_per_ln_uS: 0, longest_s: 9", "found -1"),
        ("kind: aged_spread, largest_uS: 0, at: [{age_s: 1, coefficients_uS: [1]}]", "expected more than 0, found 0"),
        ("kind: aged_spread, largest_uS: 4, at: []", "at least 1 item"),
        ("kind: wire_temperature, per_K: 0.39, nominal_K: 300", "expected at most 0.01, found 0.39"),
        ("kind: read_noise, on_fraction_per_read: 1.5, off_fraction_per_read: 0", "expected at most 1, found 1.5"),
        ("kind: flicker_noise, per_decade_uS: 0.1, read_time_s: 0", "expected more than 0, found 0"),
        ("kind: converter_spread, offset_sigma_codes: -1", "expected at least 0, found -1"),
        ("kind: stuck_cells, on_fraction: yes", "on_fraction: no field of stuck_cells is true or false"),
        ("kind: programming_spread, on: {distribution: normal, sigma_uS: true}", "no field of programming_spread is"),
        ("kind: programming_spread, on: {distribution: normal}", "a normal spread needs a sigma_fraction, a sigma_uS"),
        ("kind: programming_spread, on: {distribution: normal, sigma_fraction: -0.05}", "that make it more than none"),
        (
            "kind: programming_spread, on: {distribution: lognormal, sigma_ln: 0.1, measured_uS: [225, 50]}",
            "expected the least conductance before the most, found 225 and 50",
        ),
        (
            "kind: aged_spread, largest_uS: 4, at: [{age_s: 1, coefficients_uS: [-3, -2]}]",
            "a spread of 0 or less at every conductance",
        ),
        (
            "kind: read_disturb, read_time_s: 1.0e-8, exponent: 0.001, voltage_factor: 0.3, thermal_voltage_V: 0.026, "
            "onset_s: 1.0e-8, onset_base: 1.4, cycle_factor: 0.001, cycle_power: 41, cycles: 1.0e+8",
            "cycle_power: expected at most 10, found 41",
        ),
        ("kind: measured_table", "needs on or off"),
        ("kind: measured_table, on: {mean_uS: 3}", "give either mean_uS and sigma_uS, or samples_uS, or samples_csv"),
        ("kind: measured_table, on: {mean_uS: -3, sigma_uS: 1}", "expected more than 0, found -3"),
        ("kind: measured_table, on: {samples_uS: [1, -3]}", "a conductance of -3 uS is below 0"),
        ("kind: measured_table, on: {samples_uS: []}", "at least 1 item"),
    ],
)
def test_wrong_numbers_are_named_with_their_place(effect, message, tmp_path):
    assert message in refused(tmp_path, effect)


def test_read_disturb_beyond_its_cycles_is_refused(tmp_path):
    text = (tmp_path / "mine.yaml").write_text
    numbers = load_block("read-disturb").effect.model_dump() | {"cycles": 1e9}
    text("about: a\nsource: b\neffect: " + str(numbers).replace("'", "").replace("1e-08", "1.0e-8") + "\n")
    with pytest.raises(InputError, match="cycles are more than the model describes"):
        load_block("mine.yaml", folder=tmp_path)


def test_samples_are_read_from_a_file_and_become_part_of_the_design(tmp_path):
    (tmp_path / "cells.csv").write_text("uS\n70\n72.5\n81\n")
    effect = load_block(write(tmp_path, TABLE), folder=tmp_path).effect
    design = Design(circuit=CIRCUIT, rows=8, cols=8, adc={"bits": 4}, effects=(effect,))
    (kept,) = design.content()["effects"]
    assert kept == {"kind": "measured_table", "on": {"samples_uS": [70, 72.5, 81]}}
    inline = write(tmp_path, "kind: measured_table, on: {samples_uS: [81, 70, 72.5]}", "inline.yaml")
    assert load_block(inline, folder=tmp_path).effect == effect  # the order that cells were measured in decides nothing
    cells = on_chip(effect, CIRCUIT, np.ones((50, 50), np.uint8), draws_of(50, 50), LATER).conductances
    np.testing.assert_allclose(np.unique(np.round(cells * 1e6, 6)), [70, 72.5, 81])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the samples"),
        ("70\nmany\n", "expected numbers of conductance in uS, one a line, got 'many'"),
        ("uS\n", "must hold 1 to 10000 conductances"),
        ("70\n-1\n", "must hold 1 to 10000 conductances of 0 uS or more"),
        ("70\nnan\n", "must hold 1 to 10000 conductances"),
        ("1\n" * 10_001, "must hold 1 to 10000 conductances"),
    ],
)
def test_a_file_without_samples_is_refused(content, message, tmp_path):
    if content is not None:
        (tmp_path / "cells.csv").write_text(content)
    with pytest.raises(InputError) as caught:
        load_block(write(tmp_path, TABLE), folder=tmp_path)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_samples_lie_beside_their_block(tmp_path):
    (tmp_path / "cells.csv").write_text("70\n")
    (tmp_path / "inner").mkdir()
    write(tmp_path / "inner", "kind: measured_table, on: {samples_csv: ../cells.csv}")
    with pytest.raises(InputError, match="not a file beside the effect file"):
        load_block("inner/mine.yaml", folder=tmp_path)


@pytest.mark.parametrize(
    ("effect", "fields", "message"),
    [
        ("wan-2022", {"age_s": 3600}, "was measured at age_s 1, 86400, 172800, not at 3600"),
        ("cmo-hfox-relaxation", {"age_s": 1e9}, "holds up to age_s 3.16e+08, not at 1e+09"),
        ("igvva-130nm", {"circuit": "optimistic"}, "was measured from 50 to 225 uS, an ON cell has 10 uS"),
    ],
)
def test_a_design_outside_of_what_was_measured_is_refused(effect, fields, message):
    circuit = circuit_parameters("1T-1ReRAM", fields.get("circuit", "nominal"))
    given = {"rows": 8, "cols": 8, "adc": {"bits": 4}, "effects": (shipped(effect),), **fields, "circuit": circuit}
    with pytest.raises(ValidationError, match=re.escape(message)):
        Design(**given)


def test_what_a_circuit_cannot_have_is_refused():
    no_leak = CIRCUIT.model_copy(update={"g_off": 0.0})
    spread = {"distribution": "normal", "sigma_uS": 1}
    for effect in (
        effect_of("programming_spread", {"off": spread}),
        shipped("wan-2022"),
        shipped("cmo-hfox-relaxation"),
        effect_of("measured_table", {"off": {"mean_uS": 1, "sigma_uS": 0}}),
    ):
        with pytest.raises(ValueError, match="needs g_off above 0"):
            effect.check(no_leak, LATER)
    with pytest.raises(ValueError, match="more than a whole ON cell has"):
        effect_of("programming_spread", {"series_ohm": 1e5, "on": spread}).check(CIRCUIT, LATER)
    cooled = effect_of("wire_temperature", {"per_K": 0.01, "nominal_K": 400})
    with pytest.raises(ValueError, match="leaves no resistance at temperature_K 250"):
        cooled.check(CIRCUIT, LATER.__class__(1.0, 0.0, 250.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wan-2022+cmo-hfox-relaxation", "what 'aged_spread' was measured with holds 'relaxation' already"),
        ("cmo-hfox-2+wan-2022", "what 'aged_spread' was measured with holds 'programming_spread' already"),
        ("cmo-hfox-2+table.yaml", "what 'measured_table' was measured with holds 'programming_spread' already"),
        ("wan-2022+table.yaml", "what 'measured_table' was measured with holds 'aged_spread' already"),
    ],
)
def test_what_does_not_go_together_is_refused(text, message, tmp_path):
    write(tmp_path, "kind: measured_table, on: {mean_uS: 80, sigma_uS: 4}", "table.yaml")
    with pytest.raises(InputError, match=re.escape(message)):
        load_effects(text, folder=tmp_path)


@pytest.mark.parametrize(
    "table", ["on: {mean_uS: 80, sigma_uS: 0}, off: {samples_uS: [2]}", "off: {samples_uS: [2, 3]}"]
)
def test_cells_that_were_not_measured_to_differ_may_spread(tmp_path, table):
    """A mean alone, or the spread of the other state."""
    write(tmp_path, f"kind: measured_table, {table}", "table.yaml")
    write(tmp_path, "kind: programming_spread, on: {distribution: normal, sigma_fraction: 0.05}", "spread.yaml")
    assert len(load_effects("table.yaml+spread.yaml", folder=tmp_path)) == 2


@pytest.mark.parametrize("change", [{"exponent": 1e-4}, {"exponent": 1e-4, "onset_base": 0.5}])
def test_an_onset_that_is_no_number_is_refused(change):
    disturb = effect_of("read_disturb", {**NUMBERS["read_disturb"], **change})
    with pytest.raises(ValueError, match="leave their mark at a time that is no number"):
        disturb.check(CIRCUIT, LATER)
