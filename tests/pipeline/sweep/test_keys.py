"""Keys by content, and the image ranges that a stored result covers."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.storage.shards import cover, longest_chain
from pipeline.sweep.evaluator import SimcoreEvaluator
from pipeline.sweep.keys import canonical_json, digest_of, key_content
from pipeline.sweep.plan import make_plan
from pipeline.sweep.simulation import default_evaluator
from pipeline.sweep.spec import load_sweep
from simcore.design_axes import Adc
from simcore.effects.effect_blocks import load_effects
from simcore.errors import InputError
from simcore.inference.evaluation import CHIPS_VERSION, SOLVER_VERSION, solver_version
from simcore.passes import NONE, PASSES, without_revisions
from tests.pipeline.fake_simcore import write_sweep

PLAIN = Adc(bits=4)
SPREAD = load_effects("sram-vt-5")


def test_a_stored_key_still_matches() -> None:
    """Results on people's disks are named by these keys: a change of this value throws all of them away."""
    content = key_content({"rows": 64, "adc": {"bits": 6}, "prune": 0.05}, "m" * 64, "d" * 64, "test", "1")
    assert canonical_json(content) == (
        '{"dataset":"' + "d" * 64 + '","design":{"adc":{"bits":6},"prune":0.05,"rows":64},"model":"' + "m" * 64 + '",'
        '"solver":"1","split":"test"}'
    )
    assert digest_of(content) == "582feffe647db1f795c2bbd590b57116ef323cfb2f51438c342b54bd0c7e5e05"


def test_the_order_of_fields_does_not_matter() -> None:
    assert digest_of({"a": 1, "b": [1.5, None]}) == digest_of({"b": [1.5, None], "a": 1})


def test_nan_has_no_key() -> None:
    with pytest.raises(ValueError):
        canonical_json({"a": float("nan")})


def test_another_solver_device_has_keys_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices agree to the solver's tolerance only: their shards must never end up in one row."""
    for device, ending in (("", ""), ("numba", ""), ("cuda", "+cuda"), ("cpu", "+cpu")):
        monkeypatch.setenv("BINSPARX_DEVICE", device)
        for effects, version in (((), SOLVER_VERSION), (SPREAD, CHIPS_VERSION)):
            assert default_evaluator().solver_version(effects, NONE, PLAIN) == version + ending
    for device in ("auto", "cdua", "cuda:1"):
        monkeypatch.setenv("BINSPARX_DEVICE", device)
        with pytest.raises(InputError, match=f"BINSPARX_DEVICE.*'{device}'"):
            default_evaluator()


