"""A stand-in for the simulation: instant, deterministic, and able to be slow or to fail on demand."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.sweep import protocols
from simcore.errors import InputError
from simcore.inference.revisions import setting_revisions
from simcore.passes import revisions
from simcore.readout.layer_totals import CURRENTS_A_LSB, ERRORS_A_LSB, LayerTotals

if TYPE_CHECKING:
    from simcore.design import Design
    from simcore.design_axes import Adc
    from simcore.effects.base import Effect

MAPPED_LAYERS = ("conv0", "conv1")

CONTROL_VARIABLE = "BINSPARX_FAKE_CONTROL"
"""Names a JSON file, read at every call: ``calls`` (folder in which every call leaves a file), ``delay`` (seconds an
evaluation takes), ``hold`` (evaluations wait while it is true), ``most_images`` (more at a time are too much for the
memory), ``fail``: "ROWS-SPARSITY:HOW", with "@FIRST" for the shard that begins there alone. HOW: prepare, evaluate,
input, full, crash, crash-once, disk-once, die-once (of the preparation)."""


@dataclass(frozen=True)
class LayerEvidence:
    layer: str
    inputs: str
    reads: int
    rms_lsb: float
    worst_lsb: float
    changed: float
    converted_rms_lsb: float
    converted_worst_lsb: float
    top_bias_lsb: float
    output_error: float
    residual: float
    unsolved: int


@dataclass(frozen=True)
class Evidence:
    layers: tuple[LayerEvidence, ...]


@dataclass(frozen=True)
class ShardResult:
    labels: np.ndarray
    predictions: np.ndarray
    ideal_predictions: np.ndarray
    layers: list[LayerTotals]


@dataclass(frozen=True)
class Prepared:
    design: Design
    strength: float
    weights: np.ndarray
    solver: str
    evidence: Evidence


@dataclass(frozen=True)
class FakeEvaluator:
    """Simulates nothing, in no time."""

    device: str = "numba"
    version: str = "fake-1"
    images_at_once: int = 25

    def solver_version(self, effects: Sequence[Effect], mitigations: str, adc: Adc) -> str:
        return self.version + setting_revisions(effects, adc, mitigations) + revisions(mitigations)

    def load(self) -> None:
        """Everything is there."""

    def prepare(self, checkpoint: protocols.Checkpoint, design: Design, dataset: protocols.Dataset) -> Prepared:
        _note("prepare", design)
        _fail(design, "prepare")
        strength = {"dense": 0.4, "weight": 0.6, "activation": 0.7, "binsparx": 0.9}[design.sparsity]
        strength *= (32 / design.rows) ** 0.1
        evidence = Evidence(
            tuple(
                LayerEvidence(name, inputs, 25, 0.01, 0.1, 0.001, 0.03, 1.0, bias, 0.002, 1e-12, 0)
                for name in MAPPED_LAYERS
                for inputs, bias in (("ideal", 0.01), ("own", -0.02))
            )
        )
        return Prepared(design, strength, np.arange(50_000, dtype=np.float64), "fast", evidence)

    def on_chip(self, prepared: protocols.Prepared, chip: int) -> Prepared:
        assert isinstance(prepared, Prepared)
        if not prepared.design.effects:
            return prepared
        return replace(prepared, strength=prepared.strength * (1 - 0.2 * _uniform(f"chip {chip}")))

    def evaluate(
        self, prepared: protocols.Prepared, images: np.ndarray, labels: np.ndarray, first_image: int
    ) -> ShardResult:
        assert isinstance(prepared, Prepared)
        design = prepared.design
        _note(f"evaluate-{first_image}-{len(labels)}", design)
        time.sleep(_control().get("delay", 0.0))
        if _control().get("hold"):
            _note(f"held-{first_image}-{len(labels)}", design)
            while _control().get("hold"):
                time.sleep(0.05)
        if len(labels) > _control().get("most_images", len(labels)):
            raise MemoryError(f"no room for {len(labels)} images")
        _fail(design, "evaluate", first_image)
        right = np.array([_uniform(f"{first_image + i}|{design.seed}") < prepared.strength for i in range(len(labels))])
        # 10 output positions an image, 2 row groups of 2 row tiles, 50 columns: 20 sub-vectors and 1000 column reads
        vectors, columns = 20 * len(labels), 50
        reads = vectors * columns
        kept = {"dense": 1.0, "weight": 0.8, "activation": 0.75, "binsparx": 0.6}[design.sparsity]
        layers = []
        for index, name in enumerate(MAPPED_LAYERS):
            dense = int(images.sum()) * (3 + 10 * index)
            current = round(dense * kept * design.rows) * CURRENTS_A_LSB
            layers.append(
                LayerTotals(
                    name,
                    reads,
                    round(dense * kept),
                    dense,
                    round(reads * 0.3 * ERRORS_A_LSB),
                    2 * ERRORS_A_LSB,
                    current,
                    2 * len(labels),
                    vectors,
                    vectors // 4,
                    len(labels) * int(20 * design.rows * kept / 2),
                    7,
                    2 * columns,
                    2 * design.rows,
                    1e-9,
                )  # fmt: skip
            )
        return ShardResult(labels, np.where(right, labels, (labels + 1) % 10), labels.copy(), layers)


def _uniform(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _name(design: Design) -> str:
    return f"{design.rows}-{design.sparsity}"


def _control() -> dict[str, Any]:
    path = Path(os.environ.get(CONTROL_VARIABLE, "/nonexistent"))
    return json.loads(path.read_text()) if path.exists() else {}


def _note(what: str, design: Design) -> None:
    folder = _control().get("calls")
    if folder:
        (Path(folder) / f"{_name(design)}-{what}-{os.getpid()}-{time.monotonic_ns()}").touch()


def _fail(design: Design, stage: str, first_image: int = 0) -> None:
    how, _, where = _control().get("fail", "").removeprefix(f"{_name(design)}:").partition("@")
    if where and stage == "evaluate" and int(where) != first_image:
        return
    if how == stage:
        raise RuntimeError(f"the solver of {_name(design)} did not converge")
    if (stage, how) == ("prepare", "input"):
        raise InputError("a wrong input", "somewhere")
    if (stage, how) == ("evaluate", "full"):
        raise OSError(errno.ENOSPC, "No space left on device", "/full/shard.parquet")
    if (stage, how) in (("evaluate", "crash"), ("prepare", "die")):
        os._exit(1)
    if (stage, how) in (("evaluate", "crash-once"), ("evaluate", "disk-once"), ("prepare", "die-once")):
        marker = Path(_control()["calls"]) / "failed-once"
        if not marker.exists():
            marker.touch()
            if how == "disk-once":
                raise OSError(errno.EIO, "Input/output error")
            os._exit(1)
