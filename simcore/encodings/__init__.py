"""Encodings of ±1 products, one a file; a new one is a file and an entry here."""

from __future__ import annotations

from simcore.encodings.base import Encoding
from simcore.encodings.complement import Complement
from simcore.encodings.current_difference import CurrentDifference
from simcore.encodings.differential import Differential
from simcore.encodings.two_cycles import TwoCycles
from simcore.encodings.xnor_current_difference import XnorCurrentDifference
from simcore.encodings.xnor_differential import XnorDifferential
from simcore.encodings.xnor_rows import XnorRows
from simcore.encodings.zero_one import ZeroOne

__all__ = ["ENCODINGS", "Encoding"]

ENCODINGS: dict[str, Encoding] = {
    encoding.name: encoding
    for encoding in (
        ZeroOne(),
        Complement(),
        TwoCycles(),
        Differential(),
        CurrentDifference(),
        XnorRows(),
        XnorDifferential(),
        XnorCurrentDifference(),
    )
}
