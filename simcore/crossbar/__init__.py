"""Crossbar circuits and their solvers."""

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.exact import Solution, Status, solve

__all__ = ["Circuit", "Solution", "Status", "solve"]
