"""How much accuracy each cause and each layer costs: the design again with one cause off, and with one cause on.

Every variant is a design of its own with its own key, so that it is computed once and found again in the store like any
point of a sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from pipeline.execution.tasks import Outcome, TaskSettings, cpu_count, evaluate_shards, prepare_design
from pipeline.explain.prices import CostOfDesigns
from pipeline.front.chips import accuracy_interval, chip_change
from pipeline.provenance import find_provenance
from pipeline.storage.chips import correct_by_chip, ideal_correct
from pipeline.storage.layer_totals import in_units, sum_layers
from pipeline.storage.records import ShardRecord
from pipeline.storage.shard_files import find_shard_files
from pipeline.storage.shards import Range, cover_chips
from pipeline.storage.store import Store
from pipeline.storage.trusted import TrustedDesign, read_trusted
from pipeline.sweep.keys import digest_of, key_content
from pipeline.sweep.protocols import Checkpoint, Dataset, Evaluator
from pipeline.tables.evidence import within_limits
from simcore.analysis.ablation import causes_of, only, without
from simcore.analysis.attribution import needs_of, passes_at_work, resting_on, with_passes, without_pass
from simcore.analysis.reference_designs import what_acts
from simcore.design import Design
from simcore.design_axes import REFERENCE_SOLVERS
from simcore.errors import BinsparxError
from simcore.network.graph import node_of

SHARD_IMAGES = 50
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Subject:
    """The design to explain, and what it runs on; ``price`` says what it costs, where the size of the cell is known."""

    key: str
    design: Design
    checkpoint: Checkpoint
    model_digest: str
    dataset: Dataset
    split: str
    name: str = ""  # for people: network, device, corner, size and level
    price: CostOfDesigns | None = None


@dataclass(frozen=True)
class Share:
    """What one cause or layer costs, in fractions of the images, each as (change, low, high) with a 95 % interval.

    Attributes:
        regained: accuracy that taking it away alone gives back.
        lost: accuracy that is lost where it alone is at work.
    """

    name: str
    regained: tuple[float, float, float]
    lost: tuple[float, float, float]
    within_limits: bool


@dataclass(frozen=True)
class PassShare:
    """What one mitigation of the design gives and costs.

    Attributes:
        name: as sets of mitigations call it.
        alone: accuracy that it gives to the design without any mitigation (but what it cannot do without), with its
            95 % interval.
        taken_away: accuracy that the design loses without it, likewise.
        cost: of the design against the design without it, as fractions by column; empty where costs are unknown.
        cost_alone: the same of it alone.
        resting: passes that cannot do without it and were taken away too.
    """

    name: str
    alone: tuple[float, float, float]
    taken_away: tuple[float, float, float]
    cost: dict[str, float]
    cost_alone: dict[str, float]
    resting: list[str]
    within_limits: bool


@dataclass(frozen=True)
class Blame:
    """The design's accuracy and ideal accuracy on so many images of each of its first chips, the shares of causes and
    of layers, the largest first, and those of its mitigations, in the order in which they act."""

    images: int
    chips: int
    accuracy: tuple[float, float, float]
    ideal_accuracy: float
    causes: list[Share]
    layers: list[Share]
    passes: list[PassShare]


def explain(
    subject: Subject,
    images: int,
    store: Store,
    evaluator: Evaluator,
    progress: Progress = lambda name, done, total: None,
    chips: int = 1,
) -> Blame:
    """Evaluates the design, and its variants, on the first images of the split.

    Args:
        subject: the design.
        images: so many.
        store: where all of them are kept.
        evaluator: computes what is missing.
        progress: told of every variant.
        chips: the first so many of variants whose chips differ.

    Raises:
        BinsparxError: a variant could not be computed.
    """
    layers = _layers_to_blame(subject)
    causes = causes_of(subject.design)
    variants = _variants(subject.design, causes, layers)
    runner = _Runner(subject, images, chips, store, evaluator)
    found: dict[tuple[str, str], _Found] = {}
    kinds = {"off": "without", "on": "only", "design": ""}
    for number, (place, variant) in enumerate(variants.items()):
        name = f"{kinds.get(place[0], place[0])} {place[1] or 'the design'}".strip()
        progress(name, number, len(variants))
        found[place] = runner.run(variant)
    progress("done", len(variants), len(variants))
    whole = found["design", ""]
    measured, count = whole.correct.shape
    accuracy = (float(whole.correct.mean()), *accuracy_interval(whole.correct))
    shares = _shares(causes, found), _shares(layers, found), _pass_shares(subject.design, found)
    return Blame(count, measured, accuracy, float(whole.ideal.mean()), *shares)


def _layers_to_blame(subject: Subject) -> list[str]:
    """The mapped layers; none where there is only one."""
    names = list(dict.fromkeys(node_of(layer.name) for layer in subject.checkpoint.binary_layers("")))
    mapped = [name for name in names if subject.design.layers is None or name in subject.design.layers]
    return mapped if len(mapped) > 1 else []


def _variants(design: Design, causes: Sequence[str], layers: Sequence[str]) -> dict[tuple[str, str], Design]:
    """The design, and it with each cause and layer ``off`` alone and ``on`` alone."""
    # What a variant's evidence says is shown, not a reason to stop.
    marked = (
        design.evidence.model_copy(update={"beyond": "mark"}) if design.evidence.beyond == "fail" else design.evidence
    )
    base = design.model_copy(update={"evidence": marked})
    variants: dict[tuple[str, str], Design] = {("design", ""): design}
    for cause in causes:
        variants["off", cause] = without(base, [cause])
        variants["on", cause] = only(base, cause)
    for name in layers:
        variants["off", name] = base.model_copy(update={"layers": tuple(n for n in layers if n != name)})
        variants["on", name] = base.model_copy(update={"layers": (name,)})
    for name in passes_at_work(base):
        variants["unmitigated by", name] = without_pass(base, name)
        variants["mitigated by only", name] = with_passes(base, [name])
        variants["before only", name] = with_passes(base, needs_of(name))
    return {place: what_acts(variant) for place, variant in variants.items()}


def _pass_shares(design: Design, found: Mapping[tuple[str, str], _Found]) -> list[PassShare]:
    """What each of the design's mitigations gives and costs."""
    whole = found["design", ""]
    shares = []
    for name in passes_at_work(design):
        without, alone, before = (found[kind, name] for kind in ("unmitigated by", "mitigated by only", "before only"))
        shares.append(
            PassShare(
                name,
                _change(alone.correct, before.correct),
                _change(whole.correct, without.correct),
                _cost_change(whole.costs, without.costs),
                _cost_change(alone.costs, before.costs),
                resting_on(design, name),
                without.within_limits and alone.within_limits and before.within_limits,
            )
        )
    return shares


