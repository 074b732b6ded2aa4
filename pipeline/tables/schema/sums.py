"""Partial sums, their errors and the currents behind them, of a design, a layer or a chip."""

from __future__ import annotations

from pipeline.columns import FLOAT, column

SUM_FIELDS = [
    column("mean_partial_sum", FLOAT, "LSB", "mean analog partial sum of a column read, as applied"),
    column("partial_sum_reduction", FLOAT, "fraction", "1 - sum of partial sums / the same without flips and pruning"),
    column("rms_error_lsb", FLOAT, "LSB", "rms of converted minus true partial sum over all column reads"),
    column("worst_error_lsb", FLOAT, "LSB", "largest |converted minus true partial sum|"),
    column(
        "clipped_fraction",
        FLOAT,
        "fraction",
        "column reads above the highest code, of signed converters also below the lowest",
    ),
    column(
        "mean_column_current_A",
        FLOAT,
        "A",
        "solved current of a column while it is read, mean over the column reads; null for references",
        True,
    ),
    column(
        "array_current_A",
        FLOAT,
        "A",
        "mean_column_current_A x column_reads_per_image: reads follow one another, so that no such current ever flows; "
        "null for references",
        True,
    ),
    column("column_reads_per_image", FLOAT, "1/image", "column reads, each with a conversion or two with one"),
]
