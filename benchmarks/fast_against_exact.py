"""The fast solver against the exact one over a whole network, image by image: `make bench-exact`.

Every shipped preset and corner at 32 and 64 rows, dense and with both flips, converters re-ranged. Hours on two cores:
what is done is kept in a file, and the same command goes on from it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from simcore.datasets import open_dataset
from simcore.design import Design
from simcore.design_axes import Adc, EvidenceLimits, Sparsity, lossless_bits
from simcore.inference.evaluation import SOLVER_VERSION, evaluate, prepare
from simcore.network.checkpoint import find_model, load_checkpoint
from simcore.technology import circuit_parameters, corner_names, device_names

NETWORK, DATASET = "fashion-cnn", "fashion-mnist"
AGREEMENT, ABOVE = 0.97, 0.5  # predictions that agree, where the dense design classifies more than this rightly
CHANCE = 0.05  # McNemar p below which accuracies differ


@dataclasses.dataclass(frozen=True)
class Pair:
    """One design with both solvers on the same images.

    Attributes:
        only_exact, only_fast: images that only one solver's network classifies rightly.
        same: share of the predictions that agree. changed: share of the converted sums that the evidence says differ.
    """

    device: str
    corner: str
    rows: int
    sparsity: str
    images: int
    exact: float
    fast: float
    only_exact: int
    only_fast: int
    same: float
    changed: float
    version: str = SOLVER_VERSION

    @property
    def p_value(self) -> float:
        """Exact McNemar test of equal accuracies."""
        apart = self.only_exact + self.only_fast
        return float(binomtest(self.only_exact, apart).pvalue) if apart else 1.0

    @property
    def design(self) -> tuple[str, str, int, str]:
        return self.device, self.corner, self.rows, self.sparsity


def compare(device: str, corner: str, rows: int, sparsity: Sparsity, count: int) -> Pair:
    """Run the first ``count`` test images with both solvers."""
    checkpoint, dataset = load_checkpoint(find_model(NETWORK)), open_dataset(DATASET)
    images, labels = dataset.read("test", 0, count)
    design = Design(
        circuit=circuit_parameters(device, corner), rows=rows, cols=rows, sparsity=sparsity,
        adc=Adc(bits=lossless_bits(rows), reference="calibrated"), evidence=EvidenceLimits(beyond="mark"),
    )  # fmt: skip
    found, changed = {}, 0.0
    for solver in ("exact", "fast"):
        prepared = prepare(checkpoint, design.model_copy(update={"solver": solver}), dataset)
        found[solver] = evaluate(prepared, images, labels).predictions
        changed = prepared.evidence.worst("changed")
    exact, fast = (found[solver] == labels for solver in ("exact", "fast"))
    return Pair(
        device, corner, rows, sparsity, count, float(exact.mean()), float(fast.mean()), int((exact & ~fast).sum()),
        int((fast & ~exact).sum()), float((found["exact"] == found["fast"]).mean()), changed,
    )  # fmt: skip


def designs() -> Iterator[tuple[str, str, int, Sparsity]]:
    """Every shipped preset and corner, small arrays first."""
    levels: tuple[Sparsity, ...] = ("dense", "binsparx")
    for rows in (32, 64):
        for device in device_names():
            for corner in corner_names(device):
                for sparsity in levels:
                    yield device, corner, rows, sparsity


def judged(pairs: list[Pair]) -> list[tuple[Pair, str]]:
    """Every pair, in the order of ``designs``, with what is wrong with it: ``biased`` where accuracies differ by more
    than chance, ``apart`` where too few predictions agree though the dense design works."""
    order = {design: place for place, design in enumerate(designs())}
    dense = {pair.design[:3]: pair.exact for pair in pairs if pair.sparsity == "dense"}
    found = []
    for pair in sorted(pairs, key=lambda pair: order[pair.design]):
        counted = dense.get(pair.design[:3], 0) > ABOVE
        marks = ["biased"] if pair.p_value < CHANCE else []
        marks += ["apart"] if counted and pair.same < AGREEMENT else []
        found.append((pair, ", ".join(marks)))
    return found


def kept_pairs(state: Path, images: int) -> list[Pair]:
    """What a state file has of this solver version and so many images."""
    lines = state.read_text().splitlines() if state.exists() else []
    pairs = [Pair(**json.loads(line)) for line in lines]
    return [pair for pair in pairs if pair.version == SOLVER_VERSION and pair.images == images]


def table_of(pairs: list[Pair]) -> Table:
    """A line for each design."""
    table = Table("design", "exact %", "fast %", "only exact, fast", "p", "same %", "sums that differ %", "")
    for pair, mark in judged(pairs):
        table.add_row(
            f"{pair.device} {pair.corner} {pair.rows} {pair.sparsity}", f"{100 * pair.exact:.1f}",
            f"{100 * pair.fast:.1f}", f"{pair.only_exact}, {pair.only_fast}", f"{pair.p_value:.2f}",
            f"{100 * pair.same:.1f}", f"{100 * pair.changed:.2f}", mark,
        )  # fmt: skip
    return table


def main() -> None:
    """Compare what is not in the state file yet, then print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--state", type=Path, default=Path("build/fast_against_exact.jsonl"))
    arguments = parser.parse_args()
    arguments.state.parent.mkdir(parents=True, exist_ok=True)
    pairs = kept_pairs(arguments.state, arguments.images)
    known = {pair.design for pair in pairs}
    for design in designs():
        if design not in known:
            pairs.append(compare(*design, arguments.images))
            with arguments.state.open("a") as file:
                file.write(json.dumps(dataclasses.asdict(pairs[-1])) + "\n")
            print(pairs[-1], flush=True)
    total = np.array([[pair.only_exact, pair.only_fast] for pair in pairs]).sum(axis=0)
    console = Console()
    console.print(table_of(pairs))
    console.print(f"all {len(pairs)} designs: {total[0]} images only exact, {total[1]} only fast")


if __name__ == "__main__":
    main()
