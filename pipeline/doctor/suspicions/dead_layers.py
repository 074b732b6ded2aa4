"""Binary layers most of whose inputs never change their sign, or whose weights all have the same."""

from __future__ import annotations

from pipeline.doctor.layer_signs import layer_signs
from pipeline.doctor.patient import Patient
from pipeline.doctor.suspicions.base import Finding, Suspicion, listed

_MOST_CONSTANT = 0.9
"""Share of constant input channels above which a binary layer tells inputs apart hardly: a judgement."""


class DeadLayers(Suspicion):
    """Signs are counted, channel by channel, over inputs and places."""

    name = "dead layers"

    def examine(self, patient: Patient) -> Finding | None:
        signs = layer_signs(patient)
        dead = [one.name for one in signs if one.constant_channels > _MOST_CONSTANT]
        if dead:
            return Finding(
                self.name, f"almost all inputs of {listed(dead)} have the same sign always",
                "look at what is before: a ReLU before a sign gives +1 alone; a threshold may be far off",
            )  # fmt: skip
        uniform = [one.name for one in signs if one.weight_share in (0.0, 1.0)]
        if uniform:
            return Finding(
                self.name, f"all weights of {listed(uniform)} have the same sign",
                "look at how the weights were stored: signs, not sizes or bits of 0 and 1, are taken",
            )  # fmt: skip
        return None
