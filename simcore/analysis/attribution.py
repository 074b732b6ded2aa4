"""Which mitigations are at work in a design, and the design with only some of them: what each gives alone, and what is
lost without it.

Flips, pruning, the row order and the re-ranging of converters are passes here like those of ``simcore.passes``. What a
pass cannot do without comes along with it, and goes before it.
"""

from __future__ import annotations

from collections.abc import Iterable

from simcore.design import Design
from simcore.encodings import ENCODINGS
from simcore.passes import PASSES, passes_of, text_of

RE_RANGING, PRUNING = "re_ranging", "pruning"
WEIGHT_FLIP, ACTIVATION_FLIP = "weight_flip", "activation_flip"
_SPARSITY = {(False, False): "dense", (True, False): "weight", (False, True): "activation", (True, True): "binsparx"}


def passes_at_work(design: Design) -> list[str]:
    """The names of a design's passes, in the order in which they act.

    Args:
        design: the design.
    """
    orders = [] if design.row_order == "channel" else [design.row_order]
    flips = [
        name
        for name, acts in ((WEIGHT_FLIP, design.flips_weights), (ACTIVATION_FLIP, design.flips_activations))
        if acts
    ]
    pruning = [PRUNING] if design.prune else []
    ranging = [] if design.adc.reference == "nominal" else [RE_RANGING]
    encoding = ENCODINGS[design.encoding]
    own = [one.name for one in passes_of(design.mitigations) if PASSES[one.name].acts_in(encoding)]
    before = [name for name in own if not _rests_on_ranging(name)]
    # Re-ranging is the first of what is set when the layer is stored.
    return [*orders, *before, *flips, *pruning, *ranging, *(name for name in own if name not in before)]


def needs_of(name: str) -> tuple[str, ...]:
    """What a pass cannot do without; of several flips or bends, one of which is enough, all.

    Args:
        name: of the pass.
    """
    return tuple(dict.fromkeys(one for choice in _choices_of(name) for one in choice))


def _choices_of(name: str) -> list[tuple[str, ...]]:
    """What a pass cannot do without, as ``Design`` has it: of each choice one at least."""
    known = PASSES.get(name)
    if known is None:
        return []
    needed: dict[tuple[str, ...], bool] = {
        (RE_RANGING,): known.sets_converters,
        (ACTIVATION_FLIP,): known.activation_flips,
        (WEIGHT_FLIP,): known.weight_flips,
        (ACTIVATION_FLIP, WEIGHT_FLIP): known.flips,
        tuple(one.name for one in PASSES.values() if one.bends_thresholds): known.needs_bends,
    }
    return [choice for choice, is_needed in needed.items() if is_needed]


def with_passes(design: Design, names: Iterable[str]) -> Design:
    """The design with only some of its passes, and what these cannot do without: where there is nothing of a choice
    among them, all that the design has of it.

    Args:
        design: the design.
        names: some of ``passes_at_work``; others are of no account.
    """
    at_work = set(passes_at_work(design))
    asked = at_work & set(names)
    lacking = [choice for name in asked for choice in _choices_of(name) if not asked & set(choice)]
    kept = asked | at_work & {one for choice in lacking for one in choice}
    mitigations = [one for one in passes_of(design.mitigations) if one.name in kept]
    reference = design.adc.reference if RE_RANGING in kept else "nominal"
    changes = {
        "row_order": design.row_order if design.row_order in kept else "channel",
        "sparsity": _SPARSITY[WEIGHT_FLIP in kept, ACTIVATION_FLIP in kept],
        "prune": design.prune if PRUNING in kept else 0.0,
        "mitigations": text_of(mitigations),
        "adc": design.adc.model_copy(update={"reference": reference}),
    }
    return design.model_copy(update=changes)


def without_pass(design: Design, name: str) -> Design:
    """The design without one of its passes, and without those that cannot do without it.

    Args:
        design: the design.
        name: one of ``passes_at_work``.
    """
    gone = {name, *resting_on(design, name)}
    return with_passes(design, set(passes_at_work(design)) - gone)


def resting_on(design: Design, name: str) -> list[str]:
    """The passes of a design that cannot do without one of them: nothing else that is left would do.

    Args:
        design: the design.
        name: one of ``passes_at_work``.
    """
    at_work = passes_at_work(design)
    left = set(at_work) - {name}
    return [
        other for other in at_work if any(name in choice and not left & set(choice) for choice in _choices_of(other))
    ]


def _rests_on_ranging(name: str) -> bool:
    return RE_RANGING in needs_of(name) or name == "recalibrated_outputs"
