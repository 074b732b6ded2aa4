"""What the fast solver misses: reads of the run's own layers solved exactly, compared before and after conversion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.crossbar import Status
from simcore.design_axes import EvidenceLimits
from simcore.mapping.column_share import SUM_FACTOR
from simcore.mapping.row_groups import RowGroup
from simcore.mapping.tiling import LayerMapping
from simcore.readout.adc import ConverterSettings
from simcore.surrogate.base import Surrogate

_CONVERSIONS = 16  # of gate_driven layers, whose columns are independent; elsewhere those of a whole column tile
_READS = 1024  # input sub-vectors of all row groups together
_MOST_VECTORS, _LEAST_VECTORS = 32, 4
_TOLERANCE = 1e-8  # of the exact solves
TOP_SHARE = 0.05  # of the reads, those of the highest sums, at which a bias shows first


@dataclass(frozen=True)
class LayerEvidence:
    """Held-out reads of one layer solved exactly.

    Attributes:
        layer: its name.
        inputs: ``ideal`` where input vectors are those of the ideal network, ``own`` where they are what the layers
            before deliver on the arrays.
        reads: conversions.
        rms_lsb, worst_lsb: fast minus exact current, in LSB of the nominal unit.
        changed: share of the codes that differ.
        converted_rms_lsb, converted_worst_lsb: their difference, in LSB of the converter, whose step may be several
            sums wide.
        top_bias_lsb: mean difference of the codes over the reads of the highest sums.
        output_error: rms difference of the layer's dot products, those of single conversions where an output has
            several, over the standard deviation of the ideal ones.
        residual: Kirchhoff residual of the exact solves.
        unsolved: those that did not converge.
    """

    layer: str
    inputs: str
    reads: int
    rms_lsb: float
    worst_lsb: float
    changed: float
    converted_rms_lsb: float
    converted_worst_lsb: float
    top_bias_lsb: float
    output_error: float
    residual: float
    unsolved: int

    def within(self, limits: EvidenceLimits) -> bool:
        """True if every read could be solved and the converted sums agree within ``limits``."""
        return (
            self.unsolved == 0
            and self.converted_rms_lsb <= limits.max_rms_lsb
            and self.converted_worst_lsb <= limits.max_worst_lsb
            and abs(self.top_bias_lsb) <= limits.max_bias_lsb
        )


@dataclass(frozen=True)
class Evidence:
    """Of all mapped layers, with both kinds of inputs; the figures are the worst of them, not pooled."""

    layers: tuple[LayerEvidence, ...] = ()

    @property
    def reads(self) -> int:
        """Conversions solved exactly."""
        return sum(layer.reads for layer in self.layers)

    @property
    def unsolved(self) -> int:
        """Exact solves that did not converge."""
        return sum(layer.unsolved for layer in self.layers)

    def worst(self, name: str) -> float:
        """The value of ``name`` that is largest in size, over all layers and inputs; 0 without any."""
        return max((getattr(layer, name) for layer in self.layers), key=abs, default=0.0)

    def within(self, limits: EvidenceLimits) -> bool:
        """True if all layers are within ``limits``."""
        return all(layer.within(limits) for layer in self.layers)


@dataclass(frozen=True)
class FittedLayer:
    """A layer's row groups with their fast solvers and converters."""

    mapping: LayerMapping
    groups: list[RowGroup]
    models: list[Surrogate]
    converters: ConverterSettings


def measure_layer(layer: FittedLayer, inputs: str, vectors: np.ndarray, rng: np.random.Generator) -> LayerEvidence:
    """Compare fast and exact solver in every row group of a layer.

    All row groups are read with the same vectors, so that the dot products of some outputs are compared as well.

    Args:
        layer: the layer.
        inputs: what the vectors are, ``ideal`` or ``own``.
        vectors: (B, K) int8 in row order, which the fit has not seen; some of them are drawn.
        rng: draws vectors and columns.
    """
    groups = layer.groups
    wanted = int(np.clip(_READS // len(groups), _LEAST_VECTORS, _MOST_VECTORS))
    vectors = vectors[np.sort(rng.permutation(len(vectors))[:wanted])]
    conversions = _draw_conversions(groups[0], rng)
    columns = groups[0].columns_of(conversions)
    weights = 2.0 * layer.mapping.weights[:, columns] - 1
    converters = layer.converters.of_columns(conversions)
    currents, converted, sums = [], [], []
    outputs = np.zeros((len(vectors), len(conversions)))
    residual, unsolved = 0.0, 0
    for index, (group, model) in enumerate(zip(groups, layer.models, strict=True)):
        applied = group.apply(vectors)
        solution = group.solve(applied.bits, columns, tol=_TOLERANCE)
        driven = applied.bits.sum(axis=1)
        exact = group.met_by_converters(solution.sink_currents / group.tile.circuit.on_current(), applied.bits)
        fast = group.encoding.converted(model.evaluate(applied.bits, columns) - model.reference(driven)[:, None])
        difference = converters.convert(fast, index, driven) - converters.convert(exact, index, driven)
        flips = group.stored.flips[columns[:: group.encoding.columns_a_conversion]]
        signs = applied.signs[:, None] * np.where(flips, -1, 1)
        outputs += SUM_FACTOR * signs * difference
        currents.append(fast - exact)
        converted.append(difference / converters.step[index])
        sums.append(group.sums_of_conversions(applied.bits, columns))
        residual = max(residual, float(solution.residual.max()))
        unsolved += int((solution.status != Status.CONVERGED).sum())
    error, code = np.concatenate(currents).ravel(), np.concatenate(converted).ravel()
    partial = np.concatenate(sums).ravel()
    highest = partial >= np.quantile(partial, 1 - TOP_SHARE)
    spread = float(groups[0].encoding.converted(vectors.astype(np.float64) @ weights).std())
    return LayerEvidence(
        layer.mapping.name, inputs, error.size, _rms(error), float(np.abs(error).max()), float((code != 0).mean()),
        _rms(code), float(np.abs(code).max()), float(code[highest].mean()), _rms(outputs) / max(spread, 1.0), residual,
        unsolved,
    )  # fmt: skip


def _draw_conversions(group: RowGroup, rng: np.random.Generator) -> np.ndarray:
    if group.tile.circuit.wiring.columns_are_independent:
        return np.sort(rng.permutation(group.conversions)[:_CONVERSIONS])
    return group.conversions_of(group.tile.draw(rng))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))
