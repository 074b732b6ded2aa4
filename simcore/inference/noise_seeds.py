"""Seeds of the noise of reads: a function of the design's seed, the layer, the image and the chip, so that an image
meets the same noise in any shard, on any worker, however it is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.inference.prepared import PreparedLayer

_CALIBRATION = (1,)  # sets calibration images apart from those of the same index that are measured


@dataclass(frozen=True)
class NoiseSeeds:
    """Of one design.

    Attributes:
        design_seed: of the design.
        chip: index of the chip; None: the nominal design.
        calibration: whether the images are those that the design is calibrated on.
    """

    design_seed: int
    chip: int | None
    calibration: bool = False

    def of(self, layer: PreparedLayer, index: int, images: range) -> list[int]:
        """One an image; none where there is no noise.

        Args:
            layer: which reads.
            index: of the layer among those that are mapped.
            images: by their index in their split.
        """
        return [self._seed(index, image) for image in images] if layer.converters.noise.scale else []

    def _seed(self, index: int, image: int) -> int:
        place = [self.design_seed, index, image, *([] if self.chip is None else [self.chip])]
        sequence = np.random.SeedSequence(place, spawn_key=_CALIBRATION if self.calibration else ())
        return int(sequence.generate_state(1, np.uint64)[0])
