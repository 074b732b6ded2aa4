"""Time per input vector and worst error of crossbar solvers, side by side in one run: `make bench-solver`.

`python -m benchmarks.solver 64` takes one size only.

Ours: exact in float64 and float32, and the fast one. Peers: badcrossbar from PyPI if it is installed (with
pathvalidate), and CrossSim 3.2 where the environment variable CROSSSIM names a checkout. One array, ON 50 kohm, OFF
5 Mohm, 10 ohm a segment, no driver or sink (all solvers read such terminals alike), random bits, half the inputs on.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
from rich.console import Console
from rich.table import Table

from simcore.crossbar import Circuit, solve
from simcore.crossbar.cells import Cells
from simcore.surrogate.products import ProductModel
from simcore.surrogate.second_order import (
    first_order_currents,
    fit_columns,
    fit_polynomial,
    second_order,
    shared_resistance,
)

R_ON, R_OFF, R_WIRE, V_READ, V_NL = 50e3, 5e6, 10.0, 0.2, 0.5
SIZES = (32, 64, 128, 256)


def circuit_for(form: str, gated: bool) -> Circuit:
    """The benchmark's circuit."""
    return Circuit(
        topology="input_sourced", gated=gated, iv=form, v_nl=V_NL, g_on=1 / R_ON, g_off=1 / R_OFF, v_read=V_READ,
        r_driver=0, r_sink=0, r_row=R_WIRE, r_col=R_WIRE,
    )  # fmt: skip


