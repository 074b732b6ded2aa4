"""Writes docs/paper.md and its pictures from the tables in docs/results/paper.

Run ``python docs/paper.py`` from the repository after the tables have changed (`make paper-tables` makes them);
tests/test_paper.py says when the page and its tables differ.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import paper_costs
import paper_earlier
import paper_evidence
import paper_figures
import paper_fits
import paper_levels
import paper_sizes
import paper_version
from markdown_table import markdown_table
from paper_numbers import (
    ARRAYS,
    BINSPARX,
    COSTS,
    DENSE,
    FOLDER,
    GROUPED,
    PAPER_AREA,
    PAPER_ENERGY,
    PAPER_LARGEST_GAIN,
    PAPER_REDUCTION,
    Hardware,
    Row,
    SplitGain,
    back_to_ideal,
    cost_changes,
    design_rows,
    fitted,
    hardware_designs,
    largest_gain,
    largest_gain_by_halves,
    level_name,
    models_of,
    networks_of,
    percent,
    read_rows,
    reduction_of,
    signed,
    weighted_reads,
    worst_loss_where_dense_is_fine,
)
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from simcore.analysis.partial_sums import coin_flip_imbalance
from simcore.network.checkpoint import find_model, load_checkpoint

PAGE = Path(__file__).parent / "paper.md"
PICTURES = Path(__file__).parent / "images" / "paper"
ORDERS = ("channel", "spatial", "grouped")
_AT = 64  # rows read together where the page looks closer


def picture_names() -> list[str]:
    """File names of the page's pictures."""
    return re.findall(r"\(images/paper/([^)]+)\)", page())


def pictures() -> dict[str, bytes]:
    """Every picture of the page by file name."""
    sums, reads, rows = _tables()
    designs = hardware_designs(fitted(rows))
    draw = {
        "reduction.png": lambda: paper_figures.draw_reduction(sums),
        "layers.png": lambda: paper_figures.draw_layers(sums, _AT),
        "errors.png": lambda: paper_figures.draw_errors(reads),
        "levels.png": lambda: paper_figures.draw_levels(designs),
        "energy.png": lambda: paper_figures.draw_energy(paper_costs.costed(designs)),
        "energy-shares.png": lambda: paper_figures.draw_shares(paper_costs.with_digital(paper_costs.costed(designs))),
    }
    for model in models_of(sums):
        draw[f"accuracy-{model}.png"] = partial(paper_figures.draw_accuracy, designs, model)
        draw[f"distributions-{model}.png"] = partial(paper_figures.draw_distributions, reads, model)
    source = source_of_pictures()
    return {name: _with_source(draw[name](), source) for name in picture_names()}


def source_of_pictures() -> str:
    """What a picture is drawn from, as it says itself in its ``Source`` text: the sha256 of the tables."""
    digest = hashlib.sha256()
    drawn = {path for path in FOLDER.glob("*.parquet") if path.stem not in (paper_earlier.NAME, paper_version.NAME)}
    for table in sorted(drawn):
        digest.update(table.name.encode() + table.read_bytes())
    return f"docs/results/paper sha256 {digest.hexdigest()}"


def _with_source(picture: bytes, source: str) -> bytes:
    sink, text = io.BytesIO(), PngInfo()
    text.add_text("Source", source)
    with Image.open(io.BytesIO(picture)) as image:
        image.save(sink, "PNG", pnginfo=text, optimize=True)
    return sink.getvalue()


