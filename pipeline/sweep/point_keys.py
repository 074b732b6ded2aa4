"""Keys of many points at once.

A key is the digest of canonical JSON, and in a product of axes a field of that JSON depends on its own value alone.
So each value is rendered once, by building a real design with it, and a key is a join and a hash. (``active_rows`` is
left out where it equals ``rows``; both belong to the array, which is one value here.)
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pipeline.sweep import simulation
from pipeline.sweep.keys import canonical_json, digest_of, key_content
from pipeline.sweep.points import DesignPoint, Hardware


class Converter(NamedTuple):
    """The axes of a converter, as ``Hardware`` names them without their ``adc_``."""

    bits: int
    reference: str = "nominal"
    fit: str = "unbiased"
    range: str = "full_scale"
    offset: float = 0.0
    gain: float = 1.0
    noise: float = 0.0


class PointProduct:
    """The points of one network, bitcell and array size over all other axes; the sparsity runs fastest.

    Every value of every axis is checked when the product is made, so that no point fails later.

    Raises:
        ValueError: a value is out of range.
    """

    def __init__(
        self,
        base: Hardware,
        row_orders: Sequence[str],
        converters: Sequence[Converter],
        seeds: Sequence[int],
        solvers: Sequence[str],
        sparsities: Sequence[str],
        prunes: Sequence[float],
    ) -> None:
        # A field of a reference depends on others too (what cannot act on it stays out of its key): its keys are made
        # one by one, and the values here are rendered with another solver.
        self._base = base = replace(base, solver="auto")
        level = (sparsities[0], prunes[0])
        self._axes: list[list[tuple[Any, str]]] = [
            self._rendered("row_order", row_orders, lambda v: replace(base, row_order=v).design(*level)),
            self._rendered("adc", converters, lambda v: _with_converter(base, v).design(*level)),
            self._rendered("seed", seeds, lambda v: replace(base, seed=v).design(*level)),
            self._rendered("solver", solvers, lambda v: replace(base, solver=v).design(*level)),
            self._rendered("sparsity", sparsities, lambda v: base.design(v, level[1])),
            self._rendered("prune", prunes, lambda v: base.design(level[0], v)),
        ]
        names = ["row_order", "adc", "seed", "solver", "sparsity", "prune"]
        fixed = {name: value for name, value in base.design(*level).content().items() if name not in names}
        rendered = {name: f'"{name}":{canonical_json(value)}' for name, value in fixed.items()}
        self._slots: list[tuple[int, str]] = [
            (names.index(name) if name in names else -1, rendered.get(name, "")) for name in sorted({*names, *fixed})
        ]
        self._head, self._tail = self._frame()

    def __iter__(self) -> Iterator[DesignPoint]:
        row_orders, converters, seeds, solvers, sparsities, prunes = self._axes
        for row_order, converter, seed, solver in itertools.product(row_orders, converters, seeds, solvers):
            hardware = replace(
                _with_converter(self._base, converter[0]), row_order=row_order[0], seed=seed[0], solver=solver[0]
            )
            if hardware.is_reference:
                hardware = _without_what_cannot_act(hardware)
            outer = (row_order[1], converter[1], seed[1], solver[1])
            for sparsity, prune in itertools.product(sparsities, prunes):
                if hardware.is_reference:
                    point = DesignPoint("", hardware, sparsity[0], prune[0])
                    yield replace(point, key=digest_of(point.content))
                else:
                    key = self._key((*outer, sparsity[1], prune[1]))
                    yield DesignPoint(key, hardware, sparsity[0], prune[0])

    def _key(self, varied: tuple[str, ...]) -> str:
        parts = [varied[place] if place >= 0 else text for place, text in self._slots]
        text = self._head + ",".join([part for part in parts if part]) + self._tail
        return hashlib.sha256(text.encode()).hexdigest()

    def _rendered(self, name: str, values: Sequence[Any], design_with: Callable[[Any], Any]) -> list[tuple[Any, str]]:
        """Each value with its field in canonical JSON, empty where the design leaves it out."""
        result = []
        for value in values:
            content = design_with(value).content()
            result.append((value, f'"{name}":{canonical_json(content[name])}' if name in content else ""))
        return result

    def _frame(self) -> tuple[str, str]:
        """The canonical JSON of the key's content before and after the fields of the design."""
        study, mark = self._base.study, {"": 0}
        content = key_content(mark, self._base.model.digest, study.dataset.digest, study.split, study.solver_version)
        before, _, after = canonical_json(content).partition(canonical_json(mark))
        return before + "{", "}" + after


def _with_converter(hardware: Hardware, converter: Converter) -> Hardware:
    return replace(hardware, **{f"adc_{name}": value for name, value in converter._asdict().items()})


def _without_what_cannot_act(hardware: Hardware) -> Hardware:
    """A reference under the values that its design has, for people to read."""
    hardware = replace(hardware, cell=replace(hardware.cell, overrides=()), cols=hardware.rows)
    if hardware.solver != "ideal":
        return hardware
    return _with_converter(hardware, Converter(simulation.lossless_bits(hardware.active_rows)))
