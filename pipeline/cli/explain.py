"""``binsparx explain``: which cause, layer and tile costs a design its accuracy."""

from __future__ import annotations

import json as json_module
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer
from rich.console import Console

from pipeline.cli.options import (
    RESULTS_FOLDER,
    DesignArgument,
    JsonOption,
    ResultsOption,
    SweepFileOption,
    check_output,
    make_console,
)
from pipeline.cli.progress import StepLines
from pipeline.explain.blame import Blame, PassShare, Share, Subject
from pipeline.explain.blame import explain as explain_design
from pipeline.explain.subject import open_subject
from pipeline.report.text_table import Column, print_table
from pipeline.sweep import simulation
from pipeline.sweep.keys import short_key
from pipeline.sweep.spec import MOST_CHIPS
from simcore.analysis.ablation import causes_of
from simcore.datasets import Dataset
from simcore.design_axes import REFERENCE_SOLVERS
from simcore.encodings import ENCODINGS
from simcore.errors import InputError
from simcore.inference.calibration_images import calibration_of, require_apart
from simcore.network.checkpoint import Checkpoint, write_atomically


def explain(
    design: DesignArgument,
    sweep: SweepFileOption = None,
    images: Annotated[int, typer.Option(min=1, help="First images of the split to judge by.")] = 200,
    chips: Annotated[
        int, typer.Option(min=1, max=MOST_CHIPS, help="First chips to judge by, where device effects make them differ.")
    ] = 1,
    pictures: Annotated[
        Path | None, typer.Option("--pictures", metavar="FOLDER", help="Draw causes, tiles and one read into it.")
    ] = None,
    results: ResultsOption = None,
    json: JsonOption = False,
) -> None:
    """How much accuracy each cause costs a design: wires, driver, sink, non-linearity, converter, pruning; which layers
    and tiles carry it; and what each of its mitigations gives and costs.

    Each cause is switched off alone (what comes back?) and on alone (what is lost?). The two differ where causes make
    each other worse. Variants are kept in the results folder like designs of a sweep: asking again costs nothing.

    Examples: `binsparx explain 3f2a91`, `binsparx explain 3f2a91 --images 500 --pictures blame`. KEY is in the report
    and in `binsparx results SWEEP --designs`.
    """
    check_output(pictures, "--pictures", is_folder=True)
    subject, store = open_subject(design, sweep, results, RESULTS_FOLDER)
    if chips > 1 and not subject.design.chips_differ:
        raise InputError(
            "the design has no device effects that are drawn chip by chip, so that all its chips are alike", "--chips"
        )
    if subject.design.solver in REFERENCE_SOLVERS and not causes_of(subject.design):
        raise InputError(
            f"design {short_key(subject.key)} is a reference ('{subject.design.solver}') that loses nothing: there is "
            "nothing to explain",
            "KEY",
        )
    available = subject.dataset.splits[subject.split]
    if images > available:
        raise InputError(f"split '{subject.split}' has {available} images", "--images")
    try:
        require_apart(calibration_of(subject.design, subject.dataset), subject.dataset, subject.split, images)
    except InputError as error:
        raise InputError(error.message, "--images") from None
    blame = explain_design(subject, images, store, simulation.default_evaluator(), StepLines("variants", 5), chips)
    if json:
        print(json_module.dumps({"design_key": subject.key, **asdict(blame)}, indent=2))
    else:
        _print(subject, blame, make_console())
    if pictures is not None:
        for path, content in _pictures(subject, blame).items():
            write_atomically(pictures / f"{short_key(subject.key)}-{path}", content)
            if not json:
                typer.echo(str(pictures / f"{short_key(subject.key)}-{path}"))


def _print(subject: Subject, blame: Blame, console: Console) -> None:
    value, low, high = (100 * part for part in blame.accuracy)
    console.print(
        f"design {short_key(subject.key)}: accuracy {value:.1f} % ({low:.1f} to {high:.1f}), ideal "
        f"{100 * blame.ideal_accuracy:.1f} %, {blame.images} images of {subject.dataset.name}"
        f"{_chips_said(subject, blame)}",
        highlight=False,
    )
    for kind, shares in (("cause", blame.causes), ("layer", blame.layers)):
        if shares:
            console.print()
            _print_shares(kind, shares, console)
    if blame.passes:
        console.print()
        _print_passes(blame.passes, console)
        _tell_resting(blame.passes, console)
    console.print()
    of_chips = " of the same chips" if subject.design.chips_differ and blame.chips > 1 else ""
    notes = [f"in points of accuracy, with 95 % intervals from the same images{of_chips}"]
    told: list[Share | PassShare] = [*blame.causes, *blame.layers, *blame.passes]
    if not all(share.within_limits for share in told):
        notes.append("*: a variant's evidence is beyond the design's limits, see its record")
    if note := simulation.unfolded_note(subject.checkpoint, subject.design.mitigations, subject.design.layers):
        notes.append(note)
    for note in notes:
        console.print(note, highlight=False, soft_wrap=True)


