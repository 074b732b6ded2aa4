"""Numbers keep their meaning: what a design gives moves only with its solver version, which is part of every key."""

from __future__ import annotations

import copy

import pytest

from tests.design_choices import unmade_choices
from tests.simcore import golden_totals
from tests.simcore.golden_totals import (
    RAISE,
    REGENERATE,
    arithmetic,
    computed,
    design_of,
    differences,
    updated,
    version_of,
)

GOLDEN = golden_totals.read_file()
DESIGNS = GOLDEN["designs"]


@pytest.fixture(scope="module")
def network():
    return golden_totals.golden_network()


@pytest.fixture(scope="module")
def images():
    return golden_totals.golden_images()


def test_the_file_is_of_these_versions_network_and_images(network, images):
    raised = [name for name, entry in DESIGNS.items() if entry["solver_version"] != version_of(entry)]
    assert not raised, f"a version was raised; now run: {REGENERATE}"
    found = (network.digest, images.digest)
    assert (GOLDEN["network"], GOLDEN["dataset"]) == found, f"they are others; run: {REGENERATE}"


@pytest.mark.parametrize("name", DESIGNS)
def test_no_number_moved(network, images, name, monkeypatch):
    if DESIGNS[name]["solver_version"] != version_of(DESIGNS[name]):
        pytest.skip("the golden file is of another version")
    monkeypatch.delenv("BINSPARX_DEVICE", raising=False)  # other devices agree to a tolerance only
    found = golden_totals.measure(DESIGNS[name], network, images)
    moved = list(differences(computed(DESIGNS[name]), found, arithmetic() == GOLDEN["arithmetic"], name))
    assert not moved, "\n".join([*moved, f"{RAISE}, then run: {REGENERATE}"])


def test_every_choice_is_made_by_a_golden_design():
    assert unmade_choices([design_of(entry) for entry in DESIGNS.values()]) == []


def test_every_solver_read_a_golden_design():
    assert {entry["solver"] for entry in DESIGNS.values()} == {"fast", "transfer", "exact", "ideal", "ideal_circuit"}


def test_a_number_that_moved_is_named_and_never_written_over():
    name = next(name for name, entry in DESIGNS.items() if entry["solver"] == "fast")
    moved = copy.deepcopy(GOLDEN)
    moved["designs"][name]["totals"]["wide"]["clipped"] += 1
    expected = DESIGNS[name]["totals"]["wide"]["clipped"]
    line = f"{name}, totals, wide, clipped: expected {expected}, got {expected + 1}"
    assert updated(GOLDEN, moved)[1] == [line]
    other = next(one for one in DESIGNS if one != name)
    moved["designs"][other]["solver_version"] += "+"
    assert updated(GOLDEN, moved)[1] == [line]
    moved["designs"][name]["solver_version"] += "+"
    assert updated(GOLDEN, moved)[1] == []


def test_a_new_design_is_written_and_a_total_that_is_gone_is_not():
    name = next(iter(DESIGNS))
    added, gone = copy.deepcopy(GOLDEN), copy.deepcopy(GOLDEN)
    for field in computed(added["designs"][name]):
        del added["designs"][name][field]
    assert updated(added, GOLDEN)[1] == []
    del gone["designs"][name]["totals"]["wide"]["inputs"]
    assert updated(GOLDEN, gone)[1] == [f"{name}, totals, wide, inputs: expected 45, got nothing (new or gone)"]


@pytest.mark.parametrize(("factor", "moved"), [(1 + 1e-8, False), (1 + 1e-5, True)])
def test_other_arithmetic_explains_the_last_bits_and_no_more(factor, moved):
    totals = {"column_current": 10**9, "clipped": 3}
    other = totals | {"column_current": round(10**9 * factor)}
    assert list(differences(totals, other, True))  # on the machine that the file is of, nothing is explained
    assert bool(list(differences(totals, other, False))) == moved
    assert list(differences(totals, totals | {"clipped": 4}, False))
