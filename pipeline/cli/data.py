"""``binsparx data``: import datasets and look at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from pipeline.cli.options import make_console
from pipeline.report.text_table import Column, print_table
from simcore.datasets import Dataset, ImportOptions, ImportRequest, import_dataset, open_dataset
from simcore.datasets.importers import IMPORTERS
from simcore.datasets.importing import DEFAULT_SHARD_IMAGES, FIRST_IMAGES, splits_that_begin_with_one_class
from simcore.datasets.importing import Progress as ProgressCallback
from simcore.errors import InputError
from simcore.inference.calibration_images import CALIBRATION_SPLITS

data_app = typer.Typer(name="data", help="Import datasets and look at them.", no_args_is_help=True)

_IMPORTER_NAMES = ", ".join(importer.name for importer in IMPORTERS)


@data_app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="File or folder to import.")],
    target: Annotated[Path | None, typer.Argument(help="Folder to make. (default: data/NAME)")] = None,
    importer: Annotated[
        str | None, typer.Option("--from", help=f"Kind of source: {_IMPORTER_NAMES}. (default: recognised)")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the dataset. (default: the source's)")] = None,
    splits: Annotated[str | None, typer.Option(help="Splits to take, for example train,test. (default: all)")] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="SPLIT=N: take the first N images of a split, in file order. May be given for each split."),
    ] = None,
    balanced_seed: Annotated[
        int | None,
        typer.Option(min=0, help="Make --limit take a random choice with this seed, balanced over the classes."),
    ] = None,
    shuffle_seed: Annotated[
        int | None,
        typer.Option(min=0, help="Put the images of every split into a random order with this seed, before --limit."),
    ] = None,
    shard_images: Annotated[
        int, typer.Option(min=1, help="Images in a shard, fewer where these are more than 128 MiB.")
    ] = DEFAULT_SHARD_IMAGES,
    classes: Annotated[
        str | None, typer.Option(help="Class names in label order, separated by commas. (default: the source's)")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Resize to this many pixels: 32, or 32x48 (height x width). Folders and Parquet.")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="Convert to 1 (grayscale) or 3 (RGB) channels. Folders and Parquet.")
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            help="Column of labels; without headings its number, from 1. CSV and Parquet of numbers. "
            "(default: the one called label, class, target or y)"
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            help="Columns that make a sample, separated by commas. CSV and Parquet of numbers. "
            "(default: all but the label)"
        ),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            help="Shape of a sample, for example 1x40x100, into which its values are put in their order. "
            "All but images. (default: the source's)"
        ),
    ] = None,
    channels_last: Annotated[
        bool,
        typer.Option(
            "--channels-last",
            help="The last axis of a sample is that of the channels: put it first, where "
            "networks have it. All but images.",
        ),
    ] = False,
    split_fraction: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[SPLIT=]SHARE",
            help="Divide a source without splits: 0.2 makes 'test' of a random fifth of every class and 'train' of the "
            "rest; calibration=0.1 names another split. May be given several times.",
        ),
    ] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Of the random choice that --split-fraction makes.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the dataset that TARGET holds.")] = False,
) -> None:
    """Import a dataset: images (IDX, CIFAR-10, folders, Parquet) or other tensors with labels (npy, npz, CSV, Parquet).

    Examples: `binsparx data import photos --size 32`, `binsparx data import keywords.npz`,
    `binsparx data import iris.csv --label-column species --classes setosa,versicolor,virginica --split-fraction 0.3`.
    """
    request = ImportRequest(
        source=source,
        importer=importer,
        name=name,
        splits=_comma_list(splits),
        limits=parse_limits(limit or []),
        balanced_seed=balanced_seed,
        shuffle_seed=shuffle_seed,
        shard_images=shard_images,
        split_fractions=parse_shares(split_fraction or []),
        split_seed=split_seed,
        options=ImportOptions(
            classes=_comma_list(classes),
            size=parse_size(size),
            channels=channels,
            label_column=label_column,
            columns=_comma_list(columns),
            shape=parse_shape(shape),
            channels_last=channels_last,
        ),
    )
    with _progress(Console(stderr=True, markup=False, emoji=False)) as progress:
        dataset = import_dataset(request, target, force=force, progress=progress)
    _warn_of_one_class(dataset)
    _warn_of_no_calibration(dataset)
    _print_dataset(dataset)


def _warn_of_no_calibration(dataset: Dataset) -> None:
    if not set(CALIBRATION_SPLITS) & set(dataset.splits):
        typer.echo(
            f"warning: a sweep calibrates on a split '{CALIBRATION_SPLITS[0]}' or '{CALIBRATION_SPLITS[1]}', and there "
            f"is none (there is: {', '.join(dataset.splits)}); import again with --force --split-fraction 0.2 to make "
            "'test' and 'train'",
            err=True,
        )


def _warn_of_one_class(dataset: Dataset) -> None:
    for split in splits_that_begin_with_one_class(dataset):
        typer.echo(
            f"warning: the first {FIRST_IMAGES} images of split '{split}' are all of one class, and the first images "
            "calibrate a design and are measured where a sweep takes part of a split; "
            "import again with --force --shuffle-seed 0",
            err=True,
        )


@data_app.command("show")
def show_command(
    dataset: Annotated[str, typer.Argument(help="Name of a dataset that ships, or a dataset folder.")],
    verify: Annotated[bool, typer.Option("--verify", help="Read everything and check all digests.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a dataset holds and where it came from."""
    opened = open_dataset(dataset)
    if verify:
        opened.verify()
    if as_json:
        typer.echo(json.dumps(_summary(opened) | ({"verified": True} if verify else {}), indent=1, ensure_ascii=False))
        return
    _print_dataset(opened)
    if verify:
        typer.echo("verified: all shards and digests are as the manifest says")


