"""The files that hold the shards of a design: one a shard at first, bundles of them once the design is finished.

Bundling never changes which ranges are stored, so nothing that is decided from them can change either. A bundle is
written whole before the files that it replaces go; until they are gone the bundle is what is read. A run that is killed
anywhere in between leaves files that hold the same shard twice, which counts once, and the next run tidies up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.storage.records import (
    DamagedRecord,
    ShardRecord,
    bundle_path,
    decode_bundle,
    decode_shard,
    design_folder,
    encode_bundle,
    parse_bundle_path,
    parse_shard_path,
    shard_path,
)
from pipeline.storage.shards import Bundle, Range, bundles_of
from pipeline.storage.store import Store

_FEWEST_SHARDS = 2  # of their own, for which a bundle is written
_LOOKS = 5  # for files that another run bundles while this one reads them


@dataclass(slots=True)
class ShardFiles:
    """What is stored of one design: shards in files of their own, and bundles."""

    single: set[Range] = field(default_factory=set)
    bundles: set[Bundle] = field(default_factory=set)

    def ranges(self) -> Iterator[Range]:
        """Every range that is stored; one that is stored twice may come twice."""
        yield from self.single
        for bundle in self.bundles:
            yield from bundle.ranges()

    def bundle_of(self, shard: Range) -> Bundle | None:
        """The bundle that a shard is read from: of several the longest."""
        holding = [bundle for bundle in self.bundles if bundle.holds(shard)]
        return max(holding, key=lambda bundle: (bundle.count, -bundle.first), default=None)


@dataclass(frozen=True)
class ShardReading:
    """Shards that were asked for, the files that could not be trusted by path, and the files as they were found."""

    records: list[ShardRecord]
    damaged: dict[str, DamagedRecord]
    files: ShardFiles


def sort_shard_files(paths: Iterable[str]) -> dict[str, ShardFiles]:
    """The shard files among ``paths`` by the key of their design."""
    found: dict[str, ShardFiles] = {}
    for path in paths:
        if (shard := parse_shard_path(path)) is not None:
            found.setdefault(shard[0], ShardFiles()).single.add(shard[1])
        elif (bundle := parse_bundle_path(path)) is not None:
            found.setdefault(bundle[0], ShardFiles()).bundles.add(bundle[1])
    return found


def find_shard_files(store: Store, key: str) -> ShardFiles:
    """What is stored of one design now."""
    paths = (path for path, _ in store.list(design_folder(key)))
    return sort_shard_files(paths).get(key, ShardFiles())


def read_shards(store: Store, key: str, files: ShardFiles, wanted: Iterable[Range]) -> ShardReading:
    """Reads and checks the shards ``wanted``, in their order; the files may have changed since they were listed."""
    wanted = list(wanted)
    for look in range(_LOOKS):
        if look:
            files = find_shard_files(store, key)
        sources = [files.bundle_of(shard) or shard for shard in wanted]
        places = {source: _path(key, source) for source in dict.fromkeys(sources)}
        contents = dict(zip(places, store.read_all(places.values()), strict=True))
        if None not in contents.values():
            break
    records: dict[Range, ShardRecord] = {}
    damaged: dict[str, DamagedRecord] = {}
    for source, data in contents.items():
        try:
            records |= {(record.first, record.count): record for record in _decode(data, key, source)}
        except DamagedRecord as error:
            damaged[places[source]] = error
    return ShardReading([records[shard] for shard in wanted if shard in records], damaged, files)


def bundle_shards(store: Store, key: str, reading: ShardReading) -> None:
    """Puts shards that were read and found sound into bundles, and deletes the files that hold nothing else.

    The shards must follow one another without gaps. Bundles are written only where several shards have files of their
    own, so that a finished design is left alone.

    Raises:
        OSError: the store cannot be written; what is stored is complete all the same.
    """
    files = reading.files
    records = {(record.first, record.count): record for record in reading.records}
    sound = {bundle for shard in records if (bundle := files.bundle_of(shard)) is not None}
    for bundle in bundles_of(list(records)):
        if sum(files.bundle_of(shard) is None for shard in bundle.ranges()) >= _FEWEST_SHARDS:
            store.put(bundle_path(key, bundle), encode_bundle([records[shard] for shard in bundle.ranges()]))
            sound.add(bundle)
    replaced: list[Range | Bundle] = [shard for shard in files.single if any(bundle.holds(shard) for bundle in sound)]
    replaced += [old for old in files.bundles if any(_holds(bundle, old) for bundle in sound)]
    store.delete(sorted(_path(key, source) for source in replaced))


def _holds(bundle: Bundle, other: Bundle) -> bool:
    return bundle != other and all(bundle.holds(shard) for shard in other.ranges())


def _path(key: str, source: Range | Bundle) -> str:
    return bundle_path(key, source) if isinstance(source, Bundle) else shard_path(key, *source)


def _decode(data: bytes | None, key: str, source: Range | Bundle) -> list[ShardRecord]:
    if data is None:
        raise DamagedRecord("the file was deleted in the meantime")
    if isinstance(source, Bundle):
        return decode_bundle(data, key, source)
    return [decode_shard(data, key, *source)]