def page() -> str:
    """The text of docs/paper.md."""
    sums, reads, rows = _tables()
    designs = hardware_designs(fitted(rows))
    parts = [
        _head(rows, sums),
        paper_version.section(rows, paper_version.sample_rows()),
        _claims(designs, sums),
        paper_evidence.paragraph(rows),
    ]
    if designs:
        parts += [
            _accuracy(designs),
            paper_levels.section(designs),
            paper_fits.section(rows),
            paper_costs.section(designs),
        ]
    parts += [_why(designs, sums), _layers(sums)]
    if reads:
        parts.append(_reads(reads))
    parts += [paper_earlier.section(rows, paper_earlier.earlier_rows()), _again([*rows, *reads])]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def summary() -> str:
    """What came out, in a paragraph for who has not opened the page."""
    designs = hardware_designs(fitted(design_rows()))
    networks = [(model, next(d for d in designs if d.model == model)) for model in networks_of(designs)]
    ideal = " and ".join(f"{100 * design.ideal:.1f}" for _, design in networks)
    tuned, how = _gain_in_short([d for d in designs if d.re_ranged])
    fixed, _ = _gain_in_short([d for d in designs if d.adc_reference == "nominal"])
    fine, _, loss = worst_loss_where_dense_is_fine(designs, BINSPARX)
    if tuned is None or fixed is None:
        raise ValueError("docs/results/paper/designs.parquet lacks a converter reference")
    return (
        f"On CIFAR-10, [the paper's experiments](docs/paper.md) put {' and '.join(f'`{model}`' for model, _ in networks)} "
        f"({ideal} % in ideal arithmetic) on {len(designs)} hardware designs. BinSparX raises accuracy by up to "
        f"{100 * tuned:.1f} points where converters are re-ranged, and by {100 * fixed:.1f} where they are not{how} (the "
        f"paper: {100 * PAPER_LARGEST_GAIN:.2f}); where dense storage is within two points of ideal ({fine} designs) it "
        f"costs at most {max(0.0, 100 * loss):.1f}. {paper_sizes.sentence(designs)}"
        f"{paper_version.in_short(design_rows())}"
    )


def _gain_in_short(designs: list[Hardware]) -> tuple[float | None, str]:
    """The largest gain of both flips and how it was found: the mean of what either half of the images picks and the
    other measures, where the tables have halves."""
    halves = largest_gain_by_halves(designs, BINSPARX)
    if halves is not None:
        return (halves[0].gain + halves[1].gain) / 2, ", picked by one half of the images and measured on the other"
    best = largest_gain(designs, BINSPARX)
    return (None if best is None else best[1]), ""


def cost_summary() -> str:
    """What it costs, in a paragraph."""
    return paper_costs.summary(hardware_designs(fitted(design_rows())))


def _tables() -> tuple[list[Row], list[Row], list[Row]]:
    """Partial sums, reads and designs, networks in the order of the sweep."""
    designs = design_rows()
    place = {model: index for index, model in enumerate(models_of(designs))}

    def ordered(name: str) -> list[Row]:
        return sorted(read_rows(name), key=lambda row: place.get(row["model"], len(place)))

    sums = ordered("partial_sums")
    return sums, weighted_reads(ordered("reads"), sums), designs


def _head(rows: list[Row], sums: list[Row]) -> str:
    lines = [_network_line(model, rows, sums) for model in models_of(rows) or models_of(sums)]
    sweep = "[sweeps/paper.yaml](../sweeps/paper.yaml)"
    scope = (
        f"{len(fitted(rows))} design points of {sweep}{_more(rows)}; every"
        if rows
        else f"Of partial sums alone, without {sweep}; every"
    )
    return (
        "# The paper's experiments\n\n"
        "BinSparX ([Malhotra and Gupta, arXiv 2412.03553](https://arxiv.org/abs/2412.03553)) with the paper's networks on "
        f"CIFAR-10: what it claims, what comes out here, and why the two differ. {scope} number and picture below "
        "is written by `python docs/paper.py` from the tables in [docs/results/paper](results/paper) and what the networks "
        "say of themselves.\n\n"
        + "\n".join(lines)
        + "\n\nThe literature trains them for hundreds of epochs and reaches more, AdaBin 92.3 % with VGG-small; designs "
        "are measured from the ideal accuracy down, so that the largest gain there can be is some ten points less here. "
        "First and last layers and ResNet's down-sampling shortcuts stay digital in full precision "
        "(AdaBin's definition, Tu et al., ECCV 2022, with a PReLU for its Maxout); all other convolutions are on arrays. "
        "[The bitcells](devices.md), what their corners assume, and what is not modelled: device spread, stuck cells, noise "
        "of cells, temperature."
    )


