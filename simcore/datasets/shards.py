"""One shard: a Parquet file of samples with their labels, written once and checked whenever it is read from disk.

Columns: ``image`` (the H*W*C bytes of one image in row, column, channel order) or ``sample`` (the float32 values of a
tensor, little-endian, last axis fastest), fixed-size binary, zstd, and ``label`` (int16). Fixed-size values lie end to
end in memory, so a decoded column *is* the array of all samples.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from simcore.datasets.sample_format import SampleFormat, Samples
from simcore.errors import InputError

Labels = NDArray[np.int64]

SHA256_PATTERN = r"^[0-9a-f]{64}$"
_REMEDY = "restore the file or import the dataset again with `binsparx data import`"
# Decoded shards kept per process: neighbouring reads of one split mostly fall into the shard read just before.
_CACHED_SHARDS = 4


class Shard(BaseModel):
    """A shard as the manifest lists it: where it is, how much it holds and what it must hash to."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    # A bare file name: a manifest cannot point outside its own folder.
    file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.parquet$")
    images: int = Field(gt=0)
    file_bytes: int = Field(gt=0)
    sha256: str = Field(pattern=SHA256_PATTERN)
    content_sha256: str = Field(pattern=SHA256_PATTERN)


def shard_schema(sample: SampleFormat) -> pa.Schema:
    """Arrow schema of a shard of such samples."""
    values = "pixel values 0..255, uint8, in (height, width, channel) order"
    if not sample.is_image:
        values = "values as in the source, float32, little-endian, last axis fastest"
    samples = pa.field(
        _column(sample), pa.binary(sample.bytes), nullable=False, metadata={"unit": "1", "description": values}
    )
    label = pa.field(
        "label",
        pa.int16(),
        nullable=False,
        metadata={"unit": "1", "description": "index of the image's class in the manifest's list of classes"},
    )
    return pa.schema([samples, label], metadata={f"{_column(sample)}_shape": ",".join(map(str, sample.shape))})


def _column(sample: SampleFormat) -> str:
    return "image" if sample.is_image else "sample"


def _stored_type(sample: SampleFormat) -> np.dtype:
    return np.dtype(sample.dtype).newbyteorder("<")


def content_records(samples: Samples, labels: Labels) -> bytes:
    """The bytes that content digests are taken over: per sample its label (little-endian int16), then its values.

    Args:
        samples: (n, H, W, C) uint8 or (n, ...) float32.
        labels: integers (n,).
    """
    label_bytes = labels.astype("<i2").reshape(-1, 1).view(np.uint8)
    values = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<")).reshape(len(samples), -1).view(np.uint8)
    return np.hstack([label_bytes, values]).tobytes()


def write_shard(path: Path, sample: SampleFormat, samples: Samples, labels: Labels) -> Shard:
    """Write one shard and return its manifest entry.

    Args:
        path: file to write; its folder must exist. Callers write into a folder that is not in use yet.
        sample: what each of the samples is.
        samples: (n, *sample.shape) of its dtype, n > 0.
        labels: integers (n,) that fit int16.

    Raises:
        OSError: the file cannot be written.
    """
    count, schema = len(samples), shard_schema(sample)
    values = np.ascontiguousarray(samples, _stored_type(sample))
    column = pa.FixedSizeBinaryArray.from_buffers(schema.field(0).type, count, [None, pa.py_buffer(values)])
    table = pa.Table.from_arrays([column, pa.array(labels.astype(np.int16))], schema=schema)
    sink = pa.BufferOutputStream()
    # One row group, so that a column decodes into one buffer; a dictionary of whole samples would only cost time.
    pq.write_table(table, sink, row_group_size=count, compression="zstd", compression_level=9, use_dictionary=False)
    data = sink.getvalue().to_pybytes()
    path.write_bytes(data)
    return Shard(
        file=path.name,
        images=count,
        file_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        content_sha256=hashlib.sha256(content_records(samples, labels)).hexdigest(),
    )


def read_shard(folder: Path, shard: Shard, sample: SampleFormat) -> tuple[Samples, Labels]:
    """The samples (n, *sample.shape) and labels (n,) of one shard, as read-only arrays that later reads may share.

    Raises:
        InputError: the file is missing, truncated, modified or no shard of this dataset.
    """
    return _cached_shard(folder.resolve(), shard, sample)


@lru_cache(maxsize=_CACHED_SHARDS)
def _cached_shard(folder: Path, shard: Shard, sample: SampleFormat) -> tuple[Samples, Labels]:
    path = folder / shard.file
    table = _verified_table(path, shard, sample, [_column(sample), "label"])
    stored = _fixed_size_column(table.column(0)).view(_stored_type(sample))
    samples = stored.astype(sample.dtype, copy=False).reshape(shard.images, *sample.shape)
    labels = table.column("label").to_numpy().astype(np.int64)
    labels.flags.writeable = False
    return samples, labels


def read_labels(folder: Path, shard: Shard, sample: SampleFormat) -> Labels:
    """The labels (n,) of one shard without decoding its samples; raises as ``read_shard`` does."""
    labels: Labels = (
        _verified_table(folder / shard.file, shard, sample, ["label"]).column("label").to_numpy().astype(np.int64)
    )
    return labels


def _verified_table(path: Path, shard: Shard, sample: SampleFormat, columns: list[str]) -> pa.Table:
    """Columns of a shard whose bytes have been compared with the manifest."""
    data = _verified_bytes(path, shard)
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema_matches = _same_schema(file.schema_arrow, shard_schema(sample))
        # One thread: the caller, not this library, decides how many processors a task uses.
        table = file.read(columns=columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"shard {path} is no readable Parquet file; {_REMEDY}") from error
    if not schema_matches or table.num_rows != shard.images:
        raise InputError(f"shard {path} does not hold what the dataset's manifest says; {_REMEDY}")
    return table


def _same_schema(found: pa.Schema, expected: pa.Schema) -> bool:
    """Same columns and same shape of a sample; the prose in the metadata may differ."""
    return bool(found.equals(expected)) and expected.metadata.items() <= (found.metadata or {}).items()


def _verified_bytes(path: Path, shard: Shard) -> bytes:
    """The file's bytes, hashed in memory so that what was checked is what is decoded."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"shard {path} is missing; {_REMEDY}") from error
    except OSError as error:
        raise InputError(f"shard {path} cannot be read ({error.strerror}); {_REMEDY}") from error
    if len(data) < shard.file_bytes:
        raise InputError(f"shard {path} is truncated ({len(data)} of {shard.file_bytes} bytes); {_REMEDY}")
    if hashlib.sha256(data).hexdigest() != shard.sha256:
        raise InputError(f"shard {path} was modified or belongs to another dataset (sha256 differs); {_REMEDY}")
    return data


def _fixed_size_column(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """A fixed-size binary column as one flat uint8 array, without a copy where the column is one chunk."""
    chunk = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    width = chunk.type.byte_width
    return np.frombuffer(chunk.buffers()[1], dtype=np.uint8, count=len(chunk) * width, offset=chunk.offset * width)
