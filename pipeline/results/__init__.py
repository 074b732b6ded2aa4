"""Finished sweeps as data frames."""
