"""Encodings of ±1 products, one a file; a new one is a file and an entry here."""

from __future__ import annotations

from simcore.mapping.encodings.base import Encoding
from simcore.mapping.encodings.complement import Complement
from simcore.mapping.encodings.differential import Differential
from simcore.mapping.encodings.two_cycles import TwoCycles
from simcore.mapping.encodings.xnor_differential import XnorDifferential
from simcore.mapping.encodings.xnor_rows import XnorRows
from simcore.mapping.encodings.zero_one import ZeroOne

__all__ = ["ENCODINGS", "Encoding"]

ENCODINGS: dict[str, Encoding] = {
    encoding.name: encoding
    for encoding in (ZeroOne(), Complement(), TwoCycles(), Differential(), XnorRows(), XnorDifferential())
}