def _more(rows: list[Row]) -> str:
    """The design points that only one section speaks of."""
    others = len(rows) - len(fitted(rows))
    return (
        f", and {others} of them again with [converters fitted otherwise](#which-way-converters-are-fitted)"
        if others
        else ""
    )


def _network_line(model: str, rows: list[Row], sums: list[Row]) -> str:
    """What a network is, how it was trained, and its accuracy in ideal arithmetic."""
    digest = next(row for row in [*rows, *sums] if row["model"] == model)["model_digest"]
    trained = load_checkpoint(find_model(model)).metadata
    start = trained["start"]
    begin = "random weights" if start == "random" else f"weights of an earlier training (`{start['sha256'][:12]}`)"
    whole = max(trained["accuracies"], key=lambda accuracy: accuracy["images"])
    accuracy = f"{100 * whole['correct'] / whole['images']:.2f} % of {whole['images']:,} test images"
    own = next((row for row in rows if row["model"] == model), None)
    if own:
        accuracy += f", {100 * own['ideal_accuracy']:.1f} % of the {own['images']:,} of the sweep"
    return f"- `{model}` (digest `{digest[:12]}`), {trained['epochs']} epochs from {begin}; right in ideal arithmetic: {accuracy}"


def _claims(designs: list[Hardware], sums: list[Row]) -> str:
    lines = ["| | the paper | here |", "|---|---|---|"]
    low, high = PAPER_REDUCTION
    for together, orders in ((16, ("channel", "grouped")), (64, ("channel", "grouped"))):
        for order in orders:
            found = "; ".join(
                f"{model} {percent(reduction_of(sums, model, order, together)['partial_sum_reduction'])}"
                for model in models_of(sums)
            )
            claim = f"{100 * low:.1f} to {100 * high:.1f} %"
            lines.append(
                f"| mean partial sum lowered, {together} rows read together, row order `{order}` | {claim} | {found} |"
            )
    re_ranged = [design for design in designs if design.re_ranged]
    for name, among, levels in (
        ("both flips", designs, (BINSPARX,)),
        ("both flips, converters re-ranged", re_ranged, (BINSPARX,)),
        ("both flips, `grouped`, converters re-ranged", re_ranged, (GROUPED,)),
    ):
        best, halves = largest_gain(among, *levels), largest_gain_by_halves(among, *levels)
        if halves is not None:
            lines.append(
                f"| largest accuracy gain, {name} | {100 * PAPER_LARGEST_GAIN:.2f} points | {_by_halves(*halves)} |"
            )
        elif best is not None:
            design, gain = best
            reached = design.best(*levels)
            dense = design.accuracy(DENSE)
            if reached is not None and dense is not None:
                lines.append(
                    f"| largest accuracy gain, {name} | {100 * PAPER_LARGEST_GAIN:.2f} points | **{100 * gain:.1f} points**: "
                    f"{design.model}, {design.name}: {percent(dense)} to {percent(reached[1])} |"
                )
    for name, levels in (("both flips", (BINSPARX,)), ("any level or order", ())):
        fallen, back = back_to_ideal(designs, *levels)
        if fallen:
            lines.append(
                f"| back to within 1 point of ideal, {name} | some designs | {len(back)} of the {len(fallen)} designs "
                "that lose more than 1 point dense |"
            )
    for name, level in (("both flips", BINSPARX), ("both flips, `grouped`", GROUPED)):
        fine, design_, loss = worst_loss_where_dense_is_fine(designs, level)
        if design_ is not None:
            verdict = (
                f"loses at most {100 * loss:.1f} points"
                if loss > 0
                else f"never loses (least gain {-100 * loss:.1f} points)"
            )
            lines.append(
                f"| where dense is within 2 points of ideal, {name} | not given | {verdict} "
                f"({fine} design{'s' * (fine != 1)}) |"
            )
    lines += _cost_lines(paper_costs.costed(designs))
    return "\n\n".join(["## Claims", "\n".join(lines), _how_sure(designs, sums)])


