"""What is said of accuracies is as true as it says: coverage of intervals, and error rates, by exact sums where
outcomes can be listed, else by simulated sweeps whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pipeline.front.candidates import front_candidates
from pipeline.front.intervals import PairedCounts, exact_interval, wilson_interval
from pipeline.front.pareto import non_dominated
from pipeline.front.significance import ERROR, chance_of_more, chance_of_wins, holm, largest_by_halves
from pipeline.front.support import front_support


def most(draws: int, error: float) -> float:
    """Errors in so many draws that are too many, once in a thousand tests, for a probability of ``error``."""
    return float(stats.binom.ppf(0.999, draws, error))


def drawn(rng: np.random.Generator, rates: np.ndarray, images: int, shared: float = 0.7) -> np.ndarray:
    """(designs, images): classified rightly, with designs that find the same images hard."""
    hardness = np.sqrt(shared) * rng.standard_normal(images)
    hardness = hardness + np.sqrt(1 - shared) * rng.standard_normal((len(rates), images))
    return np.asarray(hardness < stats.norm.ppf(rates)[:, None])


# ---- one accuracy ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [100, 300, 1000])
def test_the_interval_of_an_accuracy_covers_as_its_words_say(images: int) -> None:
    """Every outcome with its binomial probability."""
    counts = np.arange(images + 1)
    low, high = np.array([wilson_interval(count, images) for count in counts.tolist()]).T
    truths = np.linspace(0.02, 0.98, 193)
    weights = stats.binom.pmf(counts, images, truths[:, None])
    covered = (weights * ((low <= truths[:, None]) & (truths[:, None] <= high))).sum(axis=1)
    assert covered.mean() == pytest.approx(0.95, abs=0.002)
    assert covered.min() >= 0.92


def test_the_exact_interval_never_misses_more_often_than_said() -> None:
    counts, error = np.arange(101), 0.05 / 40
    low, high = np.array([exact_interval(count, 100, error) for count in counts.tolist()]).T
    truths = np.linspace(0.001, 0.999, 999)
    weights = stats.binom.pmf(counts, 100, truths[:, None])
    assert (weights * ((low <= truths[:, None]) & (truths[:, None] <= high))).sum(axis=1).min() >= 1 - error
    assert exact_interval(0, 0, 0.05) == (0.0, 1.0)


def test_the_interval_of_the_most_accurate_design_allows_for_its_having_been_picked() -> None:
    rng, draws, rates = np.random.default_rng(0), 200, np.full(40, 0.9)
    missed = alone = 0
    for _ in range(draws):
        right = drawn(rng, rates, 100, shared=0.2).sum(axis=1).max()
        low, high = exact_interval(int(right), 100, ERROR / len(rates))
        missed += not low <= 0.9 <= high
        low, high = wilson_interval(int(right), 100)
        alone += not low <= 0.9 <= high
    assert missed <= most(draws, ERROR)
    assert alone > 0.3 * draws  # an interval that knows nothing of the others


# ---- differences on the same images ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chances",
    [
        (0.85, 0.05, 0.05, 0.05),  # alike
        (0.90, 0.01, 0.03, 0.06),  # near each other
        (0.10, 0.72, 0.01, 0.17),  # far apart
        (0.30, 0.25, 0.25, 0.20),  # at odds
        (0.45, 0.12, 0.002, 0.428),  # one is hardly ever right alone, where it misses most
    ],
)
@pytest.mark.parametrize("images", [100, 300])
def test_the_interval_of_a_change_covers_what_it_says(chances: tuple[float, ...], images: int) -> None:
    draws = 2000
    truth = chances[1] - chances[2]
    tables = np.random.default_rng(0).multinomial(images, chances, size=draws).tolist()
    intervals = [PairedCounts(*table).interval() for table in tables]
    missed = sum(not low <= truth <= high for low, high in intervals)
    assert stats.binom.ppf(0.001, draws, 0.015) <= missed <= most(draws, 0.07)


def test_counts_of_a_pair_are_those_of_its_images() -> None:
    first, second = np.array([1, 1, 1, 0, 0], bool), np.array([1, 0, 0, 1, 0], bool)
    counts = PairedCounts.of(first, second)
    assert counts == (1, 2, 1, 1) and counts.images == 5 and counts.change == pytest.approx(0.2)
    nothing = PairedCounts.of(first[:0], second[:0])
    assert nothing.change == 0 and nothing.interval() == (-1.0, 1.0)


def test_exact_tests_are_exact() -> None:
    assert chance_of_wins([3, 0, 0], [0, 3, 0]).tolist() == [0.125, 1.0, 1.0]
    # R. A. Fisher's lady tasting tea: three of four cups each.
    assert chance_of_more((3, 4), (1, 4)) == pytest.approx(17 / 70)
    for telling in (1, 7, 30):  # however many images tell two designs apart
        wins = np.arange(telling + 1)
        rejected = chance_of_wins(wins, telling - wins) <= 0.05
        assert stats.binom.pmf(wins, telling, 0.5)[rejected].sum() <= 0.05


# ---- many designs ----------------------------------------------------------------------------------------------------


def test_holm_adjusts_as_published() -> None:
    # p-values and Holm's adjusted ones as R's p.adjust gives them.
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]).tolist() == [] and holm([0.6, 0.7]).tolist() == [1.0, 1.0]


def count_wrong_verdicts(draws: int, seed: int) -> tuple[int, int, int]:
    """Of 40 hardware designs 30 gain nothing, 5 gain and 5 lose 20 points: draws with any verdict that is wrong, draws
    in which intervals of one design each would give one, and rightly told gains."""
    rng = np.random.default_rng(seed)
    dense, sparse = np.full(40, 0.7), np.array([0.7] * 30 + [0.9] * 5 + [0.5] * 5)
    truth = np.sign(sparse - dense)
    wrong = wrong_alone = told = 0
    for _ in range(draws):
        right = drawn(rng, np.concatenate([sparse, dense]), 300)
        pairs = [PairedCounts.of(right[i], right[40 + i]) for i in range(40)]
        wins, losses = (np.array([getattr(pair, name) for pair in pairs]) for name in ("only_first", "only_second"))
        up, down = holm([*chance_of_wins(wins, losses), *chance_of_wins(losses, wins)]).reshape(2, -1)
        verdicts = (up <= ERROR).astype(int) - (down <= ERROR)
        wrong += bool((verdicts * (verdicts != truth)).any())
        told += int(((verdicts == truth) & (truth != 0)).sum())
        intervals = np.array([pair.interval() for pair in pairs])
        alone = (intervals[:, 0] > 0).astype(int) - (intervals[:, 1] < 0)
        wrong_alone += bool((alone * (alone != truth)).any())
    return wrong, wrong_alone, told


def test_no_design_at_all_is_counted_as_changed_wrongly_but_for_the_error() -> None:
    draws = 40
    wrong, wrong_alone, told = count_wrong_verdicts(draws, seed=0)
    assert wrong <= most(draws, ERROR)
    assert wrong_alone > draws / 3  # what was counted by intervals of one design each
    assert told > 0.9 * 10 * draws


@pytest.mark.slow
def test_no_design_at_all_is_counted_as_changed_wrongly_in_many_sweeps() -> None:
    wrong, _, _ = count_wrong_verdicts(2000, seed=1)
    assert wrong <= most(2000, ERROR)


def measure_largest_gains(draws: int, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """40 designs that gain 5 points each: (draws,) largest gains by the images that picked them, by the others, and the
    intervals of the latter that miss."""
    rng = np.random.default_rng(seed)
    picked, measured, missed = [], [], 0
    for _ in range(draws):
        right = drawn(rng, np.repeat([0.8, 0.75], 40), 300)
        pairs = [(right[i], right[40 + i]) for i in range(40)]
        halves = [(PairedCounts.of(a[::2], b[::2]), PairedCounts.of(a[1::2], b[1::2])) for a, b in pairs]
        picked.append(max(PairedCounts.of(a, b).change for a, b in pairs))
        for split in largest_by_halves(halves):
            measured.append(split.counts.change)
            low, high = split.counts.interval()
            missed += not low <= 0.05 <= high
    return np.array(picked), np.array(measured), missed


def test_the_largest_gain_is_measured_without_favour() -> None:
    draws = 80
    picked, measured, missed = measure_largest_gains(draws, seed=0)
    assert picked.mean() > 0.09  # nearly twice the truth
    assert abs(measured.mean() - 0.05) <= 4 * measured.std() / np.sqrt(draws)  # both ways of a draw hang together
    assert missed <= most(2 * draws, 0.06)


@pytest.mark.slow
def test_the_largest_gain_is_measured_without_favour_in_many_sweeps() -> None:
    _, measured, missed = measure_largest_gains(2000, seed=1)
    assert abs(measured.mean() - 0.05) <= 0.002
    assert missed <= most(4000, 0.06)


def test_halves_pick_and_measure() -> None:
    good, bad, none = PairedCounts(0, 5, 1, 4), PairedCounts(0, 1, 5, 4), PairedCounts(5, 0, 0, 5)
    first, second = largest_by_halves([(good, bad), (none, good), (none, none)])
    assert (first.pair, first.counts) == (0, bad) and (second.pair, second.counts) == (1, none)


# ---- the front -------------------------------------------------------------------------------------------------------


def sweep_front(rng: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Correct images, costs, candidates and the true front of 40 designs, some alike, some clearly worse."""
    costs = np.arange(40.0)[:, None]
    rates = np.clip(0.6 + 0.3 * np.sqrt(costs[:, 0] / 40) - rng.choice([0.0, 0.0, 0.01, 0.3], 40), 0.01, 0.99)
    truth = non_dominated(np.column_stack([rates, costs]), ["max", "min"])
    right = drawn(rng, rates, images)
    seen = non_dominated(np.column_stack([right.mean(axis=1), costs]), ["max", "min"])
    candidates = front_candidates(list(np.packbits(right, axis=1)), images, costs, seen)
    return right, costs, candidates, truth


