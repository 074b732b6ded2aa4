"""Noise of the converters, a source a file; a new one is a file and an entry here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simcore.noise.base import Noise
from simcore.noise.gaussian import Gaussian

NOISES: dict[str, Callable[[np.float32], Noise]] = {"gaussian": Gaussian}
"""By name, made of their scale in codes."""
