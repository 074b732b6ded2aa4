"""Training of binary networks."""
