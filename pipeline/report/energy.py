"""The energy of an image in few enough parts that each has a colour of its own."""

from __future__ import annotations

import re

import pandas as pd

_GROUPS = {
    "cells": ("array",),
    "word and bit lines": ("word_line", "bit_line"),
    "converters": ("adc",),
    "adding up": ("accumulate",),
    "activations, popcount": ("activation_buffer", "popcount"),
    "flips, mitigations": ("compare", "xor", "stored_sums", "undo", "mitigations"),
    "leakage": ("leakage", "digital_leakage"),
    "digital layers": ("digital_mac", "digital_memory"),
    "writing": ("write",),
}
"""Components of ``energy_per_image_J``; what belongs to none comes as ``other``."""
_OTHER = "other"


def energy_groups(designs: pd.DataFrame) -> dict[str, list[str]]:
    """The groups that any design spends anything on, with their columns in the order of the table.

    A total, its spread and changes are no components.
    """
    parts = [name for name in designs if re.fullmatch(r"energy_(?!per_image_|delay_)\w+_J", name)]
    group_of = {part: group for group, own in _GROUPS.items() for part in own}
    groups: dict[str, list[str]] = {group: [] for group in (*_GROUPS, _OTHER)}
    for column in parts:
        if designs[column].fillna(0).any():
            groups[group_of.get(column.removeprefix("energy_").removesuffix("_J"), _OTHER)].append(column)
    return {group: columns for group, columns in groups.items() if columns}


def part_name(column: str) -> str:
    """``word line`` of ``energy_word_line_J``."""
    return column.removeprefix("energy_").removesuffix("_J").replace("_", " ")
