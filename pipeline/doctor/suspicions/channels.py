"""Colour channels in another order than in training, such as BGR."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch

from pipeline.doctor.patient import Patient, predict
from pipeline.doctor.suspicions.base import Trial, TriedSuspicion

_COLOURS = "RGB"


class Channels(TriedSuspicion):
    """The channels of colour images are tried in every order."""

    name = "channel order"

    def trials(self, patient: Patient) -> Iterator[Trial]:
        if patient.inputs.dim() != 4 or patient.inputs.shape[1] != len(_COLOURS):
            return
        for order in list(itertools.permutations(range(len(_COLOURS))))[:0:-1]:  # BGR, the most usual, first
            words = "".join(_COLOURS[channel] for channel in order)

            def run(inputs: torch.Tensor, order: tuple[int, ...] = order) -> np.ndarray:
                return predict(patient.network, inputs[:, list(order)])

            yield Trial(
                f"the channels look swapped: the network seems to know {words}",
                f"import the images with the channels in the order {words}, or swap the first layer's weights",
                run,
            )
