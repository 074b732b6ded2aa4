"""What evaluates designs unless another evaluator is handed in: simcore. torch and numba load when it is first used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from pipeline.sweep import protocols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simcore.datasets import Dataset
    from simcore.design import Design
    from simcore.design_axes import Adc
    from simcore.effects.base import Effect
    from simcore.inference.evaluation import Prepared, ShardResult
    from simcore.network.checkpoint import Checkpoint

NUMBA = "numba"


@dataclass(frozen=True)
class SimcoreEvaluator:
    """simcore on one device.

    It takes networks and data sets of simcore's own types, and designs that it prepared itself.

    Args:
        device: where exact solves run: ``numba``, or ``cpu`` and ``cuda`` for torch.
    """

    device: str = NUMBA

    def solver_version(self, effects: Sequence[Effect], mitigations: str, adc: Adc) -> str:
        """simcore's own, and the device where it is not numba: devices agree to the solver's tolerance, not bit for
        bit, so their rows have keys of their own."""
        from simcore.inference import evaluation

        version = evaluation.solver_version(effects, mitigations, adc)
        return version if self.device == NUMBA else f"{version}+{self.device}"

    @property
    def images_at_once(self) -> int:
        """As ``simcore.inference.evaluation.evaluate`` takes them."""
        from simcore.inference.evaluation import BATCH

        return BATCH

    def load(self) -> None:
        """Imports torch and numba."""
        from simcore.inference import evaluation  # noqa: F401

    def prepare(self, checkpoint: protocols.Checkpoint, design: Design, dataset: protocols.Dataset) -> Prepared:
        """As ``simcore.inference.evaluation.prepare``."""
        from simcore.inference import evaluation

        here = design.model_copy(update={"device": self.device})
        return evaluation.prepare(cast("Checkpoint", checkpoint), here, cast("Dataset", dataset))

    def on_chip(self, prepared: protocols.Prepared, chip: int) -> Prepared:
        """As ``simcore.inference.evaluation.on_chip``."""
        from simcore.inference import evaluation

        return evaluation.on_chip(cast("Prepared", prepared), chip)

    def evaluate(
        self, prepared: protocols.Prepared, images: np.ndarray, labels: np.ndarray, first_image: int
    ) -> ShardResult:
        """As ``simcore.inference.evaluation.evaluate``."""
        from simcore.inference import evaluation

        return evaluation.evaluate(cast("Prepared", prepared), images, labels, first_image)
