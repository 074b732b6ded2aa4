"""The sweep file: what a user asks for. A list is an axis, a scalar is one value.

Only the form is checked here (fields, types, ranges, and every error with its line); names of devices, models and
data sets are looked up by the planner.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipeline.sweep.objectives import ObjectiveName
from pipeline.sweep.spec_errors import describe_errors
from pipeline.sweep.yaml_file import YamlFile, read_yaml
from pipeline.uris import without_secret
from simcore.errors import InputError

MAX_SWEEP_FILE_CHARACTERS = 1_000_000


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value}")
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError("expected a number, a word or a list of them")


def _adc_bits(value: Any) -> Any:
    if value == "lossless" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 16):
        return value
    raise ValueError(f"expected 'lossless' or a whole number from 1 to 16, found {value!r}")


def _array(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*[xX]\s*(\d+)\s*", value)
    if not match:
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


def _slug(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", value):
        raise ValueError(f"expected letters, digits, '.', '_' or '-' (at most 80), found {value!r}")
    return value


def _without_user(uri: str) -> str:
    # The file is kept with the results, in MLflow and in the report.
    if without_secret(uri) != uri:
        raise ValueError(
            "holds a user name or password, and this file is shown to all who read the results: give it by option"
        )
    return uri


Listed = BeforeValidator(_as_list)
Scalar = Annotated[Any, AfterValidator(_scalar)]
Positive = Annotated[int, Field(ge=1)]
NotNegativeCount = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0)]
Slug = Annotated[str, AfterValidator(_slug)]
Text = Annotated[str, Field(min_length=1)]
Uri = Annotated[Text, AfterValidator(_without_user)]
AdcBits = Annotated[Any, AfterValidator(_adc_bits)]
RowOrder = Literal["channel", "spatial", "grouped"]
SparsityLevel = Literal["dense", "weight", "activation", "binsparx"]
Solver = Literal["auto", "exact", "fast", "ideal", "ideal_circuit"]
AdcReference = Literal["nominal", "calibrated", "calibrated_column", "calibrated_layer"]
AdcFit = Literal["unbiased", "least_squares"]
AdcRange = Literal["full_scale", "fixed", "percentile", "least_error"]
Prune = Annotated[float, Field(ge=0, lt=1)]
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


class ArraySpec(_Part):
    """Array sizes; a list in any field makes the product of the lists."""

    rows: Annotated[list[Positive], Listed, Field(min_length=1)]
    cols: Annotated[list[Positive], Listed, Field(min_length=1)]
    active_rows: Annotated[list[Positive], Listed, Field(min_length=1)] | None = None


class AdcSpec(_Part):
    """The converter. ``lossless`` bits are those which give every sum of the active rows its own code."""

    bits: Annotated[list[AdcBits], Listed, Field(min_length=1)] = ["lossless"]
    reference: Annotated[list[AdcReference], Listed, Field(min_length=1)] = ["nominal"]
    fit: Annotated[list[AdcFit], Listed, Field(min_length=1)] = ["unbiased"]
    range: Annotated[list[AdcRange], Listed, Field(min_length=1)] = ["full_scale"]
    offset_lsb: Annotated[list[float], Listed, Field(min_length=1)] = [0.0]
    gain: Annotated[list[Annotated[float, Field(gt=0)]], Listed, Field(min_length=1)] = [1.0]
    noise_lsb: Annotated[list[NotNegative], Listed, Field(min_length=1)] = [0.0]


class DatasetSpec(_Part):
    """The images a sweep is judged on, and how many more set the converters and constants."""

    name: Text
    split: Text = "test"
    images: Positive | None = None
    calibration_images: Positive = 32


class EvidenceSpec(_Part):
    """Largest error of the fast solver on held-out reads of a design, after the converter, and what happens beyond it.

    ``fail``: the point fails with the figures; ``exact``: its reads are all solved exactly; ``mark``: it goes on and
    its row says so.
    """

    max_rms_lsb: NotNegative = 0.1
    max_worst_lsb: NotNegative = 1.0
    max_bias_lsb: NotNegative = 0.05
    beyond: Literal["fail", "exact", "mark"] = "fail"


class TrackingSpec(_Part):
    """What goes to MLflow and where; without ``uri`` an SQLite file in the results folder.

    ``front`` is the front and ``sample`` other designs.
    """

    mode: Literal["all", "front", "none"] = "all"
    sample: NotNegativeCount = 100
    uri: Uri | None = None


class CostSpec(_Part):
    """How energy, latency and area are counted. What is given here is taken as known and leaves the spread."""

    technology: Text = "7nm"
    corner: Literal["low", "nominal", "high"] = "nominal"
    converter: Literal["auto", "flash", "sar"] = "auto"
    columns_per_converter: Positive = 8
    array_supply: Literal["v_read", "v_dd"] | None = None
    on_time: Literal["sampled", "conversion"] | None = None
    flip_path: Literal["pipelined", "serial"] | None = None
    popcount: Literal["baseline", "binsparx"] = "baseline"
    stored_sums: Literal["baseline", "binsparx"] = "binsparx"
    activation_buffer: bool = True
    parallel_tiles: Positive | None = None
    columns_read: Literal["in_turn", "together"] | None = None
    digital_layers: bool = True
    digital_array: Positive = 16
    parameters: dict[str, Annotated[float, Field(gt=0)]] = {}


class ParetoSpec(_Part):
    """What the front is drawn for, and the resamples of the images behind its support."""

    objectives: Annotated[list[ObjectiveName], Listed, Field(min_length=1)] = ["accuracy", "energy"]
    resamples: Positive = 1000
    seed: Seed = 0

    @model_validator(mode="after")
    def _distinct(self) -> ParetoSpec:
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError("an objective is named twice")
        return self


class MatchSpec(_Part):
    """Values of design columns: a point matches where every given column has one of the given values.

    ``overrides`` names circuit parameters, each with its values; ``solver`` is the column ``solver_setting``.
    """

    model: Annotated[list[Text], Listed, Field(min_length=1)] | None = None
    device: Annotated[list[Text], Listed, Field(min_length=1)] | None = None
    corner: Annotated[list[Text], Listed, Field(min_length=1)] | None = None
    rows: Annotated[list[Positive], Listed, Field(min_length=1)] | None = None
    cols: Annotated[list[Positive], Listed, Field(min_length=1)] | None = None
    active_rows: Annotated[list[Positive], Listed, Field(min_length=1)] | None = None
    row_order: Annotated[list[RowOrder], Listed, Field(min_length=1)] | None = None
    adc_bits: Annotated[list[AdcBits], Listed, Field(min_length=1)] | None = None
    adc_reference: Annotated[list[AdcReference], Listed, Field(min_length=1)] | None = None
    adc_fit: Annotated[list[AdcFit], Listed, Field(min_length=1)] | None = None
    adc_range: Annotated[list[AdcRange], Listed, Field(min_length=1)] | None = None
    adc_offset: Annotated[list[float], Listed, Field(min_length=1)] | None = None
    adc_gain: Annotated[list[Annotated[float, Field(gt=0)]], Listed, Field(min_length=1)] | None = None
    adc_noise: Annotated[list[NotNegative], Listed, Field(min_length=1)] | None = None
    overrides: dict[str, Annotated[list[Scalar], Listed, Field(min_length=1)]] | None = None
    solver: Annotated[list[Solver], Listed, Field(min_length=1)] | None = None
    seed: Annotated[list[Seed], Listed, Field(min_length=1)] | None = None
    sparsity: Annotated[list[SparsityLevel], Listed, Field(min_length=1)] | None = None
    prune: Annotated[list[Prune], Listed, Field(min_length=1)] | None = None

    def given(self) -> dict[str, Any]:
        """The columns named in the file, under their names in the tables, with their values."""
        named = {name: values for name in MatchSpec.model_fields if (values := getattr(self, name)) is not None}
        return {"solver_setting" if name == "solver" else name: values for name, values in named.items()}


class SweepSpec(_Part):
    """One sweep file. See the module text for what a list means."""

    name: Slug
    study: Text = "binsparx"
    description: str = ""
    models: Annotated[list[Text], Listed, Field(min_length=1)]
    devices: Annotated[list[Annotated[DeviceSpec, BeforeValidator(_device)]], Listed, Field(min_length=1)]
    corners: Annotated[list[Text], Listed, Field(min_length=1)] = ["nominal"]
    arrays: Annotated[list[Annotated[ArraySpec, BeforeValidator(_array)]], Listed, Field(min_length=1)]
    row_order: Annotated[list[RowOrder], Listed, Field(min_length=1)] = ["channel"]
    adc: AdcSpec = AdcSpec()
    sparsity: Annotated[list[SparsityLevel], Listed, Field(min_length=1)]
    prune: Annotated[list[Prune], Listed, Field(min_length=1)] = [0.0]
    seeds: Annotated[list[Seed], Listed, Field(min_length=1)] = [0]
    solver: Annotated[list[Solver], Listed, Field(min_length=1)] = ["auto"]
    layers: Annotated[list[Text], Listed, Field(min_length=1)] | None = None
    dataset: Annotated[DatasetSpec, BeforeValidator(_name_field("name"))]
    shard_images: Positive = 50
    strategy: Literal["complete", "racing"] = "complete"
    evidence: EvidenceSpec = EvidenceSpec()
    exclude: list[MatchSpec] = []
    points: list[MatchSpec] = []
    results: Uri | None = None
    tracking: Annotated[TrackingSpec, BeforeValidator(_name_field("mode"))] = TrackingSpec()
    cost: CostSpec = CostSpec()
    pareto: ParetoSpec = ParetoSpec()


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
        """A path of the sweep file, taken from the folder the file is in; a plain name stays as it is."""
        candidate = Path(reference).expanduser()
        looks_like_path = "/" in reference or candidate.suffix in {".yaml", ".yml", ".safetensors", ".parquet"}
        if candidate.is_absolute() or not looks_like_path:
            return str(candidate) if candidate.is_absolute() else reference
        return os.path.abspath(self.path.parent / candidate)


def load_sweep(path: str | Path) -> SweepFile:
    """Reads and checks a sweep file.

    Raises:
        InputError: with one line for each thing that is wrong, each naming file, line and field.
    """
    source = read_yaml(path)
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
