"""Exact solves a second, beside the CPU's SIMD solver."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.on_torch import solve_raw
from benchmarks.gpu.processor import Processor
from benchmarks.gpu.results import Tell
from benchmarks.gpu.scale import Scale
from simcore.crossbar.circuit import Circuit

TOPOLOGIES = ("input_sourced", "gate_driven")
TOLERANCES = {np.float64: 1e-9, np.float32: 1e-5}
_LANE_BYTES = 1 << 30  # of one batch on a GPU: as much as the solver takes at once
_TENSORS = 20
_BLOCKS_PER_THREAD = 4  # on the CPU, of a vector of reads each: as many as its solver needs to keep all threads at work


def time_solver(work: Scale, device: torch.device, processor: Processor, end: float, tell: Tell) -> None:
    """Every size and topology, float64 before float32, the small ones first, as far as ``end`` allows; what it does not
    allow is told last."""
    rows: list[dict[str, Any]] = []
    left_out: list[str] = []

    def lines(cpu: dict[str, dict[str, Any]]) -> list[str]:
        return [_line(row, cpu.get(_key(row))) for row in rows] + left_out

    for dtype in TOLERANCES:
        for size in work.rows:
            for topology in TOPOLOGIES:
                reads = _reads(size, work.reads, dtype)
                left, before = end - time.monotonic(), _before(rows, topology, dtype)
                # twice as long lines, each of twice as many nodes, and more sweeps
                if left <= 0 or (before and 8 * before["seconds"] / before["repeats"] > left):
                    left_out.append(f"{_head(topology, size, dtype)}: left out, no time")
                    continue
                rows.append(_timed_on(work, device, topology, size, dtype, reads, left))
                tell(times=rows, summary=lines({}))
    cpu = processor.times(end)
    tell(times=rows, cpu=cpu, summary=lines(cpu))


def time_on_cpu(work: Scale) -> dict[str, dict[str, Any]]:
    """The SIMD solver's times, by ``topology rows dtype``."""
    import numba

    from simcore.crossbar import solve
    from simcore.kernels.simd import lanes_of

    found, threads = {}, numba.get_num_threads()
    for dtype, tolerance in TOLERANCES.items():
        for size in work.rows:
            for topology in TOPOLOGIES:
                # the reads that the GPU takes at once, and more behind them where threads would be idle
                reads = max(_reads(size, work.reads, dtype), threads * _BLOCKS_PER_THREAD * lanes_of(dtype))
                circuit, weights, inputs = _problem(topology, size, reads)

                def run(inputs=inputs, circuit=circuit, weights=weights, dtype=dtype, tolerance=tolerance) -> bool:
                    return solve(circuit, weights, inputs, tolerance, dtype, device="numba").converged

                run(inputs[:1])  # kernels are compiled when they are first used
                row = {"topology": topology, "rows": size, "dtype": np.dtype(dtype).name, "reads": reads}
                found[_key(row)] = {**row, **_timed(run, work.seconds), "threads": threads}
    return found


def _timed_on(
    work: Scale, device: torch.device, topology: str, size: int, dtype: type, reads: int, left: float
) -> dict[str, Any]:
    circuit, weights, inputs = _problem(topology, size, reads)
    if size == 32:  # kernels are loaded when they are first used
        solve_raw(circuit, weights, inputs[:1], TOLERANCES[dtype], dtype, device)

    def run() -> bool:  # the currents come back to the host, so nothing is still under way
        return bool(solve_raw(circuit, weights, inputs, TOLERANCES[dtype], dtype, device).converged.all())

    row = {"topology": topology, "rows": size, "dtype": np.dtype(dtype).name, "reads": reads}
    return {**row, **_timed(run, min(work.seconds, left / 10))}


def _timed(run: Callable[[], bool], at_least: float) -> dict[str, Any]:
    """Repeats until ``at_least`` seconds are over."""
    converged, repeats = True, 0
    began = time.perf_counter()
    while repeats == 0 or time.perf_counter() - began < at_least:
        converged &= run()
        repeats += 1
    return {"seconds": time.perf_counter() - began, "repeats": repeats, "converged": converged}


def _problem(topology: str, size: int, reads: int) -> tuple[Circuit, np.ndarray, np.ndarray]:
    """A square array of moderate wires and saturating cells, half of its bits and inputs 1."""
    circuit = Circuit.from_parameters(
        {
            "topology": topology, "iv": "saturating", "g_on": 2e-5, "g_off": 2e-7, "v_nl": 0.5, "v_read": 0.2,
            "r_driver": 200.0, "r_sink": 200.0, "r_row": 2.0, "r_col": 2.0, "r_source": 2.0,
        }
    )  # fmt: skip
    rng = np.random.default_rng(size)
    weights = rng.integers(0, 2, (size, size), dtype=np.uint8)
    return circuit, weights, rng.integers(0, 2, (reads, size), dtype=np.uint8)


def _reads(size: int, most: int, dtype: type) -> int:
    return max(1, min(most, _LANE_BYTES // (_TENSORS * size * size * np.dtype(dtype).itemsize)))


def _before(rows: list[dict[str, Any]], topology: str, dtype: type) -> dict[str, Any] | None:
    alike = [row for row in rows if row["topology"] == topology and row["dtype"] == np.dtype(dtype).name]
    return alike[-1] if alike else None


def _head(topology: str, size: int, dtype: type) -> str:
    return f"{topology} {size}x{size} {np.dtype(dtype).name}"


def _key(row: dict[str, Any]) -> str:
    return f"{row['topology']} {row['rows']} {row['dtype']}"


def _line(row: dict[str, Any], cpu: dict[str, Any] | None) -> str:
    rate = row["reads"] * row["repeats"] / row["seconds"]
    text = f"{row['topology']} {row['rows']}x{row['rows']} {row['dtype']}: {rate:,.0f} solves a second"
    text += f" ({row['reads']} at once{'' if row['converged'] else ', NOT CONVERGED'})"
    if cpu:
        own = cpu["reads"] * cpu["repeats"] / cpu["seconds"]
        text += f", the CPU's kernels {own:,.0f} on {cpu['threads']} threads: {rate / own:.2g} times"
    return text
