"""``binsparx bitcell``: a bitcell file from measured curves."""

from __future__ import annotations

import csv
import hashlib
import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.completion import corners, devices
from simcore.errors import InputError
from simcore.technology.quantities import in_si, split_quantity, unit_of

bitcell_app = typer.Typer(name="bitcell", help="Bitcell files from measured I-V curves.", no_args_is_help=True)

_MUCH_NOISE = 0.25  # of the current: a judgement
_POLARITIES = {"both": 0, "positive": 1, "negative": -1}


@bitcell_app.callback()
def _group() -> None:
    """Bitcell files from measured I-V curves."""


@bitcell_app.command("import")
def import_command(
    measured: Annotated[
        list[Path],
        typer.Argument(help="Text files of one cell, with any delimiter; both states in one, or a file of each."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.yaml", help="[default: the first file's name, here]"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What sweeps call the cell. [default: the output's name]")] = None,
    like: Annotated[
        str,
        typer.Option(
            metavar="DEVICE", help="Bitcell whose wires, periphery and size are taken.", autocompletion=devices
        ),
    ] = "1T-1ReRAM",
    corner: Annotated[str, typer.Option(help="Corner of that bitcell.", autocompletion=corners)] = "nominal",
    v_read: Annotated[str | None, typer.Option(metavar="VOLTS", help="Read voltage. [default: that bitcell's]")] = None,
    v_max: Annotated[
        str | None, typer.Option(metavar="VOLTS", help="Leave out points above. [default: where the cell switches]")
    ] = None,
    polarity: Annotated[Literal["both", "positive", "negative"], typer.Option(help="Which branches count.")] = "both",
    compliance: Annotated[
        str | None, typer.Option(metavar="AMPERES", help="The instrument's limit of current. [default: recognised]")
    ] = None,
    headings: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Headings in place of the files', for example 'time,V (mV),I (uA)'."),
    ] = None,
    shunt: Annotated[
        str | None,
        typer.Option(metavar="OHMS", help="A scope's second voltage is across this resistor between cell and ground."),
    ] = None,
    amplifier: Annotated[
        str | None,
        typer.Option(
            metavar="OHMS", help="A scope's second voltage is what an amplifier with this gain made of the current."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Make a bitcell file of measured I-V curves: noisy, hysteretic, of one polarity or both.

    Delimiter, decimal mark, headings and units are recognised, the branches of the sweeps taken apart, what shows
    switching or the instrument's limit left out, and a rising curve fitted to each state. Writes FILE.yaml,
    FILE-iv.csv with the curves, and FILE-fit.png with points, curves and residuals: look at it.

    Examples: `binsparx bitcell import keithley.csv`, `binsparx bitcell import scope.csv --shunt '1 kohm' -o
    my-cell.yaml --v-read '200 mV'`, `binsparx bitcell import lrs.txt hrs.txt --like 1T-1ReRAM-BL`.
    """
    from pipeline.report.measured_curves import draw_measured_cell
    from simcore.network.checkpoint import write_atomically
    from simcore.technology.measurement import Limits, Measurement, Probe, measured_cell
    from simcore.technology.measurement.bitcell_text import Surroundings, bitcell_text, summary

    if shunt and amplifier:
        raise InputError("give either --shunt or --amplifier", "--amplifier")
    for path in measured:
        if path.is_dir():  # before its name, which "." has not, becomes the output's
            raise InputError("a folder; expected a text file of measured points", str(path))
    target = output or Path(measured[0].with_suffix(".yaml").name)
    if target.suffix not in (".yaml", ".yml"):
        raise InputError(f"'{target}' does not end in .yaml", "--output")
    points, picture = (target.with_name(target.stem + ending) for ending in ("-iv.csv", "-fit.png"))
    _require_free((target, points, picture), measured, force)
    cell = measured_cell(
        Measurement(
            tuple(measured),
            tuple(next(csv.reader([headings], skipinitialspace=True))) if headings else (),
            Probe(_positive(shunt, "ohm", "--shunt") or 0.0, _positive(amplifier, "ohm", "--amplifier") or 0.0),
            Limits(_positive(compliance, "A", "--compliance"), _positive(v_max, "V", "--v-max"), _POLARITIES[polarity]),
        )
    )
    named = len({path.name for path in measured}) == len(measured)
    files = {path.name if named else str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in measured}
    surroundings = Surroundings(like, corner, _positive(v_read, "V", "--v-read"))
    text = bitcell_text(name or target.stem, cell, surroundings, files, points.name)
    read_at = text.circuit.v_read
    drawn = draw_measured_cell(cell, read_at, f"{name or target.stem}: {', '.join(files)}")
    write_atomically(points, text.points.encode())
    write_atomically(picture, drawn["fit.png"])
    write_atomically(target, text.yaml.encode())
    for line in (*cell.columns, *summary(cell, read_at)):
        typer.echo(line)
    if cell.switches_at is not None and read_at > cell.switches_at:
        typer.echo(f"warning: read at {read_at:g} V, where the cell was seen to switch", err=True)
    for state, fitted in (("ON", cell.on), ("OFF", cell.off)):
        if fitted.curve.noise > _MUCH_NOISE:
            noise = f"{100 * fitted.curve.noise:.0f} %"
            typer.echo(f"warning: the noise of the {state} state's points is {noise} of their current", err=True)
    typer.echo(f"wires, periphery and size: {like} {corner}")
    typer.echo(f"written: {target}, {points}, {picture}")


def _require_free(files: tuple[Path, ...], measured: list[Path], force: bool) -> None:
    for file in files:
        if any(file.resolve() == path.resolve() for path in measured):
            raise InputError(f"'{file}' would replace what was measured; name another with --output", "--output")
        if file.exists() and not force:
            raise InputError(f"'{file}' is there already; --force replaces it, --output names another", "--output")


def _positive(text: str | None, unit: str, option: str) -> float | None:
    """A number with or without its unit, in SI units.

    Raises:
        InputError: no positive number, or another unit.
    """
    if text is None:
        return None
    value, written = split_quantity(text) or (_number(text), unit)
    meant = unit_of(written)
    if meant is None or meant[0] != unit or not (math.isfinite(value) and value > 0):
        raise InputError(f"'{text}' is no positive number with the unit {unit}, such as '{_SUCH_AS[unit]}'", option)
    return in_si(value, meant[1])


_SUCH_AS = {"V": "200 mV", "A": "100 uA", "ohm": "1 kohm"}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
