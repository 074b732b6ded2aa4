"""What people call the pieces of hardware that are searched for together."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pipeline.results.names import distinguishing, hardware_name
from pipeline.sweep.axes import ROW_ORDER
from pipeline.sweep.points import Configuration


def hardware_names(hardware: Sequence[Configuration]) -> list[str]:
    """Each with the axes that tell it from the others; the row order is a part of what is recommended."""
    rows = [one.columns for one in hardware]
    axes = [name for name in distinguishing(pd.DataFrame(rows)) if name != ROW_ORDER.column]
    return [hardware_name(row, axes) for row in rows]
