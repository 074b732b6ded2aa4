"""What a task leaves behind: one file a prepared design, one a shard, each carrying the digest of its content; and
bundles, which hold many shards of a design, each with the digest that it had in a file of its own.

A record is either exactly what was written or it is ``Damaged``: nothing in between is ever used. Times are measured,
so they differ from run to run; they lie beside the content and are no part of its digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.columns import DIMENSIONLESS, INT, column
from pipeline.storage.layer_totals import Totals
from pipeline.storage.shards import BUNDLE_SHARDS, Bundle, Range
from pipeline.sweep.keys import canonical_json, digest_of

RECORD_FORMAT = 3
DESIGNS_FOLDER = "designs"
_METADATA_KEY = b"binsparx"
_NUMBER = r"(\d{9}|[1-9]\d{9,})"  # as ``:09d`` writes it: images of all chips one after the other may pass 1e9
_SHARD_NAME = re.compile(rf"{DESIGNS_FOLDER}/[0-9a-f]{{2}}/([0-9a-f]{{64}})/images-{_NUMBER}-{_NUMBER}\.parquet")
_BUNDLE_NAME = re.compile(
    rf"{DESIGNS_FOLDER}/[0-9a-f]{{2}}/([0-9a-f]{{64}})/images-{_NUMBER}-{_NUMBER}-{_NUMBER}\.parquet"
)
_DESIGN_NAME = re.compile(rf"{DESIGNS_FOLDER}/[0-9a-f]{{2}}/([0-9a-f]{{64}})/design\.json")


SHARD_FILE_SCHEMA = pa.schema(
    [
        column("image", INT, DIMENSIONLESS, "number of the image in its split"),
        column("label", pa.int16(), DIMENSIONLESS, "class of the image"),
        column("prediction", pa.int16(), DIMENSIONLESS, "class found on the simulated hardware"),
        column("ideal_prediction", pa.int16(), DIMENSIONLESS, "class found in ideal arithmetic"),
    ]
)

_NOT_WHAT_WAS_WRITTEN = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError)


Document = dict[str, Any]
"""JSON as it was read, before it is checked."""


class DamagedRecord(Exception):
    """The file is torn, was changed, or is something else."""


@dataclass(frozen=True)
class Timing:
    """What a task took: wall seconds and CPU seconds of its process."""

    seconds: float
    cpu_seconds: float


class EvidenceRecord(TypedDict):
    """What a design's record says of its solver: which it is, and the fields of every ``LayerEvidence``."""

    solver: str
    layers: list[dict[str, Any]]


@dataclass(frozen=True)
class DesignRecord:
    """A prepared design: what its key was made from, the solver's evidence,
    and the code that computed it."""

    key: str
    content: dict[str, Any]
    evidence: EvidenceRecord
    package_version: str
    git_commit: str
    timing: Timing


@dataclass(frozen=True)
class ShardRecord:
    """One shard of one design. ``layers`` holds the fields of simcore's LayerTotals, in network order."""

    key: str
    first: int
    labels: np.ndarray
    predictions: np.ndarray
    ideal_predictions: np.ndarray
    layers: tuple[Totals, ...]
    timing: Timing

    @property
    def count(self) -> int:
        return len(self.labels)


def design_folder(key: str) -> str:
    """Where all records of a design lie in the store."""
    return f"{DESIGNS_FOLDER}/{key[:2]}/{key}"


def design_path(key: str) -> str:
    """Where a design's record lies in the store."""
    return f"{design_folder(key)}/design.json"


def shard_path(key: str, first: int, count: int) -> str:
    """Where a shard's record lies in the store."""
    return f"{design_folder(key)}/images-{first:09d}-{count:09d}.parquet"


def bundle_path(key: str, bundle: Bundle) -> str:
    """Where a bundle lies in the store."""
    return f"{design_folder(key)}/images-{bundle.first:09d}-{bundle.count:09d}-{bundle.each:09d}.parquet"


def parse_shard_path(path: str) -> tuple[str, Range] | None:
    """Key and range of a shard's path; None for any other file."""
    match = _SHARD_NAME.fullmatch(path)
    return (match[1], (int(match[2]), int(match[3]))) if match else None


def parse_bundle_path(path: str) -> tuple[str, Bundle] | None:
    """Key and shards of a bundle's path; None for any other file."""
    match = _BUNDLE_NAME.fullmatch(path)
    if match is None:
        return None
    first, count, each = (int(text) for text in match.groups()[1:])
    small_enough = 0 < each < count <= each * BUNDLE_SHARDS
    return (match[1], Bundle(first, count, each)) if small_enough else None


def parse_design_path(path: str) -> str | None:
    """The key of a design's path; None for any other file."""
    match = _DESIGN_NAME.fullmatch(path)
    return match[1] if match else None


def encode_design(record: DesignRecord) -> bytes:
    """The bytes of ``design.json``; raises ValueError where a number is NaN or infinite."""
    body = asdict(record)
    timing = body.pop("timing")
    document = {"format": RECORD_FORMAT, **body}
    text = canonical_json({**document, "digest": digest_of(document), "timing": timing})
    return text.encode()


