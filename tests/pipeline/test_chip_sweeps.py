"""Sweeps over chips: the same bytes however they were computed, nothing twice, and readers that know which chip."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from pipeline.cli import main
from pipeline.execution.racing import _group, race_rounds, run_race
from pipeline.execution.runner import RunOptions, run_sweep
from pipeline.front.chips import NO_CHIPS, interval_of_the_picked
from pipeline.front.fronts import MARKS
from pipeline.front.intervals import wilson_interval
from pipeline.front.rounds import most_rounds
from pipeline.report.page import build_report
from pipeline.report.page.findings import sentences
from pipeline.report.terminal import print_chips
from pipeline.results.finished import Results, seen_all
from pipeline.results.robust import worst_worlds
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.predictions import read_chips
from pipeline.storage.store import Store
from pipeline.storage.work import DesignWork, find_work
from pipeline.sweep.plan import Plan, make_plan
from pipeline.sweep.spec import load_sweep
from pipeline.tables.aggregate import aggregate
from pipeline.tables.completeness import Asked, what_is_missing, write_asked
from pipeline.tables.schema import SCHEMAS
from tests.pipeline.fake_simcore import write_sweep
from tests.pipeline.finished_sweep import compute_works, finish_sweep

pytestmark = pytest.mark.usefixtures("fakes")

EFFECTS = {"effects": "[none, sram-vt-5]", "chips": "3", "calibrated_on": "[design, chip]"}


def tables(folder: Path) -> dict[str, bytes]:
    names = [name for name in SCHEMAS if name not in ("timings", "shards")]
    return {name: (folder / "results" / "sweeps" / "small" / f"{name}.parquet").read_bytes() for name in names}


def evaluated(calls: Path) -> int:
    return sum("-evaluate-" in file.name for file in calls.iterdir())


def test_a_design_has_a_row_a_chip_and_its_own_row_is_what_they_say(tmp_path: Path) -> None:
    finish_sweep(tmp_path, **EFFECTS)
    results = Results(str(tmp_path / "results"))
    designs, chips = results.designs(), results.chips()
    assert len(designs) == 4 * (1 + 2) and len(chips) == 4 * 2 * 3
    assert (designs.chips.notna() == (designs.effects != "none")).all() and set(designs.chips.dropna()) == {3}
    for row in designs[designs.chips.notna()].itertuples():
        own = chips[chips.design_key == row.design_key]
        assert own.chip.tolist() == [0, 1, 2] and own.accuracy.nunique() > 1
        assert row.accuracy == pytest.approx(own.accuracy.mean()) and row.accuracy_chip_p5 == own.accuracy.min()
        assert row.accuracy_chip_std == pytest.approx(own.accuracy.std())
        assert row._fields  # a row of the table
        for chip in own.itertuples():
            assert results.predictions(row.design_key[:16], chip.chip).correct.mean() == chip.accuracy
    layers = results.layers().merge(designs[["design_key", "chips"]])
    evaluations = layers.images * layers.chips.fillna(1)
    assert (layers.column_reads == layers.column_reads_per_image * evaluations).all() and set(layers.images) == {100}
    with pytest.raises(Exception, match="has the chips 0 to 2, found 3"):
        results.predictions(row.design_key, 3)
    nominal = designs[designs.chips.isna()].iloc[0]
    assert len(results.predictions(nominal.design_key)) == 100


ALIKE = ("wires-neurosim", "wan-2022-read-noise", "wires-neurosim+wan-2022-read-noise")


def test_effects_that_draw_nothing_for_a_chip_are_one_evaluation_and_say_nothing_of_chips(tmp_path: Path) -> None:
    """N chips that are alike are one chip: an interval of their yield would take them for N draws."""
    changes = {"effects": f"[{', '.join([*ALIKE, 'wires-neurosim+sram-vt-5'])}]", "sparsity": "dense"}
    plan, store = finish_sweep(tmp_path, **changes, chips="3")
    assert {plan.extent_of(point).chips for point in plan.points if not point.chips_differ} == {1}
    results = Results(str(tmp_path / "results"))
    designs, chips = results.designs(), results.chips()
    alike = designs[designs.effects.isin(ALIKE)]
    others = designs[~designs.effects.isin(ALIKE)]
    assert len(alike) == 3 * len(others) and set(others.chips) == {3}
    assert alike[list(NO_CHIPS)].isna().all().all() and others["yield"].notna().all()
    assert set(chips.design_key) == set(others.design_key)
    split_images = plan.points[0].split_images
    for row in alike.itertuples():
        assert not len(read_chips(store, row.design_key, split_images, 2, 100))  # nothing of a second chip is stored
        correct = results.predictions(row.design_key).correct
        assert row.accuracy == correct.mean()
        assert (row.accuracy_low, row.accuracy_high) == wilson_interval(int(correct.sum()), len(correct))
    (tmp_path / "alone").mkdir()
    alone, _ = finish_sweep(tmp_path / "alone", **{**changes, "effects": ALIKE[0]}, chips="20", strategy="racing")
    assert {extent.chips for extent in race_rounds(alone)} == {1}
    again = Results(str(tmp_path / "alone" / "results")).designs().set_index("design_key").accuracy
    assert again.to_dict() == alike[alike.effects == ALIKE[0]].set_index("design_key").accuracy.to_dict()


def test_shard_sizes_and_resumption_leave_no_trace_and_more_chips_compute_nothing_again(
    tmp_path: Path, calls: Path
) -> None:
    changes = {**EFFECTS, "sparsity": "dense"}  # the stand-in rounds currents of other levels shard by shard
    for name in ("whole", "small", "grown", "cut"):
        (tmp_path / name).mkdir()
    plan, store = finish_sweep(tmp_path / "whole", **changes)
    wanted = tables(tmp_path / "whole")
    finish_sweep(tmp_path / "small", **changes, shard_images="7")
    assert tables(tmp_path / "small") == wanted
    finish_sweep(tmp_path / "grown", **{**changes, "chips": "1"})
    before = evaluated(calls)
    finish_sweep(tmp_path / "grown", **changes)
    assert evaluated(calls) - before == 4 * 2 * 4 and tables(tmp_path / "grown") == wanted
    finish_sweep(tmp_path / "cut", **changes)
    cut = Store(str(tmp_path / "cut" / "results"))
    lost = [path for path, _ in cut.list("designs") if path.endswith(".parquet")][::2]
    cut.delete(lost)
    finish_sweep(tmp_path / "cut", **changes)
    assert lost and tables(tmp_path / "cut") == wanted


def test_a_damaged_shard_of_one_chip_costs_that_shard_alone(tmp_path: Path, calls: Path) -> None:
    plan, store = finish_sweep(tmp_path, **EFFECTS)
    wanted = tables(tmp_path)
    point = next(point for point in plan.points if point.chips_differ)
    (work,) = find_work(plan, store, ComputeTimes.load(store), [point])
    bundle = next(path for path, _ in store.list(f"designs/{point.key[:2]}") if point.key in path and "parquet" in path)
    store.put(bundle, b"torn")
    assert work.done
    plan, store = finish_sweep(tmp_path, **EFFECTS)  # sets it aside and leaves the design out
    assert len(Results(str(tmp_path / "results")).designs()) == 11
    finish_sweep(tmp_path, **EFFECTS)
    assert tables(tmp_path) == wanted


@pytest.mark.usefixtures("ray_cluster")
def test_one_and_two_workers_give_the_bytes_of_this_process(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    finish_sweep(tmp_path / "here", **EFFECTS)
    wanted = tables(tmp_path / "here")
    for threads in (1, 2):  # of two processors: two tasks at a time, and one
        folder = tmp_path / f"threads-{threads}"
        folder.mkdir()
        options = RunOptions(results=str(folder / "results"), threads=threads)
        result = run_sweep(write_sweep(folder, **EFFECTS), options, Console(file=io.StringIO()))
        assert not result.failures
        found = tables(folder)
        assert found["chips"] == wanted["chips"] and found["layers"] == wanted["layers"]
        table = Results(str(folder / "results")).designs().drop(columns=["git_commit", "package_version"])
        here = Results(str(tmp_path / "here" / "results")).designs().drop(columns=["git_commit", "package_version"])
        pd.testing.assert_frame_equal(table, here)


def test_designs_are_compared_within_one_world_and_the_robust_front_over_all(tmp_path: Path) -> None:
    plan, _ = finish_sweep(tmp_path, **EFFECTS, corners="[nominal, pessimistic]")
    results = Results(str(tmp_path / "results"))
    designs = results.designs()
    worlds = ["corner", "effects"]
    assert designs[designs.on_front].groupby(worlds).ngroups == 4
    assert len({_group(point) for point in plan.points}) == 4
    front = results.front("energy_per_image_J")
    assert sorted(front.design_key) == sorted(designs.design_key[designs.on_front])
    worst = worst_worlds(designs)
    assert len(worst) == 4 * 2 and set(worst.worlds) == {4}  # a choice: an array, a level, what is calibrated
    for row in worst.itertuples():
        same = (designs.rows == row.rows) & (designs.sparsity == row.sparsity)
        same &= (designs.calibrated_on == row.calibrated_on) | (designs.effects == "none")
        assert row.accuracy == designs.accuracy[same].min()


def test_the_report_allows_for_chips_of_the_most_accurate_design_where_it_can(tmp_path: Path) -> None:
    """By every image of every chip; where they are not at hand it does not say so."""
    plan, store = finish_sweep(tmp_path, **{**EFFECTS, "effects": "sram-vt-5"})
    designs = Results(str(tmp_path / "results")).designs()
    best = designs.loc[designs.accuracy.idxmax()]
    correct = read_chips(store, best.design_key, plan.points[0].split_images, 3, 100)
    low, high = interval_of_the_picked(correct, len(designs))
    assert low < best.accuracy_low and high > best.accuracy_high
    told = sentences(designs, None, store)[2].replace("\u00a0", " ")
    assert f"{100 * low:.1f} % to {100 * high:.1f} %, which allows for its having been picked" in told
    alone = sentences(designs, None)[2].replace("\u00a0", " ")
    assert f"{100 * best.accuracy_low:.1f} % to {100 * best.accuracy_high:.1f} % by itself, flattered by" in alone


RACE = {
    "effects": "[none, sram-vt-5]",
    "chips": "20",
    "sparsity": "[dense, weight, activation, binsparx]",
    "arrays": "32x32",
    "strategy": "racing",
}


def race_here(folder: Path, store: Store | None = None, **changes: str) -> tuple[Plan, Store, list[str]]:
    """A race computed in this process, its tables published, and the names of its rounds."""
    folder.mkdir(exist_ok=True)
    plan = make_plan(load_sweep(Path(write_sweep(folder, **{**RACE, **changes}))))
    store = store or Store(str(folder / "results"))
    times, names = ComputeTimes.load(store), []

    def execute(design_works: list[DesignWork], name: str) -> bool:
        names.append(name)
        compute_works(plan, store, design_works)
        return True

    works = run_race(plan, store, times, execute).design_works(plan, store, times)
    aggregate(plan, works, store).tables.publish(plan.name, store)
    return plan, store, names


def test_a_race_over_chips_ends_with_the_rows_and_fronts_of_the_complete_sweep(tmp_path: Path) -> None:
    plan, store, names = race_here(tmp_path / "race")
    assert names == [f"round {number} of 3 on {chips} chips" for number, chips in ((1, 8), (2, 16), (3, 20))]
    race = Results(store.uri).designs()
    stopped = race[race.stopped != ""]
    assert set(stopped.stopped) == {"beaten"} and set(stopped.chips.dropna()) & {8, 16}
    finish_sweep(tmp_path, **{**RACE, "strategy": "complete"})
    whole = Results(str(tmp_path / "results")).designs()
    assert sorted(race.design_key[race.on_front]) == sorted(whole.design_key[whole.on_front])
    # Marks of a front and changes against dense take other designs that saw all.
    others = [name for name in race if name in MARKS or "_change" in name]
    finished = race[race.stopped == ""].drop(columns=others)
    same = whole[whole.design_key.isin(finished.design_key)].drop(columns=others)
    pd.testing.assert_frame_equal(finished.reset_index(drop=True), same.reset_index(drop=True))
    row = stopped[stopped.chips == 8].iloc[0]  # as a sweep of so many chips and images has it
    (tmp_path / "few").mkdir()
    few = {"chips": "8", "dataset": f"{{name: fake-images, images: {row.images}, calibration_images: 10}}"}
    finish_sweep(tmp_path / "few", **{**RACE, **few, "strategy": "complete"})
    found = Results(str(tmp_path / "few" / "results")).designs()
    (again,) = (one for _, one in found.iterrows() if one.design_key == row.design_key)
    skipped = [*others, "stopped"]
    pd.testing.assert_series_equal(row.drop(skipped), again.drop(skipped), check_names=False)


def test_a_race_that_was_raced_goes_on_to_the_complete_sweep(tmp_path: Path, calls: Path) -> None:
    _, store, _ = race_here(tmp_path / "race")
    before = evaluated(calls)
    race_here(tmp_path / "race", store)  # again: nothing is computed
    assert evaluated(calls) == before
    finish_sweep(tmp_path / "race", **{**RACE, "strategy": "complete"})
    finish_sweep(tmp_path, **{**RACE, "strategy": "complete"})
    for name in ("designs", "chips"):
        found, wanted = (Results(str(folder / "results")).table(name) for folder in (tmp_path / "race", tmp_path))
        assert found.equals(wanted)


def test_a_race_over_yields_stops_a_world_once_all_of_them_are_known(tmp_path: Path) -> None:
    changes = {"pareto": "{yield_loss: 0.5, yield_width: 0.6}"}
    plan, store, names = race_here(tmp_path / "race", **changes)
    results = Results(store.uri)
    designs = results.designs()
    known = designs[designs.stopped == "yield known"]
    assert len(known) and set(known.effects) == {"sram-vt-5"} and len(known[["images", "chips"]].drop_duplicates()) == 1
    assert (known.yield_high - known.yield_low <= 0.6).all() and (known.chips < 20).all()
    assert known.on_front.any()  # of those that saw the same
    assert not designs[designs.stopped == "beaten"].on_front.any()
    asked = Asked(len(plan.points), plan.images, True, plan.chips)
    write_asked(asked, "small", store)
    assert what_is_missing(results.table("designs", "small"), "small", store) == ""
    assert set(known.design_key) <= set(seen_all(designs).design_key)
    # A reference runs to the end, on more images than those all of whose yields are known.
    reference = known.head(1).assign(solver_setting="ideal", stopped="", images=200, chips=None, on_front=False)
    assert set(known.design_key) <= set(seen_all(pd.concat([designs, reference])).design_key)
    assert len(names) <= most_rounds(20)


def test_the_front_of_95_percent_of_the_chips_is_raced_with_all_chips_at_once(tmp_path: Path) -> None:
    changes = {"pareto": "{objectives: [chip_accuracy, current]}", "effects": "sram-vt-5"}
    _, store, names = race_here(tmp_path / "race", **changes)
    race = Results(store.uri).designs()
    assert names == ["round 1 of 2 on 20 chips", "round 2 of 2 on 20 chips"]
    assert (race.stopped == "beaten").any() and set(race.chips) == {20}
    finish_sweep(tmp_path, **{**RACE, **changes, "strategy": "complete"})
    whole = Results(str(tmp_path / "results")).designs()
    assert sorted(race.design_key[race.on_front]) == sorted(whole.design_key[whole.on_front])


def test_a_comparison_of_other_chips_is_of_those_that_both_have(tmp_path: Path) -> None:
    finish_sweep(tmp_path, **{**EFFECTS, "effects": "sram-vt-5"})
    results = Results(str(tmp_path / "results"))
    designs = results.designs()
    dense, sparse = (designs[designs.sparsity == level] for level in ("dense", "binsparx"))
    fewer = dense.assign(chips=2, images=50)
    found = results.compare(fewer, sparse).points
    assert found.paired.all()
    for row in found.itertuples():
        after, before = (
            read_chips(results.store, key, 200, 2, 50).mean() for key in (row.design_key_b, row.design_key_a)
        )
        assert row.accuracy_change == pytest.approx(after - before)
        assert row.change_low < row.accuracy_change < row.change_high


def test_the_end_of_a_run_says_how_to_list_all_chips(tmp_path: Path) -> None:
    finish_sweep(tmp_path, **EFFECTS)
    designs, said = Results(str(tmp_path / "results")).table("designs", "small"), io.StringIO()
    print_chips(designs, Console(file=said), most=6, results="my results")
    assert "and 2 designs more: binsparx results small --results 'my results' lists all" in said.getvalue()


def test_fewer_chips_than_were_asked_for_read_as_incomplete(tmp_path: Path) -> None:
    plan, store = finish_sweep(tmp_path, **EFFECTS)
    designs = Results(str(tmp_path / "results")).table("designs", "small")
    write_asked(Asked(12, 100, False, 3), "small", store)
    assert what_is_missing(designs, "small", store) == ""
    write_asked(Asked(12, 100, False, 5), "small", store)
    assert (
        what_is_missing(designs, "small", store)
        == "incomplete: 8 of the 12 designs have fewer than the 5 chips asked for"
    )


def test_comparisons_have_the_chips_in_their_intervals(tmp_path: Path) -> None:
    finish_sweep(tmp_path, **EFFECTS)
    results = Results(str(tmp_path / "results"))
    designs = results.designs()
    spread = designs[(designs.effects != "none") & (designs.calibrated_on == "design")]
    found = results.compare(spread[spread.sparsity == "dense"], spread[spread.sparsity == "binsparx"])
    assert found.points.paired.all() and found.halves is None
    assert (found.points.change_low < found.points.accuracy_change).all()
    assert (found.points.accuracy_change < found.points.change_high).all()
    nominal = designs[designs.effects == "none"]
    against = results.compare(nominal, spread)
    assert against.changed["effects"] == ("none", "sram-vt-5") and against.points.paired.all()
    same = results.compare(nominal[nominal.sparsity == "dense"], nominal[nominal.sparsity == "binsparx"])
    assert same.halves is not None


def test_terminal_page_and_show_tell_of_chips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["binsparx", *arguments])
        try:
            main()
        except SystemExit as end:
            assert not end.code
        return capsys.readouterr().out

    finish_sweep(tmp_path, **EFFECTS, pareto="{objectives: [chip_accuracy, energy], yield_loss: 0.5}")
    text = run("results", "small")
    assert "yield: chips that lose at most 50 points against ideal arithmetic (pareto.yield_loss)" in text
    assert "the front of accuracy of 95 % of chips and energy, for each " in text  # nominal chips have one too
    assert "the front of what holds in every corner and effects" in text
    designs = Results("results").designs()
    of_chips = designs.chips.notna()
    assert designs.front_candidate[of_chips].isna().all() and designs.front_candidate[~of_chips].notna().all()
    assert not re.search(r"\d~?\?", run("results", "small", "--where", "effects=sram-vt-5"))
    found = json.loads(run("results", "small", "--where", "front_candidate=True", "--json"))["designs"]
    assert found and len(found) == designs.front_candidate[~of_chips].sum()
    monkeypatch.setattr(sys, "argv", ["binsparx", "results", "small", "--where", "front_candidate=maybe"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "unknown value of front_candidate 'maybe' (known: False, True)" in capsys.readouterr().err
    key = designs.design_key[of_chips].iloc[0]
    told = json.loads(run("show", key[:12], "--json"))["design"]
    assert told["front_candidate"] is None and told["front_support"] is not None
    run("export", "small", "--format", "csv", "-o", "exported")
    (exported,) = Path("exported").rglob("*designs*.csv")
    candidates = pd.read_csv(exported).set_index("design_key").front_candidate
    assert pd.isna(candidates[key]) and candidates.notna().sum() == (~of_chips).sum()
    shown = run("show", key[:12])
    assert "yield_loss" in shown and "accuracy_chip_p5" in shown and "95 %" in shown
    assert [row["chip"] for row in json.loads(run("show", key[:12], "--json"))["chips"]] == [0, 1, 2]
    page = build_report(Results("results"), "small")
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    assert [len(panel["designs"]) for panel in data["chips"]] == [8]
    assert {cost["accuracy"] for cost in data["costs"]} == {"accuracy", "accuracy_chip_p5"}
    values = data["chips"][0]["chips"][0]
    assert len(values) == 3 and np.all(np.diff(values) >= 0)