def _how_sure(designs: list[Hardware], sums: list[Row]) -> str:
    """What the claims rest on."""
    text = f"Partial sums are of {', '.join(str(n) for n in sorted({row['images'] for row in sums}))} test images."
    if designs:
        images = sorted({row["images"] for d in designs for row in d.levels.values()})
        text += (
            f" Accuracies are of {', '.join(f'{n:,}' for n in images)} test images, the same for every level: 95 % "
            f"intervals of one accuracy are at most ±{_widest_interval(designs):.1f} points; a point is "
            f"{' or '.join(str(round(n / 100)) for n in images)} images. "
        )
        if largest_gain_by_halves(designs, BINSPARX) is None:
            text += "The largest gains, and the best of several levels, are picked by the images that measure them."
        else:
            text += (
                "Largest gains are picked by every other image and measured on the rest, and the other way round, so that "
                "luck that picks does not flatter; the best of several levels, elsewhere, is picked by the images that "
                "measure it."
            )
    return text


def _by_halves(first: SplitGain, second: SplitGain) -> str:
    """Both measurements of a largest gain; design and level once where both halves pick the same."""
    gains = f"**{100 * first.gain:.1f} and {100 * second.gain:.1f} points**, picked by one half of the images each"

    def named(gain: SplitGain) -> str:
        level = "" if gain.level == BINSPARX else f", {level_name(gain.level)}"
        return f"{gain.design.model}, {gain.design.name}{level}"

    def accuracies(gain: SplitGain) -> str:
        return f"{percent(gain.dense)} to {percent(gain.accuracy)}"

    if named(first) == named(second):
        return f"{gains}: {named(first)}: {accuracies(first)} and {accuracies(second)}"
    return f"{gains}: {named(first)}: {accuracies(first)}; {named(second)}: {accuracies(second)}"


def _widest_interval(designs: list[Hardware]) -> float:
    return max(50 * (r["accuracy_high"] - r["accuracy_low"]) for d in designs for r in d.levels.values())


def _cost_lines(designs: list[Hardware]) -> list[str]:
    claims = {"energy": PAPER_ENERGY, "latency": "slightly more", "area": PAPER_AREA}
    lines = []
    for column, name in COSTS.items():
        changes = cost_changes(designs, column, BINSPARX)
        if changes:
            lines.append(
                f"| {name}, both flips, nominal corner | {claims[name]} | {signed(min(changes))} to "
                f"{signed(max(changes))}, median {signed(median(changes))}{_of_arrays(designs, name)} ({len(changes)} designs, "
                "[below](#energy-latency-and-area)) |"
            )
    return lines


def _of_arrays(designs: list[Hardware], name: str) -> str:
    """The same change of the arrays alone, where digital layers are in the totals."""
    column = next(column for column, cost in ARRAYS.items() if cost == name)
    changes = cost_changes(designs, column, BINSPARX)
    if not changes:
        return ""
    return f"; arrays alone {signed(min(changes))} to {signed(max(changes))}, median {signed(median(changes))}"


