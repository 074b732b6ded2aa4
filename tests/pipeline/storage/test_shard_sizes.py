"""However images are cut into shards, every figure of every table is the same to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.sweep.keys import canonical_json
from pipeline.tables.stored import read_table
from simcore.inference import evaluation as inference
from simcore.network.checkpoint import save_checkpoint
from tests.pipeline.finished_sweep import finish_sweep
from tests.simcore.small_networks import small_checkpoint, small_dataset

SHARD_SIZES = (10, 21, 42, 50)
# A column apart each, a row array with current in it, noise that is drawn by image, and reads solved exactly.
SWEEP = {
    "devices": "[8T-SRAM, 1T-1ReRAM-BL]",
    "corners": "pessimistic",
    "arrays": "16x5",
    "adc": "{bits: 4, reference: calibrated, noise_lsb: 0.4}",
    "sparsity": "binsparx",
    "points": "[{device: 8T-SRAM, solver: exact}, {device: 1T-1ReRAM-BL, adc_noise: 0}]",
    "evidence": "{beyond: mark}",
    "pareto": "{resamples: 10}",
}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A small network and 50 images for it, as a sweep file names them."""
    folder = tmp_path_factory.mktemp("network")
    save_checkpoint(folder / "small.safetensors", small_checkpoint().network, {})
    images = small_dataset(folder, test=50).folder
    return {
        "models": str(folder / "small.safetensors"),
        "dataset": f"{{name: '{images}', images: 50, calibration_images: 12}}",
    }


@pytest.fixture
def prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A design is prepared for the first shard size only: preparing sees no shards."""
    known: dict[str, Any] = {}
    prepare = inference.prepare

    def prepare_once(checkpoint: Any, design: Any, dataset: Any) -> Any:
        name = canonical_json(design.content())
        return known.get(name) or known.setdefault(name, prepare(checkpoint, design, dataset))

    monkeypatch.setattr(inference, "prepare", prepare_once)


@pytest.mark.usefixtures("prepared_once")
def test_shard_sizes_give_the_same_tables(tmp_path: Path, network: dict[str, str]) -> None:
    tables = {}
    for size in SHARD_SIZES:
        folder = tmp_path / str(size)
        folder.mkdir()
        _, store = finish_sweep(folder, **SWEEP, **network, shard_images=str(size))
        tables[size] = {name: read_table("small", name, store) for name in ("designs", "layers", "pareto")}
        shards = read_table("small", "shards", store)
        assert shards is not None
        assert set(shards["images"].to_pylist()) == {size, *([50 % size] if 50 % size else [])}
    first = tables[SHARD_SIZES[0]]
    assert first["designs"] is not None
    assert first["designs"].num_rows == 4
    assert min(first["designs"]["array_current_A"].to_pylist()) > 0
    assert sorted(first["designs"]["rms_error_lsb"].to_pylist())[1] > 0.1  # the noise was there
    for size in SHARD_SIZES[1:]:
        for name, table in tables[size].items():
            assert table is not None
            assert first[name] is not None
            assert table.equals(first[name]), (size, name)
