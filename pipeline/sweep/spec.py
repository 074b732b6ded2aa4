"""The sweep file: what a user asks for. A list is an axis, a scalar is one value.

Only the form is checked here (fields, types, ranges, and every error with its line); names of devices, models and
data sets are looked up by the planner.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)

from pipeline.sweep.axes import CONVERTER, ENCODING, LEVEL, MATCHED, OF_EFFECTS, ROW_ORDER, SCALARS, SEED, SETS, SOLVER
from pipeline.sweep.axis import ScalarAxis
from pipeline.sweep.field_types import NO_EFFECTS, AxisValue, EffectSet, Listed, Positive, Scalar, Text, values_of
from pipeline.sweep.mitigation_sets import MitigationSet
from pipeline.sweep.objectives import ObjectiveName
from pipeline.sweep.shipped import sweep_path
from pipeline.sweep.spec_errors import describe_errors
from pipeline.uris import without_secret
from simcore.cost_options import CostOptions
from simcore.design_axes import EvidenceLimits
from simcore.errors import InputError
from simcore.paths import expand_home
from simcore.yaml_file import YamlFile, read_yaml

MAX_SWEEP_FILE_CHARACTERS = 1_000_000
MOST_CHIPS = 10_000
"""Of a design: a yield of 99.9 % is known to a tenth of that by then. A judgement."""
MOST_RESAMPLES = 1_000_000
"""Behind the support of a front: it is known to a thousandth by then. A judgement."""
MOST_NAME_CHARACTERS = 60
"""Of what people call a device or network: tables, pictures and file names have room for as many. A judgement."""


def _array(value: Any) -> Any:
    if isinstance(value, dict | ArraySpec):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*[xX]\s*(\d+)\s*", str(value))
    if not match or match[1].startswith("0") or match[2].startswith("0"):
        raise ValueError(
            f"expected ROWSxCOLS such as 64x64 or {{rows: 64, cols: 64, active_rows: 16}}, found {value!r}"
        )
    return {"rows": int(match[1]), "cols": int(match[2])}


def _name_field(name: str) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        return {name: value} if isinstance(value, str) else value

    return convert


def _device(value: Any) -> Any:
    if isinstance(value, str):
        return {"file" if value.endswith((".yaml", ".yml")) else "name": value}
    return value


def _share(value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if whole and abs(value) < 2**53 else value


def _slug(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", value):
        raise ValueError(
            f"expected letters, digits, '.', '_' or '-', a letter or digit first, at most 80, found {value!r}"
        )
    return value


def _without_user(uri: str) -> str:
    # The file is kept with the results, in MLflow and in the report.
    if without_secret(uri) != uri:
        raise ValueError(
            "holds a user name or password, and this file is shown to all who read the results: give it by option"
        )
    return uri


NotNegativeCount = Annotated[int, Field(ge=0)]
Slug = Annotated[str, AfterValidator(_slug)]
Uri = Annotated[Text, AfterValidator(_without_user)]
Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]
Width = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # as the tables hold it


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DeviceSpec(_Part):
    """A bitcell: a preset by name, or the user's own file; overrides replace single circuit parameters."""

    name: Text | None = None
    file: Text | None = None
    label: Text | None = None
    corners: Annotated[list[Text], Listed, Field(min_length=1)] | None = None
    overrides: dict[str, Annotated[list[Scalar], Listed, Field(min_length=1)]] = {}

    @model_validator(mode="after")
    def _one_source(self) -> DeviceSpec:
        if (self.name is None) == (self.file is None):
            raise ValueError("expected either 'name' (a preset) or 'file' (your own bitcell file)")
        return self

    @property
    def shown(self) -> str:
        """What tables and matches call it."""
        return self.label or self.name or str(self.file).rsplit("/", 1)[-1].rsplit(".", 1)[0]


class ArraySpec(_Part):
    """Array sizes; a list in any field makes the product of the lists."""

    rows: Annotated[list[Positive], Listed, Field(min_length=1)]
    cols: Annotated[list[Positive], Listed, Field(min_length=1)]
    active_rows: Annotated[list[Positive], Listed, Field(min_length=1)] | None = None


