"""The kinds of circuits that solvers are held to: every form in every topology, with each of its choices."""

from simcore.crossbar.iv import CURVE_FORMS as FORMS

TOPOLOGIES = (
    {"topology": "input_sourced", "gated": True},
    {"topology": "input_sourced", "gated": False},
    {"topology": "gate_driven", "source_end": "far"},
    {"topology": "gate_driven", "source_end": "near"},
)

__all__ = ["FORMS", "TOPOLOGIES"]
