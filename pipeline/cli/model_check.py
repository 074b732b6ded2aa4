"""``binsparx model check``: whether a network is what its maker thinks it is, and what arrays would make of it."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.model_options import ColsOption, CornerOption, DeviceOption, ModelArgument, RowsOption
from pipeline.cli.options import JsonOption, make_console
from pipeline.cli.progress import StepLines
from pipeline.doctor.array import Array
from pipeline.doctor.examination import Examination, examine
from pipeline.doctor.layer_signs import LayerSigns
from pipeline.doctor.mapped_alone import MappedAlone
from pipeline.report.text_table import Column, print_table
from pipeline.sweep.objectives import OBJECTIVES
from simcore.datasets import open_dataset
from simcore.errors import InputError, unknown_name
from simcore.network.checkpoint import Checkpoint, find_model, load_checkpoint
from simcore.network.inputs import require_fit, require_tokens

_PADDING = {
    None: "none",
    0: "0, rows off",
    1: "+1, rows driven",
    -1: "-1, rows not driven",
}  # fmt: skip


def check(
    model: ModelArgument,
    dataset: Annotated[str, typer.Option(help="Data set that ships, or a folder.")],
    split: Annotated[str, typer.Option(help="Split that the network is judged on.")] = "test",
    images: Annotated[int, typer.Option(min=20, help="First images of the split to judge by.")] = 1000,
    mapped_images: Annotated[
        int, typer.Option(min=0, help="Images to judge each layer on arrays by; 0 leaves arrays out.")
    ] = 50,
    expected: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Accuracy that it should have, 0 to 1. (default: what its maker recorded)"),
    ] = None,
    rows: RowsOption = 64,
    cols: ColsOption = 64,
    device: DeviceOption = "8T-SRAM",
    corner: CornerOption = "nominal",
    json: JsonOption = False,
) -> None:
    """Check a network on data: ideal accuracy, signs and padding of its layers, usual mistakes, and what each layer
    alone would lose and cost on arrays.

    A mistake is named where undoing it makes the network better than chance explains: inputs scaled twice or not at
    all or normalised otherwise, channels swapped, labels off by one or permuted, another sign of 0, another padding,
    dense weights in another order, layers that say the same always.

    Examples: `binsparx model check fashion-cnn --dataset fashion-mnist`, `binsparx model check mine.safetensors
    --dataset data/mine --expected 0.8 --mapped-images 0`.
    """
    checkpoint = load_checkpoint(find_model(model, "MODEL"))
    checkpoint.binary_layers("MODEL")
    data = open_dataset(dataset, "--dataset")
    require_fit(f"network '{checkpoint.name}'", checkpoint.network.graph, data, "--dataset")
    if split not in data.splits:
        raise unknown_name(f"split of {data.name}", split, data.splits, "--split")
    available = data.splits[split]
    require_tokens(checkpoint.network.graph, data, split, min(images, available), "--dataset")
    if mapped_images > available:
        raise InputError(f"split '{split}' has {available} images", "--mapped-images")
    array = Array(rows, cols, device, corner)
    array.tile()  # says now what is wrong with the device
    counts = min(images, available), mapped_images
    found = examine(checkpoint, data, split, counts, array, expected, StepLines("steps", 2))
    if json:
        content = {"model": checkpoint.name, "dataset": data.name, "split": split, "array": asdict(array)}
        print(json_module.dumps({**content, **asdict(found), "falls_short": found.falls_short}, indent=2))
        return
    _print(checkpoint, f"{found.images} images of {data.name} {split}", found, array, make_console())


def _print(checkpoint: Checkpoint, judged_on: str, found: Examination, array: Array, console: Console) -> None:
    value, low, high = (100 * part for part in found.accuracy)
    _say(console, f"{checkpoint.name}: ideal accuracy {value:.1f} % ({low:.1f} to {high:.1f}) of {judged_on}")
    if found.expected is None:
        _say(console, "expected: not known, nothing is recorded; say it with --expected")
    else:
        verdict = "LOWER than expected" if found.falls_short else "as expected"
        _say(console, f"expected: {100 * found.expected.accuracy:.1f} % ({found.expected.source}): {verdict}")
    _say(console, "")
    for finding in found.findings:
        undone = "" if finding.accuracy is None else f" (accuracy {100 * finding.accuracy:.1f} % without it)"
        _say(console, f"LIKELY MISTAKE, {finding.name}: {finding.text}{undone}")
        _say(console, f"  what to do: {finding.remedy}")
    if not found.findings:
        _say(console, "no usual mistake looks likely")
    _say(console, "")
    _print_signs(found.layers, console)
    _say(console, "")
    if found.mapped:
        _print_mapped(found.mapped, array, console)
    if found.not_mapped:
        _say(console, f"no {'other ' if found.mapped else ''}layer was put on arrays: {found.not_mapped}")


def _print_signs(layers: list[LayerSigns], console: Console) -> None:
    columns = [
        Column("layer"),
        Column("weights +1", number=True),
        Column("inputs +1", number=True),
        Column("exactly 0", number=True),
        Column("constant channels", number=True),
        Column("padding"),
    ]
    lines = [
        [
            one.name,
            *(_percent(share) for share in (one.weight_share, one.input_share, one.zeros, one.constant_channels)),
            _PADDING[one.padding],
        ]
        for one in layers
    ]
    print_table("signs of the binary layers", columns, lines, console)
    _say(console, "padding: rows of a padded 0 stay off and are in no sum; +1 and -1 are inputs like others")


def _print_mapped(mapped: list[MappedAlone], array: Array, console: Console) -> None:
    headings = ("lost (points)", "tiles", "energy", "share", "latency", "area")
    columns = [Column("layer"), *(Column(heading, number=True) for heading in headings)]
    energy = sum(one.energy_J for one in mapped)
    ranked = sorted(mapped, key=lambda one: (-one.lost[0], -one.energy_J))
    lines = []
    for one in ranked:
        change, low, high = (100 * part for part in one.lost)
        shown = {"energy": one.energy_J, "latency": one.latency_s, "area": one.area_m2}
        costs = [OBJECTIVES[name].show(value) for name, value in shown.items()]
        mark = "" if one.within_limits else " *"
        lost = f"{change:.1f} ({low:.1f} to {high:.1f}){mark}"
        lines.append([one.layer, lost, str(one.tiles), costs[0], _percent(one.energy_J / energy), *costs[1:]])
    title = f"each layer alone on {array.name} arrays, dense, {mapped[0].images} images; all others ideal"
    print_table(title, columns, lines, console)
    if not all(one.within_limits for one in mapped):
        _say(console, "*: the fast solver missed more than designs may; a sweep solves these exactly")
    sure = [one for one in ranked if one.lost[1] > 0]
    most = f"most is lost in {sure[0].layer}" if sure else "no layer loses more than chance explains on these images"
    _say(console, f"{most}; most energy goes into {max(mapped, key=_energy).layer}")


def _energy(one: MappedAlone) -> float:
    return one.energy_J


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
