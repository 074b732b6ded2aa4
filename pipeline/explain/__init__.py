"""Why one design errs."""
