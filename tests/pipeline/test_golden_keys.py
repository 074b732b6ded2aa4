"""Stored keys stay: what could be named before has the key, and the files, that it had."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pipeline.sweep.plan import Plan
from pipeline.sweep.spec import SweepSpec
from simcore.passes import PASSES
from tests.design_choices import nested_model, unmade_choices
from tests.pipeline.golden_keys import WRITE, changes, pinned, plan, read_keys, read_sweeps, with_revisions

GOLDEN = read_keys()
SWEEPS = read_sweeps()["sweeps"]

# `exclude` takes points away of an axis that another sweep has.
_NO_OTHER_KEYS = ("plain", "exclude", "beside_the_key")


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    folder = tmp_path_factory.mktemp("golden")
    return {name: plan(name, folder, GOLDEN["solver_version"]) for name in SWEEPS}


def test_network_and_images_are_those_of_the_keys(plans: dict[str, Plan]) -> None:
    """Others have other keys, as they should: nothing then says whether the keys of these would stay."""
    found = {(made.points[0].model.digest, made.dataset.digest) for made in plans.values()}
    assert found == {(GOLDEN["model"], GOLDEN["dataset"])}, f"what ships is other than it was; run: {WRITE}"


@pytest.mark.parametrize("name", SWEEPS)
def test_no_key_changed(plans: dict[str, Plan], name: str) -> None:
    assert name in GOLDEN["sweeps"], f"its keys are not pinned; run: {WRITE}"
    changed = list(changes(name, GOLDEN["sweeps"][name], pinned(plans[name], GOLDEN["solver_version"])))
    advice = (
        "results under such keys would be computed again: keep the keys, or, where a pass or a setting was revised, "
        f"run: {WRITE}"
    )
    assert not changed, "\n".join([*changed, advice])


def test_designs_with_a_revised_pass_get_new_keys_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, name, revised = GOLDEN["solver_version"], "mitigations", PASSES["bent_references"]
    monkeypatch.setitem(PASSES, revised.name, replace(revised, revision=revised.revision + 1))
    found, expected = pinned(plan(name, tmp_path, version), version), GOLDEN["sweeps"][name]
    moved = {key: made for key, made in expected["points"].items() if key not in found["points"]}
    assert moved == {
        key: made for key, made in expected["points"].items() if revised.name in made["design"].get("mitigations", "")
    }
    assert list(changes(name, with_revisions(expected, found), found)) == []
    other = {"points": {"0" * 64 if key in moved else key: made for key, made in expected["points"].items()}}
    assert list(changes(name, with_revisions(expected | other, expected), expected))


def test_a_key_is_the_digest_of_what_it_was_made_from() -> None:
    """Said here once more, without the planner: any other program may find a result by its design."""
    shared = {"solver": GOLDEN["solver_version"], "model": GOLDEN["model"], "dataset": GOLDEN["dataset"]}
    for sweep in GOLDEN["sweeps"].values():
        for key, content in sweep["points"].items():
            text = json.dumps(shared | content, sort_keys=True, separators=(",", ":"))
            assert hashlib.sha256(text.encode()).hexdigest() == key


def test_every_field_of_a_sweep_file_stands_in_a_golden_sweep(plans: dict[str, Plan]) -> None:
    written = {field for made in plans.values() for field in _written(made.sweep.spec)}
    assert sorted(set(_fields(SweepSpec)) - written) == []


def test_every_axis_has_several_values(plans: dict[str, Plan]) -> None:
    values: dict[str, set[Any]] = {}
    for made in plans.values():
        for axis, found in made.axes.items():
            values.setdefault(axis, set()).update(found)
    values.pop("model")  # one network for all of them: its digest is a part of the key like any other
    assert sorted(axis for axis, found in values.items() if len(found) < 2) == []


def test_every_choice_of_a_design_is_made(plans: dict[str, Plan]) -> None:
    assert unmade_choices([point.design for made in plans.values() for point in made.points]) == []


def test_names_prose_and_what_is_measured_reach_no_key() -> None:
    keys = {name: set(sweep["points"]) for name, sweep in GOLDEN["sweeps"].items()}
    assert keys["beside_the_key"] == keys["plain"]
    assert keys["exclude"] < keys["sparsity_and_prune"]


def test_everything_else_reaches_the_keys() -> None:
    (plain,) = GOLDEN["sweeps"]["plain"]["points"]
    for name in set(SWEEPS).difference(_NO_OTHER_KEYS):
        assert set(GOLDEN["sweeps"][name]["points"]) - {plain}, name


def _fields(model: type[BaseModel], start: str = "") -> Iterator[str]:
    """The fields of a sweep file and of its parts, with dots."""
    for name, info in model.model_fields.items():
        if part := nested_model(info.annotation):
            yield from _fields(part, f"{start}{name}.")
        else:
            yield start + name


def _written(value: Any, start: str = "") -> Iterator[str]:
    """The fields that a file gives, lists of parts included."""
    for name in value.model_fields_set:
        inside = getattr(value, name)
        parts = [part for part in (inside if isinstance(inside, list) else [inside]) if isinstance(part, BaseModel)]
        for part in parts:
            yield from _written(part, f"{start}{name}.")
        if not parts:
            yield start + name
