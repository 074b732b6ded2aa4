"""What the fast solver misses of exact reads, for every bitcell that ships: `make bench-evidence`.

Held-out reads of real images on all layers of fashion-cnn, dense and with BinSparX, in LSB: rms of currents, rms of
converted sums and their mean difference at the highest sums, each that of the worst layer. These are figures that every
row of a sweep carries for its own design. The converter is that of quickstart.yaml.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import track
from rich.table import Table

from pipeline.simulation import lossless_bits
from simcore.datasets import open_dataset
from simcore.design import Adc, Design, EvidenceLimits, Sparsity
from simcore.inference import prepare
from simcore.network.checkpoint import find_model, load_checkpoint
from simcore.technology import circuit_parameters, corner_names, device_names

SIZES = (32, 64, 128, 256)
LEVELS: tuple[Sparsity, ...] = ("dense", "binsparx")


def main() -> None:
    """Print one table; the tall arrays take minutes."""
    checkpoint, dataset = load_checkpoint(find_model("fashion-cnn")), open_dataset("fashion-mnist")
    table = Table(
        title="fast against exact in LSB, fashion-cnn: rms before / after the converter / bias of the highest sums"
    )
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
            rms, converted, bias = map(found.worst, ("rms_lsb", "converted_rms_lsb", "top_bias_lsb"))
            cells.append(f"{rms:.3f} / {converted:.3f} / {bias:+.3f}")
        table.add_row(device, corner, level, *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
