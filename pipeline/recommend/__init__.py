"""Which training-free mitigations bring a design back, at the least cost."""
