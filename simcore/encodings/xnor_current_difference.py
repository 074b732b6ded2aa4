"""Four cells a weight: the current of the agreements less that of the disagreements, before one signed converter."""

from __future__ import annotations

from simcore.encodings.current_difference import CurrentDifference
from simcore.encodings.xnor_differential import XnorDifferential


class XnorCurrentDifference(XnorDifferential):
    """A product is what the converter reads. A current mirror turns the second current round; it is taken to be exact.

    Source: BNN mapping VI of rpelke/analog-cim-sim (arXiv 2505.14303), which reads the difference.
    """

    name = "xnor_current_difference"
    pairs = CurrentDifference()
    subtracts_currents = True
