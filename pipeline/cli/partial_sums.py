"""``binsparx partial-sums``: what flips do to a network's partial sums, before any circuit is chosen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import typer
from rich.console import Console
from rich.progress import track

from pipeline.cli.options import check_output, make_console
from pipeline.report.text_table import Column, print_table
from pipeline.tables.partial_sums import partial_sum_table
from simcore.analysis.partial_sums import LayerStatistics, coin_flip_imbalance, measure_network
from simcore.datasets import Dataset, open_dataset
from simcore.design import Design
from simcore.design_axes import Adc, RowOrder
from simcore.errors import InputError, unknown_name
from simcore.inference.calibration_images import choose_calibration_images, require_apart
from simcore.inference.stored_layers import images_for_calibration
from simcore.network.checkpoint import Checkpoint, find_model, load_checkpoint, write_atomically
from simcore.network.inputs import network_input
from simcore.technology import circuit_parameters

_ORDERS: tuple[str, ...] = get_args(RowOrder)
_DEFAULT_ROWS = [8, 16, 32, 64, 128]


def partial_sums(
    model: Annotated[str, typer.Argument(help="Network that ships, or a checkpoint file.")] = "fashion-cnn",
    dataset: Annotated[str, typer.Option(help="Data set that ships, or a folder.")] = "fashion-mnist",
    split: Annotated[str, typer.Option(help="Split of the images measured.")] = "test",
    images: Annotated[int, typer.Option(min=1, help="Images measured, the first of the split.")] = 32,
    calibration_images: Annotated[int, typer.Option(min=1, help="Images that decide the grouped order.")] = 32,
    rows: Annotated[
        list[int] | None, typer.Option(min=1, help="Rows read together; repeat it. [default: 8 16 32 64 128]")
    ] = None,
    row_order: Annotated[
        list[str] | None, typer.Option(help="channel, spatial or grouped; repeat it. [default: all]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.parquet", help="Where the whole table goes.")
    ] = None,
) -> None:
    """Mean partial sum of every binary layer: dense, each flip, both; by row order and rows read together."""
    check_output(output, "--output")
    orders, together = list(dict.fromkeys(row_order or _ORDERS)), list(dict.fromkeys(rows or _DEFAULT_ROWS))
    for order in orders:
        if order not in _ORDERS:
            raise unknown_name("row order", order, _ORDERS, "--row-order")
    checkpoint = load_checkpoint(find_model(model, "MODEL"))
    data = open_dataset(dataset, "--dataset")
    measured = _images(data, split, images)
    layers = len(checkpoint.layers_of_weights("MODEL"))
    calibration = _calibration_images(checkpoint, data, calibration_images, split, len(measured))
    found = measure_network(checkpoint, calibration, measured, together, orders)
    console = make_console()
    statistics = list(_with_progress(found, layers * len(orders) * len(together), console))
    table = partial_sum_table(statistics, checkpoint.name, checkpoint.digest, data.name, split, len(measured))
    _show(table, console)
    if output is not None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_atomically(output, sink.getvalue().to_pybytes())
        console.print(f"table: {output}", highlight=False, soft_wrap=True, markup=False)


def _with_progress(found: Iterator[LayerStatistics], steps: int, console: Console) -> Iterator[LayerStatistics]:
    """A bar on a terminal, else a line a layer."""
    if console.is_terminal:
        yield from track(found, "layers x orders x rows", total=steps, console=console, transient=True)
        return
    begin, last = time.monotonic(), ""
    for step, layer in enumerate(found):
        if last not in ("", layer.layer):
            left = (time.monotonic() - begin) * (steps - step) / step
            typer.echo(f"{last} measured, {step} of {steps} steps, about {left:.0f} s left")
        last = layer.layer
        yield layer


def _images(dataset: Dataset, split: str, count: int) -> torch.Tensor:
    if split not in dataset.splits:
        raise unknown_name(f"split of {dataset.name}", split, dataset.splits, "--split")
    if count > (known := dataset.splits[split]):
        raise InputError(f"split '{split}' of {dataset.name} has {known} images, not {count}", "--images")
    images, _ = dataset.read(split, 0, count)
    return network_input(images)


def _calibration_images(
    checkpoint: Checkpoint, dataset: Dataset, count: int, split: str, measured: int
) -> torch.Tensor:
    try:
        chosen = choose_calibration_images(dataset, count, split)
        require_apart(chosen, dataset, split, measured)
    except InputError as error:
        raise InputError(error.message, "--calibration-images") from None
    # Any circuit will do: calibration images are those of every design.
    design = Design(circuit=circuit_parameters("8T-SRAM"), rows=1, cols=1, adc=Adc(bits=1), **chosen.design_fields)
    return images_for_calibration(checkpoint, design, dataset)


def _show(table: pa.Table, console: Console) -> None:
    """The reduction by both flips, one line a layer and order, one column a number of rows."""
    rows = [row for row in table.to_pylist() if row["sparsity"] == "binsparx"]
    together = list(dict.fromkeys(row["rows_read_together"] for row in rows))
    lines: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        line = lines.setdefault((row["layer"], row["row_order"]), {})
        line[row["rows_read_together"]] = row["partial_sum_reduction"]
    coins = {count: 1 - (1 - coin_flip_imbalance(count)) ** 2 for count in together}
    lines["coin flips", "any"] = coins
    print_table(
        f"{rows[0]['model']}, {rows[0]['images']} images of {rows[0]['dataset']}: mean partial sum, change by both "
        "flips (%), by rows read together",
        [Column("layer"), Column("row order", named=True), *(Column(str(count), number=True) for count in together)],
        [[*names, *(f"{-100 * line[count]:.1f}" for count in together)] for names, line in lines.items()],
        console,
        names=2,
    )
