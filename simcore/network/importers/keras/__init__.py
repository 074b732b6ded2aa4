"""Networks from the HDF5 files of Keras and larq, without TensorFlow."""

from __future__ import annotations

from simcore.network.importers.keras.imported import from_keras

__all__ = ["from_keras"]
