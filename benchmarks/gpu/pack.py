"""Packs images for a machine that has no data set: ``python -m benchmarks.gpu.pack FOLDER [FILE]``."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.gpu.images import pack
from benchmarks.gpu.packages import CARRIED


def main() -> None:
    """FOLDER holds train.parquet and test.parquet with encoded images."""
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else CARRIED / "images.npz"
    images = pack(Path(sys.argv[1]), target)
    counts = ", ".join(f"{len(labels)} {split}" for split, labels in images.labels.items())
    print(f"{target}: {counts}, {target.stat().st_size / 1e6:.1f} MB, digest {images.about['digest'][:12]}")


if __name__ == "__main__":
    main()