class DatasetSpec(_Part):
    """The images a sweep is judged on, and how many more set the converters and constants."""

    name: Text
    split: Text = "test"
    images: Positive | None = None
    calibration_images: Annotated[list[Positive], Listed, Field(min_length=1)] = [32]


class TrackingSpec(_Part):
    """What goes to MLflow and where; without ``uri`` an SQLite file in the results folder.

    ``front`` is the front and ``sample`` other designs.
    """

    mode: Literal["all", "front", "none"] = "all"
    sample: NotNegativeCount = 100
    uri: Uri | None = None


class CostSpec(CostOptions):
    """How energy, latency and area are counted."""

    model_config = ConfigDict(allow_inf_nan=False)

    parameters: dict[str, Annotated[float, Field(gt=0)]] = {}


class ParetoSpec(_Part):
    """What the front is drawn for, its floor, and the resamples of the images behind its support.

    ``yield_loss`` is how far below ideal arithmetic a chip may be to count in the yield of a design, and
    ``yield_width`` how wide the interval of the yield may be where a race stops.

    The floor is what a design has to reach to be on a front: at most ``max_loss`` below ideal arithmetic, at least
    ``min_accuracy``. Without either it has to be more accurate than guessing, by the low end of Wilson's 95 % interval
    of the images alone.
    """

    objectives: Annotated[list[ObjectiveName], Listed, Field(min_length=1)] = ["accuracy", "energy"]
    max_loss: Share | None = None
    min_accuracy: Share | None = None
    yield_loss: Share = 0.02
    yield_width: Width | None = None
    resamples: Annotated[int, Field(ge=1, le=MOST_RESAMPLES)] = 1000
    seed: Seed = 0

    @model_validator(mode="after")
    def _distinct(self) -> ParetoSpec:
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError("an objective is named twice")
        return self


class _Subjects(_Part):
    """The first fields of a sweep file: what it is called, and what it simulates."""

    name: Slug
    study: Text = "binsparx"
    description: str = ""
    models: Annotated[list[Text], Listed, Field(min_length=1)]
    devices: Annotated[list[Annotated[DeviceSpec, BeforeValidator(_device)]], Listed, Field(min_length=1)]
    corners: Annotated[list[Text], Listed, Field(min_length=1)] = ["nominal"]
    arrays: Annotated[list[Annotated[ArraySpec, BeforeValidator(_array)]], Listed, Field(min_length=1)]


def _axis_fields(*axes: ScalarAxis) -> dict[str, Any]:
    """The fields of a sweep file that hold the values of axes."""
    fields: dict[str, Any] = {}
    for axis in axes:
        kind = values_of(axis.item)
        # One that is required may be named by sets of mitigations instead: see ``SweepSpec``.
        default = Field([axis.default], validate_default=True)
        fields[axis.place.rpartition(".")[2]] = (kind, None) if axis.required else (kind, default)
    return fields


# A checker of types need not know the axes: code that means one of them goes through ``settings`` and ``given``.
if TYPE_CHECKING:
    _WithAxes = _Subjects
    _Matched = _Part
else:
    AdcSpec = create_model("AdcSpec", __base__=_Part, **_axis_fields(*CONVERTER))
    _WithAxes = create_model(
        "_WithAxes",
        __base__=_Subjects,
        **_axis_fields(ENCODING, ROW_ORDER),
        adc=(AdcSpec, AdcSpec()),
        **_axis_fields(*LEVEL, *OF_EFFECTS, SEED, SOLVER),
    )
    _Matched = create_model(
        "_Matched", __base__=_Part, **{axis.match_name: (axis.match_type | None, None) for axis in MATCHED}
    )


class MatchSpec(_Matched):
    """Values of design columns: a point matches where every given column has one of the given values.

    ``overrides`` names circuit parameters, each with its values; ``solver`` is the column ``solver_setting``.
    """

    def given(self) -> dict[str, Any]:
        """The columns named in the file, under their names in the tables, with their values."""
        fields = dict(self)
        given = {axis.column: values for axis in MATCHED if (values := fields[axis.match_name]) is not None}
        if SETS.column in given:
            given[SETS.column] = [one for _, one in _flat(given[SETS.column])]
        return given


