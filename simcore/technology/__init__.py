"""Devices: cited bitcell parameter sets (one YAML a cell) and users' own bitcell files, resolved to circuits."""

from simcore.technology.devices import DEFAULT_CORNER, circuit_parameters, corner_names, device_names

__all__ = ["DEFAULT_CORNER", "circuit_parameters", "corner_names", "device_names"]
