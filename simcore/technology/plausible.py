"""What a circuit says that no crossbar is: a slip of a unit or of an exponent, found before anything is computed.

The ranges are judgements, a factor of about a thousand beyond what is published for crossbars of any technology.
"""

from __future__ import annotations

from simcore.crossbar.circuit import Circuit

_SEGMENT = (0.0, 1e5)  # ohm from cell to cell
_TERMINAL = (0.0, 1e7)  # ohm
_RANGES = {
    "g_on": ("S", (1e-12, 1.0)),
    "v_read": ("V", (1e-3, 10.0)),
    "v_nl": ("V", (1e-4, 100.0)),
    "v_nl_off": ("V", (1e-4, 100.0)),
    "r_driver": ("ohm", _TERMINAL),
    "r_sink": ("ohm", _TERMINAL),
    "r_row": ("ohm", _SEGMENT),
    "r_col": ("ohm", _SEGMENT),
    "r_source": ("ohm", _SEGMENT),
}
_CONTRADICTION = 2.0  # a factor between two statements about one current


def implausible(circuit: Circuit) -> dict[str, str]:
    """What is hardly meant, in words, by the field that says it; empty where nothing is.

    Args:
        circuit: one that was checked.
    """
    found = {}
    for name, (unit, (low, high)) in _RANGES.items():
        value = getattr(circuit, name)
        if value is not None and not low <= value <= high:
            found[name] = f"{name} is {value:.3g} {unit}, crossbars have {low:g} to {high:g} {unit}"
    if (text := _contradiction(circuit)) is not None:
        found["iv_table"] = text
    return found


def _contradiction(circuit: Circuit) -> str | None:
    """Where measured points count, conductances given beside them say the same, or are idle and mislead."""
    if circuit.iv_table is None:
        return None
    states = [("ON", "on", circuit.iv, circuit.g_on, circuit.on_current())]
    if len(circuit.iv_table[0]) > 2:  # else the OFF curve is made with g_off / g_on
        states.append(("OFF", "off", circuit.iv_off or circuit.iv, circuit.g_off, circuit.off_current()))
    for state, name, form, conductance, current in states:
        said = conductance * circuit.v_read
        if form == "table" and not said / _CONTRADICTION <= current <= said * _CONTRADICTION:
            return (
                f"the table gives an {state} cell {current:.3g} A at v_read, r_{name} (g_{name}) would give it "
                f"{said:.3g} A; the table counts"
            )
    return None
