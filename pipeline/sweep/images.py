"""Which images a sweep measures, and which it calibrates on."""

from __future__ import annotations

from pipeline.sweep import simulation
from pipeline.sweep.protocols import Dataset
from pipeline.sweep.spec import SweepFile
from simcore.errors import InputError, unknown_name
from simcore.inference.calibration_images import CalibrationImages, require_apart


def measured_images(sweep: SweepFile, dataset: Dataset) -> int:
    """How many images of the split are measured.

    Raises:
        InputError: no such split, or fewer images than that.
    """
    spec = sweep.spec.dataset
    if spec.split not in dataset.splits:
        raise unknown_name("split", spec.split, dataset.splits, sweep.where("dataset", "split"))
    available = int(dataset.splits[spec.split])
    if spec.images is not None and spec.images > available:
        raise InputError(
            f"{spec.images} images were asked for, split '{spec.split}' of '{dataset.name}' has {available}",
            sweep.where("dataset", "images"),
        )
    return spec.images or available


def calibrating_images(sweep: SweepFile, dataset: Dataset, count: int, where: str) -> CalibrationImages:
    """The images that calibrate, so many of them.

    Args:
        sweep: says what is measured.
        dataset: holds the images.
        count: of the images.
        where: the file asks for so many.

    Raises:
        InputError: there are fewer, or some of them are measured.
    """
    spec = sweep.spec.dataset
    calibration = simulation.choose_calibration_images(dataset, count, spec.split, where)
    try:
        require_apart(calibration, dataset, spec.split, measured_images(sweep, dataset))
    except InputError as error:
        place = ("dataset", "images") if spec.images is not None else ("dataset", "split")
        raise InputError(error.message, sweep.where(*place)) from None
    return calibration
