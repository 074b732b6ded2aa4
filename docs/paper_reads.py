"""Samples column reads of a network on the design of the paper page's histograms, solved exactly, into a small table.

python docs/paper_reads.py MODEL docs/results/paper/reads-MODEL.parquet --dataset data/cifar10
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from pipeline.columns import DIMENSIONLESS, FLOAT, INT, TEXT, column
from simcore.analysis.read_statistics import SampledReads, sample_reads
from simcore.datasets import open_dataset
from simcore.design import Design
from simcore.design_axes import Adc, EvidenceLimits
from simcore.inference.evaluation import SOLVER_VERSION
from simcore.network.checkpoint import find_model, load_checkpoint
from simcore.technology import circuit_parameters

LEVELS = (("dense", "channel"), ("binsparx", "channel"), ("binsparx", "grouped"))

SCHEMA = pa.schema(
    [
        column("model", TEXT, DIMENSIONLESS, "network"),
        column("model_digest", TEXT, DIMENSIONLESS, "sha256 of graph and weights"),
        column("device", TEXT, DIMENSIONLESS, "bitcell"),
        column("corner", TEXT, DIMENSIONLESS, "corner of the bitcell"),
        column("rows", INT, "rows", "rows of an array, all read together"),
        column("adc_fit", TEXT, DIMENSIONLESS, "how the converters are re-ranged"),
        column("solver_version", TEXT, DIMENSIONLESS, "version of the simulation"),
        column("layer", TEXT, DIMENSIONLESS, "binary layer"),
        column("sparsity", TEXT, DIMENSIONLESS, "dense or binsparx"),
        column("row_order", TEXT, DIMENSIONLESS, "row order"),
        column("partial_sum", INT, "LSB", "true partial sum of the reads of this row"),
        column("current", INT, "LSB", "column current, rounded down"),
        column("reads", INT, "1", "column reads sampled with this sum and current"),
        column("mean_current", FLOAT, "LSB", "mean column current of these reads"),
        column("mean_error", FLOAT, "LSB", "mean of code - partial sum over these reads"),
        column("squared_error", FLOAT, "LSB^2", "mean of its square"),
    ]
)


def main() -> None:
    """Measure and write."""
    options = _parser().parse_args()
    checkpoint = load_checkpoint(find_model(options.model, "MODEL"))
    dataset = open_dataset(options.dataset, "--dataset")
    images, _ = dataset.read("test", 0, options.images)
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()
    adc = Adc(bits=int(options.rows).bit_length(), reference="calibrated")
    common = {"model": checkpoint.name, "model_digest": checkpoint.digest, "device": options.device,
              "corner": options.corner, "rows": options.rows, "adc_fit": adc.fit, "solver_version": SOLVER_VERSION}  # fmt: skip
    rows: list[dict[str, Any]] = []
    for sparsity, order in LEVELS:
        design = Design(
            circuit=circuit_parameters(options.device, options.corner),
            rows=options.rows,
            cols=options.rows,
            row_order=order,
            sparsity=sparsity,
            adc=adc,
            evidence=EvidenceLimits(beyond="mark"),  # these reads are solved exactly, whatever the fit would miss
        )
        for reads in sample_reads(checkpoint, design, dataset, pixels):
            level = {"layer": reads.layer, "sparsity": sparsity, "row_order": order}
            rows += [{**common, **level, **count} for count in _counts(reads)]
            print(f"{checkpoint.name} {reads.layer}: {sparsity}, {order}", flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), options.output, compression="zstd")


def _counts(reads: SampledReads) -> list[dict[str, Any]]:
    current = np.floor(reads.current + 1e-9).astype(np.int64)
    error = reads.code - reads.partial_sum
    pairs, place = np.unique(np.stack([reads.partial_sum, current], axis=1), axis=0, return_inverse=True)
    number = np.bincount(place.ravel())
    means = {
        name: (np.bincount(place.ravel(), values) / number).tolist()
        for name, values in (("mean_current", reads.current), ("mean_error", error), ("squared_error", error**2))
    }
    return [
        {"partial_sum": int(total), "current": int(amount), "reads": int(count)}
        | {name: values[index] for name, values in means.items()}
        for index, ((total, amount), count) in enumerate(zip(pairs, number, strict=True))
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="network that ships, or a checkpoint file")
    parser.add_argument("output", type=Path)
    parser.add_argument("--dataset", default="data/cifar10")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--device", default="8T-SRAM")
    parser.add_argument("--corner", default="pessimistic")
    parser.add_argument("--rows", type=int, default=64)
    return parser


if __name__ == "__main__":
    main()
