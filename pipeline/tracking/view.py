"""How MLflow's list of a sweep's designs looks at first: their columns, the most accurate on top.

MLflow has no place for this but the views that its *Share* button makes: a tag of the experiment with the state of the
page as JSON, which an address names. A browser that was given the address keeps the columns.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Collection

from pipeline.tracking.client import PREFIX

_TAG = "mlflow.sharedViewState."
_PIXELS, _PIXELS_AROUND = 7, 44  # of a letter of a column's heading, and of what stands around it
_VALUE = 9  # letters of a value, such as 1T-1ReRAM
_ALWAYS = ("device", "corner", "rows", "cols", "sparsity")
_METRICS = (
    "accuracy_pct", "accuracy_low_pct", "accuracy_loss_points", "energy_per_image_nJ", "latency_per_image_us",
    "area_mm2", "mean_column_current_uA",
)  # fmt: skip


def view_tag(sweep_name: str) -> str:
    """The experiment's tag with the view of a sweep."""
    return f"{_TAG}{_view_key(sweep_name)}"


def view_page(experiment: str, sweep_name: str) -> str:
    """Where MLflow shows it, below its own address."""
    return f"/experiments/{experiment}/runs?viewStateShareKey={urllib.parse.quote(_view_key(sweep_name))}"


def view_state(sweep_name: str, varied: Collection[str], metrics: Collection[str]) -> str:
    """The state of the page: what makes a design, what differs among the sweep's, and what comes out.

    Args:
        sweep_name: whose designs are listed.
        varied: parameters with several values.
        metrics: that its runs have.
    """
    names = [*_ALWAYS, *(name for name in sorted(varied) if name not in _ALWAYS)]
    measured = [name for name in _METRICS if name in metrics]
    kinds = {**dict.fromkeys(names, "params"), **dict.fromkeys(measured, "metrics"), "on_front": "tags"}
    widths = {f"{kind}.`{name}`": _PIXELS_AROUND + _PIXELS * max(len(name), _VALUE) for name, kind in kinds.items()}
    state = {
        "searchFilter": f"tags.`{PREFIX}.kind` = 'design' and tags.`{PREFIX}.sweep` = '{sweep_name}'",
        "orderByKey": "metrics.`accuracy_pct`",
        "orderByAsc": False,
        "selectedColumns": list(widths),
        "columnOrder": list(widths),
        "columnWidths": widths,
    }
    return json.dumps(state, separators=(",", ":"))


def _view_key(sweep_name: str) -> str:
    return f"{PREFIX}.{sweep_name}"
