"""The picture of the front: drawn for any table of designs, the same bytes for the same table."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image
from rich.console import Console

from pipeline.front.intervals import wilson_interval
from pipeline.report import picture
from pipeline.report.drawing import legend_below
from pipeline.report.front_panels import front_panels
from pipeline.report.picture import draw_front
from pipeline.report.terminal import print_costs, print_designs
from pipeline.sweep.objectives import OBJECTIVES
from pipeline.tables.schema import DESIGNS_SCHEMA


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    empty = {
        field.name: "" if pa.types.is_string(field.type) else False if pa.types.is_boolean(field.type) else 0
        for field in DESIGNS_SCHEMA
    } | {"effects": "none", "encoding": "zero_one"}
    return pa.Table.from_pylist([{**empty, **row} for row in rows], schema=DESIGNS_SCHEMA)


def rows_of(models: int = 1) -> list[dict[str, Any]]:
    rows = []
    for model in range(models):
        for corner in ("nominal", "pessimistic"):
            for device, base in (("8T-SRAM", 1e-3), ("1T-1ReRAM", 3e-3)):
                for level, correct, share in (("dense", 150, 1.0), ("binsparx", 260, 0.6)):
                    low, high = wilson_interval(correct, 300)
                    rows.append(
                        {
                            **{"sweep": "s", "model": f"net{model}", "dataset": "images", "images": 300, "adc_bits": 6},
                            **{"device": device, "corner": corner, "rows": 64, "cols": 64, "active_rows": 64},
                            **{
                                "sparsity": level,
                                "accuracy": correct / 300,
                                "accuracy_low": low,
                                "accuracy_high": high,
                            },
                            **{
                                "ideal_accuracy": 0.9,
                                "energy_per_image_J": base * share,
                                "on_front": level == "binsparx",
                                "evidence_within_limits": True,
                                "above_floor": True,
                            },
                        }
                    )
    return rows


@pytest.mark.parametrize("rows", [rows_of(), rows_of(2), rows_of()[:1]])
def test_picture_is_drawn_and_repeatable(rows: list[dict[str, Any]]) -> None:
    first, second = draw_front(table_of(rows)), draw_front(table_of(rows))
    assert first == second
    assert Image.open(io.BytesIO(first["front.png"])).width > 500
    assert first["front.svg"].startswith(b"<?xml")


def test_a_scale_that_does_not_change_is_not_in_the_legend() -> None:
    rows = [{**row, "accuracy": 0.9, "accuracy_low": 0.88, "accuracy_high": 0.92} for row in rows_of()]
    assert b"scale changes" not in draw_front(table_of(rows))["front.svg"]
    rows[0] |= {"accuracy": 0.2, "accuracy_low": 0.15, "accuracy_high": 0.25}
    assert b"scale changes" in draw_front(table_of(rows))["front.svg"]


@pytest.mark.parametrize(("width", "columns"), [(12, 4), (5, 3), (4, 2), (1, 1)])
def test_a_legend_has_as_many_columns_as_its_figure_has_room_for(width: int, columns: int) -> None:
    figure = Figure(figsize=(width, 4), layout="constrained")
    figure.subplots()
    legend_below(figure, [Line2D([], [], label=f"ideal arithmetic {place}") for place in range(6)], most=4)
    figure.draw_without_rendering()  # texts have no place before
    (legend,) = figure.legends
    assert len({round(text.get_window_extent().x0) for text in legend.texts}) == columns
    assert legend.get_window_extent().width <= figure.bbox.width or columns == 1


def test_arrays_and_encodings_are_named_within_their_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are put is where they are drawn: the layout is done before."""
    figures: list[Figure] = []

    def kept(figure: Figure, name: str) -> dict[str, bytes]:
        figures.append(figure)
        return {}

    monkeypatch.setattr(picture, "picture_files", kept)
    rows = [
        {**row, "encoding": encoding, "rows": rows, "energy_per_image_J": row["energy_per_image_J"] * (1 + rows / 64)}
        for row in rows_of()
        for encoding, rows in (("zero_one", 64), ("zero_one", 128), ("xnor_rows", 64))
    ]
    draw_front(table_of(rows))
    (figure,) = figures
    figure.draw_without_rendering()
    named = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {"64x64", "128x64/64", "64x64 xnor_rows"} <= named
    for axes in figure.axes:
        frame = axes.get_window_extent()
        for box in (text.get_window_extent() for text in axes.texts):
            assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1


def many_rows(seeds: int) -> list[dict[str, Any]]:
    """A front of four among eight designs, and eight dominated ones for each seed more."""
    others = [
        {
            **row,
            "seed": seed,
            "on_front": False,
            "energy_per_image_J": row["energy_per_image_J"] * (1 + seed / 100),
            "design_key": f"{(7919 * (8 * seed + place)) % 1009:064x}",
        }
        for seed in range(1, seeds + 1)
        for place, row in enumerate(rows_of())
    ]
    return [{**row, "design_key": f"{place:f>64x}"} for place, row in enumerate(rows_of())] + others


def test_of_very_many_designs_the_front_and_a_sample_are_drawn_and_the_picture_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(picture, "MOST_DRAWN", 20)
    few, many, more = (draw_front(table_of(many_rows(seeds)))["front.svg"] for seeds in (1, 15, 40))
    assert b"as a sample" not in few
    assert b"the front, and 20 of 124 other designs as a sample" in many
    assert b"the front, and 20 of 324 other designs as a sample" in more
    assert abs(many.count(b"<use ") - more.count(b"<use ")) < 50  # ticks may differ; 200 designs would be 600
    assert draw_front(table_of(many_rows(40)))["front.svg"] == more


