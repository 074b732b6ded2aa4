"""Fashion-MNIST as Debian packages it (dataset-fashion-mnist): installed, unpacked, or the .deb itself."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simcore.datasets.importers.ar_archive import read_ar_member
from simcore.datasets.importers.base import Importer, ImportOptions, ImportSource
from simcore.datasets.importers.file_tree import FileTree, FolderTree, TarTree, open_tar
from simcore.datasets.importers.idx import find_pairs, open_pairs
from simcore.errors import InputError

FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_FOLDER = "usr/share/datasets/fashion-mnist/"
_SOURCE = (
    "Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf, arXiv 1708.07747, "
    "https://github.com/zalandoresearch/fashion-mnist), from Debian's package dataset-fashion-mnist"
)
_LICENCE_TEXT = """\
The MIT License (MIT)

Copyright (c) 2017 Zalando SE, https://tech.zalando.com

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated \
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the \
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit \
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the \
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE \
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR \
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR \
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


class DebianFashionMnistImporter(Importer):
    """/usr/share/datasets/fashion-mnist, the folder a .deb was unpacked to, or the .deb."""

    name = "debian-fashion-mnist"
    expects = "/usr/share/datasets/fashion-mnist, an unpacked dataset-fashion-mnist package, or its .deb file"

    def recognises(self, path: Path) -> bool:
        if path.is_dir():
            installed = path.resolve().as_posix().endswith("/" + _FOLDER.rstrip("/"))
            return installed or (path / _FOLDER).is_dir()
        return path.is_file() and path.suffix == ".deb"

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        with _open_package(path) as tree:
            folder = next((folder for folder in ("", _FOLDER) if find_pairs(tree, folder)), None)
            if folder is None:
                raise InputError(f"{path} has no Fashion-MNIST files; expected {self.expects}")
            splits, image_shape = open_pairs(tree, folder)
            yield ImportSource(
                name="fashion-mnist",
                classes=options.classes or FASHION_MNIST_CLASSES,
                image_shape=image_shape,
                source=_SOURCE,
                licence="MIT",
                licence_text=_LICENCE_TEXT,
                splits=splits,
            )


@contextmanager
def _open_package(path: Path) -> Iterator[FileTree]:
    if path.is_dir():
        yield FolderTree(path)
        return
    name, data = read_ar_member(path, "data.tar")
    with open_tar(path / name, io.BytesIO(data)) as archive:
        yield TarTree(str(path), archive)
