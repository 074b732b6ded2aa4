"""Device effects: what makes a chip differ from the nominal design, one kind a file, its numbers in cited YAML blocks.

A set of effects is written with a plus between them, ``sram-vt-5+stuck-1e-3``: names of ``presets`` or YAML files of
the user's own. A new kind is a file and an entry in ``KINDS`` and ``AnyEffect``; new numbers are a file in ``presets``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeVar

from pydantic import Field

from simcore.effects.aged_spread import AgedSpread
from simcore.effects.base import Effect
from simcore.effects.broken_lines import BrokenLines
from simcore.effects.converter_spread import ConverterSpread
from simcore.effects.flicker_noise import FlickerNoise
from simcore.effects.measured_table import MeasuredTable
from simcore.effects.programming_spread import ProgrammingSpread
from simcore.effects.read_disturb import ReadDisturb
from simcore.effects.read_noise import CellReadNoise
from simcore.effects.read_port_mismatch import ReadPortMismatch
from simcore.effects.relaxation import Relaxation
from simcore.effects.stuck_cells import StuckCells
from simcore.effects.wire_temperature import WireTemperature

CONDITIONS = ("age_s", "reads", "temperature_K", "calibrated_on")
"""Fields of a design that mean something beside effects alone."""
_Effect = TypeVar("_Effect", bound=Effect)

AnyEffect = Annotated[
    MeasuredTable
    | ProgrammingSpread
    | AgedSpread
    | Relaxation
    | ReadDisturb
    | ReadPortMismatch
    | StuckCells
    | BrokenLines
    | WireTemperature
    | CellReadNoise
    | FlickerNoise
    | ConverterSpread,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[Effect]] = {
    "measured_table": MeasuredTable,
    "programming_spread": ProgrammingSpread,
    "aged_spread": AgedSpread,
    "relaxation": Relaxation,
    "read_disturb": ReadDisturb,
    "read_port_mismatch": ReadPortMismatch,
    "stuck_cells": StuckCells,
    "broken_lines": BrokenLines,
    "wire_temperature": WireTemperature,
    "read_noise": CellReadNoise,
    "flicker_noise": FlickerNoise,
    "converter_spread": ConverterSpread,
}
"""In the order in which they act on the cells: what was written, what became of it, what is broken."""


def conditions_without_effect(effects: Iterable[Effect]) -> list[str]:
    """Fields of a design that change nothing beside these effects."""
    effects = list(effects)
    used = {name for one in effects for name in one.depends_on} | ({"calibrated_on"} if effects else set())
    return [name for name in CONDITIONS if name not in used]


def in_order(effects: tuple[_Effect, ...]) -> tuple[_Effect, ...]:
    """Effects in the order in which they act.

    Raises:
        ValueError: a kind is there twice, or beside one that holds it already.
    """
    kinds = list(KINDS)
    found = sorted(effects, key=lambda one: kinds.index(one.kind))
    for one, following in zip(found, found[1:], strict=False):
        if one.kind == following.kind:
            raise ValueError(f"two effects of kind '{one.kind}' stand in one set")
    for one in found:
        for other in found:
            if one.holds(other):
                raise ValueError(f"what '{one.kind}' was measured with holds '{other.kind}' already: name one of them")
    return tuple(found)
