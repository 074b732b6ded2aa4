"""A search on real circuits: what loses most of its accuracy is brought back, and dense storage is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.recommend.candidates import hardware_among
from pipeline.recommend.recommendation import Options
from pipeline.recommend.search import Evaluations, recommend
from pipeline.storage.store import Store
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from tests.pipeline.recommend.here import Here

SWEEP = """
name: real
models: fashion-cnn
devices: [8T-SRAM, 1T-1ReRAM]
corners: pessimistic
arrays: 64x64
sparsity: dense
adc: {reference: calibrated}
evidence: {beyond: mark}
dataset: {name: fashion-mnist, images: 200}
"""


@pytest.mark.slow
def test_pessimistic_designs_come_back(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text(SWEEP)
    plan = make_plan(load_sweep(tmp_path / "real.yaml"))
    store = Store(str(tmp_path / "results"))
    passes = ("binsparx", "bent_references", "popcount_term", "recalibrated_outputs")
    options = Options(target=0.1, images=200, passes=passes)
    found = recommend(hardware_among(plan.points), options, Evaluations(plan, store, Here(plan, store)))
    sram, reram = found
    assert sram.dense.accuracy[0] < 0.6 and sram.kind == "confirmed"
    assert sram.chosen.candidate.name == "binsparx"  # alone is enough there, and the cheapest
    assert "bent_references" in reram.chosen.candidate.name
    for one in found:
        assert one.chosen.accuracy[0] > one.dense.accuracy[0] + 0.2
    for one in found:
        assert all(value > 0 for value in one.chosen.costs.values())