def _accuracy(designs: list[Hardware]) -> str:
    parts = ["## Accuracy of every design"]
    for model in networks_of(designs):
        mine = [design for design in designs if design.model == model]
        levels = list(dict.fromkeys(level for design in mine for level in design.levels))
        parts.append(
            f"![Accuracy of {model} on every design, dense, with both flips, ideal](images/paper/accuracy-{model}.png)"
        )
        numbers = ["ideal", *(level_name(level) for level in levels), "best - dense"]
        rows = []
        for design in mine:
            cells = ["" if (a := design.accuracy(level)) is None else f"{100 * a:.1f}" for level in levels]
            gain = design.gain()
            rows.append(
                [design.name, f"{100 * design.ideal:.1f}", *cells, "" if gain is None else f"{100 * gain:+.1f}"]
            )
        parts.append(
            f"<details><summary>{model}: all numbers, in % (95 % intervals at most ±{_widest_interval(mine):.1f} points)</summary>\n\n"
            + markdown_table(["design"], numbers, rows)
            + "\n\n</details>"
        )
    return "\n\n".join(parts)


def _why(designs: list[Hardware], sums: list[Row]) -> str:
    models = models_of(sums)
    together = sorted({row["rows_read_together"] for row in sums})
    rows = []
    for model in models:
        for order in ORDERS:
            cells = [percent(reduction_of(sums, model, order, n)["partial_sum_reduction"]) for n in together]
            rows.append([model, f"`{order}`", *cells])
    coins = [percent(1 - (1 - coin_flip_imbalance(n)) ** 2) for n in together]
    rows.append(["coin flips", "any", *coins])
    return "\n\n".join(
        [
            "## Why: the mean partial sum",
            "The paper gives one range, 43.1 to 49.8 %, and neither the rows that a flip covers nor the order of the rows. "
            "Both decide it. Mean partial sum lowered by both flips, all layers, by rows read together:",
            markdown_table(["network", "row order"], [str(n) for n in together], rows),
            "![Reduction of the mean partial sum over the rows read together](images/paper/reduction.png)",
            _causes(sums, models),
            *_order_and_accuracy(designs),
        ]
    )


def _causes(sums: list[Row], models: list[str]) -> str:
    def row(model: str, order: str = "channel", together: int = 16, sparsity: str = "binsparx") -> Row:
        return reduction_of(sums, model, order, together, sparsity=sparsity)

    def share(*chosen: Any, **fields: Any) -> str:
        return percent(row(*chosen, **fields)["partial_sum_reduction"])

    def each(text_of: Callable[[str], str]) -> str:
        return "; ".join(f"{model} {text_of(model)}" for model in models)

    rows = each(lambda m: f"{share(m)} at 16, {share(m, together=64)} at 64")
    interleaved = each(lambda m: f"{share(m, 'spatial')} interleaved, {share(m)} by channel")
    grouped = each(
        lambda m: (
            f"{share(m, 'grouped')} against {share(m)} at 16 rows, "
            f"{share(m, 'grouped', 64)} against {share(m, together=64)} at 64"
        )
    )

    def independent(model: str) -> str:
        """What both flips would take if what one leaves were lowered by the other as dense sums are."""
        left = [1 - row(model, sparsity=level)["partial_sum_reduction"] for level in ("weight", "activation")]
        return percent(1 - left[0] * left[1])

    parts = each(
        lambda m: (
            f"weights alone {share(m, sparsity='weight')}, activations alone {share(m, sparsity='activation')}, "
            f"both {share(m)} ({independent(m)} if independent)"
        )
    )
    ones = each(lambda m: f"{row(m, sparsity='dense')['mean_partial_sum']:.2f} LSB")
    padding = each(
        lambda m: (
            f"{percent(row(m)['interior_reduction'])} over windows without padding, {share(m)} over all, "
            f"{percent(row(m)['padded_reads'])} of the column reads hold padding"
        )
    )
    coins16, coins64 = (1 - (1 - coin_flip_imbalance(n)) ** 2 for n in (16, 64))
    return "\n".join(
        [
            f"- **Rows read together.** Signs without any structure, tossed coins, already give {percent(coins16)} at 16 "
            f"rows and {percent(coins64)} at 64, for a sum of few signs is more lopsided: 1 - (1 - E|S|/N)². The "
            f"networks: {rows} (row order `channel`). The paper's range is that of about "
            f"{_rows_of_the_paper(sums, models)} rows read together.",
            f"- **Row order.** The taps of one channel see overlapping windows, and agree. With channels interleaved "
            f"(`spatial`) they fall into different reads, 16 rows: {interleaved}; coins: {percent(coins16)}. Both orders "
            "start from the same dense sums.",
            f"- **Grouping** inputs that agree (`grouped`), found from the calibration images, against `channel`: {grouped}. "
            "It is [wiring](cost.md#energy), fixed for one network, and takes no time or flips of its own.",
            f"- **Weights and activations**, 16 rows: {parts}.",
            f"- **Share of +1.** Mean dense partial sum at 16 rows, padding included, where coins without padding give 4: "
            f"{ones}; lower sums leave less to lower. Where many inputs are +1, most sub-vectors are complemented. "
            f"{_by_ones(sums, models)}.",
            f"- **Padding** is at the edges of images; 16 rows: {padding}.",
        ]
    )


