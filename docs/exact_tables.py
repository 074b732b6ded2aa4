"""The generated table of docs/benchmarks.md that sets the fast solver against the exact one over a whole network.

After `make bench-exact`, copy its state file to docs/results/fast_against_exact.jsonl; ``python docs/tables.py`` writes
the table.
"""

from __future__ import annotations

import sys
from pathlib import Path

from markdown_table import markdown_table

sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.fast_against_exact import ABOVE, AGREEMENT, CHANCE, Pair, designs, judged, kept_pairs  # noqa: E402

STATE = Path(__file__).parent / "results" / "fast_against_exact.jsonl"
IMAGES = 200


def pairs_of_solvers() -> str:
    """A line for each design."""
    rows = [
        [
            pair.device, pair.corner, str(pair.rows), pair.sparsity, f"{100 * pair.exact:.1f}",
            f"{100 * pair.fast:.1f}", f"{pair.only_exact}, {pair.only_fast}", f"{pair.p_value:.2f}",
            f"{100 * pair.same:.1f}", f"{100 * pair.changed:.2f}", mark,
        ]
        for pair, mark in judged(_pairs())
    ]  # fmt: skip
    numbers = ["exact, %", "fast, %", "only exact, fast", "p", "agree, %", "sums that differ, %", ""]
    return markdown_table(["bitcell", "corner", "rows", "level"], numbers, rows)


def pairs_in_words() -> str:
    """What the table says."""
    found = judged(_pairs())
    pairs = [pair for pair, _ in found]
    missing = len(list(designs())) - len(pairs)
    apart = [pair for pair, mark in found if "apart" in mark]
    biased = [pair for pair, mark in found if "biased" in mark]
    sums = [sum(pair.only_exact for pair in pairs), sum(pair.only_fast for pair in pairs)]
    told = (
        f"{len(pairs)} designs{f', {missing} not done yet' if missing else ''}: accuracies differ with p < {CHANCE} "
        f"(McNemar, where {CHANCE * len(pairs):.1f} designs would by chance) on {_named(biased)}; where dense storage "
        f"classifies more than {100 * ABOVE:.0f} % rightly, fewer than {100 * AGREEMENT:.0f} % of predictions agree on "
        f"{_named(apart)}. Over all of them {sums[0]} images are right with the exact solver alone, {sums[1]} with the "
        "fast one alone."
    )
    return told


def _named(pairs: list[Pair]) -> str:
    return ", ".join(f"{p.device} {p.corner} {p.rows} {p.sparsity}" for p in pairs) or "none"


def _pairs() -> list[Pair]:
    return kept_pairs(STATE, IMAGES)
