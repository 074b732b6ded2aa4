"""What the page's designs rest on: how far the fast solver is from exact solves after the converter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from statistics import median

from paper_numbers import BINSPARX, DENSE, Hardware, Row, fitted, hardware_designs, largest_gain, percent, points

from pipeline.sweep.spec import load_sweep

_SWEEP = Path(__file__).parents[1] / "sweeps" / "paper.yaml"


def section(rows: list[Row]) -> str:
    """The evidence of all design points; empty where the table is older than evidence after the converter."""
    if not any("evidence_changed" in row for row in rows):
        return ""
    measured = [row for row in rows if row["evidence_changed"] is not None]
    beyond = [row for row in rows if not row["evidence_within_limits"]]
    text = "## How far the fast solver is from exact solves\n\n"
    if measured:
        changed = [row["evidence_changed"] for row in measured]
        rms = [row["evidence_converted_rms_lsb"] for row in measured]
        whose = "" if len(measured) == len(rows) else f", of {len(measured)} of the {len(rows)} design points"
        text += (
            f"The fast solver is compared with exact solves after the converter, on reads of each design's own layers that "
            f"were never fitted, {sum(row['evidence_reads'] for row in measured):,} in all{whose}. Of the converted sums of a "
            f"design's worst layer {percent(median(changed))} differ in the median over designs, {percent(max(changed))} at "
            f"most; their rms difference is {median(rms):.3f} LSB in the median and {max(rms):.2f} at most. "
        )
    return text + _beyond(rows, beyond)


def _beyond(rows: list[Row], beyond: list[Row]) -> str:
    limits = load_sweep(str(_SWEEP)).spec.evidence
    named = (
        f"the limits of any layer ({limits.max_rms_lsb:g} LSB rms, {limits.max_worst_lsb:g} LSB at worst, a mean of "
        f"{limits.max_bias_lsb:g} LSB on its highest sums)"
    )
    if not beyond:
        return f"All {len(rows)} are within {named}."
    where = Counter(f"{row['device']} {row['corner']}" for row in beyond)
    parts = ", ".join(f"{count} of {place}" for place, count in where.items())
    return (
        f"{len(beyond)} of the {len(rows)} design points {'is' if len(beyond) == 1 else 'are'} beyond {named} and marked so in the table "
        f"(`evidence_within_limits`): {parts}.{_without(rows)}"
    )


def _without(rows: list[Row]) -> str:
    """The largest gains of designs whose rows, dense and with both flips, are all within the limits."""

    def stands(design: Hardware) -> bool:
        return all(
            design.levels[level]["evidence_within_limits"] for level in (DENSE, BINSPARX) if level in design.levels
        )

    designs = [design for design in hardware_designs(fitted(rows)) if stands(design)]
    told = []
    for re_ranged, converter in ((True, ", converter re-ranged"), (False, "")):  # the name says so where it never is
        best = largest_gain([design for design in designs if design.re_ranged == re_ranged], BINSPARX)
        if best is not None:
            told.append(f"{points(best[1])} points ({best[0].model}, {best[0].name}{converter})")
    if not told:
        return ""
    return f" Where neither dense nor both flips are, the largest gain of both flips is {' and '.join(told)}."
