"""That a small loss is claimed wrongly no more often than is said, whatever two designs do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.front.noninferiority import _score, chance_of_so_little_loss, images_to_tell

ERROR = 0.05
ROUNDS = 1000


def share_of_claims(images: int, margin: float, differing: float, loss: float, rounds: int = ROUNDS) -> float:
    """Share of simulated pairs of designs with this true loss of which less than ``margin`` is claimed."""
    rng = np.random.default_rng(0)
    outcomes = rng.multinomial(images, [(differing - loss) / 2, (differing + loss) / 2, 1 - differing], size=rounds)
    pairs, times = np.unique(outcomes[:, :2], axis=0, return_counts=True)
    chances = np.array([chance_of_so_little_loss(int(w), int(lost), images, margin) for w, lost in pairs])
    return float(times[chances <= ERROR].sum() / rounds)


@pytest.mark.parametrize(("images", "margin"), [(50, 0.02), (200, 0.01), (750, 0.01), (300, 0.05)])
@pytest.mark.parametrize("beyond", [1.0, 1.3, 3.0, 10.0])
def test_a_loss_of_the_margin_is_hardly_ever_called_less(images: int, margin: float, beyond: float) -> None:
    differing = min(0.6, margin * beyond)  # from all of them lost to many that are won and lost in turn
    allowed = ERROR + 3 * np.sqrt(ERROR * (1 - ERROR) / ROUNDS)
    assert share_of_claims(images, margin, differing, margin) <= allowed


def test_what_loses_nothing_is_found_where_there_are_images_enough() -> None:
    assert share_of_claims(2000, 0.01, 0.02, 0.0) > 0.8
    assert share_of_claims(750, 0.02, 0.04, 0.0) > 0.8


def test_it_is_the_sum_over_all_outcomes_of_a_few_images() -> None:
    """Every outcome of six images, the likeliest shares found by trying: no formula is shared."""
    images, margin = 6, 0.2
    outcomes = [(w, lost) for w in range(images + 1) for lost in range(images + 1 - w)]
    shares = np.linspace(margin + 1e-9, (1 + margin) / 2 - 1e-9, 20001)  # of images lost

    def score(w: int, lost: int) -> float:
        likely = w * np.log(shares - margin) + lost * np.log(shares)
        likely += (images - w - lost) * np.log(1 + margin - 2 * shares)
        best = shares[likely.argmax()]
        return float((w - lost + images * margin) / np.sqrt(images * (2 * best - margin - margin**2)))

    scores = {outcome: score(*outcome) for outcome in outcomes}
    for seen in ((0, 0), (1, 1), (2, 0), (0, 2), (3, 1)):
        as_much = [outcome for outcome in outcomes if scores[outcome] >= scores[seen] - 1e-4]
        largest = 0.0
        for differing in np.linspace(margin, 1, 200):
            odds = [(differing - margin) / 2, (differing + margin) / 2, 1 - differing]
            rows = [[w, lost, images - w - lost] for w, lost in as_much]
            largest = max(largest, float(stats.multinomial.pmf(rows, images, odds).sum()))
        assert chance_of_so_little_loss(*seen, images, margin) == pytest.approx(min(1.0, largest), abs=0.01)


def largest_chance(wins: int, losses: int, images: int, margin: float, shares: int) -> float:
    """Summed over every outcome, at so many shares of differing images."""
    differing = wins + losses
    most = 1.0 if differing == images else float(stats.beta.isf(1e-4, differing + 1, images - differing))
    if most <= margin:
        return 1e-4
    tried = margin + (most - margin) * np.linspace(0, 1, shares)[:, None] ** 2
    last = int(stats.binom.isf(1e-12, images, most))
    counts, won = (side.ravel() for side in np.tril_indices(last + 1))
    reached = _score(np.array(wins), np.array(differing), images, margin) - 1e-12
    as_much = _score(won, counts, images, margin) >= reached
    fewest = np.array([won[as_much & (counts == count)].min(initial=count + 1) for count in range(last + 1)])
    counts = np.arange(last + 1)
    chances = stats.binom.pmf(counts, images, tried) * stats.binom.sf(fewest - 1, counts, (1 - margin / tried) / 2)
    return min(1.0, float(chances.sum(axis=1).max()) + 1e-4)


def test_the_largest_chance_is_the_largest_of_all_shares() -> None:
    found = chance_of_so_little_loss(15, 8, 225, 0.005)
    assert found == pytest.approx(largest_chance(15, 8, 225, 0.005, 2000), rel=1e-3) and found > ERROR
    for counts, images, margin in (((28, 26), 500, 0.005), ((11, 11), 225, 0.02), ((86, 100), 750, 0.01)):
        assert chance_of_so_little_loss(*counts, images, margin) == pytest.approx(
            largest_chance(*counts, images, margin, 500), rel=1e-3
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(5, 40), st.integers(0, 20), st.integers(0, 20), st.sampled_from([0.001, 0.01, 0.05, 0.2]))
def test_it_is_the_largest_chance_whatever_the_counts(images: int, wins: int, losses: int, margin: float) -> None:
    wins = min(wins, images)
    losses = min(losses, images - wins)
    found = chance_of_so_little_loss(wins, losses, images, margin)
    assert found == pytest.approx(largest_chance(wins, losses, images, margin, 500), rel=1e-3)


def test_more_losses_are_never_less_of_a_reason() -> None:
    chances = [chance_of_so_little_loss(5, losses, 500, 0.02) for losses in range(30)]
    assert chances == sorted(chances)
    assert chance_of_so_little_loss(0, 0, 0, 0.01) == 1.0


def test_the_images_that_it_takes_are_about_right() -> None:
    needed = round(images_to_tell(6, 6, 400, 0.01, ERROR))
    assert 0.35 < share_of_claims(needed, 0.01, 0.03, 0.0, rounds=400) < 0.65  # six standard errors around a half
    assert images_to_tell(1, 9, 400, 0.01, ERROR) == np.inf
    assert images_to_tell(100, 103, 400, 0.01, 1e-9) == np.inf  # too many to be worth naming


def test_very_many_images_are_about_right_and_named_at_once() -> None:
    needed = round(images_to_tell(100, 102, 400, 0.01, ERROR))
    assert 20_000 < needed < 10**6
    won, lost = (round(count * needed / 400) for count in (100, 102))
    assert chance_of_so_little_loss(won, lost, needed, 0.01) == pytest.approx(ERROR, rel=0.15)


@pytest.mark.parametrize(("wins", "losses", "images"), [(0, 0, 20), (0, 0, 1), (1, 1, 50), (0, 1, 200)])
def test_the_images_that_it_takes_are_enough_and_hardly_more(wins: int, losses: int, images: int) -> None:
    needed = images_to_tell(wins, losses, images, 0.01, ERROR)
    for share, enough in ((1.0, True), (0.85, False)):
        seen = round(share * needed)
        won, lost = (round(count * seen / images) for count in (wins, losses))
        assert (chance_of_so_little_loss(won, lost, seen, 0.01) <= ERROR) == enough
