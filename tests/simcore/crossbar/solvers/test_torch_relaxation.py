"""The solver on torch (its CPU backend here) against the numba kernels and ngspice; a GPU where there is one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from simcore.crossbar import Circuit, Status, exact, solve
from simcore.crossbar.solvers import torch_relaxation as torch_backend
from simcore.errors import InputError
from tests.simcore.crossbar.crossbar_circuits import (
    FORMS,
    NGSPICE_FILES,
    TOPOLOGIES,
    Hopeless,
    make_circuit,
    random_read,
    reads,
    worst_relative,
)

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="NO GPU: torch sees no CUDA device")
quick = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


pytestmark = pytest.mark.usefixtures("one_thread")


def each_kind(rows=19, cols=14, batch=23):
    return [
        pytest.param(random_read(make_circuit(topology, form), rows, cols, batch, seed=5), id=f"{n}-{form}")
        for n, topology in enumerate(TOPOLOGIES)
        for form in FORMS
    ]


@pytest.mark.parametrize("file", NGSPICE_FILES, ids=lambda file: file.stem)
def test_sink_currents_agree_with_ngspice(file):
    case = json.loads(file.read_text())
    circuit = Circuit.from_parameters(case["parameters"])
    solution = solve(circuit, case["weights"], [case["inputs"]], tol=1e-11, device="cpu")
    expected = np.array(case["sink_currents_A"])
    assert solution.converged
    assert solution.residual[0] < 1e-9
    assert np.abs(solution.sink_currents[0] - expected).max() <= 1e-9 * expected.max()


def check_against_numba(read, tolerance):
    by_numba = solve(read.circuit, read.weights, read.inputs, tol=1e-11)
    by_torch = solve(read.circuit, read.weights, read.inputs, tol=1e-11, device="cpu")
    assert by_torch.converged, by_torch.summary()
    assert by_torch.residual.max() < 1e-9
    assert worst_relative(by_torch.sink_currents, by_numba.sink_currents) <= tolerance


@quick
@given(read=reads())
def test_agrees_with_numba(read):
    check_against_numba(read, 1e-9)


@quick
@given(read=reads(harsh=True))
def test_agrees_with_numba_on_harsh_circuits(read):
    check_against_numba(read, 1e-8)


@quick
@given(read=reads(largest=24))
def test_float32_is_within_its_stated_error(read):
    single = solve(read.circuit, read.weights, read.inputs, dtype=np.float32, device="cpu")
    double = solve(read.circuit, read.weights, read.inputs, tol=1e-11)
    assert single.sink_currents.dtype == np.float32
    assert single.converged
    assert worst_relative(single.sink_currents, double.sink_currents) <= 1e-4


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("source_end", ["far", "near"])
@pytest.mark.parametrize(
    "zero", [("r_driver", "r_source"), ("r_col", "r_sink"), ("r_driver", "r_source", "r_col", "r_sink")]
)
def test_terminals_without_resistance_are_exact_in_both_precisions(dtype, source_end, zero):
    changes = dict.fromkeys(zero, 0.0)
    circuit = make_circuit({"topology": "gate_driven", "source_end": source_end}, "tanh", **changes)
    read = random_read(circuit, 17, 5, batch=3)
    best = solve(circuit, read.weights, read.inputs, tol=1e-12)
    found = solve(circuit, read.weights, read.inputs, dtype=dtype, device="cpu")
    assert worst_relative(found.sink_currents, best.sink_currents) <= (1e-4 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("read", each_kind())
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_iterations_are_those_of_numba(read, dtype):
    by_numba = solve(read.circuit, read.weights, read.inputs, dtype=dtype)
    by_torch = solve(read.circuit, read.weights, read.inputs, dtype=dtype, device="cpu")
    assert by_torch.sink_currents.shape == by_numba.sink_currents.shape
    for name in ("sink_currents", "status", "residual", "sweeps"):
        assert getattr(by_torch, name).dtype == getattr(by_numba, name).dtype, name
    np.testing.assert_array_equal(by_torch.status, by_numba.status)
    # Float32 rounds in another order here and may need a sweep more or less.
    assert np.abs(by_torch.sweeps - by_numba.sweeps).max() <= (0 if dtype == np.float64 else 2)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert worst_relative(by_torch.sink_currents, by_numba.sink_currents) <= tolerance


@pytest.mark.parametrize("read", each_kind())
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_results_do_not_depend_on_batch_order_or_chunks(read, dtype, monkeypatch):
    def solved(inputs):
        solution = solve(read.circuit, read.weights, inputs, dtype=dtype, device="cpu")
        return solution.sink_currents, solution.residual, solution.sweeps

    whole = solved(read.inputs)
    for split in (1, 5, 16):
        parts = [solved(read.inputs[start : start + split]) for start in range(0, len(read.inputs), split)]
        for found, expected in zip(zip(*parts, strict=True), whole, strict=True):
            np.testing.assert_array_equal(np.concatenate(found), expected)
    order = np.random.default_rng(0).permutation(len(read.inputs))
    np.testing.assert_array_equal(solved(read.inputs[order])[0], whole[0][order])
    monkeypatch.setitem(torch_backend._STATE_BYTES, "cpu", 7 * 20 * read.weights.size * np.dtype(dtype).itemsize)
    np.testing.assert_array_equal(solved(read.inputs)[0], whole[0])


@pytest.mark.parametrize("topology", [TOPOLOGIES[0], TOPOLOGIES[2]], ids=str)
def test_results_do_not_depend_on_threads(topology):
    read = random_read(make_circuit(topology, "tanh"), 64, 64, batch=16)  # enough cells for torch to divide them
    alone = solve(read.circuit, read.weights, read.inputs, tol=1e-4, device="cpu")
    torch.set_num_threads(2)
    together = solve(read.circuit, read.weights, read.inputs, tol=1e-4, device="cpu")
    np.testing.assert_array_equal(together.sink_currents, alone.sink_currents)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_easy_reads_beside_hard_ones_are_as_they_are_alone(topology):
    """No input at all converges at once; its neighbours go on for many sweeps."""
    circuit = make_circuit(topology, "saturating", r_driver=2e4, r_sink=2e4)
    read = random_read(circuit, 24, 24, batch=4)
    inputs = np.concatenate([np.zeros((1, 24), np.uint8), read.inputs, np.eye(24, dtype=np.uint8)[:2]])
    together = solve(circuit, read.weights, inputs, device="cpu")
    assert len(set(together.sweeps.tolist())) > 1
    for index, x in enumerate(inputs):
        alone = solve(circuit, read.weights, x[None], device="cpu")
        np.testing.assert_array_equal(together.sink_currents[index], alone.sink_currents[0])
        assert together.sweeps[index] == alone.sweeps[0]


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_tiles_together_are_the_tiles_one_by_one(topology):
    circuit = make_circuit(topology, "tanh")
    rng = np.random.default_rng(2)
    weights, inputs = rng.integers(0, 2, (3, 8, 6)), rng.integers(0, 2, (3, 5, 8))
    together = solve(circuit, weights, inputs, device="cpu")
    shared = solve(circuit, weights, inputs[0], device="cpu")
    assert together.sink_currents.shape == (3, 5, 6)
    assert together.status.shape == together.residual.shape == together.sweeps.shape == (3, 5)
    for tile in range(3):
        alone = solve(circuit, weights[tile], inputs[tile], device="cpu")
        np.testing.assert_array_equal(together.sink_currents[tile], alone.sink_currents)
        expected = solve(circuit, weights[tile], inputs[0], device="cpu")
        np.testing.assert_array_equal(shared.sink_currents[tile], expected.sink_currents)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_a_solve_that_does_not_converge_says_so(topology, monkeypatch):
    read = random_read(make_circuit(topology, "saturating", r_driver=2e4, r_sink=2e4), 24, 24, batch=3)
    monkeypatch.setattr(exact, "_NEWTON", Hopeless())
    by_numba = solve(read.circuit, read.weights, read.inputs, max_sweeps=2)
    by_torch = solve(read.circuit, read.weights, read.inputs, max_sweeps=2, device="cpu")
    assert (by_torch.status == Status.NOT_CONVERGED).all()
    assert (by_torch.sweeps == 2).all()
    np.testing.assert_allclose(by_torch.sink_currents, by_numba.sink_currents, rtol=1e-9)
    np.testing.assert_allclose(by_torch.residual, by_numba.residual, rtol=1e-6)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_what_relaxation_leaves_over_is_solved_by_newton(topology):
    read = random_read(make_circuit(topology, "saturating", r_driver=2e3, r_sink=2e3), 12, 12, batch=3)
    rescued = solve(read.circuit, read.weights, read.inputs, max_sweeps=1, device="cpu")
    assert rescued.converged
    best = solve(read.circuit, read.weights, read.inputs, tol=1e-12)
    assert worst_relative(rescued.sink_currents, best.sink_currents) <= 1e-8


def test_chunks_keep_to_the_limit_down_to_a_single_read():
    device = torch.device("cpu")
    limit = torch_backend._STATE_BYTES["cpu"]
    for read_bytes in (8, 64 * 64 * 8, 512 * 512 * 8, 10**10):
        chunks = torch_backend._chunks(1000, read_bytes, device)
        assert [read for chunk in chunks for read in range(chunk.start, chunk.stop)] == list(range(1000))
        longest = max(chunk.stop - chunk.start for chunk in chunks)
        assert longest == 1 or longest * read_bytes * torch_backend._TENSORS <= limit


def test_an_empty_batch_gives_no_currents():
    circuit = make_circuit(TOPOLOGIES[0], "linear")
    solution = solve(circuit, [[1, 0]], np.zeros((0, 1), int), device="cpu")
    assert solution.sink_currents.shape == (0, 2)
    assert solution.converged


class TestDevice:
    read = random_read(make_circuit(TOPOLOGIES[2], "tanh"), 6, 5, batch=3)

    def currents(self, device=None):
        return solve(self.read.circuit, self.read.weights, self.read.inputs, device=device).sink_currents

    @pytest.fixture
    def torch_solves(self, monkeypatch):
        """The devices that the torch backend was called with."""
        devices = []

        def spy(self, *args):
            devices.append(str(self._device))
            return original(self, *args)

        original = torch_backend.TorchRelaxation.solve
        monkeypatch.setattr(torch_backend.TorchRelaxation, "solve", spy)
        return devices

    def test_numba_is_the_default(self, torch_solves):
        np.testing.assert_array_equal(self.currents(), self.currents("numba"))
        assert torch_solves == []

    def test_the_environment_is_not_asked(self, torch_solves, monkeypatch):
        monkeypatch.setenv("BINSPARX_DEVICE", "cpu")
        self.currents()
        assert torch_solves == []
        self.currents("cpu")
        assert torch_solves == ["cpu"]

    def test_auto_is_numba_without_a_gpu(self, torch_solves, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        np.testing.assert_array_equal(self.currents("auto"), self.currents("numba"))
        assert torch_solves == []

    @pytest.mark.parametrize(
        ("device", "message"),
        [
            ("gpu", "unknown device 'gpu'"),
            ("", "unknown device ''"),
            ("cuda:x", "unknown device 'cuda:x'"),
            ("meta", "'meta' is not supported"),
            ("cuda", "there is no device 'cuda': torch sees 0 GPUs"),
            ("cuda:3", "there is no device 'cuda:3'"),
        ],
    )
    def test_unknown_and_absent_devices_are_refused_in_one_line(self, device, message, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(InputError, match=message) as refused:
            self.currents(device)
        assert "\n" not in str(refused.value)


@needs_gpu
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("read", each_kind(rows=64, cols=64, batch=40))
def test_a_gpu_agrees_with_numba(read, dtype):
    by_numba = solve(read.circuit, read.weights, read.inputs, dtype=dtype)
    by_gpu = solve(read.circuit, read.weights, read.inputs, dtype=dtype, device="cuda")
    assert by_gpu.converged
    tolerance = 1e-9 if dtype == np.float64 else 1e-4
    assert worst_relative(by_gpu.sink_currents, by_numba.sink_currents) <= tolerance
    part = solve(read.circuit, read.weights, read.inputs[7:12], dtype=dtype, device="cuda")
    np.testing.assert_array_equal(part.sink_currents, by_gpu.sink_currents[7:12])
