"""Which images set the constants and converters of a design: never those that it is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from simcore.errors import InputError

if TYPE_CHECKING:  # a design brings the solver's kernels along, which commands that solve nothing need not load
    from simcore.design import Design

CALIBRATION_SPLITS = ("calibration", "train")


class Splits(Protocol):
    """What is looked at of a data set."""

    @property
    def name(self) -> str: ...

    @property
    def splits(self) -> dict[str, int]: ...


@dataclass(frozen=True)
class CalibrationImages:
    """Images first .. first + count - 1 of a split.

    Attributes:
        usual: they are those that a design takes which names no split.
    """

    split: str
    first: int
    count: int
    usual: bool

    @property
    def design_fields(self) -> dict[str, Any]:
        """The fields of a ``Design`` that say so."""
        fields: dict[str, Any] = {"calibration_images": self.count}
        return fields if self.usual else {**fields, "calibration_split": self.split, "calibration_first": self.first}


def default_split(dataset: Splits) -> str:
    """The split that calibration images come from where nothing else is asked for: ``calibration``, else ``train``.

    Raises:
        InputError: the data set has neither.
    """
    split = next((name for name in CALIBRATION_SPLITS if name in dataset.splits), None)
    if split is None:
        raise InputError(
            f"data set '{dataset.name}' has neither a 'calibration' nor a 'train' split to calibrate on "
            f"(it has: {', '.join(dataset.splits)})"
        )
    return split


def choose_calibration_images(dataset: Splits, count: int, measured_split: str) -> CalibrationImages:
    """The first ``count`` images of the split ``calibration``, else of ``train``; where that is the split measured, the
    first of the other one, and where there is no other the last ``count`` of the split, which are then not measured.

    Raises:
        InputError: the data set has neither split, or fewer images than that.
    """
    usual = split = default_split(dataset)
    if split == measured_split:
        split = next((name for name in CALIBRATION_SPLITS if name in dataset.splits and name != split), split)
    available = dataset.splits[split]
    if split != measured_split:
        require_images(dataset, split, 0, count)
        return CalibrationImages(split, 0, count, split == usual)
    if count >= available:
        raise InputError(
            f"{count} calibration images leave none of the {available} of split '{split}' of '{dataset.name}' to be "
            f"measured; {_where_else(dataset, split)}"
        )
    return CalibrationImages(split, available - count, count, usual=False)


def calibration_of(design: Design, dataset: Splits) -> CalibrationImages:
    """The images that a design calibrates on.

    Raises:
        InputError: the data set has no such split, or no such images in it.
    """
    split = design.calibration_split or default_split(dataset)
    require_images(dataset, split, design.calibration_first, design.calibration_images)
    return CalibrationImages(split, design.calibration_first, design.calibration_images, not design.calibration_split)


def require_apart(calibration: CalibrationImages, dataset: Splits, split: str, images: int) -> None:
    """Refuse to measure on images that calibrate.

    Raises:
        InputError: some of the first ``images`` images of ``split`` are among those of ``calibration``.
    """
    first = calibration.first
    if calibration.split == split and images > first:
        raise InputError(
            f"images {first} to {first + calibration.count - 1} of split '{split}' of '{dataset.name}' calibrate the "
            f"designs, so that no more than its first {first} can be measured, not {images}; "
            f"{_where_else(dataset, split)}"
        )


def require_images(dataset: Splits, split: str, first: int, count: int) -> None:
    """Raises InputError where the split has no images first .. first + count - 1."""
    available = dataset.splits.get(split, 0)
    if first + count > available:
        raise InputError(
            f"{count} calibration images were asked for, split '{split}' of '{dataset.name}' has "
            f"{max(available - first, 0)}" + (f" from image {first} on" if first else "")
        )


def _where_else(dataset: Splits, split: str) -> str:
    others = [name for name in dataset.splits if name not in CALIBRATION_SPLITS]
    missing = next(name for name in reversed(CALIBRATION_SPLITS) if name != split)
    return " or ".join(
        [*(f"measure on split '{name}'" for name in others), f"give the data set a split '{missing}' to calibrate on"]
    )
