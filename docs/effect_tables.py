"""The generated tables of docs/chips.md: every device effect that ships, with its numbers and where they were read."""

from __future__ import annotations

import json

from markdown_table import markdown_table

from simcore.effects import KINDS
from simcore.effects.effect_blocks import load_block, preset_names


def kinds() -> str:
    """A line for each kind, in the order in which they act."""
    rows = []
    for kind, effect in KINDS.items():
        names = ", ".join(f"`{name}`" for name in preset_names() if load_block(name).effect.kind == kind)
        depends = ", ".join(f"`{name}`" for name in effect.depends_on)
        chips = "differ" if effect.drawn_per_chip else "alike"
        rows.append([f"`{kind}`", chips, depends, names or "your own file"])
    return markdown_table(["kind", "chips", "depends on", "blocks that ship"], [], rows)


def presets() -> str:
    """A line for each block."""
    rows = []
    for name in preset_names():
        block = load_block(name)
        numbers = block.effect.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
        shown = "<br>".join(f"`{field}: {json.dumps(value).replace(chr(34), '')}`" for field, value in numbers.items())
        rows.append([f"`{name}`", block.about, shown, f"*{block.source}*"])
    return markdown_table(["name", "what it describes", "numbers", "source"], [], rows)
