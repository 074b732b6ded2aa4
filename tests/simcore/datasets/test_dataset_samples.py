"""The sample that ships: its counts and digests are pinned, because result keys depend on them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from simcore.datasets import SAMPLE_NAMES, ImportRequest, import_dataset, open_dataset

ORIGINAL_FILES = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package puts them


@pytest.fixture(scope="module")
def sample():
    return open_dataset("fashion-mnist")


def test_every_sample_opens_and_is_whole():
    for name in SAMPLE_NAMES:
        dataset = open_dataset(name)
        assert dataset.name == name
        dataset.verify()


def test_fashion_mnist_has_the_pinned_content(sample):
    assert sample.digest == "520ee0df09a0c15650dd9e6697bca7c34cfdbe947f687077d0a751c35aed9ec0"
    assert sample.splits == {"test": 2500, "train": 500}
    assert sample.sample.shape == (28, 28, 1)
    assert len(sample.classes) == 10 and sample.classes[9] == "Ankle boot"


def test_fashion_mnist_is_the_beginning_of_the_original_files(sample):
    # The first labels of the published t10k and train files; the first test image is an ankle boot.
    assert sample.labels("test")[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert sample.labels("train")[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert np.bincount(sample.labels("test"), minlength=10).min() > 200


def test_fashion_mnist_pixels_are_pinned_apart_from_the_manifest(sample):
    images, _ = sample.read("test", 0, 2500)
    assert hashlib.sha256(images.tobytes()).hexdigest() == TEST_PIXELS_SHA256


def test_fashion_mnist_carries_its_licence_and_source(sample):
    assert sample.licence == "MIT"
    assert "Zalando" in sample.manifest.licence_text and "Permission is hereby granted" in sample.manifest.licence_text
    assert "zalandoresearch/fashion-mnist" in sample.source and "Debian" in sample.source


def test_fashion_mnist_stays_small(sample):
    assert sum(file.stat().st_size for file in sample.folder.iterdir()) < 2_500_000


def test_fashion_mnist_can_be_made_again_from_the_original_files(tmp_path, sample):
    if not ORIGINAL_FILES.is_dir():
        pytest.skip(f"needs Fashion-MNIST's four IDX files in {ORIGINAL_FILES}")
    again = import_dataset(ImportRequest(ORIGINAL_FILES, limits={"test": 2500, "train": 500}), tmp_path / "again")
    assert again.digest == sample.digest


TEST_PIXELS_SHA256 = "90754076d2a011a8b02a32e5525f2aa5f805ef0b868a924694eb98b400e78630"
