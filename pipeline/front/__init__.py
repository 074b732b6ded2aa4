"""Which designs are best, and how sure that is."""
