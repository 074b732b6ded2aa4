"""Encodings of ±1 products, one a file; a new one is a file and an entry here."""

from __future__ import annotations

from simcore.mapping.encodings.base import Encoding
from simcore.mapping.encodings.zero_one import ZeroOne

ENCODINGS: dict[str, Encoding] = {encoding.name: encoding for encoding in (ZeroOne(),)}
