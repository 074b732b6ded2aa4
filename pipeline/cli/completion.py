"""What the shell offers when the tab key is pressed: names, keys and values that are really there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.results.finished import Results


def sweep_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Sweeps in the results folder, and sweep files here."""
    from pathlib import Path

    files = sorted(str(path) for folder in (".", "sweeps") for path in Path(folder).glob("*.y*ml"))
    results = _results(ctx)
    names = [] if results is None else results.sweeps()
    return [name for name in [*names, *files] if name.startswith(incomplete)]


def design_keys(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Keys of finished designs with what they are."""
    designs = _designs(ctx)
    if designs is None:
        return []
    from pipeline.results.names import hardware_name
    from pipeline.sweep.keys import short_key

    chosen = designs[designs.design_key.str.startswith(incomplete.lower())]
    return [
        (short_key(row["design_key"]), f"{hardware_name(row)} {row['sparsity']}") for row in chosen.to_dict("records")
    ]


def conditions(ctx: typer.Context, incomplete: str) -> list[str]:
    """``column=`` for every axis; after the sign, the values that the axis has."""
    designs = _designs(ctx)
    if designs is None:
        return []
    from pipeline.tables.schema import AXIS_COLUMNS

    name, sign, start = incomplete.partition("=")
    axes = [axis for axis in AXIS_COLUMNS if axis in designs and axis not in ("design_key", "overrides")]
    if not sign:
        return [f"{axis}=" for axis in axes if axis.startswith(name)]
    values = designs[name].astype(str).unique() if name in axes else []
    return [f"{name}={value}" for value in values if value.startswith(start)]


def devices(incomplete: str) -> list[str]:
    """Bitcells that ship."""
    from simcore.technology import device_names

    return [name for name in device_names() if name.lower().startswith(incomplete.lower())]


def corners(ctx: typer.Context, incomplete: str) -> list[str]:
    """Corners of the device that is named, else of all."""
    from simcore.errors import InputError
    from simcore.technology import corner_names, device_names

    named = ctx.params.get("device")
    try:
        found = [corner for device in ([named] if named else device_names()) for corner in corner_names(device)]
    except InputError:
        return []
    return [corner for corner in dict.fromkeys(found) if corner.startswith(incomplete)]


def one_of(*values: str):  # type: ignore[no-untyped-def]
    """A completion that offers these values."""

    def offer(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return offer


def _results(ctx: typer.Context) -> Results | None:
    from pipeline.results.finished import Results
    from simcore.errors import BinsparxError

    try:
        return Results(ctx.params.get("results") or "results")
    except (BinsparxError, OSError):
        return None


def _designs(ctx: typer.Context) -> pd.DataFrame | None:
    import warnings

    from simcore.errors import BinsparxError

    results = _results(ctx)
    try:
        with warnings.catch_warnings(action="ignore"):
            return None if results is None else results.designs().drop_duplicates("design_key")
    except (BinsparxError, OSError):
        return None
