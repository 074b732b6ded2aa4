"""Crossbar circuits and their solvers."""

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.exact import solve
from simcore.crossbar.solution import Solution, Status

__all__ = ["Circuit", "Solution", "Status", "solve"]
