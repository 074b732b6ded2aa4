"""Designs that are no hardware but what hardware is measured by: ideal arithmetic, and ideal arrays read by a real
converter.

``ideal``: neither circuit nor converter; predictions are those of the network itself, and only the rows that are read
together, their order, the sparsity and the pruning still decide a number. ``ideal_circuit``: every column current is
its partial sum in LSB exactly (no wires, no OFF current, cells alike), but the converter is the design's own.
"""

from __future__ import annotations

from simcore.crossbar.circuit import Circuit
from simcore.design import Design
from simcore.design_axes import MOST_ADC_BITS, MOST_SIDE, REFERENCE_SOLVERS, Adc, EvidenceLimits, lossless_bits
from simcore.effects import CONDITIONS
from simcore.encodings import ENCODINGS
from simcore.passes import PASSES, passes_acting, passes_of

_NO_CIRCUIT = Circuit(
    topology="gate_driven", g_on=1e-6, g_off=0.0, v_read=1.0, r_driver=0.0, r_sink=0.0, r_col=0.0, r_source=0.0
)
_OF_CHIPS = ("effects", *CONDITIONS)


def what_acts(design: Design) -> Design:
    """The design with everything that cannot act on it at one value, so that designs that come out alike are one.

    Only references have such fields: the circuit with its device effects, the columns of an array, the limits of the
    evidence and passes (``passes_acting``); with ``ideal`` also the converter, and where nothing is drawn at random or
    learnt from images (no pruning, no grouped rows, none put near the sink) the seed and the calibration images.
    """
    if design.solver not in REFERENCE_SOLVERS:
        return design
    mitigations = passes_acting(design.mitigations, design.solver, tells_rows_apart=design.prune > 0)
    fixed: dict[str, object] = {
        "circuit": _NO_CIRCUIT,
        "mitigations": mitigations,
        # any that the encoding allows
        "cols": min(design.rows * ENCODINGS[design.encoding].columns_a_conversion, MOST_SIDE),
        "evidence": EvidenceLimits(),
        **{name: Design.model_fields[name].default for name in _OF_CHIPS},
    }
    if design.solver == "ideal":
        # whatever the encoding: bits without a say here (as ``lossless`` is resolved for zero-one)
        fixed["adc"] = Adc(bits=min(lossless_bits(design.rows_read_together), MOST_ADC_BITS))
        moved = any(PASSES[one.name].moves_rows for one in passes_of(mitigations))
        if design.row_order != "grouped" and design.prune == 0 and not moved:
            # one image is there always, and says no more than what shape the layers' inputs have
            fixed |= {"seed": 0, "calibration_images": 1, "calibration_split": None, "calibration_first": 0}
    return design.model_copy(update=fixed)
