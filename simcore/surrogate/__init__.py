"""The fast solver: voltage drops to second order and a polynomial fitted to exact reads."""
