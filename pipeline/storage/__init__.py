"""What lies in a results folder, and what of a plan is still missing there."""
