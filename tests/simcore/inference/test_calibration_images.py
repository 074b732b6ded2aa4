"""Images that set a design are never those that it is measured on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from simcore.errors import InputError
from simcore.inference.calibration_images import calibration_of, choose_calibration_images, require_apart
from simcore.inference.stored_layers import images_for_calibration
from tests.simcore.small_networks import make_design, small_checkpoint, small_dataset


def data(**splits):
    return SimpleNamespace(name="images", splits=splits)


@pytest.mark.parametrize(
    ("splits", "measured", "split", "first"),
    [
        ({"test": 50, "train": 100}, "test", "train", 0),
        ({"test": 50, "train": 100, "calibration": 20}, "test", "calibration", 0),
        ({"test": 50, "train": 100, "calibration": 20}, "train", "calibration", 0),
        ({"test": 50, "train": 100, "calibration": 20}, "calibration", "train", 0),
        ({"test": 50, "train": 100}, "train", "train", 90),
        ({"test": 50, "calibration": 20}, "calibration", "calibration", 10),
    ],
)
def test_images_come_from_a_split_that_is_not_measured_else_from_its_end(splits, measured, split, first):
    dataset = data(**splits)
    chosen = choose_calibration_images(dataset, 10, measured)
    assert (chosen.split, chosen.first, chosen.count) == (split, first, 10)
    most = first if split == measured else splits[measured]
    require_apart(chosen, dataset, measured, most)
    if split == measured:
        with pytest.raises(InputError, match=f"no more than its first {most} can be measured, not {most + 1}; measure"):
            require_apart(chosen, dataset, measured, most + 1)
    # a design says where it calibrates, and only where that is not the usual place
    design = make_design(**chosen.design_fields)
    assert calibration_of(design, dataset) == chosen
    usual = make_design(calibration_images=10).content()
    assert (design.content() == usual) == (calibration_of(make_design(calibration_images=10), dataset) == chosen)


@pytest.mark.parametrize(
    ("count", "measured", "message"),
    [
        (101, "test", "101 calibration images were asked for, split 'train' of 'images' has 100"),
        (100000, "test", "split 'train' of 'images' has 100"),
        (100, "train", "leave none of the 100 of split 'train' of 'images' to be measured; measure on split 'test' or"),
    ],
)
def test_more_images_than_there_are_is_refused(count, measured, message):
    with pytest.raises(InputError, match=message):
        choose_calibration_images(data(test=50, train=100), count, measured)


def test_a_design_is_set_by_the_images_it_names_and_by_no_others(tmp_path):
    dataset, checkpoint = small_dataset(tmp_path), small_checkpoint()
    chosen = choose_calibration_images(dataset, 5, "train")
    images = images_for_calibration(checkpoint, make_design(**chosen.design_fields), dataset)
    stored, _ = dataset.read("train", 0, 12)
    assert (images.numpy() == stored[7:].transpose(0, 3, 1, 2)).all()
    measured, _ = dataset.read("train", 0, 7)
    assert not any((images.numpy() == image.transpose(2, 0, 1)).all(axis=(1, 2, 3)).any() for image in measured)
