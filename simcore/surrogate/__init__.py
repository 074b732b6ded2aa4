"""The fast solver: voltage drops to second order, to third where columns are independent, and a polynomial fitted to
exact reads."""
