"""The report: one HTML page that holds everything it shows and asks the network for nothing."""

from __future__ import annotations

from html import escape
from importlib import resources
from string import Template

import pandas as pd
import yaml

from pipeline.execution.failures import read_failures
from pipeline.report.front_panels import objectives_of
from pipeline.report.page import sections
from pipeline.report.page.data import page_data
from pipeline.report.page.findings import find_gains, findings
from pipeline.report.page.selection import select_designs
from pipeline.results.finished import Results, hardware_only
from pipeline.results.robust import robust_front, worst_worlds
from pipeline.sweep.objectives import known_costs
from pipeline.tables.completeness import what_is_missing
from pipeline.tables.files import SWEEPS_FOLDER
from pipeline.tables.stored import UnusableTable
from simcore.errors import InputError


def build_report(results: Results, sweep: str) -> str:
    """The page of a finished sweep; the same tables give the same page.

    Raises:
        InputError: no such sweep, or none of its designs is finished or hardware.
    """
    all_rows = results.designs(sweep)
    if all_rows.empty:
        raise InputError(f"no design of sweep '{sweep}' is finished")
    designs = hardware_only(all_rows)
    if designs.empty:
        raise InputError(f"all designs of sweep '{sweep}' are references, which no report shows; their tables do")
    layers = results.layers(sweep)
    gains = find_gains(results, designs)
    drawn = [] if gains is None else gains.drawn[["design_key_a", "design_key_b"]].to_numpy().ravel().tolist()
    worst = worst_worlds(designs)
    robust = [key for cost in known_costs(worst) for key in robust_front(worst, cost.column).design_key]
    objectives = objectives_of(results, sweep)
    of_chips = "chip_accuracy" in objectives
    shown = select_designs(designs, [*drawn, *robust], of_chips)
    text = _stored(results, sweep, "sweep.yaml")
    return Template(_part("template.html")).substitute(
        title=escape(sweep),
        style=_part("report.css"),
        script=_part("report.js"),
        data=page_data(shown, layers, gains, worst, results.chips(sweep), of_chips),
        asked=sections.asked(designs, len(shown), _description(text)),
        findings=sections.findings(findings(designs, gains, results.store)),
        race=sections.race(designs, objectives),
        recommendations=_recommendations(results, sweep, designs),
        sizes_and_worlds=sections.sizes_and_worlds(designs),
        heat_maps=sections.heat_maps(designs),
        evidence=sections.evidence(designs),
        failures=sections.failures(
            read_failures(sweep, results.store), what_is_missing(results.table("designs", sweep), sweep, results.store)
        ),
        provenance=sections.provenance(designs, text),
        all_designs=sections.all_designs(shown, len(designs)),
    )


def _recommendations(results: Results, sweep: str, designs: pd.DataFrame) -> str:
    """No run writes what ``binsparx recommend`` found: where it cannot be read, all else is shown nevertheless."""
    try:
        return sections.recommendations(results.recommendations(sweep), designs)
    except UnusableTable as error:
        return sections.recommended(f"<p class=note>{escape(str(error))}</p>")


def _part(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _stored(results: Results, sweep: str, name: str) -> str:
    return (results.store.read(f"{SWEEPS_FOLDER}/{sweep}/{name}") or b"").decode("utf-8", errors="replace")


def _description(sweep_text: str) -> str:
    try:
        document = yaml.safe_load(sweep_text)
    except yaml.YAMLError:
        return ""
    return str(document.get("description", "")) if isinstance(document, dict) else ""
