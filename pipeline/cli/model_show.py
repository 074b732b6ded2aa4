"""``binsparx model show``: a network's graph, and what each node would cost on an array."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict

from rich.console import Console

from pipeline.cli.model_options import ColsOption, CornerOption, DeviceOption, ModelArgument, RowsOption
from pipeline.cli.options import JsonOption, WideOption, make_console
from pipeline.doctor.anatomy import DRIVEN, Anatomy, NodeAnatomy, anatomy
from pipeline.doctor.array import Array
from pipeline.report.text_table import Column, print_table
from pipeline.sweep.objectives import OBJECTIVES
from simcore.network.checkpoint import Checkpoint, find_model, load_checkpoint

_HEADINGS = ("result", "weights", "tiles", "energy", "latency", "area")


def show(
    model: ModelArgument,
    rows: RowsOption = 64,
    cols: ColsOption = 64,
    device: DeviceOption = "8T-SRAM",
    corner: CornerOption = "nominal",
    wide: WideOption = False,
    json: JsonOption = False,
) -> None:
    """Show a network's graph: operations, shapes, parameters, which layers are on arrays and which are not and why,
    tiles and cost of each at an array size.

    Examples: `binsparx model show fashion-cnn`, `binsparx model show mine.safetensors --rows 128 --cols 128 --device
    1T-1ReRAM --corner pessimistic`.
    """
    array = Array(rows, cols, device, corner)
    checkpoint = load_checkpoint(find_model(model, "MODEL"))
    found = anatomy(checkpoint, array)
    if json:
        content = {"model": checkpoint.name, "digest": checkpoint.digest, "array": asdict(array), **asdict(found)}
        print(json_module.dumps(content, indent=2))
        return
    _print(checkpoint, found, array, make_console(), wide)


def _print(checkpoint: Checkpoint, found: Anatomy, array: Array, console: Console, wide: bool) -> None:
    graph = checkpoint.network.graph
    shape = "x".join(map(str, graph.input_shape))
    title = f"{checkpoint.name}: input {shape}, {graph.classes} classes, on {array.name} arrays, dense"
    columns = [Column("node"), Column("operation"), *(Column(heading, number=True) for heading in _HEADINGS)]
    names = ["input", *(node.name for node in found.nodes)]
    lines = [_line(node, before) for node, before in zip(found.nodes, names, strict=False)]
    whole = ["total", "", "", f"{sum(node.parameters for node in found.nodes):,}", str(found.tiles)]
    lines.append([*whole, *_costs(found.energy_J, found.latency_s, found.area_m2)])
    print_table(title, columns, lines, console, names=2, wide=wide)
    console.print()
    written = ", ".join(node.name for node in found.nodes if node.op == "binary_matmul")
    notes = [
        "on arrays (with tiles): " + (", ".join(n.name for n in found.nodes if n.mapped) or "nothing"),
        *([f"of these the right operand is written for every image: {written}"] if written else []),
        *(f"digital, {reason}: {names}" for reason, names in _digital(found).items()),
        "weights: trained numbers of any kind; costs: of an image, the total with digital layers and leakage",
        f"energy of arrays: {100 * DRIVEN:.0f} % of the inputs driven, weights as they are, nothing lost in wires; a "
        "sweep solves the currents of real data",
        "digital layers share their multipliers: their area is in the total alone",
    ]
    for note in notes:
        console.print(note, highlight=False, markup=False, soft_wrap=False)


def _line(node: NodeAnatomy, before: str) -> list[str]:
    """A row of the table; where a node does not take the result of the one before, what it takes stands with it."""
    taken = "" if node.inputs == (before,) or not node.inputs else f" of {', '.join(node.inputs)}"
    return [
        node.name, node.op + taken, "x".join(map(str, node.shape)), f"{node.parameters:,}" if node.parameters else "",
        str(node.tiles) if node.mapped else "", *_costs(node.energy_J, node.latency_s, node.area_m2),
    ]  # fmt: skip


def _costs(energy: float | None, latency: float | None, area: float | None) -> list[str]:
    values = {"energy": energy, "latency": latency, "area": area}
    return ["" if value is None else OBJECTIVES[name].show(value) for name, value in values.items()]


def _digital(found: Anatomy) -> dict[str, str]:
    """Names of digital nodes by the reason."""
    reasons: dict[str, list[str]] = {}
    for node in found.nodes:
        if not node.mapped:
            reasons.setdefault(node.reason, []).append(node.name)
    return {reason: ", ".join(names) for reason, names in reasons.items()}
