"""Small designs with every number that a shard of images gives on them, as ``golden_totals.json`` keeps them.

``python -m tests.simcore.golden_totals`` computes the file again. A design is added to it by hand, with ``about``,
``design`` and ``images`` alone, and its numbers by that command, which refuses numbers that moved under the same solver
version of the design: results on people's disks are named by it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy.linalg
import torch
from threadpoolctl import threadpool_info

from simcore.datasets import Dataset, open_dataset
from simcore.design import Design
from simcore.inference.evaluation import evaluate, on_chip, prepare, solver_version
from simcore.network.checkpoint import Checkpoint, network_digest
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork

FILE = Path(__file__).with_suffix(".json")
REGENERATE = "python -m tests.simcore.golden_totals"
RAISE = (
    "if this is meant, raise SOLVER_VERSION, or CHIPS_VERSION if only designs with effects move, or the revision of a "
    "pass if only designs with it do"
)

# Fits of the fast solver follow the last bits of least squares, and so the processor that numpy and BLAS find; codes,
# and all that is made of them, do not. Largest difference where that is another one, relative and absolute: about ten
# and five times what was seen between processors with SSE, AVX2 and AVX-512.
ELSEWHERE = {
    "column_current": (1e-6, 0.0),
    "rms_lsb": (0.0, 1e-5),
    "worst_lsb": (0.0, 1e-5),
    "residual": (1e-4, 1e-12),
}

_CHIP = 2
_GIVEN = ("about", "design", "images")  # of an entry; all else is computed

Entry = dict[str, Any]


def read_file() -> dict[str, Any]:
    """The golden file: arithmetic, digests of network and images, and the designs by name."""
    known: dict[str, Any] = json.loads(FILE.read_text())
    return known


def design_of(entry: Entry) -> Design:
    """The design of an entry, which says all that its key would say."""
    return Design.model_validate(entry["design"])


def version_of(entry: Entry) -> str:
    """The solver version that the key of an entry's design has."""
    design = design_of(entry)
    return solver_version(design.effects, design.mitigations, design.adc)


def golden_network() -> Checkpoint:
    """Padding, strides, a kernel that is not square, column counts that fill no vector, layers of several row groups.

    Weights are small whole numbers, and thresholds lie halfway between two: what is not on an array is exact in
    float32, so that no processor or library decides a sign otherwise.
    """
    network = GraphNetwork(_golden_graph())
    whole = {"running_mean": 0.5, "running_var": 1.0, "bias": 0.0}
    for name, tensor in network.named_tensors().items():
        kind = name.rsplit(".", 1)[1]
        tensor.copy_(torch.tensor(whole[kind]) if kind in whole else _odd_numbers(name, tensor.shape))
    network.eval().requires_grad_(False)
    return Checkpoint(network, "golden", network_digest(network), {})


def _golden_graph() -> NetworkGraph:
    def node(name: str, op: str, source: str, **attrs: Any) -> Node:
        return Node(name=name, op=op, inputs=(source,), attrs=attrs)

    def window(inputs: int, outputs: int, kernel: Any, stride: Any, padding: Any) -> dict[str, Any]:
        return {"in_channels": inputs, "out_channels": outputs, "kernel": kernel, "stride": stride, "padding": padding}

    return NetworkGraph(
        nodes=(
            node("stem", "conv2d", "input", **window(1, 5, 3, 3, 1), bias=False),
            node("bn0", "batch_norm", "stem", channels=5),
            node("wide", "binary_conv2d", "bn0", **window(5, 19, 3, 2, 1)),
            node("bn1", "batch_norm", "wide", channels=19),
            node("narrow", "binary_conv2d", "bn1", **window(19, 6, (1, 3), (2, 1), (0, 1))),
            node("bn2", "batch_norm", "narrow", channels=6),
            node("flat", "flatten", "bn2"),
            node("dense", "binary_linear", "flat", in_features=90, out_features=33),
            node("bn3", "batch_norm", "dense", channels=33),
            node("logits", "linear", "bn3", in_features=33, out_features=10, bias=False),
        ),
        input_shape=(1, 28, 28),
        classes=10,
    )


def _odd_numbers(name: str, shape: torch.Size) -> torch.Tensor:
    """-3, -1, 1 or 3 each, from a digest: the same whatever becomes of random generators."""
    drawn = hashlib.shake_256(name.encode()).digest(shape.numel())
    return torch.tensor([2 * (byte % 4) - 3 for byte in drawn], dtype=torch.float32).reshape(shape)