class SweepSpec(_WithAxes):
    """One sweep file. See the module text for what a list means."""

    effects: Annotated[list[EffectSet], Listed, Field(min_length=1)] = [NO_EFFECTS]
    chips: Annotated[int, Field(ge=1, le=MOST_CHIPS)] = 1
    layers: Annotated[list[Text], Listed, Field(min_length=1)] | None = None
    dataset: Annotated[DatasetSpec, BeforeValidator(_name_field("name"))]
    shard_images: Positive = 50
    strategy: Literal["complete", "racing"] = "complete"
    evidence: EvidenceLimits = EvidenceLimits()
    exclude: list[MatchSpec] = []
    points: list[MatchSpec] = []
    results: Uri | None = None
    tracking: Annotated[TrackingSpec, BeforeValidator(_name_field("mode"))] = TrackingSpec()
    cost: CostSpec = CostSpec()
    pareto: ParetoSpec = ParetoSpec()

    @model_validator(mode="after")
    def _required(self) -> SweepSpec:
        for axis in SCALARS:
            if axis.required and not {axis.place, SETS.place} & self.model_fields_set:
                raise ValueError(f"the field '{axis.place}' is missing")
        return self

    def settings(self) -> dict[str, list[AxisValue]]:
        """The values of every scalar axis by its column, as the file has them, but for the sets of mitigations."""
        values = {axis.column: attrgetter(axis.place)(self) for axis in SCALARS if axis is not SETS}
        return {axis.column: list(values.get(axis.column) or [axis.default]) for axis in SCALARS}

    def given(self) -> set[str]:
        """The columns of the scalar axes that the file names."""
        return {axis.column for axis in SCALARS if _names(self, axis.place)}

    def sets(self) -> list[tuple[int, MitigationSet]]:
        """The sets of mitigations, each with its place in the list that the file has."""
        return _flat(attrgetter(SETS.place)(self))


def _flat(entries: Iterable[Sequence[MitigationSet]]) -> list[tuple[int, MitigationSet]]:
    """The sets of every entry of a list of them, with its place."""
    return [(place, one) for place, entry in enumerate(entries) for one in entry]


def _names(part: BaseModel, place: str) -> bool:
    """Whether a file gives a field, which may be one of a group."""
    name, _, rest = place.partition(".")
    return name in part.model_fields_set and (not rest or _names(getattr(part, name), rest))


@dataclass(frozen=True)
class SweepFile:
    """A sweep file that was read and whose form is right."""

    source: YamlFile
    spec: SweepSpec

    @property
    def path(self) -> Path:
        return self.source.path

    def where(self, *location: str | int) -> str:
        """The place of a field, for an error message."""
        return self.source.where(*location)

    def resolve(self, reference: str) -> str:
        """A path of the sweep file, taken from the folder the file is in; a plain name stays as it is.

        Raises:
            InputError: in the home folder of nobody.
        """
        candidate = expand_home(reference, self.path.name)
        looks_like_path = "/" in reference or candidate.suffix in {".yaml", ".yml", ".safetensors", ".parquet"}
        if candidate.is_absolute() or not looks_like_path:
            return str(candidate) if candidate.is_absolute() else reference
        return os.path.abspath(self.path.parent / candidate)


def load_sweep(path: str | Path) -> SweepFile:
    """Reads and checks a sweep file.

    Args:
        path: of the file, or the name of one that ships.

    Raises:
        InputError: with one line for each thing that is wrong, each naming file, line and field.
    """
    source = read_yaml(sweep_path(path))
    if len(source.text) > MAX_SWEEP_FILE_CHARACTERS:
        raise InputError(f"a sweep file may hold at most {MAX_SWEEP_FILE_CHARACTERS} characters", source.path.name)
    if not isinstance(source.data, dict):
        expected = "expected a sweep file: fields such as name, models, devices, arrays, sparsity, dataset"
        raise InputError(expected, source.path.name)
    try:
        spec = SweepSpec.model_validate(source.data)
    except ValidationError as error:
        raise InputError(describe_errors(error, source, SweepSpec)) from None
    return SweepFile(source, spec)
