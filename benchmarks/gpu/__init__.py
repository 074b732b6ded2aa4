"""What to do with a GPU that is lent for ten minutes: `make gpu`.

Trains both networks of the paper, holds the exact solver on torch against the CPU's, and times it; the most valuable
first, always within its minutes. Needs torch and numpy; what else it needs travels along (see ``packages``). Without a
GPU it does about a thousandth of the work, so that it can be tested anywhere.
"""
