"""What makes a design differ from ideal arithmetic, each cause as a change of the design that takes it away.

Without any of them the arrays compute ideal arithmetic exactly: no wire drops a voltage, the cells are linear, OFF
cells conduct nothing, the converter has a code for every sum and no pass that rounds or tabulates what it tells,
nothing is pruned, and every chip is the nominal one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from simcore.crossbar import Circuit
from simcore.design import Design
from simcore.effects import KINDS
from simcore.passes import without_own_error


def causes_of(design: Design) -> list[str]:
    """The causes that are at work in a design, in a fixed order: what taking away would change it."""
    return [name for name, remove in _REMOVERS.items() if remove(design) != design]


def without(design: Design, causes: Iterable[str]) -> Design:
    """The design with some causes taken away.

    Args:
        design: the design.
        causes: names as ``causes_of`` gives them; one that is not at work changes nothing.

    Raises:
        ValueError: an unknown cause.
    """
    for cause in sorted(causes, key=list(_REMOVERS).index):
        design = _REMOVERS[cause](design)
    return design


def only(design: Design, cause: str) -> Design:
    """The design with every cause but one taken away.

    Args:
        design: the design.
        cause: a name as ``causes_of`` gives it.
    """
    return without(design, [name for name in causes_of(design) if name != cause])


def _circuit(design: Design, **changes: Any) -> Design:
    circuit = Circuit.from_parameters(design.circuit.model_dump() | changes)
    return design if circuit == design.circuit else design.model_copy(update={"circuit": circuit})


def _wire(name: str) -> Callable[[Design], Design]:
    def remove(design: Design) -> Design:
        return _circuit(design, **{name: 0.0}) if name in design.circuit.wiring.parameters else design

    return remove


def _linear(design: Design) -> Design:
    """Cells that pass at v_read what they passed before, and in proportion below it."""
    circuit = design.circuit
    if circuit.iv == "linear" and circuit.iv_off in (None, "linear"):
        return design
    straight = {"iv": "linear", "iv_off": None, "v_nl": None, "v_nl_off": None, "iv_table": None}
    chords = {"g_on": circuit.on_current() / circuit.v_read, "g_off": circuit.off_current() / circuit.v_read}
    return _circuit(design, **straight, **chords)


def _no_leakage(design: Design) -> Design:
    circuit = design.circuit
    if circuit.off_current() == 0:
        return design
    # Without a column of its own the OFF curve is the ON curve times g_off / g_on: nothing.
    table = circuit.iv_table and tuple(point[:2] for point in circuit.iv_table)
    return _circuit(design, g_off=0.0, iv_table=table)


def _ideal_converter(design: Design) -> Design:
    if design.solver == "ideal":
        return design  # whose converter is one already, however wide
    changes = {"bits": max(design.adc.bits, design.lossless_bits), "gain": 1.0, "offset_lsb": 0.0, "noise_lsb": 0.0}
    adc = design.adc.model_copy(update=changes)
    return design.model_copy(update={"adc": adc, "mitigations": without_own_error(design.mitigations)})


def _unpruned(design: Design) -> Design:
    return design.model_copy(update={"prune": 0.0})


def _effect(kind: str) -> Callable[[Design], Design]:
    def remove(design: Design) -> Design:
        left = tuple(one for one in design.effects if one.kind != kind)
        return design if left == design.effects else design.model_copy(update={"effects": left})

    return remove


_REMOVERS: dict[str, Callable[[Design], Design]] = {
    "row wire": _wire("r_row"),
    "column wire": _wire("r_col"),
    "source wire": _wire("r_source"),
    "driver": _wire("r_driver"),
    "sink": _wire("r_sink"),
    "non-linearity": _linear,
    "OFF current": _no_leakage,
    "converter": _ideal_converter,
    "pruning": _unpruned,
    **{kind.replace("_", " "): _effect(kind) for kind in KINDS},
}
