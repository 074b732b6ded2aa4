"""Why: what flips take from the mean partial sum, and what decides how much; then layer by layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from markdown_table import markdown_table
from paper_numbers import DENSE, PAPER_REDUCTION, Hardware, Row, models_of, percent, reduction_of

from simcore.analysis.partial_sums import coin_flip_imbalance

ORDERS = ("channel", "spatial", "grouped")
AT = 64  # rows read together where the page looks closer


def section(designs: list[Hardware], sums: list[Row]) -> str:
    models = models_of(sums)
    together = sorted({row["rows_read_together"] for row in sums})
    rows = []
    for model in models:
        for order in ORDERS:
            cells = [percent(reduction_of(sums, model, order, n)["partial_sum_reduction"]) for n in together]
            rows.append([model, f"`{order}`", *cells])
    coins = [percent(1 - (1 - coin_flip_imbalance(n)) ** 2) for n in together]
    rows.append(["coin flips", "any", *coins])
    return "\n\n".join(
        [
            "## Why: the mean partial sum",
            "The paper gives one range, 43.1 to 49.8 %, and neither the rows that a flip covers nor the order of the rows. "
            "Both decide it. Mean partial sum lowered by both flips, all layers, by rows read together:",
            markdown_table(["network", "row order"], [str(n) for n in together], rows),
            "![Reduction of the mean partial sum over the rows read together](images/paper/reduction.png)",
            _causes(sums, models),
            *_order_and_accuracy(designs),
        ]
    )


class _Reductions:
    """What flips take from the mean partial sum of each network, all its layers together."""

    def __init__(self, sums: list[Row], models: list[str]) -> None:
        self._sums, self._models = sums, models

    def row(self, model: str, order: str = "channel", together: int = 16, sparsity: str = "binsparx") -> Row:
        return reduction_of(self._sums, model, order, together, sparsity=sparsity)

    def share(self, model: str, order: str = "channel", together: int = 16, sparsity: str = "binsparx") -> str:
        return percent(self.row(model, order, together, sparsity)["partial_sum_reduction"])

    def if_independent(self, model: str) -> str:
        """What both flips would take if what one leaves were lowered by the other as dense sums are."""
        left = [1 - self.row(model, sparsity=level)["partial_sum_reduction"] for level in ("weight", "activation")]
        return percent(1 - left[0] * left[1])

    def each(self, text_of: Callable[[str], str]) -> str:
        return "; ".join(f"{model} {text_of(model)}" for model in self._models)


def _causes(sums: list[Row], models: list[str]) -> str:
    found = _Reductions(sums, models)
    return "\n".join(
        [*_row_causes(found, _rows_of_the_paper(sums, models)), *_sign_causes(found, _by_ones(sums, models))]
    )


def _row_causes(found: _Reductions, rows_of_the_paper: str) -> list[str]:
    """What the rows read together, and their order, have to do with it."""
    share = found.share
    rows = found.each(lambda m: f"{share(m)} at 16, {share(m, together=64)} at 64")
    interleaved = found.each(lambda m: f"{share(m, 'spatial')} interleaved, {share(m)} by channel")
    grouped = found.each(
        lambda m: (
            f"{share(m, 'grouped')} against {share(m)} at 16 rows, "
            f"{share(m, 'grouped', 64)} against {share(m, together=64)} at 64"
        )
    )
    coins16, coins64 = (1 - (1 - coin_flip_imbalance(n)) ** 2 for n in (16, 64))
    return [
        f"- **Rows read together.** Signs without any structure, tossed coins, already give {percent(coins16)} at 16 "
        f"rows and {percent(coins64)} at 64, for a sum of few signs is more lopsided: 1 - (1 - E|S|/N)². The "
        f"networks: {rows} (row order `channel`). The paper's range is that of about {rows_of_the_paper} rows read together.",
        f"- **Row order.** The taps of one channel see overlapping windows, and agree. With channels interleaved "
        f"(`spatial`) they fall into different reads, 16 rows: {interleaved}; coins: {percent(coins16)}. Both orders "
        "start from the same dense sums.",
        f"- **Grouping** inputs that agree (`grouped`), found from the calibration images, against `channel`: {grouped}. "
        "It is [wiring](cost.md#energy), fixed for one network, and takes no time or flips of its own.",
    ]


def _sign_causes(found: _Reductions, by_ones: str) -> list[str]:
    """What the signs themselves have to do with it."""
    row, share = found.row, found.share
    parts = found.each(
        lambda m: (
            f"weights alone {share(m, sparsity='weight')}, activations alone {share(m, sparsity='activation')}, "
            f"both {share(m)} ({found.if_independent(m)} if independent)"
        )
    )
    ones = found.each(lambda m: f"{row(m, sparsity='dense')['mean_partial_sum']:.2f} LSB")
    padding = found.each(
        lambda m: (
            f"{percent(row(m)['interior_reduction'])} over windows without padding, {share(m)} over all, "
            f"{percent(row(m)['padded_reads'])} of the column reads hold padding"
        )
    )
    return [
        f"- **Weights and activations**, 16 rows: {parts}.",
        f"- **Share of +1.** Mean dense partial sum at 16 rows, padding included, where coins without padding give 4: "
        f"{ones}; lower sums leave less to lower. Where many inputs are +1, most sub-vectors are complemented. {by_ones}.",
        f"- **Padding** is at the edges of images; 16 rows: {padding}.",
    ]


def _by_ones(sums: list[Row], models: list[str]) -> str:
    """The reduction of layers with many +1 applied beside that of the others, by row order."""
    many = 0.55

    def falls(model: str, layers: list[str]) -> str:
        def mean_of(order: str) -> str:
            rows = [reduction_of(sums, model, order, AT, layer) for layer in layers]
            return percent(sum(row["partial_sum_reduction"] for row in rows) / len(rows))

        return f"{mean_of('channel')} by channel and {mean_of('spatial')} interleaved"

    found = []
    for model in models:
        applied = {
            name: reduction_of(sums, model, "channel", AT, name)["ones_applied"] for name in _layer_names(sums, model)
        }
        high = [name for name, ones in applied.items() if ones > many]
        rest = [name for name in applied if name not in high]
        text = f"{model}: {len(high)} of {len(applied)} layers have over {100 * many:.0f} % +1 applied"
        named = (("these", high), ("the others", rest)) if high and rest else (("all", high or rest),)
        groups = [f"{falls(model, names)} on {which}" for which, names in named]
        found.append(f"{text}; sums fall, {AT} rows read together, by {', '.join(groups)}")
    return ". ".join(found)


def _layer_names(sums: list[Row], model: str) -> list[str]:
    return list(dict.fromkeys(r["layer"] for r in sums if r["model"] == model and r["layer"] != "all"))


def _rows_of_the_paper(sums: list[Row], models: list[str]) -> str:
    """Rows read together at which row order ``channel`` gives the paper's range, by interpolation in log(rows)."""
    found = []
    for model in models:
        mine = [r for r in sums if r["model"] == model and r["layer"] == "all" and r["row_order"] == "channel"
                and r["sparsity"] == "binsparx"]  # fmt: skip
        mine.sort(key=lambda row: row["partial_sum_reduction"])
        shares = [row["partial_sum_reduction"] for row in mine]
        places = [np.log2(row["rows_read_together"]) for row in mine]
        found += [float(2 ** np.interp(share, shares, places)) for share in PAPER_REDUCTION]
    return f"{min(found):.0f} to {max(found):.0f}"


