"""Device effects: what makes a chip differ from the nominal design, one kind a file, its numbers in cited YAML blocks.

A set of effects is written with a plus between them, ``sram-vt-5+stuck-1e-3``: names of ``presets`` or YAML files of
the user's own. A new kind is a file and an entry in ``KINDS``; new numbers are a file in ``presets``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simcore.effects.base import Effect
from simcore.effects.read_port_mismatch import ReadPortMismatch
from simcore.effects.stuck_cells import StuckCells

AnyEffect = Annotated[ReadPortMismatch | StuckCells, Field(discriminator="kind")]
KINDS: dict[str, type[Effect]] = {"read_port_mismatch": ReadPortMismatch, "stuck_cells": StuckCells}
"""In the order in which they act on the cells."""


def in_order(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Effects in the order in which they act.

    Raises:
        ValueError: a kind is there twice.
    """
    kinds = list(KINDS)
    found = sorted(effects, key=lambda one: kinds.index(one.kind))
    for one, following in zip(found, found[1:], strict=False):
        if one.kind == following.kind:
            raise ValueError(f"two effects of kind '{one.kind}' stand in one set")
    return tuple(found)
