"""A dataset on disk and how to open it: by the name of a sample that ships, or by its folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from simcore.datasets.manifest import Manifest, SplitManifest, read_manifest
from simcore.datasets.sample_format import SampleFormat, Samples, Shape
from simcore.datasets.shards import Labels, Shard, content_records, read_labels, read_shard
from simcore.errors import InputError, unknown_name
from simcore.paths import expand_home

_SAMPLES_FOLDER = Path(__file__).parent / "samples"
# How each was made is told in samples/README.md.
SAMPLE_NAMES: tuple[str, ...] = ("fashion-mnist",)


@dataclass(frozen=True)
class Dataset:
    """Labelled samples in splits, read in ranges; small enough to pickle, the samples stay on disk.

    Samples are called images wherever they are counted, for images are what most data sets hold.

    Attributes:
        name: what people call it.
        digest: sha256 (hex) of all samples and labels; names, prose and the division into shards do not enter.
        classes: class names; a label is an index into them.
        sample: what each sample is.
        splits: number of samples of each split.
        folder: where the shards lie.
        source: where the samples came from.
        licence: short name of their licence.
    """

    name: str
    digest: str
    classes: tuple[str, ...]
    sample: SampleFormat
    splits: dict[str, int]
    folder: Path
    source: str
    licence: str
    manifest: Manifest = field(repr=False, compare=False)

    @property
    def input_shape(self) -> Shape:
        """What a network receives of a sample: (channels, height, width) of an image, else the tensor's own shape."""
        return self.sample.input_shape

    def read(self, split: str, start: int, count: int) -> tuple[Samples, Labels]:
        """Samples ``start`` to ``start + count`` (excluded) of a split, whatever shards they lie in.

        Returns:
            uint8 (count, H, W, C) of images or float32 (count, ...), and int64 (count,), the caller's own to change.

        Raises:
            InputError: no such split or range, or a shard that is missing, truncated or modified.
        """
        total = self._split(split).images
        if start < 0 or count < 0 or start + count > total:
            raise InputError(
                f"images {start} to {start + count} of split '{split}' were asked for, "
                f"dataset '{self.name}' has {total} there"
            )
        samples = np.empty((count, *self.sample.shape), dtype=self.sample.dtype)
        labels = np.empty(count, dtype=np.int64)
        for first, shard in self._shards(split):
            low, high = max(start, first), min(start + count, first + shard.images)
            if low < high:
                shard_samples, shard_labels = read_shard(self.folder, shard, self.sample)
                samples[low - start : high - start] = shard_samples[low - first : high - first]
                labels[low - start : high - start] = shard_labels[low - first : high - first]
        return samples, labels

    def labels(self, split: str) -> Labels:
        """All labels of a split, int64 (n,); raises as ``read`` does."""
        return np.concatenate([read_labels(self.folder, shard, self.sample) for _, shard in self._shards(split)])

    def verify(self) -> None:
        """Read everything and compare it with the manifest's digests.

        Raises:
            InputError: a shard is missing, truncated or modified, a label has no class or a content digest differs.
        """
        for split in self.splits:
            digest = hashlib.sha256()
            for _, shard in self._shards(split):
                samples, labels = read_shard(self.folder, shard, self.sample)
                records = content_records(samples, labels)
                if hashlib.sha256(records).hexdigest() != shard.content_sha256:
                    raise InputError(
                        f"images or labels of shard {self.folder / shard.file} differ from the digest in the manifest"
                    )
                if labels.min() < 0 or labels.max() >= len(self.classes):
                    raise InputError(f"shard {self.folder / shard.file} has a label outside the dataset's classes")
                digest.update(records)
            if digest.hexdigest() != self._split(split).content_sha256:
                raise InputError(
                    f"images or labels of split '{split}' in {self.folder} differ from the digest in the manifest"
                )

    def _split(self, split: str) -> SplitManifest:
        if split not in self.manifest.splits:
            raise unknown_name(f"split of dataset '{self.name}'", split, self.manifest.splits)
        return self.manifest.splits[split]

    def _shards(self, split: str) -> Iterator[tuple[int, Shard]]:
        """The split's shards, each with the position of its first image in the split."""
        first = 0
        for shard in self._split(split).shards:
            yield first, shard
            first += shard.images


def open_dataset(reference: str | Path, where: str = "") -> Dataset:
    """Open a dataset by the name of a sample that ships with the package, or by its folder.

    A bare word that names a sample is that sample; write ``./word`` for a folder of the same name.

    Args:
        reference: sample name or folder.
        where: place that the reference was read from, for the error message.

    Raises:
        InputError: no such sample or folder, or a folder that holds no valid dataset.
    """
    if isinstance(reference, str) and reference in SAMPLE_NAMES:
        return _open_folder(_SAMPLES_FOLDER / reference, where)
    folder = expand_home(reference, where)
    if folder.is_dir():
        return _open_folder(folder, where)
    if folder.exists():
        raise InputError(f"{folder} is a file; a dataset is the folder that `binsparx data import` makes", where)
    if isinstance(reference, str) and folder.name == reference:
        raise unknown_name("dataset", reference, SAMPLE_NAMES, where)
    raise InputError(
        f"there is no dataset folder {folder}; make one with `binsparx data import` "
        f"or use one that ships: {', '.join(SAMPLE_NAMES)}",
        where,
    )


def _open_folder(folder: Path, where: str) -> Dataset:
    manifest = read_manifest(folder, where)
    return Dataset(
        name=manifest.name,
        digest=manifest.digest,
        classes=manifest.classes,
        sample=manifest.sample,
        splits={name: split.images for name, split in manifest.splits.items()},
        folder=folder.resolve(),
        source=manifest.source,
        licence=manifest.licence,
        manifest=manifest,
    )
