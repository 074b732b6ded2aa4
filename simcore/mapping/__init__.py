"""Layers to tiles, rows and row groups."""
