"""The report: what it says follows from the tables, and it works in a browser without any network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.execution.failures import FailureReport, write_failures
from pipeline.report.chip_figure import choose_designs
from pipeline.report.figures import draw_figures
from pipeline.report.front_panels import OF_CHIPS, front_panels
from pipeline.report.page import build_report, selection
from pipeline.report.page.findings import find_gains, sentences
from pipeline.report.page.sections import asked, heat_maps, sizes_and_worlds
from pipeline.report.picture import draw_front
from pipeline.report.terminal.hardware import _gain
from pipeline.results.finished import Results, on_front
from pipeline.sweep.objectives import OBJECTIVES
from pipeline.tables.files import table_path
from pipeline.tables.stored import read_table
from simcore.errors import InputError
from tests.pipeline import fake_simcore
from tests.pipeline.browser import Chromium, start_chromium
from tests.pipeline.finished_sweep import DEVICES, finish_sweep

CORNERS = "#front .panel:nth-child(-n + 2)"  # the third is of the worst of both
ON_FRONT = f"{CORNERS} .point:not(.dimmed)"
KEYS = "nodes => nodes.map(n => n.dataset.key)"
LEVELS = "[dense, weight, activation, binsparx]"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 16 designs whose texts try to break out of the page."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        fake_simcore.install(patch.setattr)
        _, store = finish_sweep(
            folder,
            devices=DEVICES,
            corners="[nominal, pessimistic]",
            arrays="64x64",
            sparsity=LEVELS,
            description="'</script><script>alert(1)</script>'",
        )
    failure = FailureReport("f" * 64, "8T-SRAM <b>", "prepare", "no & never", "once", "", "binsparx run x", "")
    write_failures([failure], "small", store)
    return folder / "results"


@pytest.fixture
def results(finished: Path) -> Results:
    return Results(str(finished))


@pytest.fixture
def with_energy(results: Results, tmp_path: Path) -> Results:
    copied = copy_of(results, tmp_path)
    add_energy(copied)
    return copied


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with start_chromium() as browser:
        yield browser


def copy_of(results: Results, folder: Path) -> Results:
    shutil.copytree(results.store.uri, folder / "results")
    return Results(str(folder / "results"))


def publish(results: Results, designs: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(designs, sink)
    results.store.put(table_path("small", "designs"), sink.getvalue().to_pybytes())


def add_energy(results: Results) -> None:
    """Two components and their total, as a cost model writes them."""
    designs = read_table("small", "designs", results.store)
    assert designs is not None
    current = designs["mean_column_current_A"].to_numpy()
    for name, values in (("array", 2e-7 * current), ("adc", 1e-7 + 0 * current)):
        designs = designs.drop([n for n in (f"energy_{name}_J",) if n in designs.column_names])
        designs = designs.append_column(f"energy_{name}_J", pa.array(values))
    designs = designs.drop([n for n in ("energy_per_image_J",) if n in designs.column_names])
    designs = designs.append_column("energy_per_image_J", pa.array(1e-7 + 2e-7 * current))
    publish(results, designs)


def shrink(results: Results, device: str) -> None:
    """Arrays of 32x32 for one of the devices."""
    designs = read_table("small", "designs", results.store)
    assert designs is not None
    for name in ("rows", "cols", "active_rows"):
        place = designs.schema.get_field_index(name)
        field = designs.schema.field(place)
        smaller = pc.if_else(pc.equal(designs["device"], device), pa.scalar(32, field.type), designs[name])
        designs = designs.set_column(place, field, smaller)
    publish(results, designs)


def as_file(results: Results, tmp_path: Path) -> str:
    path = tmp_path / "report.html"
    path.write_text(build_report(results, "small"))
    return path.as_uri()


def test_findings_say_what_the_tables_hold(results: Results) -> None:
    designs = results.designs("small")
    gains = find_gains(results, designs)
    assert gains is not None and gains.level == "binsparx"
    costs, gives, build = (text.replace("\u00a0", " ") for text in sentences(designs, gains))
    dense = designs[designs.sparsity == "dense"]
    assert f"up to {100 * dense.accuracy_loss.max():.1f} points" in costs and "0 of 4 dense designs" in costs
    assert "on 4 of 4 hardware designs" in gives and "by \u221240.0 %" in gives
    points = gains.comparison.points
    assert (points.verdict == "better").all() and (points.p_adjusted <= 0.05).all()
    assert "none of them by mistake" in gives and "picked by every other image and measured on the rest" in gives
    unpaired = replace(gains, comparison=replace(gains.comparison, halves=None))
    told = sentences(designs, unpaired)[1].replace("\u00a0", " ")
    assert f"{100 * points.accuracy_change.max():.1f} points" in told and "flattered by having been picked" in told
    assert "allows for its having been picked" in build
    best = designs.loc[designs.accuracy.idxmax()]
    assert f"{100 * best.accuracy:.1f} %" in build and "no design comes within 2 points" in build
    assert "nan" not in " ".join((costs, gives, build))


def test_where_no_design_loses_accuracy_none_is_said_to(results: Results) -> None:
    designs = results.designs("small")
    for loss in (0.0, -0.01):
        costs = sentences(designs.assign(accuracy_loss=loss), None)[0]
        assert costs.startswith("No dense design loses accuracy on these images: stored densely, ")
        assert "up to" not in costs and "4 of 4 dense designs stay within 2 points" in costs


def test_a_sweep_without_levels_to_compare_says_so(tmp_path: Path, fakes: None) -> None:
    finish_sweep(tmp_path, sparsity="binsparx")
    page = build_report(Results(str(tmp_path / "results")), "small")
    assert "no gain can be told" in page
    with pytest.raises(InputError, match="did you mean 'small'"):
        build_report(Results(str(tmp_path / "results")), "smal")


def test_gains_are_told_of_the_same_hardware_alone(results: Results) -> None:
    designs = results.designs("small")
    sparse, dense = designs[designs.sparsity == "binsparx"], designs[designs.sparsity == "dense"]
    other_bits = sparse.assign(adc_bits=sparse.adc_bits - 1)
    assert find_gains(results, pd.concat([dense, other_bits])) is None
    both = pd.concat([dense, sparse, other_bits])
    gains = find_gains(results, both)
    assert gains is not None and set(gains.comparison.points.design_key_b) == set(sparse.design_key)
    assert find_gains(results, pd.concat([dense, sparse.assign(rows=2 * sparse.rows)])) is None


def test_what_to_build_needs_no_cost_and_looks_at_no_design_that_a_race_stopped(results: Results) -> None:
    designs = results.designs("small")
    costs = [name for name in designs if name.startswith(("energy", "latency", "area"))]
    bare = designs.assign(**dict.fromkeys(costs), accuracy_loss=0.0)
    text = " ".join(sentences(bare, find_gains(results, bare)))
    assert "nan" not in text and "mean column current" in text
    best = designs.accuracy.idxmax()
    raced = designs.assign(images=designs.images.where(designs.index != best, 25))
    loser = designs.loc[best]
    assert f"{100 * loser.accuracy:.1f}" in sentences(designs, None)[2]
    chosen = raced[raced.images == raced.images.max()].accuracy.max()
    assert f"{100 * chosen:.1f}\u00a0%" in sentences(raced, None)[2]


def test_what_a_race_stopped_is_not_set_beside_the_others(results: Results, tmp_path: Path) -> None:
    copied = copy_of(results, tmp_path)
    designs = read_table("small", "designs", copied.store)
    assert designs is not None
    stopped = designs["design_key"].to_pylist()[-1]
    hit = [key == stopped for key in designs["design_key"].to_pylist()]
    for name, value, kind in (
        ("images", 25, pa.int64()),
        ("accuracy", 0.999, pa.float64()),
        ("stopped", "beaten", pa.string()),
    ):
        old = designs[name].to_pylist()
        values: list[object] = [value if it else one for it, one in zip(hit, old, strict=True)]
        designs = designs.set_column(designs.column_names.index(name), name, pa.array(values, kind))
    publish(copied, designs)
    frame = copied.designs("small")
    gains = find_gains(copied, frame)
    assert gains is not None and stopped not in set(gains.comparison.points.design_key_b)
    assert "99.9" not in "".join(sentences(frame, gains)) and "99.9" not in heat_maps(frame)
    said = asked(frame, len(frame), "")
    assert "judged on 100 images, but for those that the race stopped: 1 beaten after 25 images" in said
    dense = {"accuracy": 0.5, "images": 100, "chips": None}
    rows = {("dense", 0.0): dense, ("binsparx", 0.0): {"accuracy": 0.9, "images": 25, "chips": None}}
    assert _gain(rows) == ""


def test_a_pair_that_a_race_stopped_in_the_same_round_is_no_gain(results: Results) -> None:
    designs = results.designs("small")
    beaten = (designs.device == "8T-SRAM") & (designs.corner == "nominal")
    raced = designs.assign(stopped=designs.stopped.where(~beaten, "beaten"), images=designs.images.where(~beaten, 25))
    gains = find_gains(results, raced)
    assert gains is not None and len(gains.comparison.points) == 3
    assert not set(gains.comparison.points.design_key_b) & set(designs[beaten].design_key)


def test_heat_maps_are_headed_by_what_they_lie_over(results: Results) -> None:
    designs = results.designs("small")
    assert sizes_and_worlds(designs) == "Array size and corner"
    older = pd.concat([designs, designs.assign(age_s=86400.0)])
    assert sizes_and_worlds(older) == "Array size, corner and age"
    assert "<h2>Array size and corner</h2>" in build_report(results, "small")


def test_the_page_is_one_file_that_names_no_other(results: Results) -> None:
    page = build_report(results, "small")
    assert page == build_report(results, "small")
    assert not re.findall(r"""(?:src|href)\s*=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)""", page)
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page and "<script>alert" not in page
    assert "8T-SRAM</span> &lt;b&gt;" in page and "no &amp; never" in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_loads_quietly_and_explains_what_is_pointed_at(
    results: Results, tmp_path: Path, chromium: Chromium, scheme: str
) -> None:
    with chromium.page(as_file(results, tmp_path), scheme) as (page, said):
        designs = results.designs("small")
        assert page.locator("#front .panel").count() == 3  # two corners, and the worst of both
        assert page.locator(f"{CORNERS} .point").count() == len(designs) == 16
        assert page.locator("#front .panel:nth-child(3) .point").count() == 8
        front = results.front(sweep="small")
        drawn = page.locator(ON_FRONT).evaluate_all(KEYS)
        assert set(drawn) == set(front.design_key)
        row = results.design(drawn[-1])  # drawn last: nothing lies over it
        page.locator(f'{CORNERS} [data-key="{row.design_key}"]').hover(force=True)
        tip = page.locator("#tip").inner_text()
        for expected in (row.device, row.corner, row.sparsity, f"{100 * row.accuracy:.1f} %", row.design_key[:12]):
            assert expected in tip
        page.mouse.move(2, 2)
        assert not page.locator("#tip").is_visible()
        page.locator(f'{CORNERS} [data-key="{row.design_key}"]').focus()
        assert page.locator("#tip").is_visible()  # the keyboard gets there too
        assert page.locator("#gain-chart .point").count() == 4
        assert "Circle: dense, diamond: binsparx, on" in page.locator("#gain-note").inner_text()
        assert page.locator(".heat").count() == 8
        page.select_option("#cost", label="mean column current")
        drawn = page.locator(ON_FRONT).evaluate_all(KEYS)
        assert set(drawn) == set(results.front("mean_column_current_A", sweep="small").design_key)
        page.locator(f'{CORNERS} [data-key="{drawn[-1]}"]').hover(force=True)
        # the stand-in's devices draw the same current
        assert "at the same place: 8T-SRAM" in page.locator("#tip").inner_text()
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        assert said == []


def test_a_design_that_a_race_left_behind_is_on_no_front(results: Results, tmp_path: Path, chromium: Chromium) -> None:
    copied = copy_of(results, tmp_path)
    designs = read_table("small", "designs", copied.store)
    assert designs is not None
    loser = copied.front(sweep="small").design_key.iloc[0]
    keys, counts = (designs[name].to_pylist() for name in ("design_key", "images"))
    images = [count - (key == loser) for key, count in zip(keys, counts, strict=True)]
    publish(copied, designs.set_column(designs.column_names.index("images"), "images", pa.array(images, pa.int64())))
    front = copied.front(sweep="small")
    assert loser not in set(front.design_key)
    with chromium.page(as_file(copied, tmp_path)) as (page, _):
        drawn = page.locator(ON_FRONT).evaluate_all(KEYS)
        assert set(drawn) == set(front.design_key)


def test_energy_is_drawn_where_the_tables_hold_it(with_energy: Results, tmp_path: Path, chromium: Chromium) -> None:
    with chromium.page(as_file(with_energy, tmp_path)) as (page, said):
        choices = page.locator("#cost option").all_inner_texts()
        assert choices[0] == "energy per image" and "mean column current" in choices
        energy = with_energy.front("energy_per_image_J", sweep="small")
        drawn = page.locator(ON_FRONT).evaluate_all(KEYS)
        assert set(drawn) == set(energy.design_key)
        legend = page.locator("#energy-legend").inner_text()
        assert page.locator("#energy").is_visible() and "cells" in legend and "converters" in legend
        assert "per image" not in legend  # a total and the ends of its spread are no components
        page.select_option("#cost", label="mean column current")
        assert "column current" in page.locator("#front-panels").inner_text()
        page.select_option("#hardware", "3")
        assert said == []


@pytest.mark.parametrize("width", [360, 1600])
def test_nothing_sticks_out_of_the_page(results: Results, tmp_path: Path, chromium: Chromium, width: int) -> None:
    with chromium.page(as_file(results, tmp_path), width=width) as (page, said):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("table").count() == page.locator(".wide > table").count()  # wide ones scroll
        page.emulate_media(media="print")
        assert not page.locator("#theme").is_visible()
        assert said == []


def test_of_very_many_designs_the_page_shows_whole_hardware_the_fronts_and_a_sample(
    with_energy: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    designs = with_energy.designs("small")
    many = pd.concat(
        [designs]
        + [
            # ever less accurate at ever less current: no front but that of current has any of them
            designs.assign(
                seed=seed,
                accuracy=designs.accuracy - 0.001 * seed,
                mean_column_current_A=designs.mean_column_current_A * (2 if seed % 2 else 0.5**seed),
                design_key=[f"{(7919 * seed + place) % 1009:064x}" for place in range(len(designs))],
                on_front=False,
            )
            for seed in range(1, 20)
        ],
        ignore_index=True,
    )
    assert selection.select_designs(many) is many
    monkeypatch.setattr(selection, "MOST_SHOWN", 200)
    shown = selection.select_designs(many)
    assert 150 < len(shown) <= 200
    assert shown.index.is_monotonic_increasing
    assert set(many[many.on_front].design_key) <= set(shown.design_key)
    hardware = ["device", "corner", "seed"]
    assert (shown.groupby(hardware).size() == 4).all()
    for _, group in many.groupby(["model", "corner"]):
        for cost in ("mean_column_current_A", "energy_per_image_J"):
            place = ["accuracy", cost]
            front = group[on_front(group, [cost])][place].drop_duplicates()
            assert len(front.merge(shown[place].drop_duplicates())) == len(front)
    again = selection.select_designs(many.sample(frac=1, random_state=0))
    assert set(again.design_key) == set(shown.design_key)

    schema = read_table("small", "designs", with_energy.store).schema  # type: ignore[union-attr]
    names = [name for name in many.columns if name in schema.names]
    publish(with_energy, pa.Table.from_pandas(many[names], pa.schema([schema.field(n) for n in names]), False))
    page = build_report(with_energy, "small")
    told = re.search(r"one by one (\d+) are: those on a front, the largest gains, and a sample of the others", page)
    assert told is not None and len(shown) <= int(told[1]) < 320  # and what is on the front of the worst corners
    assert "320 designs" in page and f"{told[1]} of 320 designs" in page
    monkeypatch.setattr(selection, "MOST_SHOWN", 320)
    page = build_report(with_energy, "small")
    assert "a sample" not in page and "All 320 designs" in page


def test_fronts_of_chips_are_drawn_whole_of_very_many_designs(
    with_energy: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    designs = with_energy.designs("small")
    many = pd.concat(
        [
            # ever dearer, less accurate in the mean, and better where 95 % of the chips are asked
            designs.assign(
                seed=seed,
                chips=5.0 if seed % 2 else None,
                accuracy=designs.accuracy - 0.01 * seed,
                accuracy_chip_p5=0.1 + 0.01 * seed if seed % 2 else float("nan"),
                mean_column_current_A=designs.mean_column_current_A * (1 + 0.01 * seed),
                design_key=[f"{(7919 * seed + place) % 1009:064x}" for place in range(len(designs))],
                on_front=False,
            )
            for seed in range(20)
        ],
        ignore_index=True,
    )
    monkeypatch.setattr(selection, "MOST_SHOWN", 10)
    shown = selection.select_designs(many, of_chips=True)
    assert len(shown) < len(many)
    for cost in (OBJECTIVES["current"], OBJECTIVES["energy"]):
        every, drawn = (front_panels(rows, cost, accuracy=OF_CHIPS) for rows in (many, shown))
        for world, panel in every.items():
            there, left = (one.members[["x", "y"]].drop_duplicates() for one in (panel, drawn[world]))
            assert there.to_numpy().tolist() == left.to_numpy().tolist()


def test_an_axis_of_very_many_values_is_not_listed_whole(results: Results) -> None:
    designs = results.designs("small")
    many = pd.concat([designs.assign(seed=seed) for seed in range(1500)], ignore_index=True)
    page = asked(many, len(many), "")
    assert "0, 1, 2" in page and "1499 (1,500 values)" in page and "1400" not in page


def test_pictures_for_papers_are_files_of_their_own(with_energy: Results) -> None:
    files = dict(draw_figures(with_energy, "small"))
    names = ("front-energy_per_image_J", "front-mean_column_current_A", "gains", "accuracy-maps", "layers", "energy")
    assert {f"{name}.{kind}" for name in names for kind in ("png", "svg")} <= files.keys()
    assert all(data[:4] == b"\x89PNG" for name, data in files.items() if name.endswith(".png"))
    assert all(b"<svg" in data for name, data in files.items() if name.endswith(".svg"))


def picture_of(results: Results, file: str) -> bytes:
    """One of the pictures; those after it are not drawn."""
    return next(content for name, content in draw_figures(results, "small") if name == file)


def texts_of(svg: bytes) -> set[str]:
    return set(re.findall(r"<!-- (.*?) -->", svg.decode()))


def test_pictures_for_papers_tell_networks_apart_and_leave_out_what_a_race_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_simcore.install(monkeypatch.setattr)
    finish_sweep(tmp_path, models="[fake-cnn, other-cnn]", arrays="[64x64, 8x8]", sparsity="[dense, binsparx]")
    both = Results(str(tmp_path / "results"))
    frame = both.designs("small")
    lucky = (frame.model == "other-cnn") & (frame.rows == 8) & (frame.sparsity == "dense")
    frame.loc[lucky, ["images", "accuracy"]] = [25, 0.63]
    monkeypatch.setattr(Results, "designs", lambda self, sweep: frame)
    files = dict(draw_figures(both, "small"))
    maps = texts_of(files["accuracy-maps.svg"])
    assert {"fake-cnn, 8T-SRAM, dense", "other-cnn, 8T-SRAM, binsparx", "8x8", "64x64"} <= maps
    assert "63" not in maps
    front = "front-mean_column_current_A.svg"
    assert {"fake-cnn, nominal corner", "other-cnn, nominal corner"} <= texts_of(files[front])
    layers = texts_of(files["layers.svg"])
    assert {"fake-cnn, 8T-SRAM, nominal corner", "other-cnn, 8T-SRAM, nominal corner", "dense", "binsparx"} <= layers

    monkeypatch.setattr(selection, "MOST_SHOWN", 1)
    (told,) = (text for text in texts_of(picture_of(both, front)) if ":" in text)
    assert re.fullmatch(r"the fronts, and a sample of other designs: \d of 7", told)


@pytest.mark.parametrize("torn", [b'[{"design": "8T', b'[{"design": "8T-SRAM"}]', b"null"])
def test_a_list_of_failures_that_cannot_be_read_does_not_cost_the_report(
    results: Results, tmp_path: Path, torn: bytes
) -> None:
    copied = copy_of(results, tmp_path)
    copied.store.put("sweeps/small/failures.json", torn)
    assert "no point that was run has failed" in build_report(copied, "small")


def test_recommendations_that_cannot_be_read_do_not_cost_the_report(results: Results, tmp_path: Path) -> None:
    copied = copy_of(results, tmp_path)
    copied.store.put(table_path("small", "recommendations"), b"torn")
    page = build_report(copied, "small")
    assert "the table is damaged" in page and "`binsparx recommend` with the file of sweep" in page


def test_nothing_that_a_table_holds_is_run(results: Results, tmp_path: Path) -> None:
    copied = copy_of(results, tmp_path)
    designs = read_table("small", "designs", copied.store)
    assert designs is not None
    place = designs.schema.get_field_index("design_key")
    keys = [f"x'><img/src/onerror=alert({number})>" for number in range(designs.num_rows)]
    publish(copied, designs.set_column(place, designs.schema.field(place), pa.array(keys)))
    assert "<img" not in build_report(copied, "small")


def test_chips_are_drawn_of_designs_that_both_tables_have() -> None:
    """A reader may come while a run replaces one table after the other."""
    designs = pd.DataFrame({"design_key": ["a", "b", "c"], "chips": [4.0, 4.0, None], "on_front": False})
    chips = pd.DataFrame({"design_key": ["b", "c"], "accuracy": 0.9})
    assert choose_designs(designs, chips).design_key.tolist() == ["b"]


def test_covered_points_are_reached_and_keys_copied(results: Results, tmp_path: Path, chromium: Chromium) -> None:
    with chromium.page(as_file(results, tmp_path)) as (page, said):
        points = page.locator("#front .point")
        assert points.count() == page.locator('#front .point[tabindex="0"]').count()
        page.select_option("#cost", label="mean column current")  # the stand-in's devices lie on each other
        first = page.locator(f"{CORNERS} .point").first
        first.focus()
        page.keyboard.press("Enter")
        buttons = page.locator("#tip .copy")
        assert buttons.count() >= 2
        listed = set(buttons.evaluate_all(KEYS))
        assert first.get_attribute("data-key") in listed
        page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        buttons.last.click()
        assert page.evaluate("window.copied") in listed
        page.keyboard.press("Escape")
        assert not page.locator("#tip.kept").is_visible()  # back at the point, which says what it is
        reached = set()
        for index in range(points.count()):
            points.nth(index).focus()
            page.keyboard.press("Enter")
            reached |= set(buttons.evaluate_all(KEYS))
            page.keyboard.press("Escape")
        assert reached == set(results.designs("small").design_key)
        assert said == []


def test_designs_are_filtered_sorted_and_seen_larger(results: Results, tmp_path: Path, chromium: Chromium) -> None:
    with chromium.page(as_file(results, tmp_path)) as (page, said):
        page.locator("#front .filter").fill("1t-1reram binsparx")
        assert page.locator(f"{CORNERS} .point").count() == 2
        page.locator("#designs summary").click()
        rows = page.locator("#designs tbody tr:visible")
        assert rows.count() == 2 and page.locator("#designs .count").inner_text() == "2 of 16"
        page.locator("#designs .filter").fill("")
        assert rows.count() == 16 and page.locator(f"{CORNERS} .point").count() == 16
        assert page.locator("#front .size").count() == 0, "all arrays are of one size"
        head = page.locator("#designs th button", has_text="accuracy")
        for descending in (False, True):
            head.click()
            column = [text.strip() for text in page.locator("#designs th").all_inner_texts()].index(
                head.inner_text().strip()
            )
            shown = [float(text) for text in rows.locator(f"td:nth-child({column + 1})").all_inner_texts()]
            assert shown == sorted(shown, reverse=descending) and len(set(shown)) == 4
        page.locator("#log").check()
        assert page.locator(f"{CORNERS} .point").count() == 16
        panel = page.locator("#front .panel svg").first
        panel.scroll_into_view_if_needed()
        box = panel.bounding_box()
        assert box is not None
        before = page.locator("#front-panels").inner_text()
        page.mouse.move(box["x"] + 60, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 260, box["y"] + 150, steps=4)
        page.mouse.up()
        assert page.locator("#unzoom").is_visible() and page.locator("#front-panels").inner_text() != before
        assert page.locator(f"{CORNERS} .point").count() < 16
        page.locator("#unzoom").click()
        assert page.locator("#front-panels").inner_text() == before
        assert said == []


@pytest.mark.parametrize("width", [360, 1280])
def test_names_with_many_overrides_are_whole(tmp_path: Path, fakes: None, chromium: Chromium, width: int) -> None:
    overrides = "{r_col: [1.35, 10.45], r_source: [2.05, 3.85], r_sink: [220, 980], v_read: [0.31, 0.36]}"
    finish_sweep(tmp_path, devices=f"[{{name: 8T-SRAM, overrides: {overrides}}}]", arrays="64x64")
    with chromium.page(as_file(Results(str(tmp_path / "results")), tmp_path), width=width) as (page, _):
        drawn = page.locator("#gain-chart .point").evaluate_all(
            "nodes => nodes.map(n => [...n.querySelectorAll('text')].map(t => t.textContent).join(' '))"
        )
        assert len(drawn) == 16 and not any("…" in text for text in drawn)
        for one in ("r_col=1.35", "r_col=10.45", "r_source=3.85", "r_sink=980", "v_read=0.36"):
            assert sum(one in text for text in drawn) == 8
        cut = "nodes => nodes.filter(n => n.scrollWidth > n.clientWidth).length"
        assert page.locator("#asked .wide").evaluate_all(cut) == 0


@pytest.mark.parametrize("width", [360, 1280, 1920])
def test_what_is_drawn_is_named_and_nothing_is_blown_up(
    with_energy: Results, tmp_path: Path, chromium: Chromium, width: int
) -> None:
    shrink(with_energy, "1T-1ReRAM")
    with chromium.page(as_file(with_energy, tmp_path), width=width) as (page, said):
        legend = page.locator("#energy-legend span")
        drawn = page.locator("#energy-chart [data-part]").evaluate_all("nodes => nodes.map(n => n.dataset.part)")
        assert set(legend.all_inner_texts()) == set(drawn)
        fills = "nodes => nodes.map(n => getComputedStyle(n).fill)"
        colours = page.locator("#energy-legend rect").evaluate_all(fills)
        assert len(set(colours)) == len(colours) == legend.count() <= 9
        assert set(page.locator("#energy-chart [data-part] rect").evaluate_all(fills)) == set(colours)
        page.locator("#energy-chart [data-part]").first.hover(force=True)
        assert "%" in page.locator("#tip").inner_text()
        enlarged = "n.getBoundingClientRect().width / n.viewBox.baseVal.width"
        scales = page.locator("main svg").evaluate_all(
            f"nodes => nodes.filter(n => n.clientWidth).map(n => {enlarged})"
        )
        assert max(scales) <= 1.01
        if width >= 1280:
            tops = (
                page.locator("#maps .maps").first.locator(".heat").evaluate_all("nodes => nodes.map(n => n.offsetTop)")
            )
            assert len(tops) == 4 and len(set(tops)) == 1
        assert page.locator("#front .size").count() > 0
        assert said == []


def test_what_is_fixed_is_said_in_report_and_pictures(results: Results) -> None:
    page = build_report(results, "small")
    for expected in ("the same for all", "row order channel", "columns per converter 8", "costs are counted with"):
        assert expected in page
    drawn = " ".join(texts_of(draw_front(results.table("designs", "small"))["front.svg"]))
    drawn += " ".join(texts_of(picture_of(results, "front-mean_column_current_A.svg")))
    assert drawn.count("columns per converter 8") == 2 and drawn.count("row order channel") == 2
