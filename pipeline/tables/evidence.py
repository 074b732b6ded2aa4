"""What is known of the fast solver's error: in a design's record, as columns, and whether it is good enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.columns import Row
from pipeline.storage.records import EvidenceRecord
from pipeline.sweep.protocols import Prepared

if TYPE_CHECKING:
    from simcore.design_axes import EvidenceLimits
    from simcore.inference.validation import LayerEvidence

# Columns, and the figure of ``LayerEvidence`` that each has the worst value of.
_FIGURES = {
    "evidence_rms_lsb": "rms_lsb",
    "evidence_worst_lsb": "worst_lsb",
    "evidence_changed": "changed",
    "evidence_converted_rms_lsb": "converted_rms_lsb",
    "evidence_converted_worst_lsb": "converted_worst_lsb",
    "evidence_top_bias_lsb": "top_bias_lsb",
    "evidence_output_error": "output_error",
    "kcl_residual": "residual",
}


def evidence_record(prepared: Prepared) -> EvidenceRecord:
    """What a prepared design says for itself: the solver that it chose, and held-out reads of this very run solved
    exactly."""
    layers = [dataclasses.asdict(layer) for layer in prepared.evidence.layers]
    return {"solver": prepared.solver, "layers": layers}


def within_limits(record: EvidenceRecord, limits: EvidenceLimits) -> bool:
    """Whether a design's record may be trusted: its reads were solved exactly, or the fast solver was good enough.

    Evidence is of the fast solver. Where it was not good enough and every read was solved exactly instead, it does not
    matter: an exact solve that does not converge makes the design fail.
    """
    return record["solver"] == "exact" or all(layer.within(limits) for layer in _layers(record))


def design_columns(record: EvidenceRecord, limits: EvidenceLimits) -> Row:
    """The columns of a design: the worst figures of any layer and kind of inputs."""
    within = within_limits(record, limits)
    return {"solver": record["solver"], **_worst(_layers(record)), "evidence_within_limits": within}


def layer_columns(record: EvidenceRecord, layer: str) -> Row:
    """The columns of a layer: the worse figure of the two kinds of inputs, and the kind on which converted sums miss
    more (empty without evidence)."""
    layers = [one for one in _layers(record) if one.layer == layer]
    worse = max(layers, key=lambda one: (one.converted_rms_lsb, one.rms_lsb), default=None)
    return {**_worst(layers), "evidence_inputs": worse.inputs if worse else ""}


def _layers(record: EvidenceRecord) -> list[LayerEvidence]:
    from simcore.inference.validation import LayerEvidence

    return [LayerEvidence(**layer) for layer in record["layers"]]


def _worst(layers: Sequence[LayerEvidence]) -> Row:
    """The largest figures in size, None without any; reads and solves that did not converge are counted."""
    return {
        **{
            column: max((getattr(one, name) for one in layers), key=abs, default=None)
            for column, name in _FIGURES.items()
        },
        "evidence_reads": sum(one.reads for one in layers),
        "evidence_unsolved": sum(one.unsolved for one in layers),
    }
