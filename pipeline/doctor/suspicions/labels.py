"""Labels that count the classes in another order than the network's outputs, or from another number."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.doctor.patient import Patient
from pipeline.doctor.suspicions.base import Finding, Suspicion, beats_guessing, is_better
from pipeline.front.intervals import PairedCounts

_SHOWN = 10
_MOST_CLASSES = 2000
"""Above them an assignment would take minutes and gigabytes, and samples would be too few to learn it from."""


class Labels(Suspicion):
    """The one-to-one assignment of outputs to labels that fits half of the inputs best is judged on the other half."""

    name = "labels"

    def examine(self, patient: Patient) -> Finding | None:
        classes = patient.network.graph.classes
        if classes > _MOST_CLASSES:
            return None
        learnt, judged = slice(0, None, 2), slice(1, None, 2)
        seen = np.zeros((classes, classes))
        np.add.at(seen, (patient.predictions[learnt], patient.labels[learnt]), 1)
        # Where an output was never given, it keeps its own label if that is free.
        outputs, labels = linear_sum_assignment(seen + 1e-3 * np.eye(classes), maximize=True)
        label_of = labels[np.argsort(outputs)]
        correct = label_of[patient.predictions] == patient.labels
        better = is_better(PairedCounts.of(correct[judged], patient.correct[judged]))
        if not better or not beats_guessing(correct[judged], patient.labels[judged]):
            return None
        accuracy = float(correct[judged].mean())
        shift = int(np.bincount((label_of - np.arange(classes)) % classes, seen.max(axis=1), classes).argmax())
        rolled = (patient.predictions + shift) % classes
        off_by_one = shift in (1, classes - 1) and (rolled == patient.labels)[judged].mean() >= accuracy - 0.01
        if off_by_one:
            by = "above" if shift == 1 else "below"
            return Finding(
                self.name, f"the labels look off by one: each is one {by} the network's output",
                "count classes from 0, in the data set and in the network alike", accuracy,
            )  # fmt: skip
        moved = [f"{output} is {label}" for output, label in enumerate(label_of.tolist()) if output != label]
        more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
        return Finding(
            self.name, f"the labels look permuted: output {', '.join(moved[:_SHOWN])}{more}",
            "give the data set's classes in the order of the network's outputs", accuracy,
        )  # fmt: skip
