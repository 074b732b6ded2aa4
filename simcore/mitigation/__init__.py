"""What is done against the errors of the arrays, without training."""
