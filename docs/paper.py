"""Writes docs/paper.md and its pictures from the tables in docs/results/paper.

Run ``python docs/paper.py`` from the repository after the tables have changed (`make paper-tables` makes them);
tests/test_paper.py says when the page and its tables differ.
"""

from __future__ import annotations

import hashlib
import io
import re
from functools import partial
from pathlib import Path
from typing import Any

import paper_accuracy
import paper_claims
import paper_columns
import paper_costs
import paper_evidence
import paper_figures
import paper_fits
import paper_levels
import paper_sizes
import paper_sums
import paper_version
import recovery_tables
from paper_numbers import (
    BINSPARX,
    FOLDER,
    PAPER_LARGEST_GAIN,
    Hardware,
    Row,
    design_rows,
    fitted,
    hardware_designs,
    largest_gain,
    largest_gain_by_halves,
    models_of,
    networks_of,
    read_rows,
    weighted_reads,
    worst_loss_where_dense_is_fine,
)
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from simcore.network.checkpoint import find_model, load_checkpoint

PAGE = Path(__file__).parent / "paper.md"
PICTURES = Path(__file__).parent / "images" / "paper"


def picture_names() -> list[str]:
    """File names of the page's pictures."""
    return re.findall(r"\(images/paper/([^)]+)\)", page())


def pictures() -> dict[str, bytes]:
    """Every picture of the page by file name."""
    sums, reads, rows = _tables()
    designs = hardware_designs(fitted(rows))
    draw = {
        "reduction.png": lambda: paper_figures.draw_reduction(sums),
        "layers.png": lambda: paper_figures.draw_layers(sums, paper_sums.AT),
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
    for table in sorted(FOLDER.glob("*.parquet")):
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
        paper_version.section(rows),
        paper_claims.section(designs, sums),
        "## Beside other remedies\n\n" + recovery_tables.summary("recovery.md"),
        paper_evidence.section(rows),
    ]
    if designs:
        parts += [
            paper_accuracy.section(designs),
            paper_levels.section(designs),
            paper_fits.section(rows),
            paper_costs.section(designs),
        ]
    parts += [paper_sums.section(designs, sums), paper_sums.layers_section(sums)]
    if reads:
        parts.append(paper_columns.section(reads))
    parts.append(_again([*rows, *reads]))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def summary() -> str:
    """What came out, in a paragraph for who has not opened the page."""
    designs = hardware_designs(fitted(design_rows()))
    networks = [(model, next(d for d in designs if d.model == model)) for model in networks_of(designs)]
    ideal = " and ".join(f"{100 * design.ideal:.1f}" for _, design in networks)
    whole = [_largest_count(load_checkpoint(find_model(model)).metadata) for model, _ in networks]
    of_all = " and ".join(f"{100 * count['correct'] / count['images']:.2f}" for count in whole)
    tuned, how = _gain_in_short([d for d in designs if d.re_ranged])
    fixed, _ = _gain_in_short([d for d in designs if d.adc_reference == "nominal"])
    fine, _, loss = worst_loss_where_dense_is_fine(designs, BINSPARX)
    if tuned is None or fixed is None:
        raise ValueError("docs/results/paper/designs.parquet lacks a converter reference")
    return (
        f"On CIFAR-10, [the paper's experiments](docs/paper.md) put {' and '.join(f'`{model}`' for model, _ in networks)} "
        f"({ideal} % of the sweep's {design_rows()[0]['images']:,} test images in ideal arithmetic, {of_all} % of all "
        f"{whole[0]['images']:,}) on {len(designs)} hardware designs. BinSparX raises accuracy by up to "
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
        "The images are [JPEG's](bring-your-own.md#cifar-10), in training too; [a network that learnt from the original "
        "pixels](recovery.md#a-network-from-elsewhere) is right on fewer of them than was published for it. "
        "First and last layers and ResNet's down-sampling shortcuts stay digital in full precision "
        "(AdaBin's definition, Tu et al., ECCV 2022, with a PReLU for its Maxout); all other convolutions are on arrays. "
        "[The bitcells](devices.md) and what their corners assume. These designs have no device effects: spread, stuck "
        "cells, age, noise of cells, warm wires are [axes of their own](chips.md)."
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
    begin = (
        "random weights"
        if start == "random"
        else f"latent weights of an earlier training, which do not ship (file `{start['sha256'][:8]}`)"
    )
    whole = _largest_count(trained)
    accuracy = f"{100 * whole['correct'] / whole['images']:.2f} % of {whole['images']:,} test images"
    own = next((row for row in rows if row["model"] == model), None)
    if own:
        accuracy += f", {100 * own['ideal_accuracy']:.1f} % of the {own['images']:,} of the sweep"
    return f"- `{model}` (digest `{digest[:12]}`), {trained['epochs']} epochs from {begin}; right in ideal arithmetic: {accuracy}"


def _largest_count(trained: dict[str, Any]) -> dict[str, Any]:
    """What a network gets right of the most images that it was counted on."""
    return max(trained["accuracies"], key=lambda accuracy: accuracy["images"])  # type: ignore[no-any-return]


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
