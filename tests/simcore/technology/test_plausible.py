"""Slips of a unit or an exponent are said; what ships and what people measure is not."""

from __future__ import annotations

from typing import Any

import pytest

from simcore.crossbar import Circuit
from simcore.technology import circuit_parameters, corner_names, device_names
from simcore.technology.plausible import implausible

SOUND: dict[str, Any] = {
    "topology": "gate_driven", "g_on": 2e-5, "g_off": 5e-9, "v_read": 1.0, "r_driver": 100.0, "r_sink": 100.0,
    "r_col": 2.0,
}  # fmt: skip
TABLE: dict[str, Any] = {"iv": "table", "iv_table": [[0, 0, 0], [0.2, 4e-6, 1e-9], [1.0, 1.8e-5, 5e-9]]}


@pytest.mark.parametrize("device", device_names())
def test_what_ships_is_plausible(device: str) -> None:
    for corner in corner_names(device):
        assert implausible(circuit_parameters(device, corner)) == {}


@pytest.mark.parametrize("changes", [{}, TABLE, {**TABLE, "g_off": 0.7e-8}])
def test_what_is_measured_is_plausible(changes: dict[str, Any]) -> None:
    assert implausible(Circuit.from_parameters({**SOUND, **changes})) == {}


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"g_on": 1e-30, "g_off": 1e-32}, "g_on", "g_on is 1e-30 S, crossbars have 1e-12 to 1 S"),
        ({"v_read": 350.0}, "v_read", "v_read is 350 V"),
        ({"r_col": 1e15}, "r_col", "r_col is 1e+15 ohm"),
        ({"r_sink": 1e8}, "r_sink", "r_sink is 1e+08 ohm"),
        ({**TABLE, "g_on": 0.05}, "iv_table", "gives an ON cell 1.8e-05 A at v_read, r_on (g_on) would give it 0.05 A"),
        (
            {**TABLE, "g_off": 1e-6},
            "iv_table",
            "gives an OFF cell 5e-09 A at v_read, r_off (g_off) would give it",
        ),
    ],
)
def test_a_slip_is_said(changes: dict[str, Any], field: str, text: str) -> None:
    found = implausible(Circuit.from_parameters({**SOUND, **changes}))
    assert list(found) == [field] and text in found[field]