def _by_ones(sums: list[Row], models: list[str]) -> str:
    """The reduction of layers with many +1 applied beside that of the others, by row order."""
    many = 0.55

    def falls(model: str, layers: list[str]) -> str:
        def mean_of(order: str) -> str:
            rows = [reduction_of(sums, model, order, _AT, layer) for layer in layers]
            return percent(sum(row["partial_sum_reduction"] for row in rows) / len(rows))

        return f"{mean_of('channel')} by channel and {mean_of('spatial')} interleaved"

    found = []
    for model in models:
        applied = {
            name: reduction_of(sums, model, "channel", _AT, name)["ones_applied"] for name in _layer_names(sums, model)
        }
        high = [name for name, ones in applied.items() if ones > many]
        rest = [name for name in applied if name not in high]
        text = f"{model}: {len(high)} of {len(applied)} layers have over {100 * many:.0f} % +1 applied"
        named = (("these", high), ("the others", rest)) if high and rest else (("all", high or rest),)
        groups = [f"{falls(model, names)} on {which}" for which, names in named]
        found.append(f"{text}; sums fall, {_AT} rows read together, by {', '.join(groups)}")
    return ". ".join(found)


def _layer_names(sums: list[Row], model: str) -> list[str]:
    return list(dict.fromkeys(r["layer"] for r in sums if r["model"] == model and r["layer"] != "all"))


def _rows_of_the_paper(sums: list[Row], models: list[str]) -> str:
    """Rows read together at which row order ``channel`` gives the paper's range, by interpolation in log(rows)."""
    import numpy as np

    found = []
    for model in models:
        mine = [r for r in sums if r["model"] == model and r["layer"] == "all" and r["row_order"] == "channel"
                and r["sparsity"] == "binsparx"]  # fmt: skip
        mine.sort(key=lambda row: row["partial_sum_reduction"])
        shares = [row["partial_sum_reduction"] for row in mine]
        places = [np.log2(row["rows_read_together"]) for row in mine]
        found += [float(2 ** np.interp(share, shares, places)) for share in PAPER_REDUCTION]
    return f"{min(found):.0f} to {max(found):.0f}"


def _order_and_accuracy(designs: list[Hardware]) -> list[str]:
    """What the row order does to accuracy, where a design was run in several."""
    orders = {order: ("binsparx", 0.0, order) for order in ORDERS}
    several = [d for d in designs if sum(level in d.levels for level in orders.values()) > 1]
    if not several:
        return []
    shown = [order for order, level in orders.items() if any(level in d.levels for d in several)]
    rows = []
    for d in several:
        cells = [d.accuracy(DENSE), *(d.accuracy(orders[order]) for order in shown), d.ideal]
        rows.append([d.model, d.name, *("" if c is None else f"{100 * c:.1f}" for c in cells)])
    numbers = ["dense", *(f"`{order}`" for order in shown), "ideal"]
    return [
        "What the row order adds to accuracy (%), both flips:",
        markdown_table(["network", "design"], numbers, rows),
    ]


