"""Rows of a table as JSON holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def json_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The values of a row as plain Python: floats with all their digits, None for what is no finite number."""
    return {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
