"""A whole examination: accuracy, signs of the layers, suspicions, and what each layer would lose and cost on arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.doctor.array import Array
from pipeline.doctor.layer_signs import LayerSigns, layer_signs
from pipeline.doctor.mapped_alone import MappedAlone, mapped_alone
from pipeline.doctor.patient import Patient
from pipeline.doctor.suspicions import SUSPICIONS, Finding
from pipeline.front.intervals import wilson_interval
from simcore.datasets import Dataset
from simcore.errors import InputError
from simcore.network.checkpoint import Checkpoint

Progress = Callable[[str, int, int], None]
"""(what was done, steps done, steps)"""


@dataclass(frozen=True)
class Expected:
    """Accuracy that the network should have, a fraction, and who says so."""

    accuracy: float
    source: str


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        images: that accuracy and suspicions were judged on.
        accuracy: in ideal arithmetic, a fraction, with its 95 % interval: (value, low, high).
        expected: accuracy that it should have; None where nobody says.
        layers: signs of the binary layers.
        findings: mistakes that look likely, the most likely first.
        mapped: each layer alone on arrays.
        not_mapped: why layers are missing there, else empty.
    """

    images: int
    accuracy: tuple[float, float, float]
    expected: Expected | None
    layers: list[LayerSigns]
    findings: list[Finding]
    mapped: list[MappedAlone]
    not_mapped: str

    @property
    def falls_short(self) -> bool:
        """The interval of the accuracy ends below the expected one."""
        return self.expected is not None and self.accuracy[2] < self.expected.accuracy


def examine(
    checkpoint: Checkpoint,
    dataset: Dataset,
    split: str,
    counts: tuple[int, int],
    array: Array,
    expected: float | None = None,
    progress: Progress = lambda what, done, steps: None,
) -> Examination:
    """Examines a network.

    Args:
        checkpoint: the network.
        dataset: what it is judged on.
        split: of the data set.
        counts: first samples of the split for accuracy and suspicions, and for layers on arrays (0: none are mapped).
        array: that the layers are mapped on.
        expected: accuracy that it should have; None takes what its maker recorded.
        progress: told of every step.

    Raises:
        UnsolvedError: a crossbar solve did not converge.
    """
    images, mapped_images = counts
    layers = list(dict.fromkeys(layer.node for layer in checkpoint.network.on_arrays()))
    steps = 1 + len(SUSPICIONS) + (len(layers) if mapped_images else 0)
    patient = Patient.of(checkpoint, dataset, split, images)
    correct = int(patient.correct.sum())
    signs = layer_signs(patient)
    progress("ideal accuracy", 1, steps)
    findings = []
    for number, suspicion in enumerate(SUSPICIONS):
        found = suspicion.examine(patient)
        if found is not None:
            findings.append(found)
        progress(f"mistakes: {suspicion.name}", 2 + number, steps)
    mapped: list[MappedAlone] = []
    not_mapped = "" if mapped_images else "not asked for"
    try:
        if mapped_images:
            for one in mapped_alone(checkpoint, dataset, array, split, mapped_images):
                mapped.append(one)
                progress(f"on arrays: {one.layer}", 1 + len(SUSPICIONS) + len(mapped), steps)
    except InputError as error:
        not_mapped = str(error)
    accuracy = (correct / images, *wilson_interval(correct, images))
    wanted = Expected(expected, "as given") if expected is not None else recorded(checkpoint, dataset, split)
    return Examination(images, accuracy, wanted, signs, likely(findings, accuracy[0]), mapped, not_mapped)


def recorded(checkpoint: Checkpoint, dataset: Dataset, split: str) -> Expected | None:
    """What the network's maker recorded of these very data, or of data that are not said to be others."""
    for one in checkpoint.recorded_accuracies():
        if (one["dataset"], one.get("split")) == (dataset.digest, split):
            return Expected(one["correct"] / one["images"], f"recorded, of {one['images']} images")
    about = checkpoint.metadata
    named = about.get("dataset")
    of_others = isinstance(named, dict) and named.get("digest", dataset.digest) != dataset.digest
    plain = None if about.get("accuracies") or of_others else about.get("accuracy")
    if not isinstance(plain, int | float) or not 0 <= plain <= 1:
        return None
    return Expected(float(plain), "recorded")


def likely(findings: list[Finding], accuracy: float) -> list[Finding]:
    """Without those whose undoing gives back less than half of what the best gives: a mistake looks a little like
    others. Those that were not tried stay."""
    best = max((found.accuracy for found in findings if found.accuracy is not None), default=accuracy)
    kept = [found for found in findings if found.accuracy is None or found.accuracy - accuracy >= (best - accuracy) / 2]
    return sorted(kept, key=lambda found: -(1.0 if found.accuracy is None else found.accuracy))
