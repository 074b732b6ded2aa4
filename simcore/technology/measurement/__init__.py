"""A bitcell from measured I-V curves, as instruments write them: noisy, hysteretic, of both polarities."""

from simcore.technology.measurement.branches import Branch, Limits
from simcore.technology.measurement.columns import Probe
from simcore.technology.measurement.measured_cell import MeasuredCell, MeasuredState, Measurement, measured_cell

__all__ = ["Branch", "Limits", "MeasuredCell", "MeasuredState", "Measurement", "Probe", "measured_cell"]
