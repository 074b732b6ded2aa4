"""Intervals for measured fractions."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (E. B. Wilson, JASA 22, 1927), 95 % by default.

    Returns:
        (low, high), fractions; (0, 1) without trials.
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    scale = 1.0 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # At 0 and 1 the formula gives the end exactly but for rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def difference_interval(
    first: tuple[int, int], second: tuple[int, int], correlation: float = 0.0, z: float = Z_95
) -> tuple[float, float]:
    """Interval of first - second for two proportions, each given as (successes, trials), 95 % by default.

    Wilson's intervals joined by the square-and-add rule (R. G. Newcombe, Stat. Med. 17, 1998: pages 873-890 method 10
    for independent samples, pages 2635-2650 method 10 for the same items measured twice, which ``correlation`` says).

    Returns:
        (low, high), fractions; (-1, 1) where either has no trials.
    """
    if not first[1] or not second[1]:
        return -1.0, 1.0
    p, q = first[0] / first[1], second[0] / second[1]
    (p_low, p_high), (q_low, q_high) = wilson_interval(*first, z), wilson_interval(*second, z)
    below, above = (p - p_low, q_high - q), (p_high - p, q - q_low)
    # Rounding can take a sum of squares that is zero below it.
    reach = [math.sqrt(max(0.0, a * a - 2 * correlation * a * b + b * b)) for a, b in (below, above)]
    return max(-1.0, p - q - reach[0]), min(1.0, p - q + reach[1])


def paired_correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Phi of a two-by-two table of paired outcomes with Newcombe's continuity correction; 0 where a margin is empty."""
    images = both + only_first + only_second + neither
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_first * only_second
    corrected = max(product - images / 2, 0.0) if product > 0 else float(product)
    return corrected / math.sqrt(margins)