def _cost_change(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {name: after[name] / value - 1 for name, value in before.items() if value and name in after}


def _shares(names: Sequence[str], found: Mapping[tuple[str, str], _Found]) -> list[Share]:
    """What each of these causes or layers costs, the largest first."""
    whole = found["design", ""]
    shares = []
    for name in names:
        off, on = found["off", name], found["on", name]
        regained, lost = _change(off.correct, whole.correct), _change(whole.ideal, on.correct)
        shares.append(Share(name, regained, lost, off.within_limits and on.within_limits))
    return sorted(shares, key=lambda share: -max(share.regained[0], share.lost[0]))


@dataclass(frozen=True)
class _Found:
    correct: Bool[np.ndarray, "chips images"]
    ideal: Bool[np.ndarray, "1 images"]
    within_limits: bool
    costs: dict[str, float]


class _Runner:
    """Computes one variant after the other in this process, keeping what the store has."""

    def __init__(self, subject: Subject, images: int, chips: int, store: Store, evaluator: Evaluator) -> None:
        self._subject, self._images, self._chips, self._store = subject, images, chips, store
        self._split_images = subject.dataset.splits[subject.split]
        self._settings = TaskSettings(evaluator, store.absolute_uri, cpu_count(), find_provenance())
        self._solver_version = evaluator.solver_version

    def run(self, design: Design) -> _Found:
        subject = self._subject
        content = key_content(
            design.content(),
            subject.model_digest,
            subject.dataset.digest,
            subject.split,
            self._solver_version(design.effects, design.mitigations, design.adc),
        )
        key = digest_of(content)
        chips = self._chips if design.chips_differ else 1
        stored, missing = self._stored(key, chips)
        if missing or stored.record is None:
            self._compute(key, content, design, missing)
            stored, missing = self._stored(key, chips)
        if missing or stored.record is None:
            raise BinsparxError(f"what was stored of {key[:12]} in {self._store.uri} is damaged or gone: try again")
        shards = stored.shards.records
        return _Found(
            correct_by_chip(shards, self._split_images),
            ideal_correct(shards, self._split_images)[None],
            within_limits(stored.record.evidence, design.evidence),
            self._costs(design, shards),
        )

    def _compute(self, key: str, content: dict[str, Any], design: Design, missing: tuple[Range, ...]) -> None:
        subject = self._subject
        outcome, prepared = prepare_design(self._settings, key, content, design, subject.checkpoint, subject.dataset)
        _check(outcome)
        while missing and prepared is not None:
            outcomes = evaluate_shards(self._settings, key, prepared, subject.dataset, subject.split, missing, None)
            for outcome in outcomes:
                _check(outcome)
            missing = missing[len(outcomes) :]

    def _stored(self, key: str, chips: int) -> tuple[TrustedDesign, tuple[Range, ...]]:
        """What is stored of a variant, and the shards that are missing."""
        while True:
            files = find_shard_files(self._store, key)
            cover = cover_chips(self._images, chips, self._split_images, SHARD_IMAGES, files.ranges())
            stored = read_trusted(self._store, key, files, cover.stored)
            if not stored.set_aside:
                return stored, cover.missing
            stored.warn()  # other files may do without what was set aside

    def _costs(self, design: Design, shards: Sequence[ShardRecord]) -> dict[str, float]:
        """Of an image; empty where the size of the cell is unknown."""
        if self._subject.price is None or design.solver in REFERENCE_SOLVERS:
            return {}
        layers = [in_units(layer) for layer in sum_layers([shard.layers for shard in shards])]
        return self._subject.price.totals(design, layers, sum(shard.count for shard in shards))


def _change(after: np.ndarray, before: np.ndarray) -> tuple[float, float, float]:
    """Accuracy after less accuracy before on the same chips and images, with its interval."""
    change = chip_change(after, before)
    return change.value, change.low, change.high


def _check(outcome: Outcome) -> None:
    if not outcome.ok:
        raise BinsparxError(outcome.reason)