def _layers(sums: list[Row]) -> str:
    table = []
    for model in models_of(sums):
        for layer in _layer_names(sums, model):
            rows = [reduction_of(sums, model, order, _AT, layer) for order in ORDERS]
            first = rows[0]
            cells = [f"{first['inputs']}", percent(first["ones_applied"]), percent(first["ones_stored"]),
                     f"{first['input_bias']:.2f}"]  # fmt: skip
            table.append([model, layer, *cells, *(percent(row["partial_sum_reduction"]) for row in rows)])
    numbers = ["inputs", "+1 applied", "+1 stored", "bias of single inputs", *(f"`{order}`" for order in ORDERS)]
    return (
        "### Layer by layer\n\n"
        f"![Reduction and imbalance of every layer at {_AT} rows](images/paper/layers.png)\n\n"
        f"<details><summary>All numbers, {_AT} rows read together; bias of single inputs: the mean of |E x| over them, x = "
        "-1 or +1</summary>\n\n" + markdown_table(["network", "layer"], numbers, table) + "\n\n</details>"
    )


def _reads(reads: list[Row]) -> str:
    parts = [
        "## What the columns deliver",
        "A converter that is re-ranged takes the mean loss back; what stays is the bend of the loss over the sums that occur. "
        "Flips move reads to low sums, close to each other, where wires and cells take little and a straight line fits. "
        f"Below, reads of real images: {paper_figures.design_name(reads)}. They are drawn from the same "
        "images and positions for each level, with the inputs that the ideal network has there; in means over layers each "
        "layer counts by its column reads.",
        "![Current lost and rms error of the code against the true partial sum](images/paper/errors.png)",
    ]
    numbers = ["mean partial sum (LSB)", "its standard deviation", "current lost", "rms error of the code (LSB)"]
    rows = []
    for model in models_of(reads):
        for (sparsity, order), (_, label, _) in paper_figures.LEVEL_STYLES.items():
            mine = [r for r in reads if r["model"] == model and (r["sparsity"], r["row_order"]) == (sparsity, order)]
            if not mine:
                continue
            count = sum(row["weight"] for row in mine)
            total = sum(row["weight"] * row["partial_sum"] for row in mine)
            current = sum(row["weight"] * row["mean_current"] for row in mine)
            spread = sum(row["weight"] * (row["partial_sum"] - total / count) ** 2 for row in mine) / count
            square = sum(row["weight"] * row["squared_error"] for row in mine) / count
            cells = [f"{total / count:.2f}", f"{spread**0.5:.2f}", percent(1 - current / total), f"{square**0.5:.2f}"]
            rows.append([model, label, *cells])
    parts.append(markdown_table(["network", ""], numbers, rows))
    for model in models_of(reads):
        parts.append(
            f"![{model}: distributions of partial sums and column currents of every layer](images/paper/distributions-{model}.png)"
        )
    return "\n\n".join(parts)


def _again(rows: list[Row]) -> str:
    solver = sorted({row["solver_version"] for row in rows if "solver_version" in row})
    version = f" Solver version {', '.join(solver)}." if solver else ""
    return (
        "## Run it again\n\n"
        "CIFAR-10 is not part of this repository; [how to get it](bring-your-own.md#cifar-10). Then\n\n"
        "    .venv/bin/binsparx run sweeps/paper.yaml    # in pieces: stop it and run it again\n"
        "    make paper-tables                           # the tables of this page\n"
        "    make paper                                  # this page and its pictures\n\n"
        f"`make test-paper` runs ten rows of the table again, drawn by date, and compares them to the last bit.{version}"
    )


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    for name, data in pictures().items():
        (PICTURES / name).write_bytes(data)
    PAGE.write_text(page(), encoding="utf-8")
