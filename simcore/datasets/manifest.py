"""The manifest of a dataset folder: what it holds, where it came from and what every shard must hash to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from simcore.datasets.sample_format import MOST_AXES, MOST_BYTES, SampleFormat
from simcore.datasets.shards import SHA256_PATTERN, Shard
from simcore.errors import InputError, one_line

MANIFEST_NAME = "dataset.json"
FORMAT: Literal["binsparx-dataset"] = "binsparx-dataset"
FormatVersion = Literal[1, 2]
_VERSIONS = get_args(FormatVersion)
_REMEDY = "restore the file or import the dataset again with `binsparx data import`"
_MAX_MANIFEST_BYTES = 64 * 2**20


class SplitManifest(BaseModel):
    """One split: its shards in reading order and the digest of all its images and labels in that order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int = Field(gt=0)
    selection: str
    content_sha256: str = Field(pattern=SHA256_PATTERN)
    shards: tuple[Shard, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _shards_add_up(self) -> SplitManifest:
        total = sum(shard.images for shard in self.shards)
        if total != self.images:
            raise ValueError(f"the shards hold {total} images, the split claims {self.images}")
        return self


class TensorManifest(BaseModel):
    """What samples are that are no images of bytes: stored and received by a network as they are in the source, neither
    scaled nor normalised, but in float32."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dtype: Literal["float32"] = "float32"
    shape: tuple[PositiveInt, ...] = Field(min_length=1, max_length=MOST_AXES)
    source_dtype: str
    scaling: Literal["none"] = "none"


class Manifest(BaseModel):
    """Content of ``dataset.json``. Version 1 holds images, whose ``image_shape`` is (height, width, channels);
    version 2 any other ``tensor``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["binsparx-dataset"] = FORMAT
    format_version: FormatVersion = 1
    name: str = Field(min_length=1)
    source: str
    licence: str
    licence_text: str = ""
    classes: tuple[str, ...] = Field(min_length=1, max_length=32767)
    image_shape: tuple[PositiveInt, PositiveInt, PositiveInt] | None = None
    tensor: TensorManifest | None = None
    digest: str = Field(pattern=SHA256_PATTERN)
    splits: dict[str, SplitManifest] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        described = self.image_shape if self.format_version == 1 else self.tensor
        if described is None or (self.image_shape is None) == (self.tensor is None):
            raise ValueError("version 1 has an image_shape, version 2 a tensor, and neither the other")
        if self.sample.bytes > MOST_BYTES:
            raise ValueError(f"a sample of shape {self.sample.shape} has more than {MOST_BYTES} bytes")
        if self.digest != content_digest(self.sample, self.splits):
            raise ValueError("the digest is not that of the listed content")
        return self

    @property
    def sample(self) -> SampleFormat:
        """What every sample is."""
        if self.tensor is not None:
            return SampleFormat(self.tensor.dtype, self.tensor.shape)
        if self.image_shape is None:
            raise ValueError("neither images nor tensors")
        return SampleFormat.image(self.image_shape)


def content_digest(sample: SampleFormat, splits: dict[str, SplitManifest]) -> str:
    """sha256 of a dataset's samples and labels; names, prose and the division into shards do not enter."""
    shape = {"image_shape" if sample.is_image else f"{sample.dtype}_shape": list(sample.shape)}
    content = shape | {"splits": {name: split.content_sha256 for name, split in splits.items()}}
    return hashlib.sha256(_canonical_json(content)).hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``dataset.json`` with a checksum over all the rest of it.

    Raises:
        OSError: the file cannot be written.
    """
    content = manifest.model_dump(mode="json", exclude_none=True)
    sealed = content | {"manifest_sha256": _checksum(content)}
    (folder / MANIFEST_NAME).write_text(json.dumps(sealed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_manifest(folder: Path, where: str = "") -> Manifest:
    """Read and check ``dataset.json``.

    Raises:
        InputError: the manifest is missing, is no manifest, is of a newer format, contradicts itself or was edited.
    """
    path = folder / MANIFEST_NAME
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            raise InputError(f"{path} is too large to be a dataset manifest", where)
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{folder} is no dataset (it has no {MANIFEST_NAME}); make one with `binsparx data import`", where
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"manifest {path} cannot be read ({one_line(error)}); {_REMEDY}", where) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is not a {FORMAT} manifest; {_REMEDY}", where)
    version = content.get("format_version")
    if version not in _VERSIONS:
        raise InputError(
            f"manifest {path} has format version {version!r}, this program reads {' and '.join(map(str, _VERSIONS))}; "
            "update binsparx or import the dataset again",
            where,
        )
    claimed = content.pop("manifest_sha256", None)
    if claimed != _checksum(content):
        raise InputError(f"manifest {path} was modified (its checksum differs); {_REMEDY}", where)
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"manifest {path} is not valid ({field}: {first['msg']}); {_REMEDY}", where) from error


def _checksum(content: dict[str, object]) -> str:
    return hashlib.sha256(_canonical_json(content)).hexdigest()


def _canonical_json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
