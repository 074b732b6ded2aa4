"""The tables of a sweep on a terminal: dense against the other levels hardware by hardware, every design, the front."""

from pipeline.report.terminal.chips import print_chips
from pipeline.report.terminal.every_design import print_list
from pipeline.report.terminal.fronts import print_front, print_robust_front
from pipeline.report.terminal.hardware import MOST_LINES, print_costs, print_designs

__all__ = [
    "MOST_LINES",
    "print_chips",
    "print_costs",
    "print_designs",
    "print_front",
    "print_list",
    "print_robust_front",
]
