"""The page's section on energy, latency and area: what BinSparX changes, how sure that is, and where it comes from."""

from __future__ import annotations

from statistics import mean, median

from markdown_table import markdown_table
from paper_numbers import (
    ARRAYS,
    BINSPARX,
    COSTS,
    DENSE,
    DIGITAL,
    GROUPED,
    PAPER_AREA,
    Hardware,
    Level,
    Row,
    cost_changes,
    percent,
    signed,
)

from pipeline.front.pareto import non_dominated

_CORNER = "nominal"
_PAPER_CUT = 0.45  # of the partial sum, the middle of the paper's range
_PAPER_SAVING = 0.09
_ARRAYS_ENERGY = next(iter(ARRAYS))

# What the components of an energy are to people; the last holds what no array does.
ENERGY_GROUPS: dict[str, tuple[str, ...]] = {
    "cells": ("energy_array_J", "energy_write_J"),  # nothing is written for an image here
    "converters": ("energy_adc_J",),
    "adding up": ("energy_accumulate_J",),
    "word and bit lines": ("energy_word_line_J", "energy_bit_line_J"),
    "activations, popcount": ("energy_activation_buffer_J", "energy_popcount_J"),
    "flips": (
        *("energy_compare_J", "energy_xor_J", "energy_stored_sums_J", "energy_undo_J"),
        "energy_mitigations_J",  # nothing here: the paper has no other passes
    ),
    "leakage of the arrays": ("energy_leakage_J",),
    "digital layers": DIGITAL["energy_per_image_J"],
}


def costed(designs: list[Hardware]) -> list[Hardware]:
    """Designs of the corner and converter that the section speaks of, with the energy of dense and both flips."""
    return [
        design
        for design in designs
        if design.corner == _CORNER
        and design.re_ranged
        and all(level in design.levels for level in (DENSE, BINSPARX))
        and design.levels[DENSE].get("energy_per_image_J")
    ]


def with_digital(designs: list[Hardware]) -> list[Hardware]:
    """Those of the designs whose totals hold digital layers, and say how much is theirs."""
    return [design for design in designs if all(_ARRAYS_ENERGY in row for row in design.levels.values())]


def _arrays_energy(row: Row) -> float:
    """Energy of the arrays with all that belongs to them, without the digital layers where the total holds them."""
    return float(row.get(_ARRAYS_ENERGY, row["energy_per_image_J"]))


def saved_and_added(design: Hardware, level: Level) -> tuple[float, float]:
    """What the cells save and what everything else of the arrays adds, as shares of the dense arrays' energy."""
    dense, sparse = design.levels[DENSE], design.levels[level]
    whole = _arrays_energy(dense)
    saved = (dense["energy_array_J"] - sparse["energy_array_J"]) / whole
    return saved, (_arrays_energy(sparse) - whole) / whole + saved


def energy_change(design: Hardware, level: Level) -> float:
    """The level's energy against dense, central values. Rows in another order are the same hardware, wired otherwise."""
    return float(design.levels[level]["energy_per_image_J"] / design.levels[DENSE]["energy_per_image_J"] - 1)


def array_share(design: Hardware) -> float:
    """The cells' share of the dense arrays' energy."""
    dense = design.levels[DENSE]
    return float(dense["energy_array_J"] / _arrays_energy(dense))


def _saved_of_all(design: Hardware) -> float:
    """What the cells save by both flips, as a share of the whole dense energy: their share of it times the cut."""
    dense, sparse = design.levels[DENSE], design.levels[BINSPARX]
    return float((dense["energy_array_J"] - sparse["energy_array_J"]) / dense["energy_per_image_J"])


def energy_shares(design: Hardware, level: Level) -> dict[str, float]:
    """A level's energy by group of components, as shares of the whole dense energy."""
    whole = design.levels[DENSE]["energy_per_image_J"]
    row = design.levels[level]
    return {name: sum(row.get(part) or 0.0 for part in parts) / whole for name, parts in ENERGY_GROUPS.items()}


def current_cut(design: Hardware, level: Level) -> float:
    """By how much the level lowers the solved column currents."""
    return 1 - float(design.levels[level]["energy_array_J"] / design.levels[DENSE]["energy_array_J"])


def summary(designs: list[Hardware]) -> str:
    """The range of the changes in a sentence, for the page on cost."""
    shown = costed(designs)
    rows = [design.levels[BINSPARX] for design in shown]

    def ends(cost: str, low: str = "", high: str = "") -> str:
        lowest, highest = (f([row[f"{cost}_change{end}"] for row in rows]) for f, end in ((min, low), (max, high)))
        return f"{100 * lowest:+.1f} to {100 * highest:+.1f} %"

    return (
        f"On the {len(shown)} designs of [the paper's experiments](paper.md#energy-latency-and-area) at the nominal corner, "
        f"converters re-ranged, both flips change energy by {ends('energy')}, and by {ends('energy', '_low', '_high')} over "
        f"all ends of the spread; latency by {ends('latency')} ({ends('latency', '_low', '_high')}), area by {ends('area')} "
        f"({mean(100 * row['area_change'] for row in rows):+.1f} % on average; the paper: {PAPER_AREA})."
        f"{_summary_of_arrays(shown)} The table of that page takes every design apart. {_least_cut(shown)}"
    )