def _chips_said(subject: Subject, blame: Blame) -> str:
    if not subject.design.chips_differ:
        return ""
    return ", the first chip alone (--chips takes more)" if blame.chips == 1 else f", on each of {blame.chips} chips"


def _print_shares(kind: str, shares: list[Share], console: Console) -> None:
    numbers = [Column(heading, number=True) for heading in ("regained without it", "lost by it alone")]
    rows = [[share.name + _mark(share), _points(share.regained), _points(share.lost)] for share in shares]
    print_table("", [Column(kind), *numbers], rows, console)


def _print_passes(shares: list[PassShare], console: Console) -> None:
    costs = {name: name.partition("_")[0] for share in shares for name in share.cost}
    headings = ("given alone", "lost when taken away", *(f"{name} %" for name in costs.values()))
    rows = []
    for share in shares:
        changes = [f"{100 * share.cost[name]:+.1f}" if name in share.cost else "" for name in costs]
        rows.append([share.name + _mark(share), _points(share.alone), _points(share.taken_away), *changes])
    print_table("", [Column("mitigation"), *(Column(heading, number=True) for heading in headings)], rows, console)


def _mark(share: Share | PassShare) -> str:
    return "" if share.within_limits else " *"


def _tell_resting(shares: list[PassShare], console: Console) -> None:
    for share in shares:
        if share.resting:
            text = f"without {share.name} there is no {', '.join(share.resting)} either"
            console.print(text, highlight=False, soft_wrap=True)


def _points(change: tuple[float, float, float]) -> str:
    value, low, high = (100 * part for part in change)
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def _pictures(subject: Subject, blame: Blame) -> dict[str, bytes]:
    from pipeline.explain.blame_picture import draw_blame, draw_passes, draw_read, draw_tiles
    from simcore.analysis.tile_errors import tile_errors
    from simcore.analysis.tile_read import ReadPlace, tile_read
    from simcore.crossbar.cells import Cells
    from simcore.crossbar.solvers.newton import solve_nodes
    from simcore.inference.preparation import prepare

    title = f"{subject.name} (design {short_key(subject.key)})"
    nominal = ", the nominal chip" if subject.design.effects else ""
    checkpoint, dataset = cast(Checkpoint, subject.checkpoint), cast(Dataset, subject.dataset)
    prepared = prepare(checkpoint, subject.design, dataset)
    layers = tile_errors(checkpoint, prepared, dataset, subject.split)
    files = draw_blame(blame, title) | draw_passes(blame, title)
    if not layers:  # tiles that are written for every image have no errors of their own
        return files
    files |= draw_tiles(layers, f"{title}: rms error of every tile{nominal}")
    worst = max(layers, key=lambda layer: float(layer.rms_error.max()))
    group, tile = (int(i) for i in np.unravel_index(worst.rms_error.argmax(), worst.rms_error.shape))
    middle = worst.positions // 2 + math.isqrt(worst.positions) // 2  # of the image, where nothing is padded
    middle = min(middle, worst.positions - 1)
    first_read = middle * ENCODINGS[subject.design.encoding].reads_a_position
    place = ReadPlace(worst.layer, group, tile, subject.split, position=first_read)
    read = tile_read(checkpoint, subject.design, dataset, place)
    nodes, _ = solve_nodes(read.circuit, Cells(read.weights), read.inputs)
    converters = prepared.layers[worst.layer].converters.of_columns(read.group.conversions_of(read.columns))
    delivered = nodes.cell_currents.sum(axis=0, keepdims=True) / read.circuit.on_current()
    where = f"{title}{nominal}\nthe tile that errs most: {worst.layer}, row group {group}, column tile {tile}; "
    where += f"{subject.split} image 0, output position {middle}"
    met = read.group.met_by_converters(delivered, read.bits)
    converted = converters.convert(met, group, read.bits.sum(axis=1))
    return files | draw_read(read, nodes, met[0], converted[0], where)
