"""Counts what every design of the paper's sweep made of each half of the images, into a small table: what one half picks
the other can measure.

python docs/paper_halves.py docs/results/paper/halves.parquet
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import pipeline
from pipeline.columns import DIMENSIONLESS, FLOAT, TEXT, column
from pipeline.results.finished import Results

SCHEMA = pa.schema(
    [
        column("design_key", TEXT, DIMENSIONLESS, "design"),
        column("accuracy_even", FLOAT, "fraction", "classified rightly of images 0, 2, 4, ..."),
        column("accuracy_odd", FLOAT, "fraction", "classified rightly of images 1, 3, 5, ..."),
    ]
)


def halves(results: Results, sweep: str) -> pa.Table:
    """One row a design that has images on both halves."""
    rows = []
    for key, images in results.designs(sweep)[["design_key", "images"]].itertuples(index=False):
        correct = results.predictions(key).correct[:images]
        if len(correct) == images > 1:
            even, odd = float(correct[::2].mean()), float(correct[1::2].mean())
            rows.append({"design_key": key, "accuracy_even": even, "accuracy_odd": odd})
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def main() -> None:
    """Count and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--results", default="results")
    parser.add_argument("--sweep", default="paper")
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(halves(pipeline.open(options.results), options.sweep), options.output, compression="zstd")


if __name__ == "__main__":
    main()
