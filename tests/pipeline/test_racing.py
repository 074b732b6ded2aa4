"""Racing: the same front for less work, and an error that is what it says."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from pipeline.racing import Contender, beaten_in_group, chance_of_error, rounds, shared_runs
from pipeline.runner import RunOptions, RunResult, run_sweep
from tests.pipeline.fake_simcore import write_sweep


def test_rounds_grow_fourfold_and_end_with_all_images() -> None:
    assert rounds(300, 50) == [100, 300]
    assert rounds(10_000, 50) == [650, 2600, 10_000]
    assert rounds(80, 50) == [80]
    assert rounds(1, 50) == [1]


@pytest.mark.parametrize("images_left", [0, 1, 2, 7, 30])
def test_the_chance_of_error_covers_every_truth(images_left: int) -> None:
    """All truths in which the better design is less accurate on all images, one by one."""
    for seen in range(9):
        for losses in range(seen + 1):
            bound = float(chance_of_error(np.array([seen - losses]), np.array([losses]), images_left)[0])
            for telling in range(seen, seen + images_left + 1):
                for wins in range((telling + 1) // 2):  # fewer wins than losses
                    if 2 * wins < telling:
                        chance = stats.hypergeom.cdf(losses, telling, telling - wins, seen)
                        assert chance <= bound + 1e-12, (seen, losses, telling, wins)


def contender(name: str, rate: float, current: float, images: int = 100, seed: int = 0) -> Contender:
    rng = np.random.default_rng([seed, *name.encode()])
    shared = np.random.default_rng(seed).normal(0, 0.02, images // 25)  # bright images draw more in every design
    currents = current * np.exp(shared + rng.normal(0, 0.001, images // 25))
    return Contender(name, rng.random(images) < rate, currents[None])


def test_a_clearly_worse_design_stops_and_others_go_on() -> None:
    group = [
        contender("best", 0.95, 1.0),
        contender("worse", 0.3, 1.5),
        contender("close", 0.93, 1.5),
        contender("cheap", 0.3, 0.5),
        contender("equal-current", 0.3, 1.0),
    ]
    assert beaten_in_group(group, 10_000, 2) == {"worse"}


def test_a_design_that_is_best_in_one_objective_goes_on() -> None:
    best, small, alike = contender("best", 0.95, 1.0), contender("small", 0.3, 1.5), contender("alike", 0.3, 1.5)
    areas = {"best": 2.0, "small": 1.0, "alike": 2.0}
    group = [
        replace(one, costs=np.vstack([one.costs, np.full((1, one.costs.shape[1]), areas[one.key])]))
        for one in (best, small, alike)
    ]
    assert beaten_in_group(group, 10_000, 2) == {"alike"}


def test_designs_with_an_unknown_cost_go_on() -> None:
    unknown = Contender("unknown", np.zeros(100, bool), np.full((1, 4), np.nan))
    assert beaten_in_group([contender("best", 0.95, 1.0), unknown], 10_000, 2) == set()


def test_a_design_without_a_cost_does_not_keep_others_from_stopping() -> None:
    group = [contender("best", 0.95, 1.0), contender("worse", 0.3, 1.5)]
    unknown = Contender("unknown", np.zeros(100, bool), np.full((1, 4), np.nan))
    assert beaten_in_group([unknown, *group], 10_000, 2) == {"worse"}


def test_shards_of_other_sizes_are_compared_where_they_end_together() -> None:
    small, large = [(0, 20), (20, 20), (40, 20), (60, 10)], [(0, 40), (40, 20), (60, 40)]
    assert shared_runs([small, large]) == [[slice(0, 2), slice(2, 3)], [slice(0, 1), slice(1, 2)]]
    assert shared_runs([[(0, 30)], [(0, 20)]]) == [[], []]


def test_one_shard_says_nothing_about_the_spread() -> None:
    group = [contender("best", 0.95, 1.0, images=25), contender("worse", 0.1, 2.0, images=25)]
    assert beaten_in_group(group, 10_000, 1) == set()


def test_designs_of_the_true_front_are_stopped_less_often_than_promised() -> None:
    """Two designs of equal accuracy and a third clearly dearer but truly better by little: it must not stop."""
    stopped = 0
    for seed in range(200):
        group = [contender("a", 0.80, 1.0, seed=seed), contender("b", 0.82, 1.2, seed=seed)]
        stopped += "b" in beaten_in_group(group, 10_000, 2)
    assert stopped <= 2  # 1 % of 200


@pytest.mark.usefixtures("fakes", "ray_cluster")
def test_a_race_ends_with_the_front_of_the_complete_sweep(tmp_path: Path) -> None:
    def run(strategy: str, results: str) -> RunResult:
        path = write_sweep(
            tmp_path,
            strategy=strategy,
            dataset="{name: fake-images, images: 200, calibration_images: 10}",
            sparsity="[dense, weight, activation, binsparx]",
        )
        return run_sweep(path, RunOptions(results=str(tmp_path / results)), Console(file=io.StringIO()))

    race, complete = run("racing", "race"), run("complete", "complete")
    # How sure a front is, the box it is measured in and the change against dense take designs that saw all images.
    others = ["front_probability", "hypervolume", "energy_change"]
    found, expected = (result.tables["pareto"].drop(others).to_pylist() for result in (race, complete))
    assert found == expected
    images = {row["design_key"]: row["images"] for row in race.tables["designs"].to_pylist()}
    on_front = set(race.tables["pareto"]["design_key"].to_pylist())
    assert len(images) == 8
    assert all(images[key] == 200 for key in on_front)
    assert 50 in images.values() and sum(images.values()) < 8 * 200
    assert run("racing", "race").tasks_run == 0
    rest = run("complete", "race")
    assert rest.tables["designs"].equals(complete.tables["designs"])


@pytest.mark.usefixtures("fakes", "ray_cluster")
def test_a_race_goes_on_with_shards_of_another_size(tmp_path: Path) -> None:
    changes = {"strategy": "racing", "dataset": "{name: fake-images, images: 200, calibration_images: 10}"}
    for arrays, shard_images in (("[32x32, 64x64]", "25"), ("[16x16, 32x32, 64x64]", "40")):
        path = write_sweep(tmp_path, arrays=arrays, shard_images=shard_images, **changes)
        result = run_sweep(path, RunOptions(results=str(tmp_path / "results")), Console(file=io.StringIO()))
        assert not result.failures
    assert max(result.tables["designs"]["images"].to_pylist()) == 200
