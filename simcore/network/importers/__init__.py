"""Networks from the files of other frameworks: read as data, nothing in them is ever executed.

A file becomes a PyTorch module of its operations, and that goes the way of every module (``simcore.network.tracing``):
what is binary, what goes on arrays and what stays digital is found there, once.
"""
