"""From a sweep file to a front: plan, run on Ray, store, aggregate, track, report.

``pipeline.open("results/")`` gives the tables of finished sweeps as data frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.results.finished import Results


def open(uri: str = "results") -> Results:
    """The results in a folder or under a storage URI, as data frames.

    Args:
        uri: a folder, or a URI such as ``s3://bucket/results``.

    Raises:
        InputError: there is no finished sweep.
    """
    from pipeline.results.finished import (
        Results,  # pandas and pyarrow take time that commands such as --help do not have
    )

    return Results(uri)
