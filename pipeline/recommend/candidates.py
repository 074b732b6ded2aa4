"""Which sets of mitigations may be recommended for a piece of hardware, and the design that each makes of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.sweep.axes import CALIBRATION, CONFIGURATION, ENCODING, LEVEL, ROW_ORDER
from pipeline.sweep.axis import AxisValue, span_of_sums
from pipeline.sweep.idle_passes import idle_in_encoding
from pipeline.sweep.keys import digest_of
from pipeline.sweep.mitigation_sets import STANDING_FOR, MitigationSet, set_of, sets_of
from pipeline.sweep.points import Configuration, DesignPoint, Study
from simcore.design_axes import lossless_bits
from simcore.inference.calibration_images import calibration_of, default_split, require_apart
from simcore.passes import PASSES

FLIPS = ("dense", "binsparx", "grouped+binsparx")
"""What is flipped, in which order of rows, unless it is said which passes are tried."""
TRIED = ("wide_sink:2", "near_sink", "bent_references", "recalibrated_outputs")
"""Passes of which every subset is tried beside them."""
ONE_OF = ("reference_column", "popcount_term", "digital_table:4")
"""Passes that take out what OFF cells conduct: none of them or one is tried with each subset."""
KNOBS = ("active_rows", "adc_bits", ENCODING.column)
"""Columns of hardware that may be changed too."""
_RE_RANGING = STANDING_FOR["re_ranging"]


@dataclass(frozen=True)
class Candidate:
    """A set on the hardware, and what else of the hardware is changed.

    Attributes:
        mitigations: what is done.
        knobs: values of some of ``KNOBS``, where they are not the hardware's own.
        point: the design.
    """

    mitigations: MitigationSet
    knobs: tuple[tuple[str, AxisValue], ...]
    point: DesignPoint

    @property
    def name(self) -> str:
        """``grouped+binsparx+bent_references, active rows 16``."""
        return ", ".join([str(self.mitigations), *(f"{name.replace('_', ' ')} {value}" for name, value in self.knobs)])


def hardware_among(points: Iterable[DesignPoint]) -> list[Configuration]:
    """The hardware that some designs stand on, each once: what is left when all that sets may say is taken away.

    Where designs fail whose evidence is beyond their limits they go on marked: what the evidence says is shown, and no
    reason to stop looking.
    """
    found: dict[tuple[AxisValue, ...], Configuration] = {}
    for point in points:
        if not point.configuration.is_reference:
            columns = {name: value for name, value in point.configuration.columns.items() if name != ROW_ORDER.column}
            found.setdefault(tuple(columns.values()), _marked(point.configuration))
    return list(found.values())


def candidates_of(
    hardware: Configuration, passes: Sequence[str] = (), knobs: Mapping[str, Sequence[AxisValue]] | None = None
) -> list[Candidate]:
    """Every set that may be recommended, the one without any first.

    Args:
        hardware: what they are tried on.
        passes: every subset of them;
            none: of ``TRIED``, with at most one of ``ONE_OF``, beside each of ``FLIPS``.
        knobs: other values of columns of the hardware, by ``KNOBS``.

    Raises:
        ValueError: an unknown pass, or sets that are too many.
    """
    sets = list(sets_of({"subsets_of": list(passes)})) if passes else _usual_sets()
    if hardware.setting(_RE_RANGING.column) == "nominal":
        sets = [again for one in sets for again in _re_ranged(one)]
    sets.insert(0, MitigationSet())
    values = {name: [own, *given] for name, given in (knobs or {}).items() if (own := hardware.columns[name])}
    candidates: dict[str, Candidate] = {}
    for setting in itertools.product(*values.values()):
        pairs = zip(values, setting, strict=True)
        changes = {name: value for name, value in pairs if value != hardware.columns[name]}
        for one in sets:
            try:
                point = design_of(hardware, one, changes)
            except ValueError:
                continue  # passes that need what the set or the hardware has not
            if idle_in_encoding(point):
                continue  # the set without them does as much
            candidates.setdefault(point.key, Candidate(_named(hardware, point), tuple(changes.items()), point))
    return list(candidates.values())


def _named(hardware: Configuration, point: DesignPoint) -> MitigationSet:
    """The set of a design, which names re-ranging where the hardware is without."""
    found = set_of(point.columns)
    column = _RE_RANGING.column
    if hardware.setting(column) == point.columns[column]:
        return found
    return replace(found, fields=(*found.fields, (column, point.columns[column])))


def design_of(
    hardware: Configuration, mitigations: MitigationSet, changes: Mapping[str, AxisValue] | None = None
) -> DesignPoint:
    """The design of a set on some hardware, from which everything is taken away that sets may say.

    Args:
        hardware: of the design.
        mitigations: the set.
        changes: other values of columns of the hardware.

    Raises:
        ValueError: a pass needs what the set or the hardware has not.
    """
    columns = dict(hardware.columns)
    columns |= {axis.column: axis.default for axis in (ROW_ORDER, *LEVEL)}
    columns |= {**dict(mitigations.fields), "mitigations": mitigations.passes, **(changes or {})}
    active = int(columns["active_rows"])
    if "adc_bits" not in (changes or {}) and columns["adc_bits"] == _lossless(hardware.columns):
        columns["adc_bits"] = _lossless(columns)
    study = hardware.study
    if columns[CALIBRATION.column] != study.design_fields[CALIBRATION.column]:
        study = _calibrated_on(study, int(columns[CALIBRATION.column]))
    configuration = replace(
        hardware, study=study, active=active, settings=tuple(columns[axis.column] for axis in CONFIGURATION)
    )
    point = DesignPoint("", configuration, tuple(columns[axis.column] for axis in LEVEL))
    return replace(point, key=digest_of(point.content))


def _lossless(columns: Mapping[str, AxisValue]) -> int:
    """Bits with a code for each sum."""
    return lossless_bits(span_of_sums(columns[ENCODING.column], int(columns["active_rows"])))


def require_measurable(point: DesignPoint, images: int) -> None:
    """Refuses to measure a design on images that it calibrates on.

    Args:
        point: the design.
        images: so many first images of its split.

    Raises:
        InputError: they do, or there are no such images to calibrate on.
    """
    require_apart(calibration_of(point.design, point.dataset), point.dataset, point.split, images)


def _marked(hardware: Configuration) -> Configuration:
    fields = hardware.study.design_fields
    if fields["evidence"].beyond != "fail":
        return hardware
    marked = fields["evidence"].model_copy(update={"beyond": "mark"})
    return replace(hardware, study=replace(hardware.study, design_fields=fields | {"evidence": marked}))


def _usual_sets() -> list[MitigationSet]:
    return [
        one
        for flips in FLIPS
        for against_leaks in ((), *((name,) for name in ONE_OF))
        for one in sets_of({"subsets_of": list(TRIED), "always": [flips, *against_leaks]})
    ]


def _re_ranged(one: MitigationSet) -> list[MitigationSet]:
    """A set for hardware whose converters are not re-ranged: with re-ranging, and where no pass needs it without."""
    ranged = replace(one, fields=(*one.fields, (_RE_RANGING.column, "calibrated")))
    needs = any(PASSES[part.partition(":")[0]].sets_converters for part in one.passes.split("+") if part in PASSES)
    return [ranged] if needs else [one, ranged]


def _calibrated_on(study: Study, images: int) -> Study:
    """The study with another number of calibration images, from where it has its own.

    Raises:
        ValueError: there are not so many.
    """
    fields, dataset = study.design_fields, study.dataset
    split, first = fields.get("calibration_split"), fields.get("calibration_first", 0)
    if split == study.split:  # the last images of the split that is measured
        first += fields[CALIBRATION.column] - images
    if first < 0 or first + images > dataset.splits[split or default_split(dataset)]:
        raise ValueError(f"'{dataset.name}' has not {images} images to calibrate on")
    changed = {CALIBRATION.column: images, **({"calibration_first": first} if split else {})}
    return replace(study, design_fields=fields | changed)
