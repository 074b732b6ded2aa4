"""A plan carried out on Ray."""
