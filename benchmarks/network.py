"""Time per image of a mapped network against the same network in plain PyTorch: `make bench-network`.

Both run on the same threads in the same process, in turn; the ratio is what counts. The mapped network is simulated
with every non-ideality and its converters, statistics included.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numba
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from simcore.datasets import open_dataset
from simcore.design import Design
from simcore.design_axes import Adc, EvidenceLimits, Sparsity
from simcore.inference.evaluation import mapped_logits, prepare
from simcore.network.accuracy import as_input
from simcore.network.checkpoint import Checkpoint, find_model, load_checkpoint
from simcore.network.definitions import vgg_small
from simcore.network.modules import GraphNetwork
from simcore.technology import circuit_parameters

REPEATS = 5
BATCH = 25


class RandomImages:
    """Stands in for a data set of CIFAR-10's shape where none is installed; timing needs no real images."""

    name = "random"
    input_shape = (3, 32, 32)
    classes = tuple(map(str, range(10)))
    splits = {"train": 64}  # noqa: RUF012

    def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """uint8 images and labels."""
        rng = np.random.default_rng(start)
        return rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), np.zeros(count, np.int64)


def seconds_each(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each piece of work, run in turn so that all meet the same machine."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for repeat in range(REPEATS + 1):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            if repeat:
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in times.items()}


def measure(checkpoint: Checkpoint, dataset: object, multiply_adds: float, table: Table) -> None:
    """Rows for every device at 64x64."""
    images, _ = dataset.read("train", 0, BATCH)  # type: ignore[attr-defined]
    pixels = as_input(images)
    for device in ("8T-SRAM", "1T-1ReRAM"):
        levels: tuple[Sparsity, ...] = ("dense", "binsparx")
        for sparsity in levels:
            design = Design(
                circuit=circuit_parameters(device), rows=64, cols=64, sparsity=sparsity,
                adc=Adc(bits=7, reference="calibrated"), evidence=EvidenceLimits(beyond="mark"),
            )  # fmt: skip
            prepared = prepare(checkpoint, design, dataset)  # type: ignore[arg-type]
            with torch.inference_mode():
                found = seconds_each(
                    {
                        "plain": lambda: checkpoint.network(pixels),
                        "mapped": lambda prepared=prepared: mapped_logits(prepared, pixels),  # type: ignore[misc]
                    }
                )
            plain, mapped = (found[name] / BATCH * 1e3 for name in ("plain", "mapped"))
            table.add_row(
                checkpoint.name, device, sparsity, f"{plain:.2f}", f"{mapped:.1f}", f"{mapped / plain:.1f}",
                f"{multiply_adds / mapped / 1e6:.1f}", f"{prepared.evidence.worst('rms_lsb'):.3f}",
            )  # fmt: skip


def main() -> None:
    """Print the table."""
    threads = numba.get_num_threads()
    torch.set_num_threads(threads)
    table = Table(title=f"time per image, {threads} threads, batch {BATCH}, 64x64 tiles, nominal corner")
    for heading in (
        "network",
        "device",
        "sparsity",
        "plain ms",
        "mapped ms",
        "ratio",
        "G binary MAC/s",
        "rms LSB",
    ):
        table.add_column(heading, justify="left" if heading in ("network", "device", "sparsity") else "right")
    measure(load_checkpoint(find_model("fashion-cnn")), open_dataset("fashion-mnist"), 11.7e6, table)
    torch.manual_seed(0)
    network = GraphNetwork(vgg_small()).eval()
    measure(Checkpoint(network, "vgg-small (random weights)", "0" * 64, {}), RandomImages(), 604e6, table)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