def decode_design(data: bytes, key: str) -> DesignRecord:
    """Reads and checks ``design.json``.

    Raises:
        DamagedRecord: not what was written under this key.
    """
    try:
        document = json.loads(data)
        timing = Timing(**document.pop("timing"))
        digest = document.pop("digest")
        intact = digest_of(document) == digest and document.pop("format") == RECORD_FORMAT
        record = DesignRecord(**document, timing=timing)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedRecord(f"not a design record ({type(error).__name__})") from None
    if not intact or record.key != key or digest_of(record.content) != key:
        raise DamagedRecord("its digest does not match its content: the file was damaged or altered")
    return record


def encode_shard(record: ShardRecord) -> bytes:
    """The bytes of a shard's Parquet file; raises ValueError where a total is NaN or infinite."""
    columns = _columns(record)
    return _to_parquet(columns, _shard_document(record, columns))


def decode_shard(data: bytes, key: str, first: int, count: int) -> ShardRecord:
    """Reads and checks a shard's file.

    Raises:
        DamagedRecord: not what was written under this key and range.
    """
    try:
        columns, document = _from_parquet(data)
        return _checked_shard(document, columns, key, (first, count))
    except _NOT_WHAT_WAS_WRITTEN as error:
        raise DamagedRecord(f"not a shard record ({type(error).__name__})") from None


def encode_bundle(records: Sequence[ShardRecord]) -> bytes:
    """The bytes of a bundle's Parquet file: the same shards, in order, give the same bytes."""
    parts = [_columns(record) for record in records]
    documents = [_shard_document(record, columns) for record, columns in zip(records, parts, strict=True)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in SHARD_FILE_SCHEMA.names}
    return _to_parquet(columns, {"shards": documents})


def decode_bundle(data: bytes, key: str, bundle: Bundle) -> list[ShardRecord]:
    """Reads and checks every shard of a bundle's file, in order.

    Raises:
        DamagedRecord: not what was written under this key and these ranges.
    """
    try:
        columns, document = _from_parquet(data)
        if len(columns["image"]) != bundle.count:
            raise DamagedRecord("its number of images is not what its name says")
        records = []
        for head, (first, count) in zip(document["shards"], bundle.ranges(), strict=True):
            images = slice(first - bundle.first, first - bundle.first + count)
            part = {name: values[images] for name, values in columns.items()}
            records.append(_checked_shard(head, part, key, (first, count)))
        return records
    except _NOT_WHAT_WAS_WRITTEN as error:
        raise DamagedRecord(f"not a bundle of shard records ({type(error).__name__})") from None


def _columns(record: ShardRecord) -> dict[str, np.ndarray]:
    return {
        "image": np.arange(record.first, record.first + record.count, dtype=np.int64),
        "label": np.asarray(record.labels, dtype=np.int16),
        "prediction": np.asarray(record.predictions, dtype=np.int16),
        "ideal_prediction": np.asarray(record.ideal_predictions, dtype=np.int16),
    }


def _shard_document(record: ShardRecord, columns: dict[str, np.ndarray]) -> Document:
    """All of a shard but its columns: what its digest covers, the digest, and the times."""
    head = _shard_head(record)
    return {**head, "digest": _shard_digest(head, columns), "timing": asdict(record.timing)}


def _checked_shard(document: Document, columns: dict[str, np.ndarray], key: str, shard: Range) -> ShardRecord:
    timing = Timing(**document.pop("timing"))
    digest = document.pop("digest")
    record = ShardRecord(
        document["key"],
        document["first"],
        columns["label"],
        columns["prediction"],
        columns["ideal_prediction"],
        tuple(document["layers"]),
        timing,
    )
    intact = _shard_digest(document, columns) == digest and document["format"] == RECORD_FORMAT
    if not intact or (record.key, record.first, record.count) != (key, *shard):
        raise DamagedRecord("its digest does not match its content: the file was damaged or altered")
    return record


def _to_parquet(columns: dict[str, np.ndarray], document: Document) -> bytes:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, SHARD_FILE_SCHEMA, compression="zstd") as writer:
        writer.write_table(pa.table(columns, schema=SHARD_FILE_SCHEMA))
        writer.add_key_value_metadata({_METADATA_KEY: canonical_json(document)})  # in the schema it would lie twice
    return sink.getvalue().to_pybytes()


def _from_parquet(data: bytes) -> tuple[dict[str, np.ndarray], Document]:
    with pq.ParquetFile(pa.BufferReader(data)) as file:
        table = file.read(use_threads=False)  # so small a file is read before other threads have woken up
        document: Document = json.loads(file.metadata.metadata[_METADATA_KEY])
    return {name: table[name].to_numpy() for name in SHARD_FILE_SCHEMA.names}, document


def _shard_head(record: ShardRecord) -> Document:
    layers = [{name: _plain(value) for name, value in layer.items()} for layer in record.layers]
    return {"format": RECORD_FORMAT, "key": record.key, "first": record.first, "count": record.count, "layers": layers}


def _shard_digest(head: Document, columns: dict[str, np.ndarray]) -> str:
    return digest_of({"head": head, "columns": {name: values.tolist() for name, values in columns.items()}})


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
