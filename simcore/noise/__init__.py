"""Noise of the converters, a source a file; a new one is a file, an entry here and its name in ``NoiseSource``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simcore.design_axes import NoiseSource
from simcore.noise.base import Noise
from simcore.noise.gaussian import Gaussian

NOISES: dict[NoiseSource, Callable[[np.float32], Noise]] = {"gaussian": Gaussian}
"""By name, made of their scale in codes."""
