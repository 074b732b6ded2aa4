"""Converters, and the kernels that read a whole layer: currents, codes, reconstructed dot products, totals."""
