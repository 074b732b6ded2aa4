"""How much a run takes on: all of it on a GPU, about a thousandth without one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Amounts of work.

    Attributes:
        train_images, test_images: at most so many of each split.
        held_out: of the training images, kept back to judge epochs by.
        epochs, batch_size: of a training; the clock may end it earlier.
        circuits: random circuits of the comparison.
        rows: sizes of the timed arrays.
        reads: inputs solved at once, at most; more where the CPU's threads would be idle.
        seconds: that one measurement of time goes on for, at least.
    """

    train_images: int
    test_images: int
    held_out: int
    epochs: int
    batch_size: int
    circuits: int
    rows: tuple[int, ...]
    reads: int
    seconds: float


FULL = Scale(
    train_images=1_000_000, test_images=1_000_000, held_out=1000, epochs=200, batch_size=512, circuits=200,
    rows=(32, 64, 128, 256, 512), reads=4096, seconds=2.0,
)  # fmt: skip
SMALL = Scale(
    train_images=70,
    test_images=50,
    held_out=20,
    epochs=2,
    batch_size=25,
    circuits=20,
    rows=(32, 64),
    reads=16,
    seconds=0.1,
)
