"""Designs: consistency, and the content that decides a result's key."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from pydantic import ValidationError

from simcore.design import Design
from simcore.design_axes import Adc, NoiseSource
from simcore.encodings import ENCODINGS
from simcore.noise import NOISES
from simcore.technology import circuit_parameters
from tests.simcore.small_networks import make_design


def test_defaults_are_left_out_of_the_content():
    content = make_design(calibration_images=32).content()
    assert set(content) == {"circuit", "rows", "cols", "adc"}
    assert content["adc"] == {"bits": 6}
    assert "gated" not in content["circuit"] and "r_driver" in content["circuit"]
    # Naming a default, or as many active rows as there are, changes nothing.
    named = make_design(calibration_images=32, prune=0.0, solver="auto", active_rows=16, layers=None)
    assert named.content() == content


def test_everything_else_is_in_it():
    base = make_design().content()
    for change in (
        {"rows": 17}, {"cols": 6}, {"active_rows": 8}, {"row_order": "spatial"}, {"sparsity": "weight"},
        {"prune": 0.1}, {"adc": Adc(bits=7)}, {"adc": Adc(bits=6, noise_lsb=0.1)}, {"solver": "exact"}, {"seed": 1},
        {"calibration_images": 5}, {"layers": ("wide",)}, {"device": "1T-1ReRAM"}, {"corner": "optimistic"},
        {"encoding": "xnor_rows"},
    ):  # fmt: skip
        assert make_design(**change).content() != base


def test_how_a_converter_is_re_ranged_counts_where_it_is():
    nominal, calibrated = Adc(bits=6), Adc(bits=6, reference="calibrated")
    squares = {"fit": "least_squares"}
    assert make_design(adc=nominal.model_copy(update=squares)).content() == make_design(adc=nominal).content()
    assert make_design(adc=calibrated.model_copy(update=squares)).content()["adc"]["fit"] == "least_squares"
    assert make_design(adc=nominal.model_copy(update={"range": "fixed"})).content()["adc"]["range"] == "fixed"


def test_the_content_is_json_and_makes_the_same_design_again():
    design = make_design("1T-1ReRAM-BL", sparsity="binsparx", layers=("wide", "dense"), active_rows=8)
    content = json.loads(json.dumps(design.content()))
    assert Design.model_validate(content) == design
    assert Design.model_validate(content).content() == design.content()


def test_layers_are_a_set_however_they_are_written():
    content = make_design(layers=("dense", "wide")).content()
    assert make_design(layers=("wide", "dense", "wide")).content() == content
    assert make_design(layers=("wide",)).content() != content


def test_whole_numbers_and_fractions_of_the_same_size_are_the_same_content():
    one = circuit_parameters("8T-SRAM", overrides={"r_sink": 200})
    other = circuit_parameters("8T-SRAM", overrides={"r_sink": 200.0})
    assert json.dumps(make_design(one).content()) == json.dumps(make_design(other).content())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"active_rows": 17}, r"active_rows \(17\) is larger than rows \(16\)"),
        ({"rows": 0}, "rows"),
        ({"rows": 5000}, "rows"),
        ({"prune": 1.0}, "prune"),
        ({"prune": float("nan")}, "prune"),
        ({"prune": 0.1, "encoding": "two_cycles"}, "prune must be 0 in encoding 'two_cycles', which applies every"),
        ({"sparsity": "all"}, "sparsity"),
        ({"seed": -1}, "seed"),
        ({"calibration_images": 0}, "calibration_images"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_inconsistent_designs_are_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        make_design(**fields)


@pytest.mark.parametrize("fields", [
    {"bits": 0}, {"bits": 17}, {"bits": 4, "gain": 0}, {"bits": 4, "noise_lsb": -1},
    {"bits": 4, "gain": 1e39}, {"bits": 4, "offset_lsb": -1e39}, {"bits": 4, "noise_lsb": 1e39},  # beyond float32
])  # fmt: skip
def test_impossible_converters_are_refused(fields):
    with pytest.raises(ValidationError):
        Adc(**fields)


def test_what_each_sparsity_flips():
    flips = {s: (make_design(sparsity=s).flips_weights, make_design(sparsity=s).flips_activations)
             for s in ("dense", "weight", "activation", "binsparx")}  # fmt: skip
    assert flips == {
        "dense": (False, False), "weight": (True, False), "activation": (False, True), "binsparx": (True, True),
    }  # fmt: skip


def test_nothing_is_flipped_where_half_of_the_rows_are_on_whatever_comes():
    """And no column where a weight's is subtracted from that of its complement."""
    for name, encoding in ENCODINGS.items():
        design = make_design(sparsity="binsparx", encoding=name, cols=6)
        assert design.flips_activations == design.flips == (not encoding.balanced)
        assert design.flips_weights == (not encoding.balanced and name != "current_difference")
    assert not make_design(sparsity="weight", encoding="current_difference", cols=6).flips


def test_lossless_converters_tell_differences_apart_too():
    """16 rows: sums of 0 to 16 and differences of -16 to 16, or of -8 to 8 where half of the rows are on."""
    bits = {name: make_design(encoding=name, cols=6).lossless_bits for name in ENCODINGS}
    assert bits == dict.fromkeys(ENCODINGS, 5) | {"current_difference": 6}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows": 15}, r"rows \(15\) is no multiple of 2, the rows that an input goes to in encoding 'xnor_rows'"),
        ({"active_rows": 5}, r"active_rows \(5\) is no multiple of 2"),
        ({"encoding": "xnor"}, "Input should be 'zero_one', 'complement'"),
    ],
)
def test_what_does_not_go_with_an_encoding_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        make_design(**{"encoding": "xnor_rows", "sparsity": "binsparx", **fields})


def test_every_noise_source_is_a_choice():
    assert set(NOISES) == set(get_args(NoiseSource))
