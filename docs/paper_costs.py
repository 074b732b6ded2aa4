"""The page's section on energy, latency and area: what BinSparX changes, how sure that is, and where it comes from."""

from __future__ import annotations

from statistics import mean

from paper_numbers import BINSPARX, DENSE, GROUPED, Hardware, Level, Row

_CORNER = "nominal"
_PAPER_CUT = 0.45  # of the partial sum, the middle of the paper's range
_PAPER_SAVING = 0.09


def costed(designs: list[Hardware]) -> list[Hardware]:
    """Designs of the corner and converter that the section speaks of, with the energy of dense and both flips."""
    return [
        design
        for design in designs
        if design.corner == _CORNER
        and design.adc_reference == "calibrated"
        and all(level in design.levels for level in (DENSE, BINSPARX))
        and design.levels[DENSE].get("energy_per_image_J")
    ]


def saved_and_added(design: Hardware, level: Level) -> tuple[float, float]:
    """What the cells save and what everything else adds, as shares of the dense design's energy."""
    dense, sparse = design.levels[DENSE], design.levels[level]
    whole = dense["energy_per_image_J"]
    saved = (dense["energy_array_J"] - sparse["energy_array_J"]) / whole
    return saved, (sparse["energy_per_image_J"] - whole) / whole + saved


def energy_change(design: Hardware, level: Level) -> float:
    """The level's energy against dense, central values. Rows in another order are the same hardware, wired otherwise."""
    return float(design.levels[level]["energy_per_image_J"] / design.levels[DENSE]["energy_per_image_J"] - 1)


def array_share(design: Hardware) -> float:
    """The cells' share of the dense design's energy."""
    dense = design.levels[DENSE]
    return float(dense["energy_array_J"] / dense["energy_per_image_J"])


def current_cut(design: Hardware, level: Level) -> float:
    """By how much the level lowers the solved column currents."""
    return 1 - float(design.levels[level]["energy_array_J"] / design.levels[DENSE]["energy_array_J"])


def section(designs: list[Hardware]) -> str:
    """Table, picture and reasons; empty where no design has costs."""
    shown = costed(designs)
    if not shown:
        return ""
    return "\n\n".join(
        [
            "## Energy, latency and area",
            "Changes against the dense design of the same hardware, nominal corner, converter re-ranged; in brackets the "
            "extremes over what is disputed ([spread](cost.md#spread): supply of the columns, on-time, energy of a "
            "conversion, flip path). *Saved* and *added* are shares of the dense energy: what the cells save, from solved "
            "currents, and what flips cost.",
            "![Energy change of both flips against the share of the cells](images/paper/energy.png)",
            _table(shown),
            _reasons(shown),
        ]
    )


def _table(shown: list[Hardware]) -> str:
    lines = [
        "| network | design | cells' share, dense | current cut | saved | added | energy | latency | area |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for design in shown:
        row = design.levels[BINSPARX]
        saved, added = saved_and_added(design, BINSPARX)
        name = design.name.replace(f" {_CORNER}", "")
        cells = [_percent(array_share(design)), _percent(current_cut(design, BINSPARX)), _percent(saved),
                 _percent(added), *(_with_ends(row, cost) for cost in ("energy", "latency", "area"))]  # fmt: skip
        lines.append(f"| {design.model} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _reasons(shown: list[Hardware]) -> str:
    shares = [array_share(design) for design in shown]
    added = [saved_and_added(design, BINSPARX)[1] for design in shown]
    ends = [design.levels[BINSPARX]["energy_change_low"] for design in shown]
    grouped = [design for design in shown if GROUPED in design.levels]
    needed = (_PAPER_SAVING + mean(added)) / _PAPER_CUT
    best = min(shown, key=lambda design: design.levels[BINSPARX]["energy_change"])
    lines = [
        f"The saving is the cells' share times the cut in current, less what flips add. With these numbers the cells take "
        f"{_percent(min(shares))} to {_percent(max(shares))} of the dense energy and flips add {_percent(min(added))} to "
        f"{_percent(max(added))} of it; {100 * _PAPER_SAVING:.0f} % less at the paper's cut of {100 * _PAPER_CUT:.0f} % "
        f"needs cells that take some {100 * needed:.0f} %. They do where columns are fed from v_dd, conduct until they are "
        f"converted, or conversions are cheap, all of which the paper leaves open: at that end of the spread energy "
        f"changes by {100 * min(ends):+.1f} % to {100 * max(ends):+.1f} %. Of the central values the best is {best.device}, "
        f"{best.name.split(', ', 1)[1]}, {100 * best.levels[BINSPARX]['energy_change']:+.1f} %. Reading 16 rows at a time "
        "cuts most current, and takes the most conversions for it, so that cells weigh least there."
    ]
    if grouped:
        plain = mean(current_cut(design, BINSPARX) for design in grouped)
        better = mean(current_cut(design, GROUPED) for design in grouped)
        change = [mean(energy_change(design, level) for design in grouped) for level in (BINSPARX, GROUPED)]
        lines.append(
            f"Grouped rows, which cost nothing, cut the current by {_percent(better)} on average instead of "
            f"{_percent(plain)}, and change energy by {100 * change[1]:+.1f} % instead of {100 * change[0]:+.1f} %."
        )
    return "\n\n".join(lines)


def _with_ends(row: Row, cost: str) -> str:
    value, low, high = (100 * row[f"{cost}_change{end}"] for end in ("", "_low", "_high"))
    return f"{value:+.1f} % ({low:+.1f} to {high:+.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
