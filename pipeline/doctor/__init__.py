"""What a network may be suffering from before any array holds it, and what each of its layers would cost and lose."""
