"""Recalibrated outputs: gain and offset of every output of a layer, as its lossy arrays deliver it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from simcore.mitigation.base import Mitigation, OutputLine

_WEIGHT = 64.0  # reads that the layer's common gain counts for in an output's own: a judgement
_STEEPEST = 4.0  # gains lie between its inverse and this: a judgement, beyond it an output is noise


class RecalibratedOutputs(Mitigation):
    """Each output's line is the regression of what the ideal network delivers on what the arrays do, for the same
    calibration images, layer by layer: the arrays before it are lossy, and recalibrated, already. It is folded into the
    batch norm that follows (``norm_fold``), so that it costs nothing when the network runs; a layer that none follows
    stays as it is, and plans and explanations name it.

    Where an output has few reads its gain leans on that of the whole layer.

    Source: statistics of batch norms set anew for lossy arrays, Joshi et al., Nat. Commun. 11 (2020), as AdaBS; the
    regression is this project's.
    """

    name = "recalibrated_outputs"

    def afterwards(
        self, delivered: Float[np.ndarray, "reads outputs"], wanted: Float[np.ndarray, "reads outputs"]
    ) -> OutputLine | None:
        reads = len(delivered)
        mean_x, mean_y = delivered.mean(axis=0), wanted.mean(axis=0)
        covariance = ((delivered - mean_x) * (wanted - mean_y)).mean(axis=0)
        variance = ((delivered - mean_x) ** 2).mean(axis=0)
        if variance.mean() == 0 or covariance.mean() <= 0:
            return None
        common = covariance.mean() / variance.mean()
        held = _WEIGHT * variance.mean()
        scale = (reads * covariance + held * common) / (reads * variance + held)
        scale = np.clip(scale, common / _STEEPEST, common * _STEEPEST)
        return OutputLine(scale.astype(np.float32), (mean_y - scale * mean_x).astype(np.float32))