def _least_cut(shown: list[Hardware]) -> str:
    """The design where a cut of the partial sum is least of all one of the current."""
    least = min(shown, key=lambda design: current_cut(design, BINSPARX))
    cut, row = current_cut(least, BINSPARX), least.levels[BINSPARX]
    text = (
        f"A cut of the partial sum is not one of the current: on {least.model}, {_name(least)}, BinSparX lowers the mean "
        f"partial sum by {percent(row['partial_sum_reduction'])} and "
    )
    if cut < 0:
        return text + f"draws {percent(-cut)} *more* current, for the dense columns lose more of theirs."
    return text + f"the current by {percent(cut)}, for the dense columns lose more of theirs."


def _summary_of_arrays(shown: list[Hardware]) -> str:
    counted = with_digital(shown)
    if not counted:
        return ""
    parts = [f"{name} by {_range(cost_changes(counted, column, BINSPARX))}" for column, name in ARRAYS.items()]
    return f" Digital layers are in these totals; of the arrays alone both flips change {', '.join(parts)}."


def _range(changes: list[float]) -> str:
    return f"{signed(min(changes))} to {signed(max(changes))}"


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
            f"conversion, flip path{_newer(shown)}). *Saved* and *added* are shares of the dense energy{_of_the_arrays(shown)}: "
            "what the cells save, from solved currents, and what flips cost.",
            "![Energy change of both flips on every design, with its spread](images/paper/energy.png)",
            *_boundary(shown),
            _table(shown),
            _reasons(shown),
            _absolute(shown),
        ]
    )


def _newer(shown: list[Hardware]) -> str:
    """What totals hold besides, where their tables were made since it has been counted."""
    counted = any("energy_leakage_J" in design.levels[BINSPARX] for design in shown)
    return ", time of a conversion, leakage, digital multiplication, all counted in every total" if counted else ""


def _of_the_arrays(shown: list[Hardware]) -> str:
    """Whose shares are told, where totals hold more than the arrays."""
    return " of the arrays, digital layers left out" if with_digital(shown) else ""


def _boundary(shown: list[Hardware]) -> list[str]:
    """What the digital layers take, and what flips change with and without them; nothing where none are counted."""
    counted = with_digital(shown)
    if not counted:
        return []
    rows = []
    for (total, parts), (arrays, name) in zip(DIGITAL.items(), ARRAYS.items(), strict=True):
        dense = [design.levels[DENSE] for design in counted]
        shares = [sum(row[part] for part in parts) / row[total] for row in dense]
        cells = [f"{percent(min(shares))} to {percent(max(shares))}, median {percent(median(shares))}"]
        for column in (arrays, total):
            changes = cost_changes(counted, column, BINSPARX)
            cells.append(f"{_range(changes)}, median {signed(median(changes))}")
        rows.append([name, *cells])
    return [
        "The first and last layers and the shortcuts are digital, and no flip changes them but in how long they leak. The "
        "paper speaks of arrays and does not say whether its figures hold more; totals here hold [the digital "
        f"layers](cost.md#digital-layers) too, so that both are told. Both flips, {len(counted)} designs:",
        markdown_table(["", "digital layers' share, dense", "change, arrays alone", "change, whole network"], [], rows),
        "![Energy of every design by component, dense and with both flips](images/paper/energy-shares.png)",
    ]


def _table(shown: list[Hardware]) -> str:
    alone = with_digital(shown) == shown
    numbers = [
        "cells' share, dense",
        "current cut",
        "saved",
        "added",
        *(["energy, arrays"] if alone else []),
        *COSTS.values(),
    ]
    rows = []
    for design in shown:
        row = design.levels[BINSPARX]
        saved, added = saved_and_added(design, BINSPARX)
        cells = [percent(array_share(design)), percent(current_cut(design, BINSPARX)), percent(saved), percent(added),
                 *([signed(added - saved)] if alone else []), *(_with_ends(row, cost) for cost in COSTS.values())]  # fmt: skip
        rows.append([design.model, _name(design), _converter(row), *cells])
    return markdown_table(["network", "design", "converter"], numbers, rows)