def golden_images() -> Dataset:
    """The sample that ships."""
    return open_dataset("fashion-mnist")


def measure(entry: Entry, checkpoint: Checkpoint, dataset: Dataset) -> Entry:
    """All numbers of a design's shard: those that a sweep would store, of one chip where chips differ."""
    split, first, count = entry["images"]
    prepared = prepare(checkpoint, design_of(entry), dataset)
    result = evaluate(on_chip(prepared, _CHIP), *dataset.read(split, first, count), first)
    return {
        "solver_version": version_of(entry),
        "solver": prepared.solver,
        "labels": result.labels.tolist(),
        "predictions": result.predictions.tolist(),
        "ideal_predictions": result.ideal_predictions.tolist(),
        "totals": {one.layer: _fields(one, "layer") for one in result.layers},
        "evidence": {
            f"{one.layer} on {one.inputs} inputs": _fields(one, "layer", "inputs") for one in prepared.evidence.layers
        },
    }


def _fields(record: Any, *names: str) -> dict[str, Any]:
    """The fields of a record but for those it is named by."""
    return {name: value for name, value in dataclasses.asdict(record).items() if name not in names}


def computed(entry: Entry) -> Entry:
    """The numbers of an entry; empty of a design that was just added."""
    return {name: value for name, value in entry.items() if name not in _GIVEN}


def arithmetic() -> dict[str, Any]:
    """What decides the last bits of linear algebra here."""
    blas = [one for one in threadpool_info() if one["user_api"] == "blas"]
    return {
        "machine": platform.machine(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
        "blas": sorted(f"{one['version']} {one.get('architecture')}" for one in blas),
        "simd": np.show_config(mode="dicts")["SIMD Extensions"].get("found", []),
    }


def differences(expected: Any, found: Any, here: bool, *place: str) -> Iterator[str]:
    """One line for every number that is not the very same, or where the expected ones are not of this arithmetic
    (``here``), further away than another one explains."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in dict.fromkeys((*expected, *found)):
            yield from differences(expected.get(name), found.get(name), here, *place, name)
    elif not (_same(expected, found) or (not here and _near(expected, found, place[-1]))):
        yield f"{', '.join(place)}: expected {_shown(expected)}, got {_shown(found)}"


def _same(expected: Any, found: Any) -> bool:
    return type(expected) is type(found) and bool(expected == found)


def _near(expected: Any, found: Any, name: str) -> bool:
    if name not in ELSEWHERE or type(expected) is not type(found):
        return False
    relative, absolute = ELSEWHERE[name]
    return bool(abs(found - expected) <= max(relative * abs(expected), absolute))


def _shown(value: Any) -> str:
    return "nothing (new or gone)" if value is None else repr(value)


def updated(known: dict[str, Any], fresh: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The file to be written, and the numbers that moved though network, images and the design's version did not."""
    if any(known[name] != fresh[name] for name in ("network", "dataset")):
        return fresh, []
    here = known["arithmetic"] == fresh["arithmetic"]
    moved = [
        line
        for name, entry in known["designs"].items()
        if entry.get("solver_version") == fresh["designs"][name]["solver_version"]
        for line in differences(computed(entry), computed(fresh["designs"][name]), here, name)
    ]
    return fresh, moved


def main(measured: Callable[[Entry, Checkpoint, Dataset], Entry] = measure) -> int:
    """Computes the golden file again, unless numbers moved that must not."""
    os.environ.pop("BINSPARX_DEVICE", None)  # other devices agree to a tolerance only
    known, checkpoint, dataset = read_file(), golden_network(), golden_images()
    given = {name: {field: entry[field] for field in _GIVEN} for name, entry in known["designs"].items()}
    fresh = {
        "network": checkpoint.digest,
        "dataset": dataset.digest,
        "arithmetic": arithmetic(),
        "designs": {name: entry | measured(entry, checkpoint, dataset) for name, entry in given.items()},
    }
    whole, moved = updated(known, fresh)
    if moved:
        print(*moved, f"nothing written: the versions are what they were; {RAISE}", sep="\n")
        return 1
    FILE.write_text(readable(whole) + "\n")
    return 0


def readable(value: Any, indent: str = "", levels: int = 4) -> str:
    """JSON with one line for each layer of each design."""
    if levels == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value)
    inner = indent + "  "
    lines = [f"{inner}{json.dumps(name)}: {readable(part, inner, levels - 1)}" for name, part in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


if __name__ == "__main__":
    sys.exit(main())