def parse_limits(values: list[str]) -> dict[str, int]:
    """``["test=2500"]`` to ``{"test": 2500}``.

    Raises:
        InputError: not of the form SPLIT=N, or a split named twice.
    """
    limits: dict[str, int] = {}
    for value in values:
        split, _, count = value.partition("=")
        if not split or not count.isdecimal():
            raise InputError(f"'{value}' is not of the form SPLIT=N, for example test=2500", "--limit")
        if split in limits:
            raise InputError(f"split '{split}' has two limits, give one", "--limit")
        limits[split] = int(count)
    return limits


def parse_shares(values: list[str]) -> dict[str, float]:
    """``["0.2", "calibration=0.1"]`` to ``{"test": 0.2, "calibration": 0.1}``.

    Raises:
        InputError: no share, or a split named twice.
    """
    shares: dict[str, float] = {}
    for value in values:
        split, equals, number = value.rpartition("=")
        split = split if equals else "test"
        try:
            share = float(number)
        except ValueError:
            share = -1.0
        if not split or not 0 < share < 1:
            raise InputError(f"'{value}' is no share such as 0.2, or calibration=0.1", "--split-fraction")
        if split in shares:
            raise InputError(f"split '{split}' has two shares, give one", "--split-fraction")
        shares[split] = share
    return shares


def parse_shape(value: str | None) -> tuple[int, ...] | None:
    """``"1x40x100"`` to (1, 40, 100).

    Raises:
        InputError: anything else.
    """
    if value is None:
        return None
    parts = value.split("x")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise InputError(f"'{value}' is not a shape such as 16 or 1x40x100", "--shape")
    return tuple(int(part) for part in parts)


def parse_size(value: str | None) -> tuple[int, int] | None:
    """``"32"`` to (32, 32), ``"32x48"`` to (32, 48): height, width.

    Raises:
        InputError: anything else.
    """
    if value is None:
        return None
    parts = value.split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise InputError(f"'{value}' is not a size such as 32 or 32x48 (height x width)", "--size")
    return int(parts[0]), int(parts[-1])


def _comma_list(value: str | None) -> tuple[str, ...] | None:
    return tuple(item.strip() for item in value.split(",")) if value is not None else None


def _summary(dataset: Dataset) -> dict[str, object]:
    return {
        "name": dataset.name,
        "folder": str(dataset.folder),
        "digest": dataset.digest,
        "dtype": dataset.sample.dtype,
        "shape": list(dataset.sample.shape),
        "network_input": list(dataset.input_shape),
        "classes": list(dataset.classes),
        "splits": {
            name: {"images": split.images, "shards": len(split.shards), "selection": split.selection}
            for name, split in dataset.manifest.splits.items()
        },
        "source": dataset.source,
        "licence": dataset.licence,
    }


def _print_dataset(dataset: Dataset) -> None:
    kind = "images" if dataset.sample.is_image else "samples"
    scale = "values 0 to 255" if dataset.sample.is_image else "values as in the source, neither scaled nor normalised"
    rows = [
        ["folder", str(dataset.folder)],
        ["digest", dataset.digest],
        [kind, dataset.sample.description],
        ["network gets", f"float32 {' x '.join(map(str, dataset.input_shape))}, {scale}"],
        ["classes", f"{len(dataset.classes)}: {', '.join(dataset.classes)}"],
    ]
    for name, split in dataset.manifest.splits.items():
        shards = f"{len(split.shards)} shard{'s' if len(split.shards) > 1 else ''}"
        rows.append([f"split {name}", f"{split.images} {kind} in {shards} ({split.selection})"])
    rows += [["source", dataset.source], ["licence", dataset.licence]]
    print_table("", [Column("dataset"), Column(dataset.name)], rows, make_console(), names=0)


@contextmanager
def _progress(console: Console) -> Iterator[ProgressCallback]:
    """A bar for each split on a terminal, a plain line for each tenth of a split elsewhere."""
    if not console.is_terminal:
        yield _PlainProgress(console)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(split: str, done: int, total: int) -> None:
            if split not in tasks:
                tasks[split] = bars.add_task(f"split {split}", total=total)
            bars.update(tasks[split], completed=done)

        yield show


class _PlainProgress:
    """Prints a line when a split has come another tenth of its way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tenths: dict[str, int] = {}

    def __call__(self, split: str, done: int, total: int) -> None:
        tenth = 10 * done // total
        if tenth > self._tenths.get(split, 0):
            self._tenths[split] = tenth
            self._console.print(f"split {split}: {done} of {total} images", markup=False, highlight=False)
