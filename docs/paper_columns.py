"""What the columns deliver: currents and codes of reads of real images."""

from __future__ import annotations

import paper_figures
from markdown_table import markdown_table
from paper_numbers import Row, models_of, percent


def section(reads: list[Row]) -> str:
    parts = [
        "## What the columns deliver",
        "A converter that is re-ranged takes the mean loss back; what stays is the bend of the loss over the sums that occur. "
        "Flips move reads to low sums, close to each other, where wires and cells take little and a straight line fits. "
        f"Below, reads of real images: {paper_figures.design_name(reads)}. They are drawn from the same "
        "images and positions for each level, with the inputs that the ideal network has there; in means over layers each "
        "layer counts by its column reads.",
        "![Current lost and rms error of the code against the true partial sum](images/paper/errors.png)",
    ]
    numbers = ["mean partial sum (LSB)", "its standard deviation", "current lost", "rms error of the code (LSB)"]
    rows = []
    for model in models_of(reads):
        for (sparsity, order), (_, label, _) in paper_figures.LEVEL_STYLES.items():
            mine = [r for r in reads if r["model"] == model and (r["sparsity"], r["row_order"]) == (sparsity, order)]
            if not mine:
                continue
            count = sum(row["weight"] for row in mine)
            total = sum(row["weight"] * row["partial_sum"] for row in mine)
            current = sum(row["weight"] * row["mean_current"] for row in mine)
            spread = sum(row["weight"] * (row["partial_sum"] - total / count) ** 2 for row in mine) / count
            square = sum(row["weight"] * row["squared_error"] for row in mine) / count
            cells = [f"{total / count:.2f}", f"{spread**0.5:.2f}", percent(1 - current / total), f"{square**0.5:.2f}"]
            rows.append([model, label, *cells])
    parts.append(markdown_table(["network", ""], numbers, rows))
    for model in models_of(reads):
        parts.append(
            f"![{model}: distributions of partial sums and column currents of every layer](images/paper/distributions-{model}.png)"
        )
    return "\n\n".join(parts)
