"""Racing: the same front for less work, and an error of the whole race that is what it says."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy import stats

from pipeline.cli.plan import summarise
from pipeline.execution.racing import PIECES, piece_images, run_race, runs_to, shared_ends
from pipeline.execution.runner import RunOptions, RunResult, run_sweep
from pipeline.front.accuracy_claims import chance_of_error
from pipeline.front.crossed import part, reach
from pipeline.front.elimination import ERROR, Contender, beaten_in_group, error_of_a_pair
from pipeline.front.rounds import most_rounds, rounds
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.store import Store
from pipeline.sweep import protocols
from pipeline.sweep.extent import Extent
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from simcore.design import Design
from tests.pipeline.fake_inference import FakeEvaluator, Prepared
from tests.pipeline.fake_simcore import write_sweep
from tests.pipeline.recommend.here import Here
from tests.pipeline.simulated_races import (
    Draw,
    a_lucky_best,
    a_noisy_best,
    images_of,
    race,
    twins,
    wild_costs,
    wrong_races,
)

A_PAIR = error_of_a_pair([5], 2)
ALL, ACCURACY = Extent(10_000, 1), ["accuracy"]


def test_rounds_grow_fourfold_and_end_with_all_images() -> None:
    assert rounds(Extent(300, 1), 50) == [(100, 1), (300, 1)]
    assert rounds(Extent(10_000, 1), 50) == [(650, 1), (2600, 1), (10_000, 1)]
    assert rounds(Extent(80, 1), 50) == [(80, 1)]
    assert rounds(Extent(1, 1), 50) == [(1, 1)]


def test_chips_grow_with_the_images() -> None:
    assert rounds(Extent(1000, 20), 50) == [(100, 8), (200, 16), (650, 20), (1000, 20)]
    assert rounds(Extent(1000, 3), 50) == [(100, 3), (400, 3), (1000, 3)]
    assert rounds(Extent(80, 100), 50) == [(80, 8), (80, 32), (80, 100)]
    assert rounds(Extent(1000, 20), 50, first_chips=20) == [(100, 20), (400, 20), (1000, 20)]


@given(st.integers(1, 3000), st.integers(1, 600), st.integers(1, 80), st.sampled_from([8, 600]))
def test_every_round_has_more_and_there_are_no_more_of_them_than_is_said(
    images: int, chips: int, shard_images: int, first_chips: int
) -> None:
    whole = Extent(images, chips)
    found = rounds(whole, shard_images, first_chips)
    assert found[-1] == whole and len(found) <= most_rounds(chips)
    for before, after in pairwise(found):
        assert before.images <= after.images and before.chips <= after.chips and before != after
        assert after == whole or after.images * after.chips >= 4 * before.images * before.chips
    assert all(extent.images % shard_images == 0 or extent.images == images for extent in found)


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
    return Contender(name, rng.random((1, images)) < rate, currents[None], currents[None, :1])


def test_a_clearly_worse_design_stops_and_others_go_on() -> None:
    group = [
        contender("best", 0.95, 1.0),
        contender("worse", 0.3, 1.5),
        contender("close", 0.93, 1.5),
        contender("cheap", 0.3, 0.5),
        contender("equal-current", 0.3, 1.0),
    ]
    assert beaten_in_group(group, ALL, A_PAIR, ACCURACY) == {"worse"}


def test_a_design_that_is_best_in_one_objective_goes_on() -> None:
    best, small, alike = contender("best", 0.95, 1.0), contender("small", 0.3, 1.5), contender("alike", 0.3, 1.5)
    areas = {"best": 2.0, "small": 1.0, "alike": 2.0}
    group = [
        replace(
            one,
            costs=np.vstack([one.costs, np.full((1, one.costs.shape[1]), areas[one.key])]),
            chip_costs=np.vstack([one.chip_costs, np.full((1, 1), areas[one.key])]),
        )
        for one in (best, small, alike)
    ]
    assert beaten_in_group(group, ALL, A_PAIR, ACCURACY) == {"alike"}


def test_designs_with_an_unknown_cost_go_on() -> None:
    unknown = Contender("unknown", np.zeros((1, 100), bool), np.full((1, 4), np.nan), np.full((1, 1), np.nan))
    assert beaten_in_group([contender("best", 0.95, 1.0), unknown], ALL, A_PAIR, ACCURACY) == set()


def test_a_design_without_a_cost_does_not_keep_others_from_stopping() -> None:
    group = [contender("best", 0.95, 1.0), contender("worse", 0.3, 1.5)]
    unknown = Contender("unknown", np.zeros((1, 100), bool), np.full((1, 4), np.nan), np.full((1, 1), np.nan))
    assert beaten_in_group([unknown, *group], ALL, A_PAIR, ACCURACY) == {"worse"}


def test_shards_of_other_sizes_are_compared_where_they_end_together() -> None:
    small, large = [(0, 20), (20, 20), (40, 20), (60, 10)], [(0, 40), (40, 20), (60, 40)]
    ends = shared_ends([small, large])
    assert ends == [40, 60]
    assert runs_to(ends, small) == [slice(0, 2), slice(2, 3)] and runs_to(ends, large) == [slice(0, 1), slice(1, 2)]
    assert shared_ends([[(0, 30)], [(0, 20)]]) == [] and runs_to([], [(0, 30)]) == []


def test_one_design_with_other_shards_does_not_keep_the_others_from_being_compared() -> None:
    many, odd = [(8 * place, 8) for place in range(12)] + [(96, 4)], [(0, 50), (50, 50)]
    ends = shared_ends([odd, *[many] * 9])
    assert len(ends) == 13 and len(runs_to(ends, many) or []) == 13 and runs_to(ends, odd) is None


def test_one_shard_says_nothing_about_the_spread() -> None:
    group = [contender("best", 0.95, 1.0, images=25), contender("worse", 0.1, 2.0, images=25)]
    assert beaten_in_group(group, ALL, A_PAIR, ACCURACY) == set()


def test_the_first_round_comes_in_pieces_enough_to_know_a_spread() -> None:
    assert piece_images(100, 50) == 8
    assert piece_images(100, 5) == 5
    assert piece_images(7, 50) == 1
    assert PIECES <= -(-100 // piece_images(100, 50))


def test_pairs_of_all_groups_and_all_decisions_share_the_error() -> None:
    assert error_of_a_pair([24, 24], 1) == pytest.approx(ERROR / 552)
    assert error_of_a_pair([3, 1], 2) == pytest.approx(ERROR / 6)
    assert error_of_a_pair([1], 0) == ERROR  # nothing is compared


@pytest.mark.parametrize("level", [0.05, 0.001])
def test_a_cost_is_falsely_called_lower_as_often_as_the_level_says(level: float) -> None:
    def found(differences: np.ndarray) -> int:
        return int((differences.mean(axis=-1) > reach([part(differences)], level)).sum())

    rng = np.random.default_rng(0)
    draws = 400_000
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], draws, level)
    assert low <= found(rng.standard_normal((draws, 4))) <= high
    # Pieces of other sizes scatter otherwise: no more often, then.
    assert found(rng.standard_normal((draws, 4)) * np.array([1.0, 1.0, 3.0, 10.0])) <= high
    assert found(np.zeros((3, 4))) == 0
    assert found(np.ones((3, 4))) == 3  # a cost that does not depend on the images
    assert found(np.ones((3, 1))) == 0


LOOKS = [12, 24]  # of 48 pieces


@pytest.mark.parametrize("draw", [a_noisy_best, a_lucky_best])
def test_a_race_stops_a_design_of_the_front_no_more_often_than_promised(draw: Draw) -> None:
    races = 40
    wrong = wrong_races(draw, LOOKS, error_of_a_pair([40], len(LOOKS)), races, seed=0)
    assert wrong <= stats.binom.ppf(0.999, races, ERROR)
    # These races are hard: with an error of so much for every pair many go wrong.
    assert wrong_races(draw, LOOKS, 0.2, races, seed=0) > stats.binom.ppf(0.999, races, ERROR)


@pytest.mark.slow
@pytest.mark.parametrize("draw", [a_noisy_best, a_lucky_best, twins, wild_costs])
@pytest.mark.parametrize("looks", [[12], [12, 18, 27, 40]])
def test_many_races_of_every_kind_keep_the_promise(draw: Draw, looks: list[int]) -> None:
    races = 500
    wrong = wrong_races(draw, looks, error_of_a_pair([40], len(looks)), races, seed=1)
    assert wrong <= stats.binom.ppf(0.999, races, ERROR)
    assert wrong_races(draw, looks, 0.2, races // 10, seed=1) > 0


def test_a_race_still_stops_what_is_clearly_beaten() -> None:
    """40 designs whose accuracy falls from 90 to 50 % while their costs rise."""
    rng = np.random.default_rng(3)
    correct = images_of(rng, np.linspace(0.9, 0.5, 40), 400, 0.5)
    costs = np.exp(np.arange(40)[:, None] / 50 + rng.normal(0, 1e-3, (40, 48)))
    on_front, stopped = race(correct, costs, LOOKS, error_of_a_pair([40], len(LOOKS)))
    assert on_front == 0 and stopped >= 20


@pytest.mark.usefixtures("fakes")
def test_the_plan_of_a_race_counts_the_small_shards_of_its_first_round(tmp_path: Path) -> None:
    path = write_sweep(tmp_path, strategy="racing")
    summary = summarise(make_plan(load_sweep(Path(path))), str(tmp_path / "results"))
    # 4 designs of 100 images in shards of 25: 50 images first, in 12 pieces of 4 and one of 2, then two shards more.
    assert summary["shards"] == 4 * (13 + 2) and summary["image_evaluations"] == 400


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
    # Resamples and the change against dense take designs that saw all images.
    others = ["front_support", "energy_change"]
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


@dataclass(frozen=True)
class CheapAndWrong(FakeEvaluator):
    """What needs least current guesses."""

    def prepare(self, checkpoint: protocols.Checkpoint, design: Design, dataset: protocols.Dataset) -> Prepared:
        strength = {"dense": 0.95, "weight": 0.9, "activation": 0.85, "binsparx": 0.1}[design.sparsity]
        return replace(super().prepare(checkpoint, design, dataset), strength=strength)


@pytest.mark.usefixtures("fakes")
def test_what_is_below_the_floor_stops_nothing_above_it(tmp_path: Path) -> None:
    """Accuracy is no objective, but the front has a floor of it."""
    path = write_sweep(
        tmp_path,
        strategy="racing",
        sparsity="[dense, weight, activation, binsparx]",
        pareto="{objectives: [current], min_accuracy: 0.5}",
    )
    plan = make_plan(load_sweep(Path(path)), CheapAndWrong())
    store = Store(str(tmp_path / "results"))
    here = Here(plan, store)
    race = run_race(plan, store, ComputeTimes({}), lambda works, name: here(works, name) or True)
    levels = {point.key: (point.columns["rows"], point.columns["sparsity"]) for point in plan.points}
    stopped = {levels[key] for key in race.stops}
    # What guesses on 32 rows needs least of all, and beats but what guesses on 64.
    assert stopped == {(64, "binsparx")}


@pytest.mark.usefixtures("fakes", "ray_cluster")
def test_a_race_goes_on_with_shards_of_another_size(tmp_path: Path) -> None:
    changes = {"strategy": "racing", "dataset": "{name: fake-images, images: 200, calibration_images: 10}"}
    for arrays, shard_images in (("[32x32, 64x64]", "25"), ("[16x16, 32x32, 64x64]", "40")):
        path = write_sweep(tmp_path, arrays=arrays, shard_images=shard_images, **changes)
        result = run_sweep(path, RunOptions(results=str(tmp_path / "results")), Console(file=io.StringIO()))
        assert not result.failures
    assert max(result.tables["designs"]["images"].to_pylist()) == 200
