"""Settings whose designs give other numbers than they once did, as a solver version names them."""

from __future__ import annotations

from collections.abc import Sequence

from simcore.design_axes import Adc
from simcore.effects.base import Effect
from simcore.passes import PASSES, passes_of

_REVISIONS = {"least_error": 2, "percentile": 2, "calibrated_column": 2, "noise": 2, "read_noise": 2}
"""Raised where only designs with a setting move, as ``PassName.revision`` is where only those with a pass do."""


def setting_revisions(effects: Sequence[Effect], adc: Adc, mitigations: str) -> str:
    """What a solver version says of a design's settings.

    Args:
        effects: its device effects.
        adc: its converter.
        mitigations: its set of passes.

    Example:
        >>> setting_revisions((), Adc(bits=4, range="least_error"), "none")
        '+least_error.2'
    """
    there = {
        "least_error": adc.range == "least_error",
        "percentile": adc.range == "percentile",
        "calibrated_column": adc.reference == "calibrated_column"
        and (adc.fit == "unbiased" or _sets_converters(mitigations)),
        "noise": adc.noise_lsb > 0 or any(effect.adds_read_noise for effect in effects),
        "read_noise": any(effect.adds_read_noise for effect in effects),
    }
    return "".join(f"+{name}.{revision}" for name, revision in _REVISIONS.items() if there[name])


def _sets_converters(mitigations: str) -> bool:
    return any(PASSES[one.name].sets_converters for one in passes_of(mitigations))
