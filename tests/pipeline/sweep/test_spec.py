"""The sweep file: axes, and one clear line with file, line and field for everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.sweep.spec import load_sweep
from simcore.errors import InputError
from tests.pipeline.fake_simcore import sweep_text, write_sweep


def error_of(folder: Path, **changes: str) -> str:
    with pytest.raises(InputError) as caught:
        load_sweep(write_sweep(folder, **changes))
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_scalars_are_axes_of_one_value(tmp_path: Path) -> None:
    spec = load_sweep(write_sweep(tmp_path, seeds="3", prune="0.1", arrays="64x32")).spec
    assert (spec.seeds, spec.prune, spec.models) == ([3], [0.1], ["fake-cnn"])
    assert (spec.arrays[0].rows, spec.arrays[0].cols) == ([64], [32])


def test_lists_are_axes(tmp_path: Path) -> None:
    spec = load_sweep(write_sweep(tmp_path, adc="{bits: [4, lossless], gain: [1, 9.5e-1]}")).spec
    assert spec.adc.bits == [4, "lossless"]
    assert spec.adc.gain == [1.0, 0.95]


def test_exponents_without_a_point_are_numbers(tmp_path: Path) -> None:
    spec = load_sweep(write_sweep(tmp_path, devices="{name: 8T-SRAM, overrides: {r_sink: [1e2, 2E2]}}")).spec
    assert spec.devices[0].overrides == {"r_sink": [100.0, 200.0]}


def test_tracking_by_its_mode_alone(tmp_path: Path) -> None:
    for mode in ("all", "front", "none"):
        assert load_sweep(write_sweep(tmp_path, tracking=mode)).spec.tracking.mode == mode
    assert "tracking" in error_of(tmp_path, tracking="sometimes")
    assert "sample" in error_of(tmp_path, tracking="{mode: front, sample: -1}")


def test_device_by_name_file_and_group(tmp_path: Path) -> None:
    spec = load_sweep(write_sweep(tmp_path, devices="[8T-SRAM, mine/cell.yaml, {name: 8T-SRAM, label: wide}]")).spec
    assert [(d.name, d.file, d.label) for d in spec.devices] == [
        ("8T-SRAM", None, None),
        (None, "mine/cell.yaml", None),
        ("8T-SRAM", None, "wide"),
    ]


def test_paths_are_taken_from_the_folder_of_the_sweep_file(tmp_path: Path) -> None:
    sweep = load_sweep(write_sweep(tmp_path))
    assert sweep.resolve("mine/cell.yaml") == str(tmp_path / "mine" / "cell.yaml")
    assert sweep.resolve("fashion-cnn") == "fashion-cnn"
    with pytest.raises(InputError, match="^small.yaml: there is no home folder '~nobody-here'$"):
        sweep.resolve("~nobody-here/cell.yaml")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sparsty": "dense"}, "small.yaml:8 sparsty: unknown field 'sparsty'; did you mean 'sparsity'?"),
        ({"arrays": "[]"}, "small.yaml:4 arrays: is empty; an axis needs at least one value"),
        ({"models": ""}, "small.yaml:2 models: is empty; an axis needs at least one value"),
        (
            {"sparsity": "[dense, binspark]"},
            "small.yaml:5 sparsity[1]: unknown value 'binspark'; did you mean 'binsparx'?",
        ),
        ({"arrays": "[32x]"}, "small.yaml:4 arrays[0]: expected ROWSxCOLS such as 64x64"),
        ({"arrays": "{rows: -3, cols: 4}"}, "small.yaml:4 arrays[0].rows: expected at least 1, found -3"),
        ({"prune": "[0, .nan]"}, "small.yaml:8 prune[1]: expected a finite number, found nan"),
        ({"prune": "-0.1"}, "small.yaml:8 prune: expected at least 0, found -0.1"),
        ({"prune": "1.0"}, "small.yaml:8 prune: expected less than 1, found 1.0"),
        ({"devices": "{name: 8T-SRAM, overrides: {r_col: .inf}}"}, "expected a finite number, found inf"),
        ({"devices": "{label: x}"}, "small.yaml:3 devices: expected either 'name' (a preset) or 'file'"),
        ({"devices": "{name: 8T-SRAM, cornrs: x}"}, "unknown field 'cornrs'; did you mean 'corners'?"),
        ({"adc": "{bits: 17}"}, "small.yaml:8 adc.bits: expected 'lossless' or a whole number from 1 to 16, found 17"),
        ({"dataset": "{name: fake-images, images: 2.5}"}, "small.yaml:6 dataset.images: expected a whole number"),
        ({"dataset": "{images: 2}"}, "small.yaml:6 dataset: the field 'name' is missing"),
        ({"seeds": "true"}, "small.yaml:8 seeds: expected a whole number, found true"),
        ({"seeds": "off"}, "small.yaml:8 seeds: expected a whole number, found off (which YAML takes for false"),
        ({"seeds": "0x10"}, "small.yaml:8 seeds: expected a whole number, found '0x10'"),
        (
            {"arrays": "0x64"},
            "small.yaml:4 arrays: expected ROWSxCOLS such as 64x64 or {rows: 64",
        ),
        ({"arrays": "[64x64, 0x64]"}, "found '0x64'"),
        ({"arrays": "64"}, "found 64"),
        ({"arrays": "12:30"}, "found '12:30'"),
        ({"shard_images": "0"}, "small.yaml:7 shard_images: expected at least 1, found 0"),
        ({"name": "../evil"}, "small.yaml:1 name: expected letters, digits"),
        ({"exclude": "[{devic: x}]"}, "small.yaml:8 exclude[0].devic: unknown field 'devic'; did you mean 'device'?"),
        ({"tracking": "{mode: some}"}, "unknown value 'some'"),
        ({"arrays[0]": "64x64"}, "small.yaml:8 arrays[0]: unknown field 'arrays[0]'; did you mean 'arrays'?"),
        ({"arrays": "{rows: 4, cols: 4, 'rows[1]': 3}"}, "unknown field 'rows[1]'; did you mean 'rows'?"),
        ({"cost": "{parameters: {'a[1]': -1}}"}, "small.yaml:8 cost.parameters.a[1]: expected more than 0, found -1"),
        ({"models": "[a, a"}, "not valid YAML"),
        ({"models": "!!python/object/apply:os.system [ls]"}, "not valid YAML"),
    ],
)
def test_one_clear_line_for_bad_input(tmp_path: Path, changes: dict[str, str], expected: str) -> None:
    message = error_of(tmp_path, **changes)
    assert expected in message
    assert len(message.splitlines()) == 1


def test_several_errors_come_one_a_line_in_the_order_of_the_file(tmp_path: Path) -> None:
    lines = error_of(tmp_path, sparsity="[dens]", arrays="[]", shard_images="x").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["small.yaml:4", "small.yaml:5", "small.yaml:7"]


def test_a_field_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(sweep_text() + "models: other\n")
    with pytest.raises(InputError, match=r"twice.yaml:8: the field 'models' is given twice"):
        load_sweep(path)


def test_a_field_given_twice_inside_a_group_is_refused_with_its_place(tmp_path: Path) -> None:
    message = error_of(tmp_path, arrays="[{rows: 4, cols: 4, rows: 8}]")
    assert message == "small.yaml:4 arrays[0]: the field 'rows' is given twice"


def test_own_fields_replace_merged_ones(tmp_path: Path) -> None:
    arrays = "[&base {rows: 32, cols: 16}, &tall {<<: *base, rows: 128}, *tall, {<<: [*tall, *base], cols: 8}]"
    spec = load_sweep(write_sweep(tmp_path, arrays=arrays)).spec
    assert [(array.rows, array.cols) for array in spec.arrays] == [
        ([32], [16]),
        ([128], [16]),
        ([128], [16]),
        ([128], [8]),
    ]


@pytest.mark.parametrize(
    "text",
    ["a: &a [*a]\n", "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(f"b{i}: &b{i} [" + "*a," * 1 + "]\n" for i in range(3))],
)
def test_odd_files_are_refused_not_followed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(InputError):
        load_sweep(path)


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    rows += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(rows))
    with pytest.raises(InputError, match="too many values"):
        load_sweep(path)


@pytest.mark.parametrize("content", [b"", b"- a\n", b"\xff\xfe\x00", b"just words"])
def test_a_file_that_is_no_sweep(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "none.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_sweep(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_sweep(tmp_path / "missing.yaml")
