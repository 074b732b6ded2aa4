"""Finished sweeps as data frames: tables, fronts and comparisons, against what the records say."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

import pipeline
from pipeline.front.intervals import difference_interval, paired_correlation, wilson_interval
from pipeline.results.finished import Results, seen_all
from pipeline.sweep.spec import ParetoSpec
from pipeline.tables.files import TableFiles
from simcore.errors import InputError
from tests.pipeline.finished_sweep import DEVICES, finish_sweep


@pytest.fixture
def results(tmp_path: Path, fakes: None) -> Results:
    finish_sweep(tmp_path, devices=DEVICES)
    finish_sweep(tmp_path, name="finer", devices=DEVICES, adc="{bits: 5}", sparsity="binsparx")
    return pipeline.open(str(tmp_path / "results"))


def test_tables_come_as_frames_with_units(results: Results) -> None:
    assert results.sweeps() == ["finer", "small"]
    assert len(results.designs("small")) == 8
    assert len(results.designs()) == 12
    assert len(results.layers("small")) == 16
    assert results.designs().attrs["units"]["mean_column_current_A"] == "A"
    key = results.designs("small").design_key[3]
    assert results.design(key[:10]).design_key == key
    predictions = results.predictions(key)
    row = results.design(key)
    assert len(predictions) == row.images == 100
    assert predictions.correct.mean() == row.accuracy


def test_the_front_of_one_group_is_that_of_the_tables(results: Results) -> None:
    designs = results.designs("small")
    assert set(results.front(sweep="small").design_key) == set(designs[designs.on_front].design_key)
    everything = results.front(within=(), sweep="small")
    for row, other in itertools.product(everything.itertuples(), designs.itertuples()):
        assert not (
            other.accuracy >= row.accuracy
            and other.energy_per_image_J <= row.energy_per_image_J
            and (other.accuracy, other.energy_per_image_J) != (row.accuracy, row.energy_per_image_J)
        )
    both = results.front(["mean_column_current_A", "column_reads_per_image"], within=["device"], sweep="small")
    assert set(both.device) == {"8T-SRAM", "1T-1ReRAM"}


def test_cells_that_never_wear_out_live_longest(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    designs = results.designs("small").iloc[:5].copy()
    designs["accuracy"], designs["on_front"] = 0.9, False
    designs["images_until_worn"] = [1e3, None, 1e9, None, 1e9]
    designs.loc[designs.index[3], "energy_per_image_J"] = None  # without costs nothing is known of its cells
    monkeypatch.setattr(Results, "designs", lambda self, sweep: designs)
    assert results.front("images_until_worn", within=()).design_key.tolist() == [designs.design_key.iloc[1]]
    designs["accuracy"] = [0.9, 0.7, 0.8, 0.95, 0.8]
    found = results.front("images_until_worn", within=())
    assert found.images_until_worn.fillna(-1).tolist() == [-1, 1e9, 1e9, 1e3]


def test_sweeps_are_compared_point_by_point(results: Results) -> None:
    compared = results.compare("small", "finer")
    assert compared.names == ("small", "finer")
    assert compared.changed == {"adc_bits": ([6, 7], 5)}
    assert len(compared.points) == 4  # binsparx alone is in both
    assert set(compared.points.sparsity) == {"binsparx"}
    assert len(compared.only_a) == 4 and compared.only_b.empty
    assert compared.points.paired.all() and len(compared.halves or []) == 4
    assert all(even.images == odd.images == 50 for even, odd in compared.halves or [])
    assert (compared.points.verdict == "undecided").all() and (compared.points.p_adjusted == 1).all()
    assert np.allclose(compared.points.accuracy_change, compared.points.accuracy_b - compared.points.accuracy_a)
    assert (compared.points.change_low <= compared.points.accuracy_change).all()
    assert (compared.points.accuracy_change <= compared.points.change_high).all()


def test_levels_of_one_sweep_are_compared_on_the_same_images(results: Results) -> None:
    designs = results.designs("small")
    dense, sparse = (designs[designs.sparsity == level] for level in ("dense", "binsparx"))
    compared = results.compare(dense, sparse)
    assert compared.changed["sparsity"] == ("dense", "binsparx")
    for row in compared.points.itertuples():
        assert row.accuracy_change == pytest.approx(results.design(row.design_key_b).accuracy - row.accuracy_a)
        independent = difference_interval((round(row.accuracy_b * 100), 100), (round(row.accuracy_a * 100), 100))
        assert row.change_high - row.change_low < independent[1] - independent[0]
        assert row.mean_column_current_A_change == pytest.approx(-0.4)  # the stand-in keeps 60 % of the current


def test_revisions_of_passes_follow_from_the_sets_that_are_compared(results: Results) -> None:
    designs = results.designs("small")
    plain = designs[designs.sparsity == "binsparx"]
    mended = plain.assign(mitigations="popcount_term", solver_version=plain.solver_version + "+popcount_term.2")
    assert set(results.compare(plain, mended).changed) == {"mitigations"}
    older = mended.assign(solver_version=plain.solver_version)
    assert set(results.compare(older, mended).changed) == {"solver_version"}
    other = mended.assign(solver_version="0+popcount_term.2")
    assert set(results.compare(plain, other).changed) == {"mitigations", "solver_version"}


def test_what_cannot_be_answered_is_said(results: Results, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'small'"):
        results.designs("smal")
    with pytest.raises(InputError, match="unknown column of designs 'energy'"):
        results.front("energy")
    designs = results.designs("small")
    with pytest.raises(InputError, match="no design of 'a' has a partner in 'b' with the same"):
        crossed = designs[(designs.rows == 32) == (designs.sparsity == "dense")]
        results.compare(crossed, designs.drop(crossed.index))
    with pytest.raises(InputError, match="choose one value of each"):
        results.compare(designs, designs.assign(sparsity="another"))
    with pytest.raises(InputError, match="begins with ''"):
        results.design("")
    with pytest.raises(InputError, match="no finished sweep"):
        pipeline.open(str(tmp_path / "nothing"))


def test_difference_of_independent_proportions_is_newcombes() -> None:
    # R. G. Newcombe, Stat. Med. 17 (1998) 873, table II, comparison (a) 56/70 - 48/80, method 10.
    assert difference_interval((56, 70), (48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.lists(st.integers(0, 60), min_size=4, max_size=4).filter(any))
def test_paired_interval_holds_the_difference_and_turns_round(table: list[int]) -> None:
    both, first, second, neither = table
    images = sum(table)
    phi = paired_correlation(*table)
    low, high = difference_interval((both + first, images), (both + second, images), phi)
    assert -1 <= low <= (first - second) / images + 1e-12 and (first - second) / images - 1e-12 <= high <= 1
    back = difference_interval((both + second, images), (both + first, images), phi)
    assert back == pytest.approx((-high, -low))
    assert -1 - 1e-12 <= phi <= 1 + 1e-12


def test_paired_interval_covers_as_it_says() -> None:
    # Every outcome of 20 images with its multinomial probability: no random draw.
    chances = np.array([0.5, 0.3, 0.1, 0.1])
    factorials = np.cumsum(np.log(np.maximum(np.arange(21), 1)))
    covered = total = 0.0
    for both, first, second in itertools.product(range(21), repeat=3):
        neither = 20 - both - first - second
        if neither < 0:
            continue
        counts = np.array([both, first, second, neither])
        weight = np.exp(factorials[20] - factorials[counts].sum() + (counts * np.log(chances)).sum())
        low, high = difference_interval((both + first, 20), (both + second, 20), paired_correlation(*counts.tolist()))
        covered += weight * (low <= chances[1] - chances[2] <= high)
        total += weight
    assert total == pytest.approx(1)
    assert 0.94 < covered < 0.985


def test_designs_on_other_images_are_compared_as_independent_samples(results: Results) -> None:
    designs = results.designs("small")
    dense, sparse = (designs[designs.sparsity == level] for level in ("dense", "binsparx"))
    compared = results.compare(dense, sparse.assign(dataset_digest="other"))
    assert compared.halves is None and not compared.points.paired.any()
    one = compared.points.iloc[0]
    counts = [(round(accuracy * 100), 100) for accuracy in (one.accuracy_b, one.accuracy_a)]
    alone = fisher_exact([[counts[0][0], 100 - counts[0][0]], [counts[1][0], 100 - counts[1][0]]], "greater").pvalue
    assert alone <= one.p_adjusted <= min(1, 2 * len(compared.points) * alone * (1 + 1e-9))
    assert one.verdict == ("better" if one.p_adjusted <= 0.05 else "undecided")


def test_a_difference_with_nothing_measured_is_unknown() -> None:
    assert difference_interval((0, 0), (1, 2)) == (-1.0, 1.0)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_a_sweep_of_fewer_images_has_designs_on_the_common_front(tmp_path: Path, fakes: None) -> None:
    data = "{{name: fake-images, split: {}, images: {}, calibration_images: 10}}"
    finish_sweep(tmp_path, dataset=data.format("test", 100))
    finish_sweep(tmp_path, name="short", adc="{bits: 4}", dataset=data.format("test", 50))
    finish_sweep(tmp_path, name="other", adc="{bits: 4}", dataset=data.format("train", 90))
    results = Results(str(tmp_path / "results"))
    everything = results.designs()
    assert len(seen_all(everything)) == len(everything)
    front = results.front("mean_column_current_A")
    assert set(front.dataset_split) == {"test", "train"}
    for split, members in front.groupby("dataset_split"):
        # the stand-in's binsparx designs are the most accurate, and draw the least current
        rivals = everything[(everything.dataset_split == split) & (everything.sparsity == "binsparx")]
        assert members.accuracy.max() == rivals.accuracy.max()
        assert members.mean_column_current_A.min() == rivals.mean_column_current_A.min()
    alone = results.front("mean_column_current_A", sweep="other")
    assert set(front[front.dataset_split == "train"].design_key) == set(alone.design_key)


def test_of_a_design_of_several_sweeps_the_row_with_most_images_of_all_chips_counts(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = results.designs("small").assign(chips=2.0)
    twice = pd.concat([few, few.assign(sweep="more", images=50, chips=8.0)], ignore_index=True)
    monkeypatch.setattr(results, "designs", lambda sweep=None: twice)
    front = results.front()
    assert set(front.sweep) == {"more"} and front.design_key.is_unique
    assert results.design(front.design_key[0]).sweep == "more"


def test_a_sweep_none_of_whose_designs_is_finished_is_empty_and_compares_with_nothing(results: Results) -> None:
    tables = TableFiles(ParetoSpec())
    tables.finish()
    tables.publish("failed", results.store)
    opened = pipeline.open(results.store.uri)
    for within in (("model",), ()):
        assert opened.front(sweep="failed", within=within).empty
    for pair in (("small", "failed"), ("failed", "small"), ("failed", "failed")):
        with pytest.raises(InputError, match="no design of 'failed' is finished"):
            opened.compare(*pair)