def _reasons(shown: list[Hardware]) -> str:
    shares = [array_share(design) for design in shown]
    added = [saved_and_added(design, BINSPARX)[1] for design in shown]
    changes = [
        (level["energy_change_low"], level["energy_change_high"]) for level in (d.levels[BINSPARX] for d in shown)
    ]
    grouped = [design for design in shown if GROUPED in design.levels]
    needed = (_PAPER_SAVING + mean(added)) / _PAPER_CUT
    best = min(shown, key=lambda design: design.levels[BINSPARX]["energy_change"])
    of_arrays, whole = (" of the arrays", " of the whole network") if with_digital(shown) else ("", "")
    lines = [
        f"The saving is the cells' share times the cut in current, less what flips add. With these numbers the cells take "
        f"{percent(min(shares))} to {percent(max(shares))} of the dense energy{of_arrays} and flips add {percent(min(added))} to "
        f"{percent(max(added))} of it; {100 * _PAPER_SAVING:.0f} % less at the paper's cut of {100 * _PAPER_CUT:.0f} % "
        f"needs cells that take some {100 * needed:.0f} %. They come nearer to it where columns are fed from v_dd or conduct "
        f"until they are converted, both of which the paper leaves open; over all that is disputed energy{whole} changes by "
        f"{100 * min(low for low, _ in changes):+.1f} % to {100 * max(high for _, high in changes):+.1f} %{_reach(shown)}. Of "
        f"the central values the best is {best.model} on {best.device}, {best.name.split(', ', 1)[1]}, "
        f"{100 * best.levels[BINSPARX]['energy_change']:+.1f} %. Dense and flipped designs have the same converter here; where "
        "bits are an axis, flips let a [narrower one]"
        "(cost.md#what-the-sweeps-that-ship-say) do, which saves far more."
    ]
    if grouped:
        plain = mean(current_cut(design, BINSPARX) for design in grouped)
        better = mean(current_cut(design, GROUPED) for design in grouped)
        change = [mean(energy_change(design, level) for design in grouped) for level in (BINSPARX, GROUPED)]
        lines.append(
            f"Grouped rows, whose [wiring is not counted](cost.md#energy), cut the current by {percent(better)} on average instead of "
            f"{percent(plain)}, and change energy by {100 * change[1]:+.1f} % instead of {100 * change[0]:+.1f} %."
        )
    return "\n\n".join(lines)


def _reach(shown: list[Hardware]) -> str:
    """On how many designs the low end of the spread reaches the paper's saving, and what they have that others lack."""

    def range_of(designs: list[Hardware]) -> str:
        products = [100 * _saved_of_all(design) for design in designs]
        return f"{min(products):.1f} to {max(products):.1f} %"

    reach = [design for design in shown if design.levels[BINSPARX]["energy_change_low"] <= -_PAPER_SAVING]
    text = f", and the low end reaches {-100 * _PAPER_SAVING:+.0f} % on {len(reach)} of the {len(shown)} designs"
    others = [design for design in shown if design not in reach]
    if reach and others:
        text += f" (share times cut {range_of(reach)} there, {range_of(others)} on the others)"
    return text


def _absolute(shown: list[Hardware]) -> str:
    """What the designs take, and which of them no other one beats."""
    numbers = ["accuracy dense, both flips", "energy (µJ)", "latency (ms)", "area (mm²)"]
    rows = []
    for design in shown:
        row = design.levels[BINSPARX]
        rivals = [other.levels[BINSPARX] for other in shown if other.model == design.model]
        values = [[rival["accuracy"], rival["energy_per_image_J"]] for rival in rivals]
        mark = "**" if non_dominated(values, ("max", "min"))[rivals.index(row)] else ""
        costs = [f"{1e6 * row['energy_per_image_J']:.1f}", f"{1e3 * row['latency_per_image_s']:.2f}",
                 f"{1e6 * row['area_m2']:.2f}"]  # fmt: skip
        accuracy = f"{100 * design.levels[DENSE]['accuracy']:.1f}, {100 * row['accuracy']:.1f} %"
        rows.append([design.model, f"{mark}{_name(design)}{mark}", accuracy, *costs])
    return (
        "An image with both flips, central values; bold: no other design here is as accurate for less energy.\n\n"
        + markdown_table(["network", "design"], numbers, rows)
    )


def _name(design: Hardware) -> str:
    """Without the corner, which is the same for all."""
    return design.name.replace(f" {_CORNER}", "")


def _converter(row: Row) -> str:
    kind = {"sar": "SAR"}.get(row["converter"], row["converter"])
    return f"{row['adc_bits']}-bit {kind}"


def _with_ends(row: Row, cost: str) -> str:
    value, low, high = (100 * row[f"{cost}_change{end}"] for end in ("", "_low", "_high"))
    return f"{value:+.1f} % ({low:+.1f} to {high:+.1f})"
