"""Compiled kernels give the same bits whichever process compiled them."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

import simcore

ROOT = Path(__file__).resolve().parents[3]
# Ordinary scalar arithmetic, which no compiler may fuse: a copy of its own has the same bits.
SCALAR = {"_table_lanes", "_grow", "_join", "_agreement", "_prices", "_seat", "_swap", "_best_move"}


def kernels() -> dict[str, Dispatcher]:
    """All kernels of simcore by name, with their module's."""
    found = {}
    for module in pkgutil.walk_packages(simcore.__path__, "simcore."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Dispatcher) and value.py_func.__module__ == module.name:
                found[f"{module.name}.{name}"] = value
    return found


def test_a_kernel_that_others_call_is_inlined():
    """Else the process that compiles the caller runs the callee's own machine code, and one that reads the caller from
    the cache runs the copy in it, in which the compiler may have fused other products and sums."""
    all_kernels = kernels()
    called = set()
    for caller in all_kernels.values():
        for name in caller.py_func.__code__.co_names:
            value = caller.py_func.__globals__.get(name)
            if isinstance(value, Dispatcher) and value is not caller:
                called.add(value)
    assert len(called) > 20
    for name, kernel in all_kernels.items():
        if kernel in called and kernel.py_func.__name__ not in SCALAR:
            options = kernel.targetoptions
            assert options.get("forceinline") or options.get("inline") == "always", f"{name} needs forceinline=True"


_PROGRAM = """
from simcore.datasets import open_dataset
from simcore.design import Design
from simcore.design_axes import Adc, EvidenceLimits
from simcore.inference.evaluation import evaluate, prepare
from simcore.network.checkpoint import find_model, load_checkpoint
from simcore.technology import circuit_parameters

dataset = open_dataset("fashion-mnist")
images, labels = dataset.read("test", 0, 10)
for device in ("8T-SRAM", "1T-1ReRAM-BL"):
    design = Design(circuit=circuit_parameters(device, "pessimistic"), rows=64, cols=64, sparsity="binsparx",
                    adc=Adc(bits=7, reference="calibrated"), evidence=EvidenceLimits(beyond="mark"))
    found = evaluate(prepare(load_checkpoint(find_model("fashion-cnn")), design, dataset), images, labels)
    print([vars(layer) for layer in found.layers], found.predictions.tolist())
"""


@pytest.mark.slow
def test_a_process_that_compiles_and_one_that_reads_the_cache_agree(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert first.stdout and first.stdout == second.stdout
