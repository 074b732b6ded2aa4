"""What the fast solver misses of exact reads, for every bitcell that ships: `make bench-evidence`.

Held-out reads of real images on all layers of fashion-cnn, dense and with BinSparX: rms error of the current in LSB,
and the share of codes that differ after re-ranged converters, each of the worst layer and kind of inputs. Every row of
a sweep carries these figures for its own design.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import track
from rich.table import Table

from simcore.datasets import open_dataset
from simcore.design import Design
from simcore.design_axes import Adc, EvidenceLimits, Sparsity, lossless_bits
from simcore.inference.evaluation import prepare
from simcore.network.checkpoint import find_model, load_checkpoint
from simcore.technology import circuit_parameters, corner_names, device_names

SIZES = (32, 64, 128, 256)
LEVELS: tuple[Sparsity, ...] = ("dense", "binsparx")


def main() -> None:
    """Print one table; the tall arrays take minutes."""
    checkpoint, dataset = load_checkpoint(find_model("fashion-cnn")), open_dataset("fashion-mnist")
    table = Table(title="fast against exact: rms error of the current in LSB, share of codes that differ; fashion-cnn")
    for heading in ("device", "corner", "sparsity", *(f"{size} rows" for size in SIZES)):
        table.add_column(heading)
    presets = [
        (device, corner, level) for device in device_names() for corner in corner_names(device) for level in LEVELS
    ]
    for device, corner, level in track(presets, console=Console(stderr=True), disable=not sys.stderr.isatty()):
        cells = []
        for size in SIZES:
            design = Design(
                circuit=circuit_parameters(device, corner), rows=size, cols=size, sparsity=level, solver="fast",
                adc=Adc(bits=lossless_bits(size), reference="calibrated"), evidence=EvidenceLimits(beyond="mark"),
            )  # fmt: skip
            found = prepare(checkpoint, design, dataset).evidence
            cells.append(f"{found.worst('rms_lsb'):.1e} / {100 * found.worst('changed'):.2f} %")
        table.add_row(device, corner, level, *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
