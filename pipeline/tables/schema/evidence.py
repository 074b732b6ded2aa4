"""What the fast solver missed on reads that were solved exactly as well."""

from __future__ import annotations

import pyarrow as pa

from pipeline.columns import FLOAT, INT, column


def evidence_fields(worst_of: str) -> list[pa.Field]:
    """What the fast solver misses, where it was the worst."""
    return [
        column(name, FLOAT, unit, f"{text}; the worst of {worst_of}", True)
        for name, unit, text in (
            ("evidence_rms_lsb", "LSB", "rms of fast minus exact current on held-out reads of this run"),
            ("evidence_worst_lsb", "LSB", "largest |fast minus exact current| on them"),
            ("evidence_changed", "fraction", "share of these reads whose codes differ"),
            ("evidence_converted_rms_lsb", "LSB", "rms difference of the codes"),
            ("evidence_converted_worst_lsb", "LSB", "largest difference of the codes"),
            ("evidence_top_bias_lsb", "LSB", "mean difference of the codes on reads of the highest sums"),
            (
                "evidence_output_error",
                "1",
                "rms difference of columns' dot products / standard deviation of the ideal ones",
            ),
            ("kcl_residual", "1", "largest Kirchhoff residual of the exact solves, relative"),
        )
    ] + [
        column("evidence_reads", INT, "1", "conversions of this run whose columns were solved exactly for comparison"),
        column("evidence_unsolved", INT, "1", "those whose exact solve did not converge"),
    ]
