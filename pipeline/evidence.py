"""Whether what is known of the solver's error is good enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Limits(Protocol):
    """The largest errors of the fast solver that a design allows."""

    @property
    def max_rms_lsb(self) -> float: ...

    @property
    def max_worst_lsb(self) -> float: ...


def within_limits(evidence: Mapping[str, Any], limits: Limits) -> bool:
    """Whether a design's record may be trusted: its reads were solved exactly, or the fast solver was good enough.

    Evidence is of the fast solver. Where it was not good enough and every read was solved exactly instead, it does not
    matter: an exact solve that does not converge makes the design fail.
    """
    if evidence["solver"] == "exact":
        return True
    errors = (
        (evidence["evidence_rms_lsb"], limits.max_rms_lsb),
        (evidence["evidence_worst_lsb"], limits.max_worst_lsb),
    )
    return not evidence["unsolved"] and all(error is None or error <= limit for error, limit in errors)
