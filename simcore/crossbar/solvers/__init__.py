"""The ways to solve a crossbar exactly, one a file."""