def _order_and_accuracy(designs: list[Hardware]) -> list[str]:
    """What the row order does to accuracy, where a design was run in several."""
    orders = {order: ("binsparx", 0.0, order) for order in ORDERS}
    several = [d for d in designs if sum(level in d.levels for level in orders.values()) > 1]
    if not several:
        return []
    shown = [order for order, level in orders.items() if any(level in d.levels for d in several)]
    rows = []
    for d in several:
        cells = [d.accuracy(DENSE), *(d.accuracy(orders[order]) for order in shown), d.ideal]
        rows.append([d.model, d.name, *("" if c is None else f"{100 * c:.1f}" for c in cells)])
    numbers = ["dense", *(f"`{order}`" for order in shown), "ideal"]
    return [
        "What the row order adds to accuracy (%), both flips:",
        markdown_table(["network", "design"], numbers, rows),
    ]


def layers_section(sums: list[Row]) -> str:
    table = []
    for model in models_of(sums):
        for layer in _layer_names(sums, model):
            rows = [reduction_of(sums, model, order, AT, layer) for order in ORDERS]
            first = rows[0]
            cells = [f"{first['inputs']}", percent(first["ones_applied"]), percent(first["ones_stored"]),
                     f"{first['input_bias']:.2f}"]  # fmt: skip
            table.append([model, layer, *cells, *(percent(row["partial_sum_reduction"]) for row in rows)])
    numbers = ["inputs", "+1 applied", "+1 stored", "bias of single inputs", *(f"`{order}`" for order in ORDERS)]
    return (
        "### Layer by layer\n\n"
        f"![Reduction and imbalance of every layer at {AT} rows](images/paper/layers.png)\n\n"
        f"<details><summary>All numbers, {AT} rows read together; bias of single inputs: the mean of |E x| over them, x = "
        "-1 or +1</summary>\n\n" + markdown_table(["network", "layer"], numbers, table) + "\n\n</details>"
    )