def timed(run: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Median seconds after one warm-up, and the result."""
    result = run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), result


def crosssim(form: str, weights: np.ndarray, inputs: np.ndarray, stop: float) -> Callable[[], np.ndarray] | None:
    """CrossSim's NoninterleavedInputSourceArray on the same numbers (its unselected rows always conduct)."""
    checkout = os.environ.get("CROSSSIM")
    if not checkout:
        return None
    if checkout not in sys.path:
        sys.path.insert(0, checkout)
    from simulator.backend import ComputeBackend

    ComputeBackend(use_gpu=False)
    from simulator.circuits.array.NonInterleaved_InputSource import NoninterleavedInputSourceArray as Array
    from simulator.parameters.core_parameters import CoreStyle

    wires = SimpleNamespace(
        Rp_row_norm=R_WIRE / R_ON, Rp_col_norm=R_WIRE / R_ON, Rp_row_terminal_norm=0, Rp_col_terminal_norm=0
    )
    parameters = SimpleNamespace(
        xbar=SimpleNamespace(
            array=SimpleNamespace(parasitics=wires),
            device=SimpleNamespace(nonlinear_IV=SimpleNamespace(enable=form != "linear")),
        ),
        simulation=SimpleNamespace(
            fast_matmul=True, Niters_max_parasitics=500, Verr_th_mvm=stop, hide_convergence_msg=True,
            Verr_matmul_criterion="max_max", relaxation_gamma=0.9, fast_nonlinear_IV=False,
        ),
        core=SimpleNamespace(style=CoreStyle.OFFSET),
    )  # fmt: skip
    limit = V_NL / V_READ

    class Saturating:
        def nonlinear_current(self, conductance: np.ndarray, volts: np.ndarray) -> np.ndarray:
            g = conductance[(..., *(None,) * (volts.ndim - conductance.ndim))]
            return g * volts / (1 + np.abs(volts) / limit)  # type: ignore[no-any-return]

    array = Array(parameters, device=Saturating())
    matrix = np.where(weights.T != 0, 1.0, R_ON / R_OFF)
    vectors = inputs.T.astype(np.float64)
    return lambda: array.iterative_solve(matrix, vectors).T * V_READ / R_ON


def badcrossbar(weights: np.ndarray, inputs: np.ndarray, gated: bool) -> Callable[[], np.ndarray] | None:
    """badcrossbar, linear only; with gated rows the matrix changes with every input: a circuit each."""
    try:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from badcrossbar import compute
    except ImportError:
        return None
    import logging

    logging.disable(logging.INFO)
    resistances = np.where(weights != 0, R_ON, R_OFF)

    def run() -> np.ndarray:
        quiet = {"node_voltages": False, "all_currents": False}
        if not gated:
            return np.asarray(compute(V_READ * inputs.T, resistances, R_WIRE, **quiet).currents.output)
        rows = []
        for bits in inputs:
            cells = np.where(bits[:, None] != 0, resistances, np.inf)
            rows.append(compute(V_READ * bits[:, None], cells, R_WIRE, **quiet).currents.output[0])
        return np.asarray(rows)

    return run


def fast_model(circuit: Circuit, weights: np.ndarray, rng: np.random.Generator) -> ProductModel:
    """The fast solver fitted to 256 exactly solved inputs that the benchmark does not use."""
    rows, cols = weights.shape
    train = (rng.random((256, rows)) < rng.random((256, 1))).astype(np.uint8)
    exact = solve(circuit, weights, train, tol=1e-5, dtype=np.float32).sink_currents / circuit.on_current()
    currents = first_order_currents(circuit, Cells(weights), cols)
    shared = shared_resistance(circuit, rows, 0, rows)
    reads = second_order(train, currents, shared, cols)
    polynomial = fit_polynomial(reads.s.ravel(), reads.q.ravel(), exact.ravel())
    return ProductModel(currents, shared, polynomial, fit_columns(reads, exact, polynomial), cols)


def compare(size: int, form: str, gated: bool, table: Table) -> None:
    """One block of rows: every solver on one array."""
    rng = np.random.default_rng(size)
    weights = rng.integers(0, 2, (size, size)).astype(np.uint8)
    count = 256 if size <= 128 else 64
    inputs = rng.integers(0, 2, (count, size)).astype(np.uint8)
    circuit = circuit_for(form, gated)
    reference = solve(circuit, weights, inputs, tol=1e-11).sink_currents
    matrix, vectors = weights.astype(np.float32), inputs.astype(np.float32)
    product, _ = timed(lambda: vectors @ matrix, 20)
    model = fast_model(circuit, weights, rng)
    runs: list[tuple[str, int, Callable[[], np.ndarray] | None]] = [
        ("exact float64, 1e-9", count, lambda: solve(circuit, weights, inputs, tol=1e-9).sink_currents),
        (
            "exact float32, 1e-5", count,
            lambda: solve(circuit, weights, inputs, tol=1e-5, dtype=np.float32).sink_currents,
        ),
        ("fast (numpy, unfused)", count, lambda: model.evaluate(inputs) * circuit.on_current()),
    ]  # fmt: skip
    if not gated and size <= 128:
        some = count if size <= 64 else 8  # it takes seconds an input beyond
        runs.append(("CrossSim 3.2, stop 1e-3", some, crosssim(form, weights, inputs[:some], 1e-3)))
        runs.append(("CrossSim 3.2, stop 1e-6", some, crosssim(form, weights, inputs[:some], 1e-6)))
    if form == "linear" and size <= 64:
        few = 4 if gated else count
        runs.append(("badcrossbar", few, badcrossbar(weights, inputs[:few], gated)))
    for name, used, run in runs:
        if run is None:
            continue
        seconds, found = timed(run, 1 if "badcrossbar" in name or used < count else 3)
        error = np.abs(found - reference[:used]).max() / reference.max()
        table.add_row(
            f"{size}x{size}", form, "gated" if gated else "always on", name, f"{seconds / used * 1e3:.4f}",
            f"{error:.1e}", f"{seconds / used / (product / count):.0f}",
        )  # fmt: skip


def main() -> None:
    """Print one table a size, each as soon as it is there; the largest take minutes."""
    if "CROSSSIM" not in os.environ:
        print("CrossSim left out: the environment variable CROSSSIM names no checkout")
    for size in map(int, sys.argv[1:] or SIZES):
        table = Table(title=f"{size}x{size}: solvers beside their peers, {numba.get_num_threads()} threads")
        for heading in ("array", "cells", "rows", "solver", "ms an input", "worst error", "x float32 product"):
            table.add_column(heading, justify="left" if heading in ("array", "cells", "rows", "solver") else "right")
        for form in ("linear", "saturating"):
            for gated in (False, True):
                compare(size, form, gated, table)
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
