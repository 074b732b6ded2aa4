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
    columns = [f"params.`{name}`" for name in names]
    columns += [f"metrics.`{name}`" for name in _METRICS if name in metrics]
    columns.append("tags.`on_front`")
    state = {
        "searchFilter": f"tags.`{PREFIX}.kind` = 'design' and tags.`{PREFIX}.sweep` = '{sweep_name}'",
        "orderByKey": "metrics.`accuracy_pct`",
        "orderByAsc": False,
        "selectedColumns": columns,
    }
    return json.dumps(state, separators=(",", ":"))


def _view_key(sweep_name: str) -> str:
    return f"{PREFIX}.{sweep_name}"
