"""The non-dominated set and the Wilson interval, against definitions and published values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest

from pipeline.front.chips import accuracy_interval
from pipeline.front.elimination import ERROR, Contender, beaten_in_group
from pipeline.front.fronts import GROUP_COLUMNS, bits_of, find_fronts
from pipeline.front.intervals import wilson_interval
from pipeline.front.pareto import find_front, non_dominated
from pipeline.front.support import front_support
from pipeline.sweep.extent import Extent
from pipeline.sweep.objectives import OBJECTIVES, ObjectiveName
from pipeline.sweep.spec import ParetoSpec


def front(points: list[tuple[float, ...]], directions: tuple[str, ...] = ("max", "min")) -> list[bool]:
    return non_dominated(points, directions).tolist()  # type: ignore[arg-type]


def packed(correct: np.ndarray) -> np.ndarray:
    """(designs, chips, images) bool as ``front_support`` takes it."""
    return np.packbits(correct, axis=2)


def test_better_in_one_and_no_worse_in_the_other_dominates() -> None:
    assert front([(0.9, 2.0), (0.8, 2.0), (0.9, 3.0), (0.7, 1.0)]) == [True, False, False, True]


def test_equal_points_stay_together() -> None:
    assert front([(0.9, 1.0), (0.9, 1.0), (0.8, 1.0)]) == [True, True, False]


def test_infinite_values_are_values() -> None:
    assert front([(0.9, math.inf), (0.8, 1.0), (0.7, math.inf), (-math.inf, -math.inf)]) == [True, True, False, True]


def test_nan_is_never_on_the_front_and_beats_nobody() -> None:
    assert front([(math.nan, 0.0), (0.5, 1.0), (0.9, math.nan)]) == [False, True, False]


def test_nothing_gives_nothing() -> None:
    assert non_dominated(np.empty((0, 2)), ("max", "min")).tolist() == []


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_against_the_definition(objectives: int) -> None:
    values = np.random.default_rng(objectives).integers(0, 5, (80, objectives)).astype(float)
    directions = ("max", "min", "min", "max")[:objectives]
    costs = values * np.array([-1.0 if d == "max" else 1.0 for d in directions])
    expected = [not any((other <= row).all() and (other < row).any() for other in costs) for row in costs]
    assert non_dominated(values, directions).tolist() == expected


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        non_dominated([(1.0, 2.0)], ("max",))


def test_wilson_interval_matches_published_values() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I: method 3 (score), without continuity correction.
    for successes, trials, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]:
        assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(29, 29)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_ranks_are_fronts_peeled_one_after_another() -> None:
    points = [(0.9, 2.0), (0.8, 1.0), (0.8, 2.0), (0.7, 2.0), (0.9, math.nan), (0.9, 2.0)]
    assert find_front(points, ("max", "min")).ranks.tolist() == [1, 1, 2, 3, 0, 1]


def test_the_knee_lies_farthest_below_the_line_through_the_ends() -> None:
    # scaled: (0, 1), (0.2, 0.3), (0.6, 0.2), (1, 0): sums 1, 0.5, 0.8, 1
    points = [(0.0, 10.0), (0.2, 3.0), (0.6, 2.0), (1.0, 0.0), (0.9, 9.0)]
    assert find_front(points, ("min", "min")).knee == 1
    assert find_front(points[:1] + points[3:4], ("min", "min")).knee is None
    assert find_front(np.empty((0, 2)), ("min", "min")).knee is None


def test_a_front_that_bends_outwards_or_not_at_all_has_no_knee() -> None:
    for middle in ((6.0, 9.0), (9.0, 9.9), (5.0, 5.0), (3.0, 7.0)):
        assert find_front([(0.0, 10.0), middle, (10.0, 0.0)], ("min", "min")).knee is None
        assert find_front([(0.0, -0.7), tuple(-0.07 * x for x in middle), (-0.7, 0.0)], ("max", "max")).knee is None
    assert find_front([(0.0, 10.0), (6.0, 9.0), (1.0, 8.9), (10.0, 0.0)], ("min", "min")).knee == 2
    corners = [(0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)]
    assert find_front([*corners, (0.5, 0.5, 0.5)], ("min",) * 3).knee == 3
    assert find_front([*corners, (0.9, 0.9, 0.9)], ("min",) * 3).knee is None


def test_probability_of_the_front_against_the_exact_one() -> None:
    # Two designs, two images. The dearer one is right on both, the cheaper one on the first: it is beaten never, the
    # dearer one is off the front where both draws are the first image, a quarter of all resamples.
    correct = np.array([[True, True], [True, False]])
    values = [(1.0, 2.0), (0.5, 1.0)]
    found = front_support(packed(correct[:, None]), 2, values, ("accuracy", "energy"), 4000, seed=0)
    assert found[1] == 1.0
    assert found[0] == pytest.approx(0.75, abs=4 * math.sqrt(0.25 * 0.75 / 4000))
    again = front_support(packed(correct[:, None]), 2, values, ("accuracy", "energy"), 4000, seed=0)
    assert np.array_equal(found, again)


def test_candidates_of_a_table_are_of_each_group_and_not_what_a_race_stopped() -> None:
    """Of one corner: the front, one as accurate but for an image, one far less accurate, one that a race stopped, one
    without a cost; of another corner one that is alone."""
    right = [90, 89, 50, 40, 90, 50]
    table = pa.table(
        {
            **{name: ["x"] * 6 for name in GROUP_COLUMNS},
            "corner": ["nominal"] * 5 + ["pessimistic"],
            "accuracy": [0.90, 0.89, 0.50, 0.80, 0.90, 0.50],
            "ideal_accuracy": [0.91] * 6,
            "chance_accuracy": [0.1] * 6,
            "energy_per_image_J": [1.0, 2.0, 3.0, 4.0, None, 9.0],
            "images": [100, 100, 100, 50, 100, 100],
            "chips": pa.array([None] * 6, pa.int64()),
            "design_key": list("abcdef"),
            "solver_setting": ["auto"] * 6,
            "stopped": [""] * 6,
        }
    )
    correct = [np.packbits(np.arange(50 if n == 40 else 100) < n) for n in right]
    marks = find_fronts(table, correct, ParetoSpec(resamples=20)).marks
    assert marks["on_front"].tolist() == [True, False, False, False, False, True]
    assert marks["front_candidate"].tolist() == [True, True, False, False, False, True]
    by_cost = find_fronts(table, correct, ParetoSpec(objectives=("energy",), resamples=20)).marks
    assert by_cost["front_candidate"].tolist() == by_cost["on_front"].tolist()


@pytest.mark.parametrize(
    ("floor", "kept"),
    [({}, "bcde"), ({"min_accuracy": 0}, "abcde"), ({"min_accuracy": 0.4}, "cde"), ({"max_loss": 0.02}, "de"),
     ({"max_loss": 0.5, "min_accuracy": 0.4}, "cde"), ({"min_accuracy": 0.95}, "")],
)  # fmt: skip
def test_a_front_has_a_floor_and_without_one_of_its_own_it_is_chance(floor: dict[str, float], kept: str) -> None:
    """Five designs, each dearer and more accurate than the one before; the first guesses."""
    right = [11, 30, 45, 91, 92]
    table = pa.table(
        {
            **{name: ["x"] * 5 for name in GROUP_COLUMNS},
            "accuracy": [n / 100 for n in right],
            "ideal_accuracy": [0.93] * 5,
            "chance_accuracy": [0.1] * 5,
            "energy_per_image_J": [1.0, 2.0, 3.0, 4.0, 5.0],
            "images": [100] * 5,
            "chips": pa.array([None] * 5, pa.int64()),
            "design_key": list("abcde"),
            "solver_setting": ["auto"] * 5,
            "stopped": [""] * 5,
        }
    )
    correct = [np.packbits(np.arange(100) < n) for n in right]
    fronts = find_fronts(table, correct, ParetoSpec(resamples=20, **floor))  # type: ignore[arg-type]
    assert "".join("abcde"[row] for row in fronts.order) == kept
    for name in ("above_floor", "on_front"):
        assert fronts.marks[name].tolist() == [key in kept for key in "abcde"]
    assert (fronts.marks["front_candidate"] <= fronts.marks["above_floor"]).all()
    assert ((fronts.marks["pareto_rank"] > 0) == fronts.marks["above_floor"]).all()


def test_what_beats_a_design_above_the_default_floor_is_above_it_itself() -> None:
    """Chance is a tenth. The dearer design is a little better on every chip. The cheaper one is far better on two chips
    of eight, so that other chips may do no more than guess, and beats it early in a race."""
    of_chips = np.array([[0.15] * 8, [0.10] * 6 + [0.55] * 2])
    right = np.random.default_rng(0).random((2, 8, 1600)) < of_chips[:, :, None]
    low = [accuracy_interval(one)[0] for one in right]
    assert low[1] < 0.1 < low[0]
    energies = [2.0, 1.0]
    contenders = [
        Contender(key, one[:, :100], np.full((1, 4), energy), np.full((1, 8), energy))
        for key, one, energy in zip("ab", right, energies, strict=True)
    ]
    assert beaten_in_group(contenders, Extent(1600, 8), ERROR, ["accuracy"]) == {"a"}
    table = pa.table(
        {
            **{name: ["x"] * 2 for name in GROUP_COLUMNS},
            "accuracy": right.mean(axis=(1, 2)).tolist(),
            "accuracy_low": low,
            "ideal_accuracy": [0.95] * 2,
            "chance_accuracy": [0.1] * 2,
            "energy_per_image_J": energies,
            "images": [1600] * 2,
            "chips": [8] * 2,
            "design_key": list("ab"),
            "solver_setting": ["auto"] * 2,
            "stopped": [""] * 2,
        }
    )
    spec = ParetoSpec(resamples=20)
    marks = find_fronts(table, [bits_of(one, spec) for one in right], spec).marks
    assert marks["above_floor"].tolist() == [True, True] and marks["on_front"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("objectives", "order"),
    [(("accuracy", "chip_accuracy", "energy"), "ab"), (("chip_accuracy", "accuracy"), "ab"), (("accuracy",), "b")],
)
def test_a_front_begins_with_the_cheapest_or_where_nothing_costs_with_the_most_accurate(
    objectives: tuple[ObjectiveName, ...], order: str
) -> None:
    """The cheaper of two designs is right less often and has the better weakest chip."""
    right = np.arange(100) < np.array([[[88], [90]], [[85], [99]]])
    table = pa.table(
        {
            **{name: ["x"] * 2 for name in GROUP_COLUMNS},
            "accuracy": right.mean(axis=(1, 2)).tolist(),
            "accuracy_chip_p5": [0.88, 0.85],
            "ideal_accuracy": [0.95] * 2,
            "chance_accuracy": [0.1] * 2,
            "energy_per_image_J": [1.0, 2.0],
            "images": [100] * 2,
            "chips": pa.array([2] * 2, pa.int64()),
            "design_key": list("ab"),
            "solver_setting": ["auto"] * 2,
            "stopped": [""] * 2,
        }
    )
    spec = ParetoSpec(objectives=objectives, resamples=20)
    fronts = find_fronts(table, [bits_of(one, spec) for one in right], spec)
    assert "".join("ab"[row] for row in fronts.order) == order


def test_without_accuracy_the_front_is_certain_and_a_missing_value_is_off_it() -> None:
    correct = np.ones((3, 4), dtype=bool)
    values = [(1.0,), (2.0,), (math.nan,)]
    assert front_support(packed(correct[:, None]), 4, values, ("energy",), 10, 0).tolist() == [1.0, 0.0, 0.0]
    both = [(1.0, 1.0), (1.0, math.nan), (1.0, 2.0)]
    found = front_support(packed(correct[:, None]), 4, both, ("accuracy", "energy"), 10, 0)
    assert found.tolist() == [1.0, 0.0, 0.0]


def exact_support(correct: np.ndarray, costs: list[float], objectives: tuple[ObjectiveName, ...]) -> np.ndarray:
    """Of every resample of chips and images, each as likely as any other."""
    designs, chips, images = correct.shape
    counts, directions = np.zeros(designs), [OBJECTIVES[name].direction for name in objectives]
    draws = list(itertools.product(range(chips), repeat=chips)), list(itertools.product(range(images), repeat=images))
    for of_chips, of_images in itertools.product(*draws):
        accuracies = correct[:, of_chips][:, :, of_images].mean(axis=2)
        values = {"accuracy": accuracies.mean(axis=1), "chip_accuracy": accuracies.min(axis=1), "energy": costs}
        counts += non_dominated(np.column_stack([values[name] for name in objectives]), directions)
    return counts / (len(draws[0]) * len(draws[1]))


@pytest.mark.parametrize(
    "objectives", [("chip_accuracy", "energy"), ("accuracy", "chip_accuracy"), ("energy", "chip_accuracy", "accuracy")]
)
def test_support_of_what_chips_reach_draws_chips_and_images_again(objectives: tuple[ObjectiveName, ...]) -> None:
    """Three chips and three images, of which all 729 resamples are counted."""
    correct = np.random.default_rng(1).random((4, 3, 3)) < 0.6
    costs = [1.0, 2.0, 3.0, 4.0]
    wanted = exact_support(correct, costs, objectives)
    assert ((wanted > 0) & (wanted < 1)).sum() > 1
    accuracies = correct.mean(axis=2)
    seen = {"accuracy": accuracies.mean(axis=1), "chip_accuracy": accuracies.min(axis=1), "energy": costs}
    values = np.column_stack([seen[name] for name in objectives])
    found = front_support(packed(correct), 3, values, objectives, 4000, seed=0)
    assert found == pytest.approx(wanted, abs=4 * math.sqrt(0.25 / 4000))
    np.testing.assert_array_equal(found, front_support(packed(correct), 3, values, objectives, 4000, seed=0))


def test_one_chip_is_resampled_as_its_images_are() -> None:
    correct = packed(np.random.default_rng(2).random((20, 1, 50)) < np.linspace(0.4, 0.9, 20)[:, None, None])
    values = np.column_stack([np.unpackbits(correct, axis=2, count=50).mean(axis=(1, 2)), np.arange(20.0)])
    found = [front_support(correct, 50, values, (name, "energy"), 200, 3) for name in ("accuracy", "chip_accuracy")]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("chips", [None, 3])
def test_candidates_of_what_chips_reach_are_known_where_one_chip_stands_for_all(chips: int | None) -> None:
    right = np.arange(100) < np.array([[[90], [92], [91]], [[89], [91], [90]], [[50], [52], [51]]])
    right[1] = right[1, :, ::-1]  # of other images
    if chips is None:
        right = right[:, :1]
    reached = right.mean(axis=2).min(axis=1).tolist()
    table = pa.table(
        {
            **{name: ["x"] * 3 for name in GROUP_COLUMNS},
            "accuracy": right.mean(axis=(1, 2)).tolist(),
            "accuracy_chip_p5": pa.array([None] * 3 if chips is None else reached, pa.float64()),
            "ideal_accuracy": [0.95] * 3,
            "chance_accuracy": [0.1] * 3,
            "energy_per_image_J": [1.0, 2.0, 3.0],
            "images": [100] * 3,
            "chips": pa.array([chips] * 3, pa.int64()),
            "design_key": list("abc"),
            "solver_setting": ["auto"] * 3,
            "stopped": [""] * 3,
        }
    )
    spec = ParetoSpec(objectives=("chip_accuracy", "energy"), resamples=20)
    marks = find_fronts(table, [bits_of(one, spec) for one in right], spec).marks
    assert marks["on_front"].tolist() == [True, False, False]
    values = np.column_stack([reached, [1.0, 2.0, 3.0]])
    support = front_support(packed(right), 100, values, spec.objectives, spec.resamples, spec.seed)
    assert marks["front_support"].tolist() == support.tolist() and 0 < support[1] < 1
    assert marks["front_candidate"].tolist() == ([True, True, False] if chips is None else [None] * 3)
