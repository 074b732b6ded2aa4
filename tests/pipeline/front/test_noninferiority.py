"""That a small loss is claimed wrongly no more often than is said, whatever two designs do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pipeline.front.noninferiority import chance_of_so_little_loss, images_to_tell

ERROR = 0.05
ROUNDS = 1000


def share_of_claims(images: int, margin: float, differing: float, loss: float, seed: int = 0) -> float:
    """Share of simulated pairs of designs with this true loss of which less than ``margin`` is claimed."""
    rng = np.random.default_rng(seed)
    outcomes = rng.multinomial(images, [(differing - loss) / 2, (differing + loss) / 2, 1 - differing], size=ROUNDS)
    pairs, times = np.unique(outcomes[:, :2], axis=0, return_counts=True)
    chances = np.array([chance_of_so_little_loss(int(w), int(lost), images, margin) for w, lost in pairs])
    return float(times[chances <= ERROR].sum() / ROUNDS)


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


def test_more_losses_are_never_less_of_a_reason() -> None:
    chances = [chance_of_so_little_loss(5, losses, 500, 0.02) for losses in range(30)]
    assert chances == sorted(chances)
    assert chance_of_so_little_loss(0, 0, 0, 0.01) == 1.0


def test_the_images_that_it_takes_are_about_right() -> None:
    needed = round(images_to_tell(0.0, 0.03, 0.01, ERROR))
    assert 0.35 < share_of_claims(needed, 0.01, 0.03, 0.0) < 0.65
    assert images_to_tell(0.02, 0.03, 0.01, ERROR) == np.inf