def test_the_front_is_drawn_whole_however_few_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MOST_DRAWN", 0)
    rows = table_of(many_rows(10)).to_pandas()
    alone = picture.choose_drawn(rows, OBJECTIVES["energy"])
    assert alone.equals(rows[rows.on_front])


def test_the_end_of_a_run_lists_the_hardware_on_the_front_first_and_says_what_it_leaves_out() -> None:
    rows = [
        {**row, "seed": seed, "on_front": row["on_front"] and seed == 5, "energy_change_low": -0.5}
        for seed in range(10)
        for row in rows_of()
    ]
    for show in (print_designs, print_costs):
        console = Console(file=io.StringIO(), width=100)
        show(table_of(rows), console, most=6)
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        lines = [line.split() for line in shown.splitlines() if " 64x64 " in line]
        assert [line[3] for line in lines] == ["0", "0", "5", "5", "5", "5"]
        assert "and 34 hardware designs more: binsparx results s lists all" in shown
        show(table_of(rows), console, most=6, results="s3://id:key@bucket/my results")
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert "more: binsparx results s --results 's3://bucket/my results' lists all" in shown
        console = Console(file=io.StringIO(), width=100)
        show(table_of(rows), console)
        assert console.file.getvalue().count(" 64x64 ") == 40  # type: ignore[attr-defined]


def test_the_table_shows_dense_against_the_other_levels_and_the_gain_on_80_columns() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    print_designs(table_of(rows_of()), console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    line = next(line for line in lines if "8T-SRAM" in line and "nominal" in line)
    for expected in ("64x64", "90.0", "50.0", "86.7*", "+36.7"):
        assert expected in line


def test_an_interval_near_all_images_reaches_farther_down_than_up() -> None:
    low, high = wilson_interval(98, 100)
    console = Console(file=io.StringIO(), width=80)
    print_designs(table_of([rows_of()[0] | {"accuracy": 0.98, "accuracy_low": low, "accuracy_high": high}]), console)
    assert (round(100 * (0.98 - low), 1), round(100 * (high - 0.98), 1)) == (5.0, 1.4)
    assert "at most ±5.0 points" in console.file.getvalue()  # type: ignore[attr-defined]


def test_designs_that_cannot_be_told_from_the_front_are_marked_where_the_table_knows() -> None:
    rows = [{**row, "front_candidate": True} for row in rows_of()]
    for table, mark in ((table_of(rows), "50.0?"), (table_of(rows).drop(["front_candidate"]), "50.0 ")):
        console = Console(file=io.StringIO(), width=80)
        print_designs(table, console)
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert mark in shown and "86.7*" in shown and "86.7?" not in shown


def test_an_empty_table_says_so() -> None:
    console = Console(file=io.StringIO())
    print_designs(table_of([]), console)
    assert "no design is finished yet" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_design_that_a_race_stopped_sets_neither_title_nor_arrow_nor_ideal() -> None:
    rows = [row for row in rows_of() if row["corner"] == "nominal"]
    stopped = {**rows[0], "images": 50, "ideal_accuracy": 0.99}  # the first of the table, dense
    table = [stopped, *rows[1:]]
    assert b"on 300 images of images" in draw_front(table_of(table))["front.svg"]
    (panel,) = front_panels(table_of(table).to_pandas(), OBJECTIVES["energy"], as_stored=True).values()
    assert panel.ideal == 90.0
    axes = Figure().subplots()
    picture._draw_arrows(axes, panel.points, {"8T-SRAM": "#0072B2", "1T-1ReRAM": "#D55E00"})
    assert len(axes.texts) == 1


def test_a_panel_has_accuracies_in_percent_and_costs_in_their_unit_and_its_front_the_cheapest_first() -> None:
    rows = [
        {**row, "area_m2": 1e-6 * (place + 1), "on_front": False, "solver_setting": "auto"}
        for place, row in enumerate(rows_of())
    ]
    panels = front_panels(table_of(rows[::-1]).to_pandas(), OBJECTIVES["area"])
    assert list(panels) == [("net0", "pessimistic corner"), ("net0", "nominal corner")]
    panel = panels["net0", "nominal corner"]
    assert panel.points.x.tolist() == pytest.approx([4, 3, 2, 1])
    assert panel.members.x.tolist() == pytest.approx([1, 2])
    assert panel.members.y.tolist() == pytest.approx([50, 260 / 3]) and panel.ideal == 90
    assert panel.bottom_up.member.tolist() == [False, False, True, True]
    assert (panel.points.y_low < panel.points.y).all() and (panel.points.y < panel.points.y_high).all()
    assert not front_panels(table_of(rows).to_pandas(), OBJECTIVES["area"], as_stored=True)[
        "net0", "nominal corner"
    ].members.size
    assert not front_panels(table_of(rows).to_pandas().assign(area_m2=None), OBJECTIVES["area"])


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    script = (
        "import matplotlib; before = dict(matplotlib.rcParams)\n"
        "import pipeline.report.picture, pipeline.report.figures, pipeline.explain.blame_picture\n"
        "changed = {k for k, v in matplotlib.rcParams.items() if before[k] != v}\n"
        "assert not changed, changed"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
