"""Datasets: raw images with labels in checked shards, a sample that ships, and importers of common formats."""

from __future__ import annotations

from simcore.datasets.dataset import SAMPLE_NAMES, Dataset, open_dataset
from simcore.datasets.importers.base import ImportOptions
from simcore.datasets.importing import ImportRequest, import_dataset

__all__ = ["SAMPLE_NAMES", "Dataset", "ImportOptions", "ImportRequest", "import_dataset", "open_dataset"]
