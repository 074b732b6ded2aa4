"""The one rule that says whether a design's solver was good enough."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.evidence import within_limits
from simcore.design import EvidenceLimits

GOOD = {"solver": "fast", "unsolved": 0, "evidence_rms_lsb": 0.1, "evidence_worst_lsb": 1.0}
NOTHING_SAMPLED = {"evidence_rms_lsb": None, "evidence_worst_lsb": None}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"evidence_rms_lsb": 0.11}, False),
        ({"evidence_worst_lsb": 1.1}, False),
        ({"unsolved": 1}, False),
        (NOTHING_SAMPLED, True),
        # Solved exactly in the end, whatever made the fast solver unfit.
        ({"solver": "exact", "evidence_rms_lsb": 9.0, "unsolved": 1}, True),
        ({"solver": "transfer", "unsolved": 1}, False),
    ],
)
def test_a_design_is_within_limits_where_it_was_solved_exactly_or_fast_enough_to_them(
    changes: dict[str, Any], expected: bool
) -> None:
    assert within_limits(GOOD | changes, EvidenceLimits(max_rms_lsb=0.1, max_worst_lsb=1.0)) is expected


def test_causes_are_judged_by_the_same_rule_as_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from pipeline import aggregate, blame

    record: Any = SimpleNamespace(
        evidence={**GOOD, "solver": "exact", "unsolved": 2, "evidence_rms_lsb": 9.0, "kcl_residual": 0.0, "reads": 8}
    )
    design: Any = SimpleNamespace(evidence=EvidenceLimits())
    plan: Any = SimpleNamespace(sweep=SimpleNamespace(spec=SimpleNamespace(evidence=EvidenceLimits())))
    monkeypatch.setattr(blame, "decode_design", lambda data, key: record)
    runner: Any = SimpleNamespace(_store=SimpleNamespace(read=lambda path: b""))
    columns = aggregate._evidence_columns(plan, record.evidence)
    assert columns["evidence_within_limits"] is blame._Runner._within_limits(runner, "ab" * 32, design) is True
