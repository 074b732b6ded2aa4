"""The one rule that says whether a design's solver was good enough, and the columns that say what it misses."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from pipeline.report.page import sections
from pipeline.report.terminal import print_designs
from pipeline.storage.records import decode_design, design_path
from pipeline.tables.evidence import design_columns, evidence_record, layer_columns, within_limits
from pipeline.tables.stored import read_table
from simcore.design_axes import EvidenceLimits
from simcore.inference.validation import Evidence, LayerEvidence
from tests.pipeline.finished_sweep import finish_sweep

LIMITS = EvidenceLimits(max_rms_lsb=0.1, max_worst_lsb=1.0, max_bias_lsb=0.05)
GOOD = LayerEvidence("conv1", "ideal", 10, 0.3, 2.0, 0.01, 0.1, 1.0, -0.05, 0.02, 1e-9, 0)
NOTHING = {"evidence_rms_lsb": None, "evidence_top_bias_lsb": None, "kcl_residual": None, "evidence_reads": 0}


def record(*layers: LayerEvidence, solver: str = "fast") -> dict[str, Any]:
    return evidence_record(SimpleNamespace(solver=solver, evidence=Evidence(layers)))


@pytest.mark.parametrize(
    ("changes", "solver", "expected"),
    [
        ({}, "fast", True),
        ({"converted_rms_lsb": 0.11}, "fast", False),
        ({"converted_worst_lsb": 2.0}, "fast", False),
        ({"top_bias_lsb": -0.06}, "fast", False),
        ({"rms_lsb": 9.0, "worst_lsb": 9.0}, "fast", True),  # no code differs
        ({"unsolved": 1}, "fast", False),
        ({"unsolved": 1}, "transfer", False),
        # Solved exactly in the end, whatever made the fast solver unfit.
        ({"converted_rms_lsb": 9.0, "unsolved": 1}, "exact", True),
    ],
)
def test_a_design_is_within_limits_where_it_was_solved_exactly_or_every_layer_fast_enough_to_them(
    changes: dict[str, Any], solver: str, expected: bool
) -> None:
    worse = dataclasses.replace(GOOD, layer="conv2", **changes)
    found = record(GOOD, worse, solver=solver)
    assert within_limits(found, LIMITS) is expected
    assert design_columns(found, LIMITS)["evidence_within_limits"] is expected


def test_nothing_solved_exactly_is_told_as_null() -> None:
    found = record(solver="ideal")
    assert NOTHING.items() <= design_columns(found, LIMITS).items()
    assert design_columns(found, LIMITS)["evidence_within_limits"] is True
    assert (NOTHING | {"evidence_inputs": ""}).items() <= layer_columns(found, "conv1").items()


def test_figures_are_the_worst_of_layers_and_inputs_with_their_sign() -> None:
    own = dataclasses.replace(GOOD, inputs="own", rms_lsb=0.2, converted_rms_lsb=0.4, top_bias_lsb=0.03, reads=7)
    other = dataclasses.replace(GOOD, layer="conv2", residual=1e-7, changed=0.5, top_bias_lsb=0.9, converted_rms_lsb=0)
    found = record(GOOD, own, other)
    design, first = design_columns(found, LIMITS), layer_columns(found, "conv1")
    assert (first["evidence_rms_lsb"], first["evidence_converted_rms_lsb"], first["evidence_inputs"]) == (
        0.3,
        0.4,
        "own",
    )
    assert (first["evidence_top_bias_lsb"], first["evidence_reads"]) == (-0.05, 17)
    assert layer_columns(found, "conv2")["evidence_inputs"] == "ideal"
    assert (design["evidence_top_bias_lsb"], design["evidence_changed"], design["kcl_residual"]) == (0.9, 0.5, 1e-7)
    assert (design["evidence_rms_lsb"], design["evidence_converted_rms_lsb"], design["evidence_reads"]) == (
        0.3,
        0.4,
        27,
    )


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize(("largest", "beyond"), [(0.1, False), (0.02, True)])  # of the stand-in's 0.03 LSB
def test_designs_beyond_the_limits_are_marked_on_the_terminal_and_counted_in_the_report(
    tmp_path: Path, largest: float, beyond: bool
) -> None:
    limits, converters = f"{{max_rms_lsb: {largest}, beyond: mark}}", "{bits: 3, range: [full_scale, fixed]}"
    plan, store = finish_sweep(tmp_path, evidence=limits, adc=converters)
    designs = read_table(plan.name, "designs", store)
    assert designs is not None
    assert designs["evidence_within_limits"].to_pylist() == [not beyond] * 8
    text = io.StringIO()
    print_designs(designs, Console(file=text, width=120))
    shown = text.getvalue()
    head = next(line for line in shown.splitlines() if line.startswith("device "))
    assert "adc" in head and "fixed" in shown and "adc fit unbiased" in shown  # what varies, and what does not
    assert shown.count("~") == (9 if beyond else 0)  # each of 8 designs, and what it means
    table = designs.to_pandas()
    assert f"<td class=number>{8 if beyond else 0}</td></tr>" in sections.evidence(table)
    assert "<td>fixed</td>" in sections.all_designs(table, 8)
    assert sections.all_designs(table, 8).count("no</td></tr>") == (8 if beyond else 0)


@pytest.mark.usefixtures("fakes")
def test_a_record_holds_the_evidence_of_every_layer_and_kind_of_inputs(tmp_path: Path) -> None:
    plan, store = finish_sweep(tmp_path, arrays="32x32", sparsity="dense")
    key = plan.points[0].key
    found = decode_design(store.read(design_path(key)) or b"", key).evidence
    assert found["solver"] == "fast"
    assert [(one["layer"], one["inputs"]) for one in found["layers"]] == [
        ("conv0", "ideal"), ("conv0", "own"), ("conv1", "ideal"), ("conv1", "own")
    ]  # fmt: skip
    designs, layers = (read_table(plan.name, name, store) for name in ("designs", "layers"))
    assert designs is not None and layers is not None
    (row,) = designs.to_pylist()
    assert (row["evidence_reads"], row["evidence_top_bias_lsb"]) == (100, -0.02)
    assert [(one["layer"], one["evidence_reads"]) for one in layers.to_pylist()] == [("conv0", 50), ("conv1", 50)]
