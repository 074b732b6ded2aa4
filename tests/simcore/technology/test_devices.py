"""Bitcell presets and users' own bitcell files."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from simcore.crossbar import Circuit
from simcore.errors import InputError
from simcore.technology import circuit_parameters, corner_names, device_names

OWN = {
    "name": "mine",
    "topology": "input_sourced",
    "corners": {
        "nominal": {
            "v_read": 0.2, "r_on": {"value": 10000, "unit": "ohm", "source": "measured"}, "r_off": 1e6, "r_row": 3,
            "r_col": 4, "r_driver": 100, "r_sink": 200, "iv": "sinh", "v_nl": 0.3,
        }
    },
}  # fmt: skip


def own_file(folder, corner=None, drop=(), **changes):
    content = {**OWN, **changes}
    fields = {**content["corners"]["nominal"], **(corner or {})}
    content["corners"] = {"nominal": {name: value for name, value in fields.items() if name not in drop}}
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_the_presets():
    assert device_names() == ["1T-1ReRAM", "1T-1ReRAM-BL", "8T-SRAM"]


@pytest.mark.parametrize("device", ["1T-1ReRAM", "1T-1ReRAM-BL", "8T-SRAM"])
def test_every_preset_has_three_corners_of_rising_wire_loss(device):
    assert corner_names(device) == ["optimistic", "nominal", "pessimistic"]
    circuits = [circuit_parameters(device, corner) for corner in corner_names(device)]
    assert {circuit.topology for circuit in circuits} == {"input_sourced" if device.endswith("BL") else "gate_driven"}
    loss = [(circuit.r_col * 64 + circuit.r_sink) * circuit.on_current() / circuit.v_read for circuit in circuits]
    assert loss[0] < loss[1] < loss[2]
    assert all(circuit.off_current() < 0.2 * circuit.on_current() for circuit in circuits)


def test_nominal_is_the_default_corner_and_resistances_become_conductances():
    circuit = circuit_parameters("1T-1ReRAM")
    assert circuit == circuit_parameters("1T-1ReRAM", "nominal")
    assert circuit.g_on == pytest.approx(1 / (11300 + 1500))
    assert circuit.g_off == pytest.approx(1 / (111000 + 1500))
    assert circuit_parameters("8T-SRAM").g_on == pytest.approx(1 / 23900)


def test_overrides_replace_single_values():
    circuit = circuit_parameters("8T-SRAM", overrides={"r_sink": 500, "iv": "sinh", "v_nl": 0.1})
    assert (circuit.r_sink, circuit.iv, circuit.v_nl) == (500.0, "sinh", 0.1)
    assert circuit.r_col == circuit_parameters("8T-SRAM").r_col


def test_an_override_of_a_conductance_leaves_the_other_state_alone():
    plain = circuit_parameters("1T-1ReRAM")
    changed = circuit_parameters("1T-1ReRAM", overrides={"g_on": 5e-5})
    assert changed.g_on == 5e-5
    assert changed.g_off == plain.g_off
    assert circuit_parameters("1T-1ReRAM", overrides={"g_off": 1e-6}).g_on == plain.g_on
    assert circuit_parameters("1T-1ReRAM", overrides={"r_access": 0}).g_on == pytest.approx(1 / 11300)


def test_an_override_may_give_a_resistance_where_the_file_gives_a_conductance(tmp_path):
    path = own_file(tmp_path, {"g_on": 1e-4}, drop=("r_on",))
    assert circuit_parameters(path, overrides={"r_on": 5000}).g_on == pytest.approx(2e-4)
    with pytest.raises(InputError, match="r_access is in series with r_on and r_off"):
        circuit_parameters(own_file(tmp_path, {"g_on": 1e-4, "g_off": 1e-6}, drop=("r_on", "r_off")),
                           overrides={"r_access": 100})  # fmt: skip


@pytest.mark.parametrize(("given", "drop", "named"), [
    ({"g_on": 1e-4, "g_off": 1e-6}, ("r_on", "r_off"), "g_on and g_off"), ({"g_on": 1e-4}, ("r_on",), "g_on"),
])  # fmt: skip
def test_an_access_transistor_beside_a_conductance_is_refused(tmp_path, given, drop, named):
    """It would count for one state, or for none."""
    with pytest.raises(InputError, match=f"mine.yaml:.*r_access is in series.*gives {named} instead"):
        circuit_parameters(own_file(tmp_path, {**given, "r_access": 5e4}, drop=drop))


@pytest.mark.parametrize("field", ["r_sink", "v_read", "r_on"])
def test_yes_and_no_are_no_numbers(tmp_path, field):
    with pytest.raises(InputError, match=f"{field} must be a .*, got ([Tt]rue)"):
        circuit_parameters(own_file(tmp_path, {field: True}))


def test_a_users_own_file(tmp_path):
    circuit = circuit_parameters(own_file(tmp_path))
    assert isinstance(circuit, Circuit)
    assert (circuit.topology, circuit.gated, circuit.iv) == ("input_sourced", True, "sinh")
    assert circuit.g_on == pytest.approx(1e-4)
    assert corner_names(own_file(tmp_path)) == ["nominal"]
    assert not circuit_parameters(own_file(tmp_path, gated=False)).gated
    path = own_file(tmp_path, topology="gate_driven", source_end="near", drop=("r_row",))
    assert circuit_parameters(path).source_end == "near"


@pytest.mark.parametrize(
    ("topology", "field", "value", "offered"),
    [
        ("gate_driven", "r_row", 3, "source lines have r_source, source_end"),
        ("input_sourced", "r_source", 3, "rows have r_row"),
        ("input_sourced", "source_end", "near", "rows have r_row"),
    ],
)
def test_wires_of_the_other_topology_are_refused(tmp_path, topology, field, value, offered):
    message = f"'{field}' is without effect in the topology {topology}, whose {offered}"
    sound = {"topology": topology, "drop": ("r_row",)}
    with pytest.raises(InputError, match=rf"mine.yaml:\d+ corners.nominal.{field}: {message}"):
        circuit_parameters(own_file(tmp_path, {field: value}, **{**sound, "drop": {"r_row"} - {field}}))
    with pytest.raises(InputError, match=f"sweep.yaml:3: {message}"):
        circuit_parameters(own_file(tmp_path, **sound), overrides={field: value}, where="sweep.yaml:3")
    if field == "source_end":
        with pytest.raises(InputError, match=rf"mine.yaml:\d+ source_end: {message}"):
            circuit_parameters(own_file(tmp_path, source_end="near", **sound))


@pytest.mark.parametrize("field", ["r_on", "r_off", "r_access", "r_sink"])
def test_an_integer_beyond_all_floats_gives_one_line(tmp_path, field):
    with pytest.raises(InputError, match=field) as error:
        circuit_parameters(own_file(tmp_path, {field: 10**400}))
    assert "\n" not in str(error.value)


def test_numbers_that_yaml_takes_for_text(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        yaml.safe_dump(OWN).replace("r_off: 1000000.0", "r_off: 1e6").replace("v_read: 0.2", "v_read: 2e-1")
    )
    assert "1e6" in path.read_text()
    circuit = circuit_parameters(str(path))
    assert circuit.g_off == pytest.approx(1e-6)
    assert circuit.v_read == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("written", "ohms"),
    [
        ("190 ohm", 190), ("0.19 kohm", 190), ("0.19 kΩ", 190), ("190000 mohm", 190), ("1.9e2 Ohm", 190),
        ({"value": 0.19, "unit": "kOhm"}, 190), ({"value": 1.001, "unit": "kohm"}, 1001), ("2.2Mohm", 2.2e6),
    ],
)  # fmt: skip
def test_units_with_prefixes_mean_the_same_number_to_the_last_bit(tmp_path, written, ohms):
    assert circuit_parameters(own_file(tmp_path, {"r_sink": written})).r_sink == ohms
    assert circuit_parameters("8T-SRAM", overrides={"r_sink": written}).r_sink == ohms


def test_every_quantity_takes_its_unit(tmp_path):
    path = own_file(
        tmp_path, {"v_read": "200 mV", "v_nl": {"value": 300, "unit": "mV"}, "g_on": "100 uS", "r_off": "1 Mohm"},
        drop=("r_on",),
    )  # fmt: skip
    assert circuit_parameters(path) == circuit_parameters(own_file(tmp_path))


@pytest.mark.parametrize("heading", ["V,I_on,I_off\n", "", "\ufeff"])
def test_a_users_own_measured_curve(tmp_path, heading):
    (tmp_path / "curve.csv").write_text(heading + "0,0,0\n0.1,1e-6,1e-8\n0.3,4e-6,3e-8\n", encoding="utf-8")
    path = own_file(tmp_path, {"iv": "table", "iv_csv": "curve.csv"}, drop=("v_nl",))
    circuit = circuit_parameters(path)
    curves = circuit.curves()
    np.testing.assert_allclose(curves.current(np.array([0.1, 0.3]), 1), [1e-6, 4e-6])
    np.testing.assert_allclose(curves.current(np.array([0.1, 0.3]), 0), [1e-8, 3e-8])


def test_a_curve_without_an_off_column_is_scaled(tmp_path):
    (tmp_path / "curve.csv").write_text("0,0\n0.1,1e-6\n0.3,4e-6\n")
    circuit = circuit_parameters(own_file(tmp_path, {"iv": "table", "iv_csv": "curve.csv"}, drop=("v_nl",)))
    assert circuit.off_current() == pytest.approx(circuit.on_current() / 100)


@pytest.mark.parametrize(
    ("device", "corner", "overrides", "message"),
    [
        ("8T-SRM", "nominal", {}, "unknown device '8T-SRM'; did you mean '8T-SRAM'?"),
        ("8T-SRAM", "nominl", {}, "did you mean 'nominal'"),
        ("8T-SRAM", "nominal", {"r_snk": 5}, "unknown field 'r_snk'; did you mean 'r_sink'"),
        ("8T-SRAM", "nominal", {"r_sink": -5}, "r_sink"),
        ("8T-SRAM", "nominal", {"r_sink": float("nan")}, "r_sink"),
        ("8T-SRAM", "nominal", {"r_on": 0}, "r_on must be a positive resistance in ohms, got 0"),
        ("8T-SRAM", "nominal", {"r_on": "much"}, "r_on must be a positive resistance in ohms, got 'much'"),
        ("8T-SRAM", "nominal", {"r_on": True}, "r_on must be a positive resistance"),
        ("8T-SRAM", "nominal", {"r_on": float("inf")}, "r_on must be a positive resistance"),
        ("8T-SRAM", "nominal", {"r_on": 100, "g_on": 1e-3}, "give either r_on or g_on"),
        ("8T-SRAM", "nominal", {"r_sink": {"value": 5, "unit": "kV"}}, "r_sink is given in 'kV', expected 'ohm' or"),
        ("8T-SRAM", "nominal", {"r_sink": "5 kohms of it"}, "r_sink is given in 'kohms of it', expected 'ohm' or"),
        (
            "8T-SRAM",
            "nominal",
            {"r_sink": "5 k"},
            "r_sink is given in 'k', expected 'ohm' or with a prefix, such as 'kohm'",
        ),
        ("8T-SRAM", "nominal", {"v_read": "200 MOhm"}, "v_read is given in 'MOhm', expected 'V' or with a prefix"),
        ("8T-SRAM", "nominal", {"iv": {"value": 5, "unit": "V"}}, "iv is given in 'V', expected no unit"),
        ("8T-SRAM", "nominal", {"v_read": {"value": 5, "unit": "ohm"}}, "v_read is given in 'ohm', expected 'V'"),
        ("8T-SRAM", "nominal", {"iv_off": "sinh", "v_nl_off": 0.01}, "at v_read an OFF cell carries"),
        ("8T-SRAM", "nominal", {"iv": "sinh", "v_nl": 0.001}, "sinh is computed up to 80"),
        ("8T-SRAM", "nominal", {"r_sink": {"size": 5}}, "unknown field 'size'"),
        ("8T-SRAM", "nominal", {"r_off": 100}, "is larger than g_on"),
        ("8T-SRAM", "nominal", {"iv": "cubic"}, "iv"),
        ("8T-SRAM", "nominal", {"iv": "table"}, "needs iv_table"),
        ("8T-SRAM", "nominal", {"gated": False}, "always gated"),
        ("no/such.yaml", "nominal", {}, "cannot read the bitcell file"),
    ],
)
def test_bad_names_and_values_give_one_line(device, corner, overrides, message):
    with pytest.raises(InputError) as error:
        circuit_parameters(device, corner, overrides, where="sweep.yaml:3")
    assert message in str(error.value)
    assert str(error.value).startswith("sweep.yaml:3")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "must hold a mapping"),
        ("{", "is not valid YAML"),
        ("name: x\n", "'topology' is missing"),
        ("name: x\ntopology: gate_driven\ncorners: {}\n", "unknown corner of x 'nominal'"),
        ("name: x\ntopology: crossed\ncorners: {nominal: {}}\n", "topology"),
        ("name: x\ntopology: gate_driven\ncolour: red\ncorners: {nominal: {}}\n", "unknown field 'colour'"),
        ("name: x\ntopology: gate_driven\ncorners: {nominal: {}}\n", "'g_on' is missing"),
        ("[" * 3000, "is not valid YAML"),
        ("name: !!python/object/apply:os.getcwd []\n", "is not valid YAML"),
    ],
)
def test_bad_bitcell_files_give_one_line(tmp_path, text, message):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        circuit_parameters(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (None, "cannot read the I-V points"),
        ("V,I\n0,0\nx,1\n", r"curve.csv:3: expected numbers"),
        ("0,0\n", "at least two points"),
        ("0,0\n0.1,1e-6,1e-8\n", "at least two points, all"),
        ("0,0\n0.3,1e-6,1e-8,1\n", "at least two points, all"),
        ("0.1,1e-6\n0.3,2e-6\n", "must begin at V = 0, I = 0"),
        ("0,0\n0.2,2e-6\n0.3,1e-6\n", "must rise strictly"),
        ("0,0\n0.1,1e-6\n", "below v_read"),
        ("0,0\n0.3,nan\n", "not a finite number"),
    ],
)
def test_bad_curves_are_refused(tmp_path, points, message):
    if points is not None:
        (tmp_path / "curve.csv").write_text(points)
    with pytest.raises(InputError, match=message):
        circuit_parameters(own_file(tmp_path, {"iv": "table", "iv_csv": "curve.csv"}, drop=("v_nl",)))
