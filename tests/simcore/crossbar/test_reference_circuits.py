"""The solver against circuits that ngspice solved."""

from __future__ import annotations

import json

import numpy as np
import pytest

from simcore.crossbar import Circuit, Status, solve
from simcore.crossbar.reference import verify_folder
from simcore.errors import InputError
from tests.simcore.crossbar.crossbar_circuits import NGSPICE_FILES, NGSPICE_FOLDER


def test_all_reference_circuits_are_there():
    assert len(NGSPICE_FILES) == 23


@pytest.mark.parametrize("file", NGSPICE_FILES, ids=lambda file: file.stem)
def test_sink_currents_agree_with_ngspice(file):
    case = json.loads(file.read_text())
    solution = solve(Circuit.from_parameters(case["parameters"]), case["weights"], [case["inputs"]], tol=1e-11)
    expected = np.array(case["sink_currents_A"])
    assert solution.converged
    assert solution.residual[0] < 1e-9
    assert np.abs(solution.sink_currents[0] - expected).max() <= 1e-9 * expected.max()


def test_verify_folder_solves_every_file():
    results = verify_folder(NGSPICE_FOLDER, tol=1e-9)
    assert [result.name for result in results] == [file.stem for file in NGSPICE_FILES]
    assert all(result.status == Status.CONVERGED and result.relative_error <= 1e-9 for result in results)


def write_case(folder, **changes):
    case = {
        "parameters": {
            "topology": "gate_driven", "g_on": 1e-4, "g_off": 1e-6, "v_read": 0.5, "r_driver": 100.0, "r_sink": 100.0,
            "r_col": 0.0,
        },
        "weights": [[1]],
        "inputs": [1],
        "sink_currents_A": [0.5 / (1e4 + 200.0)],
        **changes,
    }  # fmt: skip
    (folder / "case.json").write_text(json.dumps(case))


def test_verify_folder_reports_a_wrong_current(tmp_path):
    write_case(tmp_path)
    assert verify_folder(tmp_path)[0].relative_error < 1e-12
    write_case(tmp_path, sink_currents_A=[0.5 / 1e4])
    assert verify_folder(tmp_path)[0].relative_error == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sink_currents_A": [1e-5, 1e-5]}, "sink_currents_A has 2 values, the array has 1 columns"),
        ({"sink_currents_A": 1e-5}, "sink_currents_A has 0 axes, expected 1"),
        ({"sink_currents_A": [[1e-5]]}, "sink_currents_A has 2 axes, expected 1"),
        ({"weights": [[2]]}, "weights must hold bits"),
        ({"weights": [1]}, "weights has 1 axes, expected 2"),
        ({"inputs": [1, 0]}, "do not fit"),
        ({"inputs": [2]}, "inputs must hold bits"),
        ({"parameters": None}, "parameters is no mapping"),
        ({"parameters": ["gate_driven"]}, "parameters is no mapping"),
        ({"parameters": "gate_driven"}, "parameters is no mapping"),
        ({"parameters": {"topology": "gate_driven"}}, "'g_on' is missing"),
        ({"sink_currents_A": "none"}, "not a reference circuit"),
    ],
)
def test_a_file_that_is_no_reference_circuit_is_named(tmp_path, changes, message):
    write_case(tmp_path, **changes)
    with pytest.raises(InputError, match=message) as error:
        verify_folder(tmp_path)
    assert error.value.where == str(tmp_path / "case.json") and "\n" not in str(error.value)


def test_a_folder_without_circuits_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no reference circuit"):
        verify_folder(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        verify_folder(tmp_path / "none")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InputError, match=r"broken.json: not a reference circuit"):
        verify_folder(tmp_path)
