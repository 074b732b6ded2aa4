"""Importers of other people's dataset files, and the choice among them."""

from __future__ import annotations

from pathlib import Path

from simcore.datasets.importers.base import Importer
from simcore.datasets.importers.cifar_binary import CifarBinaryImporter
from simcore.datasets.importers.cifar_python import CifarPythonImporter
from simcore.datasets.importers.csv_table import CsvImporter
from simcore.datasets.importers.idx import IdxImporter
from simcore.datasets.importers.image_folder import ImageFolderImporter
from simcore.datasets.importers.npy_folder import NpyFolderImporter
from simcore.datasets.importers.npz import NpzImporter
from simcore.datasets.importers.parquet import ParquetImporter
from simcore.datasets.importers.parquet_tensor import ParquetTensorImporter
from simcore.datasets.manifest import MANIFEST_NAME
from simcore.errors import InputError, unknown_name

_IMAGE_FOLDERS = ImageFolderImporter()
# In the order in which they are asked: the more particular before the more general.
IMPORTERS: tuple[Importer, ...] = (
    CifarBinaryImporter(),
    CifarPythonImporter(),
    IdxImporter(),
    ParquetTensorImporter(),
    ParquetImporter(),
    NpzImporter(),
    NpyFolderImporter(),
    CsvImporter(),
    _IMAGE_FOLDERS,
)


def choose_importer(path: Path, name: str | None = None) -> Importer:
    """The importer called ``name``, else the first that recognises ``path``.

    Raises:
        InputError: no such importer, or none recognises the path.
    """
    if name is not None:
        by_name = {importer.name: importer for importer in IMPORTERS}
        if name not in by_name:
            raise unknown_name("importer", name, by_name, "--from")
        return by_name[name]
    if (path / MANIFEST_NAME).is_file():
        raise InputError(f"{path} is a binsparx dataset already; use it as it is")
    for importer in IMPORTERS:
        if importer.recognises(path):
            _require_no_image_folders(path, importer)
            return importer
    kinds = "; ".join(f"{importer.name}: {importer.expects}" for importer in IMPORTERS)
    raise InputError(f"{path} is none of the datasets that can be imported ({kinds})")


def _require_no_image_folders(path: Path, importer: Importer) -> None:
    """A file of labels beside folders of images is no data set of its own, nor are pictures beside tables: the user
    knows which of the two is."""
    other = _IMAGE_FOLDERS
    if importer is not other and other.recognises(path):
        raise InputError(
            f"it is of two kinds, {importer.name} ({importer.expects}) and {other.name} ({other.expects}); choose with "
            f"--from {importer.name} or --from {other.name}",
            str(path),
        )
