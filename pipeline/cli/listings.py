"""``binsparx devices``, ``effects``, ``models``, ``datasets``: what a sweep may name; ``sweeps``: those that ship."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.options import JsonOption, make_console
from simcore.errors import InputError

_FilesArgument = Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", help="Files of your own to list too.")]
_FoldersArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[FOLDER]...", help="Folders of your own to list too.")
]
Row = Mapping[str, Any]


def devices(files: _FilesArgument = None, json: JsonOption = False) -> None:
    """List the bitcells that ship: topology, corners, and currents of both states at the read voltage.

    Examples: `binsparx devices`, `binsparx devices my-cell.yaml --json`.
    """
    from pipeline.sweep.objectives import OBJECTIVES
    from simcore.technology import device_names

    rows = [_device(name) for name in [*device_names(), *(files or [])]]
    if json:
        print(json_module.dumps(rows, indent=2, ensure_ascii=False))
        return
    amperes = OBJECTIVES["current"].show
    columns: dict[str, Callable[[Row], str]] = {
        "device": lambda row: row["device"],
        "topology": lambda row: row["topology"],
        "corner": lambda row: row["corner"],
        "read at": lambda row: f"{row['v_read_V']:g} V",
        "ON": lambda row: amperes(row["on_current_A"]),
        "OFF": lambda row: amperes(row["off_current_A"]),
        "on / off": lambda row: f"{float(format(row['on_off_ratio'], '.3g')):g}" if row["on_off_ratio"] else "",
        "costs": lambda row: "yes" if row["has_costs"] else "no",
    }
    corners = [{**row, **corner} for row in rows for corner in row["corners"]]
    _print(corners, columns, right=("read at", "ON", "OFF", "on / off"))
    _notes([f"{row['device']}: {row['description']}" for row in rows if row["description"]])
    _notes(["costs: whether the cell's size is known, and with it energy, latency and area"])


def effects(files: _FilesArgument = None, json: JsonOption = False) -> None:
    """List the device effects that ship: what makes chips differ, its kind, what it depends on, where it was read.

    Examples: `binsparx effects`, `binsparx effects my-cells.yaml --json`.
    """
    from simcore.effects.effect_blocks import preset_names

    rows = [_effect(name) for name in [*preset_names(), *(files or [])]]
    if json:
        print(json_module.dumps(rows, indent=2, ensure_ascii=False))
        return
    columns: dict[str, Callable[[Row], str]] = {
        "effect": lambda row: row["effect"],
        "kind": lambda row: row["kind"],
        "depends on": lambda row: ", ".join(row["depends_on"]),
    }
    _print(rows, columns, right=())
    _notes([f"{row['effect']}: {row['about']}\n  {row['source']}" for row in rows])
    _notes(["several act together with a plus between them, sram-vt-5+stuck-1e-3, one of each kind at most"])


def models(files: _FilesArgument = None, json: JsonOption = False) -> None:
    """List the networks that ship: inputs, binary layers, and accuracy in ideal arithmetic where it was measured.

    Examples: `binsparx models`, `binsparx models my-network.safetensors --json`.
    """
    from simcore.network.checkpoint import model_names

    rows = [_model(name) for name in [*model_names(), *(files or [])]]
    if json:
        print(json_module.dumps(rows, indent=2, ensure_ascii=False))
        return
    columns: dict[str, Callable[[Row], str]] = {
        "model": lambda row: row["model"],
        "input": lambda row: "x".join(str(size) for size in row["input_shape"]),
        "classes": lambda row: str(row["classes"]),
        "layers": lambda row: str(len(row["binary_layers"])),
        "weights": lambda row: f"{sum(row['binary_layers'].values()):,}",
        "accuracy": lambda row: "\n".join(_accuracy(one) for one in row["accuracies"]) or "not recorded",
        "data set": lambda row: "\n".join(one["dataset"][:8] for one in row["accuracies"]),
    }
    _print(rows, columns, right=("classes", "layers", "weights", "accuracy"))
    _notes(
        [
            "input: channels x height x width of images; layers and weights: the binary ones, which arrays hold",
            "accuracy: in ideal arithmetic, as recorded by the network's maker; data set: its digest",
        ]
    )


def datasets(folders: _FoldersArgument = None, json: JsonOption = False) -> None:
    """List the data sets that ship and those in `data/`: shape of samples, classes, splits.

    Examples: `binsparx datasets`, `binsparx datasets ~/photos-imported --json`.
    """
    from simcore.datasets import SAMPLE_NAMES

    named = dict.fromkeys(folders or [])
    here = sorted({str(manifest.parent) for manifest in Path("data").glob("*/dataset.json")} - named.keys())
    rows = [_dataset(reference) for reference in SAMPLE_NAMES]
    for reference in here:
        try:
            rows.append(_dataset(reference))
        except InputError as error:  # of a folder that nobody named
            print(f"warning: left out: {error}", file=sys.stderr)
    rows += [_dataset(reference) for reference in named]
    if json:
        print(json_module.dumps(rows, indent=2, ensure_ascii=False))
        return
    columns: dict[str, Callable[[Row], str]] = {
        "dataset": lambda row: row["dataset"],
        "samples": lambda row: "x".join(str(size) for size in row["shape"]),
        "classes": lambda row: str(len(row["classes"])),
        "splits": lambda row: ", ".join(f"{name} {count}" for name, count in row["splits"].items()),
        "digest": lambda row: row["digest"][:12],
        "licence": lambda row: row["licence"] or "not recorded",
    }
    _print(rows, columns, right=("classes",))
    _notes(["samples: height x width x channels of images, else the tensor's shape; more with `binsparx data import`"])


def sweeps(json: JsonOption = False) -> None:
    """List the sweep files that ship: run one by its name, or copy it and change it.

    Examples: `binsparx sweeps`, `binsparx run quickstart`.
    """
    from pipeline.sweep.shipped import shipped_sweeps
    from simcore.yaml_file import read_yaml

    rows = []
    for name, path in shipped_sweeps().items():
        content = read_yaml(path).data
        description = " ".join(str(content.get("description", "")).split())
        rows.append({"sweep": name, "description": description, "file": str(path.resolve())})
    if json:
        print(json_module.dumps(rows, indent=2, ensure_ascii=False))
        return
    _notes([f"{row['sweep']}: {row['description']}\n  {row['file']}" for row in rows], soft_wrap=True)
    _notes(["run one by its name, or copy its file and change it; paths in a sweep file start from the file's folder"])


def _device(reference: str) -> Row:
    from simcore.technology import circuit_parameters
    from simcore.technology.devices import load_bitcell

    bitcell = load_bitcell(reference)
    corners = []
    for corner in bitcell.corners:
        circuit = circuit_parameters(reference, corner)
        on, off = circuit.on_current(), circuit.off_current()
        corners.append(
            {
                "corner": corner, "v_read_V": circuit.v_read, "on_current_A": on, "off_current_A": off,
                "on_off_ratio": on / off if off else None, "iv": circuit.iv, "iv_off": circuit.iv_off or circuit.iv,
            }
        )  # fmt: skip
    return {
        "device": reference, "topology": bitcell.topology, "has_costs": bitcell.cell is not None,
        "description": " ".join(bitcell.description.split()), "corners": corners,
    }  # fmt: skip


def _effect(reference: str) -> Row:
    from simcore.effects.effect_blocks import load_block

    block = load_block(reference)
    return {
        "effect": reference, "kind": block.effect.kind, "depends_on": list(block.effect.depends_on),
        "about": " ".join(block.about.split()), "source": " ".join(block.source.split()),
        "numbers": block.effect.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True),
    }  # fmt: skip


def _model(reference: str) -> Row:
    from simcore.network.checkpoint import find_model, load_checkpoint

    checkpoint = load_checkpoint(find_model(reference))
    graph = checkpoint.network.graph
    trained_on = checkpoint.metadata.get("dataset")
    name = trained_on.get("name", "") if isinstance(trained_on, dict) else ""
    return {
        "model": reference,
        "input_shape": list(graph.input_shape),
        "classes": graph.classes,
        "binary_layers": {layer.name: int(layer.weight.size) for layer in checkpoint.network.binary_layers()},
        "dataset": name,
        "accuracies": checkpoint.recorded_accuracies(),
        "digest": checkpoint.digest,
    }


def _accuracy(measured: Row) -> str:
    share = 100 * measured["correct"] / measured["images"]
    return f"{share:.1f} % of {measured['images']} images"


def _dataset(reference: str) -> Row:
    from simcore.datasets import open_dataset

    dataset = open_dataset(reference)
    return {
        "dataset": reference,
        "dtype": dataset.sample.dtype,
        "shape": list(dataset.sample.shape),
        "classes": list(dataset.classes),
        "splits": dict(dataset.splits),
        "digest": dataset.digest,
        "source": dataset.source,
        "licence": dataset.licence,
    }


def _print(rows: Sequence[Row], columns: Mapping[str, Callable[[Row], str]], right: Sequence[str]) -> None:
    from pipeline.report.text_table import Column, print_table

    headings = [Column(name, number=name in right) for name in columns]
    print_table("", headings, [[show(row) for show in columns.values()] for row in rows], make_console())


def _notes(lines: Sequence[str], soft_wrap: bool = False) -> None:
    console = make_console()
    console.print()
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=soft_wrap)
