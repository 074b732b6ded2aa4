"""Chips of the simulation itself, with a small network."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.results.finished import Results
from pipeline.storage.store import Store
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from simcore.network.checkpoint import save_checkpoint
from tests.pipeline.explain.test_blame import CELL, SWEEP
from tests.pipeline.finished_sweep import compute
from tests.simcore.small_networks import small_checkpoint, small_dataset


@pytest.mark.slow
def test_a_real_sweep_over_chips_is_the_same_in_other_shards_and_in_each_chip(tmp_path: Path) -> None:
    """The simulation itself, with a small network: chips differ, their number seeds them, and shards decide nothing."""
    save_checkpoint(tmp_path / "small.safetensors", small_checkpoint().network, {"name": "small"})
    small_dataset(tmp_path, test=20)
    (tmp_path / "cell.yaml").write_text(CELL)
    found = {}
    for name, chips, shard_images in (("whole", 3, 20), ("parts", 3, 7), ("one", 1, 20)):
        path = tmp_path / f"{name}.yaml"
        extra = f"effects: sram-vt-6+stuck-1e-2\nchips: {chips}\nshard_images: {shard_images}\n"
        path.write_text(SWEEP.replace("name: tiny", f"name: {name}") + extra)
        store = compute(make_plan(load_sweep(path)), Store(str(tmp_path / f"results-{name}")))
        found[name] = Results(store.uri).chips().drop(columns="sweep")
    pd.testing.assert_frame_equal(found["whole"], found["parts"])
    pd.testing.assert_frame_equal(found["whole"][:1], found["one"])
    assert found["whole"].rms_error_lsb.nunique() == 3
