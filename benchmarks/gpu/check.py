"""Counts the right answers of networks that a GPU trained, here: ``python -m benchmarks.gpu.check IMAGES FILE...``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from benchmarks.gpu.images import load_images
from benchmarks.gpu.training import Split
from simcore.network.checkpoint import load_checkpoint


def main() -> int:
    """1 where a network's file tells of another accuracy than is found."""
    images = load_images(Path(sys.argv[1]))
    split = Split.on(torch.device("cpu"), images.pixels["test"], images.labels["test"])
    others = 0
    for name in sys.argv[2:]:
        loaded = load_checkpoint(name)
        correct = split.correct(loaded.network)
        (told,) = loaded.metadata["accuracies"]
        others += correct != told["correct"] or told["dataset"] != images.about["digest"]
        print(f"{name}: {correct} of {len(split.labels)}, the file says {told['correct']} of {told['images']}")
    return 1 if others else 0


if __name__ == "__main__":
    sys.exit(main())