def count_lost_fronts(draws: int, seed: int) -> tuple[int, float]:
    """Draws whose candidates lack a design of the true front, and the mean share of designs that are candidates."""
    rng = np.random.default_rng(seed)
    lost, shares = 0, []
    for _ in range(draws):
        _, _, candidates, truth = sweep_front(rng, 300)
        lost += bool((truth & ~candidates).any())
        shares.append(candidates.mean())
    return lost, float(np.mean(shares))


def test_the_true_front_is_among_the_candidates_as_often_as_said() -> None:
    draws = 150
    lost, share = count_lost_fronts(draws, seed=0)
    assert lost <= most(draws, ERROR)
    assert share < 0.85  # clearly worse designs are told apart


@pytest.mark.slow
def test_the_true_front_is_among_the_candidates_in_many_sweeps() -> None:
    lost, _ = count_lost_fronts(3000, seed=1)
    assert lost <= most(3000, ERROR)


def test_candidates_leave_out_what_a_design_that_costs_no_more_surely_beats() -> None:
    right = np.zeros((4, 20), bool)
    right[0, :19] = right[1, :18] = right[3, :10] = True
    costs = np.array([[2.0, 1.0], [1.0, 1.0], [2.0, 1.0], [1.0, 0.5]])
    seen = non_dominated(np.column_stack([right.mean(axis=1), costs]), ["max", "min", "min"])
    # The third is beaten surely; the last is least accurate but one, and cheapest.
    assert front_candidates(list(np.packbits(right, axis=1)), 20, costs, seen).tolist() == [True, True, False, True]
    assert front_candidates([np.zeros(0, np.uint8)] * 4, 0, costs, seen).all()


def test_support_is_no_probability() -> None:
    """Why it is not called one: a design with a support below 10 % truly is on the front far more often than that."""
    rng = np.random.default_rng(2)
    low, on_front = 0, 0
    for _ in range(25):
        right, costs, _, truth = sweep_front(rng, 200)
        values = np.column_stack([right.mean(axis=1), costs])
        bits = np.packbits(right[:, None], axis=2)
        unsupported = front_support(bits, 200, values, ["accuracy", "energy"], 200, 0) < 0.1
        low += int(unsupported.sum())
        on_front += int((unsupported & truth).sum())
    assert low > 200 and on_front > 0.2 * low
