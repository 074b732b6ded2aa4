"""What people call an array and a sparsity level, the same in every list, table and drawing."""

from __future__ import annotations

from simcore.passes import NONE


def array_name(rows: int, cols: int, active_rows: int) -> str:
    """``64x32``, and ``64x32/16`` where 16 rows are read together instead of all."""
    return f"{rows}x{cols}" if active_rows == rows else f"{rows}x{cols}/{active_rows}"


def level_name(sparsity: str, prune: float, mitigations: str = NONE, mark: str = "prune ") -> str:
    """``binsparx``, ``binsparx prune 0.1`` where stored ones are pruned, ``binsparx bent_references`` with a set of
    passes; ``mark`` stands before the fraction."""
    passes = "" if mitigations == NONE else f" {mitigations}"
    return f"{sparsity} {mark}{prune:g}{passes}" if prune else f"{sparsity}{passes}"
