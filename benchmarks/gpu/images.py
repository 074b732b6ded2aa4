"""Labelled images as a training on a GPU wants them: all in memory.

They come from a file that ``pack`` wrote (the JPEG or PNG bytes as they were: CIFAR-10 takes 18 MB), which needs Pillow
alone to decode, or from a folder of imported shards, which needs pyarrow.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Images:
    """Splits ``train`` and ``test``: uint8 (N, H, W, C) pixels and int64 (N,) labels of each.

    ``about``: name, source and digest of the data set, as ``binsparx data show`` has them.
    """

    pixels: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    about: dict[str, str]

    def first(self, train: int, test: int) -> Images:
        """The first images of each split alone."""
        sizes = {"train": train, "test": test}
        return Images(
            {split: self.pixels[split][: sizes[split]] for split in SPLITS},
            {split: self.labels[split][: sizes[split]] for split in SPLITS},
            self.about,
        )


def load_images(path: Path) -> Images:
    """Images of a packed file or of a data set's folder.

    Raises:
        InputError: neither is there.
    """
    from simcore.errors import InputError

    if path.is_dir():
        return _of_shards(path)
    if not path.is_file():
        raise InputError("no such file; `make gpu-pack` makes one", str(path))
    return _of_packed(path)


def made_up(train: int, test: int) -> Images:
    """Noise around ten colours, one a class, where there are no images: for trying things out only."""
    rng = np.random.default_rng(0)
    colours = rng.integers(60, 196, (10, 1, 1, 3))
    pixels, labels = {}, {}
    for split, count in (("train", train), ("test", test)):
        labels[split] = rng.integers(0, 10, count)
        noise = rng.integers(-60, 60, (count, 32, 32, 3))
        pixels[split] = (colours[labels[split]] + noise).astype(np.uint8)
    return _checked(pixels, labels, {"name": "made-up", "source": "noise around a colour of each class"})


def pack(folder: Path, target: Path) -> Images:
    """Put the encoded images of ``train.parquet`` and ``test.parquet`` (columns image, label) into one file."""
    import pyarrow.parquet as parquet

    content: dict[str, np.ndarray] = {}
    for split in SPLITS:
        table = parquet.read_table(folder / f"{split}.parquet", columns=["image", "label"])
        encoded = table.column("image").to_pylist()
        content[f"{split}_bytes"] = np.frombuffer(b"".join(encoded), np.uint8)
        content[f"{split}_ends"] = np.cumsum([len(image) for image in encoded])
        content[f"{split}_labels"] = table.column("label").to_numpy().astype(np.int64)
    images = _decoded(content, {"name": folder.resolve().name, "source": "Parquet files with encoded images"})
    about = np.frombuffer(json.dumps(images.about).encode(), np.uint8)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        np.savez_compressed(file, about=about, **content)
    return images


def digest_of(pixels: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> str:
    """The digest that ``simcore.datasets`` gives to these images (computed here, for it needs pyarrow)."""

    def of_split(split: str) -> str:
        records = np.hstack([labels[split].astype("<i2").reshape(-1, 1).view(np.uint8), _flat(pixels[split])])
        return hashlib.sha256(records.tobytes()).hexdigest()

    content = {"image_shape": list(pixels["train"].shape[1:]), "splits": {split: of_split(split) for split in SPLITS}}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _of_packed(path: Path) -> Images:
    with np.load(path, allow_pickle=False) as file:
        content = {name: file[name] for name in file.files}
    about = json.loads(content.pop("about").tobytes())
    images = _decoded(content, {key: about[key] for key in ("name", "source")})
    if images.about["digest"] != about["digest"]:
        print(f"{path}: the decoder here gives other pixels than where the file was made; digests differ")
    return images


def _of_shards(folder: Path) -> Images:
    from simcore.datasets import open_dataset

    dataset = open_dataset(folder)
    read = {split: dataset.read(split, 0, dataset.splits[split]) for split in SPLITS}
    about = {"name": dataset.name, "source": dataset.source}
    return _checked(
        {s: pixels for s, (pixels, _) in read.items()}, {s: labels for s, (_, labels) in read.items()}, about
    )


def _decoded(content: dict[str, np.ndarray], about: dict[str, str]) -> Images:
    pixels = {split: _decode(content[f"{split}_bytes"], content[f"{split}_ends"]) for split in SPLITS}
    return _checked(pixels, {split: content[f"{split}_labels"] for split in SPLITS}, about)


def _decode(data: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Pillow lets go of the interpreter's lock while it decodes."""
    from PIL import Image

    whole = data.tobytes()
    starts = [0, *ends[:-1].tolist()]

    def decode(part: Any) -> np.ndarray:
        return np.stack([np.asarray(Image.open(io.BytesIO(whole[a:b])).convert("RGB")) for a, b in part])

    ranges = list(zip(starts, ends.tolist(), strict=True))
    parts = [ranges[first : first + 500] for first in range(0, len(ranges), 500)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(decode, parts)))


def _checked(pixels: dict[str, np.ndarray], labels: dict[str, np.ndarray], about: dict[str, str]) -> Images:
    return Images(pixels, labels, {**about, "digest": digest_of(pixels, labels)})


def _flat(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(len(pixels), -1)
