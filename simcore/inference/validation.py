"""What the fast solver misses: reads of the run's own layers solved exactly, compared before and after conversion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.crossbar import solve
from simcore.design import Design, EvidenceLimits
from simcore.mapping.tiling import LayerMapping
from simcore.mitigation.stored import StoredGroup, applied_inputs, input_signs
from simcore.readout.adc import ConverterSettings, convert
from simcore.surrogate.fit import GroupModel, column_tiles, tile_bits, tile_inputs

_COLUMNS = 16  # of gate_driven layers, whose columns are independent; elsewhere a whole column tile
_READS = 1024  # input sub-vectors of all row groups together
_MOST_VECTORS, _LEAST_VECTORS = 32, 4
TOP_SHARE = 0.05  # of the reads, those of the highest sums, at which a bias shows first


@dataclass(frozen=True)
class LayerEvidence:
    """Held-out reads of one layer solved exactly.

    Attributes:
        layer: its name. inputs: ``ideal`` where input vectors are those of the ideal network, ``own`` where they are
            what the layers before deliver on the arrays.
        reads: column reads. rms_lsb, worst_lsb: fast minus exact current, in LSB of the nominal unit.
        changed: share of the codes that differ. converted_rms_lsb, converted_worst_lsb: their difference, in LSB of the
            converter, whose step may be several sums wide.
        top_bias_lsb: mean difference of the codes over the reads of the highest sums.
        output_error: rms difference of the layer's dot products, over the standard deviation of the ideal ones.
        residual: Kirchhoff residual of the exact solves. unsolved: those that did not converge.
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
        """Column reads solved exactly."""
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


def measure_layer(
    name: str,
    inputs: str,
    mapping: LayerMapping,
    stored: list[StoredGroup],
    models: list[GroupModel],
    converters: ConverterSettings,
    design: Design,
    vectors: np.ndarray,
    rng: np.random.Generator,
) -> LayerEvidence:
    """Compare fast and exact solver on some of the (B, K) ``vectors``, which the fit has not seen, in every row group.

    All row groups are read with the same vectors, so that the dot products of some outputs are compared as well.
    """
    wanted = int(np.clip(_READS // len(stored), _LEAST_VECTORS, _MOST_VECTORS))
    vectors = vectors[np.sort(rng.permutation(len(vectors))[:wanted])]
    columns = _drawn_columns(mapping.weights.shape[1], design, rng)
    weights = 2.0 * mapping.weights[:, columns] - 1
    currents, converted, sums = [], [], []
    outputs = np.zeros((len(vectors), len(columns)))
    residual, unsolved = 0.0, 0
    for index, (group, kept) in enumerate(zip(mapping.groups, stored, strict=True)):
        sub = vectors[:, group.start : group.stop]
        bits = applied_inputs(sub, design.flips_activations)
        tile = tile_bits(mapping, stored, index, design.rows)[:, columns]
        solution = solve(design.circuit, tile, tile_inputs(bits, group, design.rows), tol=1e-8, device=design.device)
        exact = solution.sink_currents / design.circuit.on_current()
        fast = models[index].evaluate(bits, columns)
        drawn = converters.of_columns(columns)
        difference = convert(fast, drawn, index) - convert(exact, drawn, index)
        signs = input_signs(sub, design.flips_activations)[:, None] * np.where(kept.flips[columns], -1, 1)
        outputs += 4 * signs * difference
        currents.append(fast - exact)
        converted.append(difference / drawn.step[index])
        sums.append(bits.astype(np.float64) @ kept.bits[:, columns])
        residual = max(residual, float(solution.residual.max()))
        unsolved += int((solution.status == 0).sum())
    error, code = np.concatenate(currents).ravel(), np.concatenate(converted).ravel()
    partial = np.concatenate(sums).ravel()
    highest = partial >= np.quantile(partial, 1 - TOP_SHARE)
    spread = float((vectors.astype(np.float64) @ weights).std())
    return LayerEvidence(
        name, inputs, error.size, _rms(error), float(np.abs(error).max()), float((code != 0).mean()), _rms(code),
        float(np.abs(code).max()), float(code[highest].mean()), _rms(outputs) / max(spread, 1.0), residual, unsolved,
    )  # fmt: skip


def _drawn_columns(columns: int, design: Design, rng: np.random.Generator) -> np.ndarray:
    if design.circuit.topology == "gate_driven":
        return np.sort(rng.permutation(columns)[:_COLUMNS])
    tiles = list(column_tiles(columns, design.cols))
    tile = tiles[int(rng.integers(len(tiles)))]
    return np.arange(tile.start, tile.stop)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))
