"""``binsparx spice``: one read of one tile as an ngspice netlist, and both simulators' answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import numpy as np
import typer
from pydantic import ValidationError

from pipeline.cli.completion import corners, devices, one_of
from pipeline.cli.options import check_output, make_console
from pipeline.report.text_table import Column, print_table
from simcore.analysis.tile_read import ReadPlace, TileRead, tile_read
from simcore.crossbar import solve
from simcore.crossbar.circuit import input_error
from simcore.crossbar.spice import ngspice_installed, run_ngspice, spice_netlist
from simcore.datasets import open_dataset
from simcore.design import Design
from simcore.design_axes import Adc, EncodingName, RowOrder, Sparsity
from simcore.errors import BinsparxError
from simcore.network.checkpoint import Checkpoint, find_model, load_checkpoint, write_atomically
from simcore.technology import DEFAULT_CORNER, circuit_parameters

# Above what either simulator leaves of its error; below any difference of physics.
_TOLERANCE = 1e-6


def spice(
    device: Annotated[
        str, typer.Argument(help="Bitcell preset, or a bitcell file (.yaml).", autocompletion=devices)
    ] = "8T-SRAM",
    corner: Annotated[str, typer.Option(help="Corner of the device.", autocompletion=corners)] = DEFAULT_CORNER,
    rows: Annotated[int, typer.Option(help="Rows of the array.")] = 64,
    cols: Annotated[int, typer.Option(help="Columns of the array.")] = 64,
    active_rows: Annotated[int | None, typer.Option(help="Rows read together. [default: all]")] = None,
    encoding: Annotated[
        str, typer.Option(help="How products become cells.", autocompletion=one_of(*get_args(EncodingName)))
    ] = "zero_one",
    row_order: Annotated[
        str,
        typer.Option(help="channel, spatial or grouped.", autocompletion=one_of(*get_args(RowOrder))),
    ] = "channel",
    sparsity: Annotated[
        str, typer.Option(help="dense, weight, activation or binsparx.", autocompletion=one_of(*get_args(Sparsity)))
    ] = "dense",
    prune: Annotated[float, typer.Option(help="Share of the stored ones to prune.")] = 0.0,
    model: Annotated[str, typer.Option(help="Network that ships, or a checkpoint file.")] = "fashion-cnn",
    dataset: Annotated[str, typer.Option(help="Data set that ships, or a folder.")] = "fashion-mnist",
    layer: Annotated[str | None, typer.Option(help="Binary layer. [default: the first]")] = None,
    group: Annotated[int, typer.Option(help="Row group of the layer, from 0.")] = 0,
    column_tile: Annotated[int, typer.Option(help="Column tile of the layer, from 0.")] = 0,
    split: Annotated[str, typer.Option(help="Split that the image is taken from.")] = "test",
    image: Annotated[int, typer.Option(help="Image of the split, from 0.")] = 0,
    position: Annotated[int, typer.Option(help="Read of the layer, by output position, from 0.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.cir", help="Where the netlist goes.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that ngspice may take.")] = 600.0,
) -> None:
    """Write the netlist of a read of any tile, as an image makes it in the ideal network; compare with ngspice."""
    check_output(output, "--output")
    circuit = circuit_parameters(device, corner, where="DEVICE")
    try:
        design = Design.model_validate(
            {
                "circuit": circuit, "rows": rows, "cols": cols, "active_rows": active_rows, "encoding": encoding,
                "row_order": row_order, "sparsity": sparsity, "prune": prune, "adc": Adc(bits=8),
            }
        )  # fmt: skip
    except ValidationError as error:
        raise input_error(error, Design, "") from None
    checkpoint = load_checkpoint(find_model(model, "--model"))
    place = ReadPlace(layer or _first_layer(checkpoint), group, column_tile, split, image, position)
    read = tile_read(checkpoint, design, open_dataset(dataset, "--dataset"), place)
    title = f"{device} {corner}, {checkpoint.name} {place.layer}, group {group}, column tile {column_tile}, "
    title += f"{split} image {image}, position {position}, {sparsity}"
    netlist = spice_netlist(read.circuit, read.weights, read.inputs, title)
    if output is not None:
        write_atomically(output, netlist.encode("ascii"))
        typer.echo(f"netlist: {output}")
    _compare(read, netlist, title, timeout)


def _first_layer(checkpoint: Checkpoint) -> str:
    return checkpoint.layers_of_weights("--model")[0].name


def _compare(read: TileRead, netlist: str, title: str, timeout_s: float) -> None:
    solution = solve(read.circuit, read.weights, read.inputs[None], tol=1e-11)
    ours = solution.sink_currents[0]
    ideal = read.inputs.astype(np.float64) @ read.weights
    rows, cols = read.weights.shape
    typer.echo(f"{rows} x {cols} cells, {int(read.inputs.sum())} rows on; solver: {solution.summary()}")
    if not ngspice_installed():
        _show(title, ideal, ours, read.circuit.on_current(), None)
        typer.echo("ngspice is not installed, so there is nothing to compare with (Debian: apt install ngspice)")
        return
    theirs = run_ngspice(netlist, timeout_s)
    _show(title, ideal, ours, read.circuit.on_current(), theirs)
    scale = max(float(np.abs(theirs).max()), 1e-18)
    difference = float(np.abs(ours - theirs).max()) / scale
    typer.echo(f"largest difference {difference:.1e} of the largest current")
    if not solution.converged or difference > _TOLERANCE:
        raise BinsparxError(
            f"the solver and ngspice differ by more than {_TOLERANCE:g}, or the solver did not converge"
        )


def _show(title: str, ideal: np.ndarray, ours: np.ndarray, unit: float, theirs: np.ndarray | None) -> None:
    names = ["column", "ideal sum", "current (LSB)", "solver (uA)"] + ([] if theirs is None else ["ngspice (uA)"])
    rows = []
    for column, amperes in enumerate(ours):
        cells = [str(column), f"{ideal[column]:.0f}", f"{amperes / unit:.3f}", f"{amperes * 1e6:.6f}"]
        rows.append([*cells, *([] if theirs is None else [f"{theirs[column] * 1e6:.6f}"])])
    print_table(title, [Column(name, number=True) for name in names], rows, make_console(), names=0)
