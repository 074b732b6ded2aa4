"""What makes cells differ from the nominal cell of their state, one effect a file, listed by name in ``VARIATIONS``."""

from __future__ import annotations

from simcore.crossbar.variation.base import Variation
from simcore.crossbar.variation.none import NoVariation

VARIATIONS: dict[str, Variation] = {"none": NoVariation()}

__all__ = ["VARIATIONS", "Variation"]
