"""Accuracy of every design: a picture and all numbers of each network."""

from __future__ import annotations

from markdown_table import markdown_table
from paper_numbers import Hardware, farthest_end, level_name, networks_of


def section(designs: list[Hardware]) -> str:
    parts = ["## Accuracy of every design"]
    for model in networks_of(designs):
        mine = [design for design in designs if design.model == model]
        levels = list(dict.fromkeys(level for design in mine for level in design.levels))
        parts.append(
            f"![Accuracy of {model} on every design, dense, with both flips, ideal](images/paper/accuracy-{model}.png)"
        )
        numbers = ["ideal", *(level_name(level) for level in levels), "best - dense"]
        rows = []
        for design in mine:
            cells = ["" if (a := design.accuracy(level)) is None else f"{100 * a:.1f}" for level in levels]
            gain = design.gain()
            rows.append(
                [design.name, f"{100 * design.ideal:.1f}", *cells, "" if gain is None else f"{100 * gain:+.1f}"]
            )
        parts.append(
            f"<details><summary>{model}: all numbers, in % (95 % intervals end at most {farthest_end(mine):.1f} points away)</summary>\n\n"
            + markdown_table(["design"], numbers, rows)
            + "\n\n</details>"
        )
    return "\n\n".join(parts)