def test_a_solver_version_names_the_passes_that_were_revised(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which they act, whatever the order in which a set names them, and before the device."""
    monkeypatch.setenv("BINSPARX_DEVICE", "cpu")
    for name, one in PASSES.items():
        revision = {"bent_references": 3, "recalibrated_outputs": 2}.get(name, 1)
        monkeypatch.setitem(PASSES, name, replace(one, revision=revision))
    version = default_evaluator().solver_version
    assert version((), "popcount_term+near_sink", PLAIN) == f"{SOLVER_VERSION}+cpu"
    expected = f"{SOLVER_VERSION}+bent_references.3+recalibrated_outputs.2+cpu"
    assert version((), "recalibrated_outputs+popcount_term+bent_references", PLAIN) == expected
    assert version(SPREAD, "bent_references", PLAIN) == f"{CHIPS_VERSION}+bent_references.3+cpu"


def test_a_solver_version_names_the_settings_that_were_revised() -> None:
    """Noise is that of the converter and that of cells alike."""
    version = solver_version
    assert version((), NONE, PLAIN) == SOLVER_VERSION
    assert version((), NONE, Adc(bits=4, range="least_error")) == f"{SOLVER_VERSION}+least_error.2"
    assert version(SPREAD, NONE, Adc(bits=4, noise_lsb=0.1)) == f"{CHIPS_VERSION}+noise.2"
    noisy = (*SPREAD, *load_effects("wan-2022-read-noise"))
    assert version(noisy, "bent_references", PLAIN).startswith(f"{CHIPS_VERSION}+noise.2")
    assert without_revisions(version(noisy, NONE, PLAIN)) == CHIPS_VERSION


@pytest.mark.usefixtures("fakes")
def test_a_key_tells_the_revision_of_its_converter(tmp_path: Path) -> None:
    """Points of one sweep whose converters differ have versions of their own, and keys that are made of them."""
    adc = "{bits: 3, range: [full_scale, least_error], noise_lsb: [0, 0.5]}"
    points = make_plan(load_sweep(write_sweep(tmp_path, adc=adc)), SimcoreEvaluator()).points
    for point in points:
        design = point.design
        expected = solver_version(design.effects, design.mitigations, design.adc)
        assert point.solver_version == expected and point.key == digest_of(point.content)
    versions = {point.solver_version.removeprefix(SOLVER_VERSION) for point in points}
    assert versions == {"", "+least_error.2", "+noise.2", "+least_error.2+noise.2"}


def test_an_empty_store_is_cut_into_shards() -> None:
    assert cover(120, 50, []).missing == ((0, 50), (50, 50), (100, 20))


def test_more_images_recompute_nothing() -> None:
    stored = list(cover(120, 50, []).missing)
    more = cover(200, 50, stored)
    assert more.stored == ((0, 50), (50, 50), (100, 20))
    assert more.missing == ((120, 30), (150, 50))


def test_another_shard_size_recomputes_nothing() -> None:
    stored = [(0, 50), (50, 50)]
    assert cover(100, 20, stored).missing == ()
    assert cover(130, 20, stored).missing == ((100, 20), (120, 10))


def test_fewer_images_reuse_the_shards_that_fit() -> None:
    assert cover(70, 50, [(0, 50), (50, 50)]) == type(cover(1, 1, []))(stored=((0, 50),), missing=((50, 20),))


def test_a_gap_is_filled_up_to_the_next_stored_shard() -> None:
    found = cover(100, 50, [(0, 10), (30, 20), (50, 50)])
    assert found.missing == ((10, 20),)
    assert found.stored == ((0, 10), (30, 20), (50, 50))


def test_the_shard_of_an_undisturbed_run_comes_first() -> None:
    assert cover(100, 50, [(0, 100), (0, 50), (50, 50)]).stored == ((0, 50), (50, 50))
    assert cover(100, 40, [(0, 100), (0, 50)]).stored == ((0, 100),)


@pytest.mark.parametrize("images", [1, 7, 50, 99, 100, 101])
@pytest.mark.parametrize("stored", [[], [(0, 3)], [(10, 5), (12, 8)], [(0, 1000)], [(98, 1), (99, 1)]])
def test_every_image_is_covered_once(images: int, stored: list[tuple[int, int]]) -> None:
    found = cover(images, 25, stored)
    numbers = [i for first, count in sorted(found.stored + found.missing) for i in range(first, first + count)]
    assert numbers == list(range(images))


@pytest.mark.parametrize("images", [60, 200])
@pytest.mark.parametrize(
    "stored",
    [
        [(0, 60), (0, 50), (50, 50), (100, 50), (150, 50)],
        [(0, 20), (0, 60), (20, 90), (60, 5), (50, 10), (110, 30), (140, 60)],
        [(0, 60), (50, 150)],
    ],
)
def test_no_choice_leaves_fewer_images_missing(images: int, stored: list[tuple[int, int]]) -> None:
    fits = [one for one in stored if sum(one) <= images]
    sets = (chosen for size in range(len(fits) + 1) for chosen in itertools.combinations(sorted(fits), size))
    apart = [chosen for chosen in sets if all(sum(one) <= other[0] for one, other in itertools.pairwise(chosen))]
    most = max(sum(count for _, count in chosen) for chosen in apart)
    for order in (stored, stored[::-1]):
        found = cover(images, 60, order)
        assert sum(count for _, count in found.missing) == images - most
        assert cover(images, 60, [*stored, *found.missing]).missing == ()
        assert found == cover(images, 60, stored)


def test_the_longest_chain_does_not_end_where_the_longest_first_range_does() -> None:
    regular = ((0, 50), (50, 50), (100, 50), (150, 50))
    assert longest_chain([(0, 60), *regular]) == longest_chain([*regular[::-1], (0, 60)]) == regular
    assert longest_chain([(0, 60), (0, 50), (60, 5), (70, 100)]) == ((0, 60), (60, 5))
    assert longest_chain([(10, 5)]) == longest_chain([]) == ()
