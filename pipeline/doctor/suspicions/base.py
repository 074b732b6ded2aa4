"""What a suspicion is: a usual mistake, and how to see whether it was made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy import stats

from pipeline.doctor.patient import Patient
from pipeline.front.intervals import PairedCounts

LEAST_GAIN = 0.01
"""Accuracy that undoing a mistake must give back: a judgement."""
CHANCE = 1e-3
"""Largest chance that a trial which changes nothing looks like this or better: a judgement. With some twenty trials a
right network gets a false alarm in one of fifty checks at most; most trials do far worse than nothing, so in fewer."""
_SCREENED = 200  # inputs on which a trial must do no worse before all are tried


@dataclass(frozen=True)
class Finding:
    """A mistake that looks likely.

    Attributes:
        name: of the suspicion.
        text: what was seen, on one line.
        remedy: what to do about it.
        accuracy: with the mistake undone, a fraction; None where that was not tried.
    """

    name: str
    text: str
    remedy: str
    accuracy: float | None = None


@dataclass(frozen=True)
class Trial:
    """The network with one mistake undone.

    Attributes:
        what: the mistake, on one line.
        remedy: what to do about it.
        predict: classes (n,) of inputs (n, ...).
    """

    what: str
    remedy: str
    predict: Callable[[torch.Tensor], np.ndarray]


class Suspicion(ABC):
    """One kind of mistake.

    Attributes:
        name: of the mistake.
    """

    name: ClassVar[str]

    @abstractmethod
    def examine(self, patient: Patient) -> Finding | None:
        """What was found; None where nothing looks wrong."""


class TriedSuspicion(Suspicion):
    """A mistake that shows when it is undone: the network then does better than chance explains."""

    @abstractmethod
    def trials(self, patient: Patient) -> Iterator[Trial]:
        """The ways in which it may have been made."""

    def examine(self, patient: Patient) -> Finding | None:
        best: tuple[float, Trial] | None = None
        for trial in self.trials(patient):
            accuracy = better_accuracy(patient, trial.predict)
            if accuracy is not None and (best is None or accuracy > best[0]):
                best = accuracy, trial
        return None if best is None else Finding(self.name, best[1].what, best[1].remedy, best[0])


def better_accuracy(patient: Patient, predict: Callable[[torch.Tensor], np.ndarray]) -> float | None:
    """Accuracy of other predictions where they are better than the network's own beyond chance, else None.

    Most are far worse, which some of the inputs show.
    """
    for count in (_SCREENED, len(patient.inputs)):
        correct = predict(patient.inputs[:count]) == patient.labels[:count]
        counts = PairedCounts.of(correct, patient.correct[:count])
        if counts.only_first < max(1, counts.only_second):
            return None
    return float(correct.mean()) if is_better(counts) and beats_guessing(correct, patient.labels) else None


def beats_guessing(correct: np.ndarray, labels: np.ndarray) -> bool:
    """Whether so many are correct that naming the most frequent label every time does not explain it."""
    guessed = np.bincount(labels).max() / len(labels)
    return bool(stats.binomtest(int(correct.sum()), len(correct), guessed, alternative="greater").pvalue < CHANCE)


def is_better(counts: PairedCounts) -> bool:
    """Whether the first of two did better than the second by more than chance explains (exact McNemar test)."""
    differing = counts.only_first + counts.only_second
    if counts.change < LEAST_GAIN or not differing:
        return False
    return bool(stats.binomtest(counts.only_first, differing, alternative="greater").pvalue < CHANCE)


def listed(names: Sequence[str], most: int = 4) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
