"""Writers of small, real files in the formats that are imported, independent of the importers' own code."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

CIFAR_BATCHES = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]


def random_images(count: int, shape: tuple[int, int, int], seed: int = 0, classes: int = 10):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, *shape), dtype=np.uint8)
    return images, generator.integers(0, classes, count)


def idx_bytes(values: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.astype(np.uint8).tobytes()


def write_idx_pair(folder: Path, prefix: str, images: np.ndarray, labels: np.ndarray, compressed: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind, values in (("images-idx3-ubyte", images[..., 0]), ("labels-idx1-ubyte", labels)):
        data = idx_bytes(values)
        name = f"{prefix}-{kind}" + (".gz" if compressed else "")
        (folder / name).write_bytes(gzip.compress(data, 1) if compressed else data)


def planes(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def cifar_binary_batch(images: np.ndarray, labels: np.ndarray) -> bytes:
    return b"".join(bytes([label]) + row.tobytes() for label, row in zip(labels, planes(images), strict=True))


def cifar_python3_batch(images: np.ndarray, labels: np.ndarray) -> bytes:
    content = {b"batch_label": b"part", b"labels": labels.tolist(), b"data": planes(images), b"filenames": [b"a.png"]}
    return pickle.dumps(content, protocol=2)


def cifar_python2_batch(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Opcode for opcode what Python 2 wrote into the original archive."""

    def string(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<I", len(value)) + value

    def integer(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    dtype = b"cnumpy\ndtype\n" + string(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + string(b"|") + b"NNN" + integer(-1) + integer(-1) + b"K\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + string(b"b") + b"\x87R"
    shape = integer(len(images)) + integer(3072) + b"\x86"
    array += b"(K\x01" + shape + dtype + b"\x89" + string(planes(images).tobytes()) + b"tb"
    label_list = b"](" + b"".join(integer(int(label)) for label in labels) + b"e"
    items = string(b"data") + array + string(b"labels") + label_list + string(b"batch_label") + string(b"part")
    return b"\x80\x02}(" + items + b"u."


def write_cifar(folder: Path, batches: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in batches.items():
        (folder / name).write_bytes(data)
    return folder


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def encoded(image: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, kind)
    return buffer.getvalue()
