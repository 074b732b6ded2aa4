"""The page's section on the direction in which converters are fitted: the same designs under either fit."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean

from markdown_table import markdown_table
from paper_numbers import (
    BINSPARX,
    DEFAULT_FIT,
    DENSE,
    NEAR_IDEAL,
    OTHER_FIT,
    Hardware,
    Level,
    Row,
    fitted,
    hardware_designs,
    points,
    within,
)

_LEVELS = {"dense": DENSE, "both flips": BINSPARX}
_NAMED = 4  # cases that the text names; the table has them all


@dataclass(frozen=True)
class FitPair:
    """A design under the default fit, and the same under the other one, dense and with both flips each."""

    default: Hardware
    other: Hardware

    def change(self, level: Level) -> float:
        """Accuracy under the default fit less that under the other."""
        return float(self.default.levels[level]["accuracy"] - self.other.levels[level]["accuracy"])


def fit_pairs(rows: list[Row]) -> list[FitPair]:
    """Designs that were run under both fits, in the order of the table."""

    def place_of(design: Hardware) -> tuple[str, str, str, int, int, str]:
        return (design.model, design.device, design.corner, design.rows, design.active_rows, design.adc_reference)

    others = {place_of(design): design for design in hardware_designs(fitted(rows, OTHER_FIT))}
    pairs = [
        FitPair(design, others[place_of(design)])
        for design in hardware_designs(fitted(rows))
        if place_of(design) in others
    ]
    return [pair for pair in pairs if all({DENSE, BINSPARX} <= set(d.levels) for d in (pair.default, pair.other))]


def section(rows: list[Row]) -> str:
    """Table, comparison and reason; empty where no design was run under both fits."""
    pairs = fit_pairs(rows)
    if not pairs:
        return ""
    return "\n\n".join(
        [
            "## Which way converters are fitted",
            f"Everything else on this page has converters fitted `{DEFAULT_FIT}`. The same designs under `{OTHER_FIT}`, "
            "accuracy and gain of both flips over dense in %:",
            _table(pairs),
            _comparison(pairs),
            "The line of `least_squares` has its slope lowered by the share of the currents' variance that the sums do not "
            "explain, so that high sums read too low and low ones too high, and the network adds up as many biased codes as "
            "a layer has row groups. The line of `unbiased` is steeper by that share and right on average for every true "
            "sum: single codes scatter more, and their scatter, unlike a bias, averages out over row groups "
            "([Sensing](physics.md#sensing)).",
        ]
    )


def _table(pairs: list[FitPair]) -> str:
    rows = []
    for pair in pairs:
        design = pair.default
        cells = [f"{100 * d.levels[level]['accuracy']:.1f}" for level in _LEVELS.values() for d in _both(pair)]
        gains = [points(d.levels[BINSPARX]["accuracy"] - d.levels[DENSE]["accuracy"]) for d in _both(pair)]
        together = f"{design.active_rows} of {design.rows}"
        rows.append([design.model, design.device, design.corner, together, *cells, *gains])
    numbers = [f"{name}, `{fit}`" for name in (*_LEVELS, "gain") for fit in (DEFAULT_FIT, OTHER_FIT)]
    return markdown_table(["network", "device", "corner", "rows read together"], numbers, rows)


def _both(pair: FitPair) -> tuple[Hardware, Hardware]:
    return pair.default, pair.other


def _comparison(pairs: list[FitPair]) -> str:
    """How many designs gain or lose by the default fit, how much, and where the other one is better."""
    lines = []
    for name, level in _LEVELS.items():
        changes = [pair.change(level) for pair in pairs]
        up, down = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
        ends = [f(pairs, key=lambda pair, level=level: pair.change(level)) for f in (max, min)]
        lines.append(
            f"{name}, {up} of the {len(pairs)} designs are more accurate with `{DEFAULT_FIT}` and {down} with `{OTHER_FIT}`, "
            f"{points(mean(changes))} points on average, from {points(ends[1].change(level))} ({_named(ends[1])}) to "
            f"{points(ends[0].change(level))} ({_named(ends[0])})"
        )
    gains = [mean(d.levels[BINSPARX]["accuracy"] - d.levels[DENSE]["accuracy"] for d in side)
             for side in zip(*(_both(pair) for pair in pairs), strict=True)]  # fmt: skip
    return (
        f"{lines[0][0].upper()}{lines[0][1:]}; {lines[1]}. Both flips gain {points(gains[0])} points on average with "
        f"`{DEFAULT_FIT}`, {points(gains[1])} with `{OTHER_FIT}`. {_where_the_other_is_better(pairs)}"
    )


def _where_the_other_is_better(pairs: list[FitPair]) -> str:
    lead = {
        f"{_named(pair)}, {name}": -pair.change(level)
        for name, level in _LEVELS.items()
        for pair in pairs
        if not within(NEAR_IDEAL, -pair.change(level))
    }
    if not lead:
        return f"Nowhere is `{OTHER_FIT}` better by more than a point."
    most = sorted(lead, key=lambda name: -lead[name])[:_NAMED]
    told = "; ".join(f"{name} ({points(lead[name])})" for name in most)
    first = ", most of all on" if len(lead) > _NAMED else ":"
    return f"`{OTHER_FIT}` is better by more than a point in {len(lead)} of {2 * len(pairs)} cases{first} {told}."


def _named(pair: FitPair) -> str:
    return f"{pair.default.model}, {pair.default.name}"
