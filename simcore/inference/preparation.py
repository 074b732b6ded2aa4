"""Prepare one network on one design: map, store, fit, set the converters, and validate. Once a design."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from simcore.crossbar.solvers.device import DEVICE_VARIABLE, device_of_environment, torch_device
from simcore.datasets import Dataset
from simcore.design import Design
from simcore.design_axes import REFERENCE_SOLVERS, EvidenceLimits
from simcore.encodings import ENCODINGS
from simcore.errors import BinsparxError, InputError
from simcore.inference.mapped_products import ProductOnImages, mapped_products
from simcore.inference.noise_seeds import NoiseSeeds
from simcore.inference.output_lines import ideal_outputs, recalibrated
from simcore.inference.prepared import Prepared, PreparedLayer
from simcore.inference.reads import outputs_of
from simcore.inference.ready_layers import fitted, layer_on_chip, solver_for, unfitted
from simcore.inference.stored_layers import StoredLayer, images_for_calibration, mapped_on_arrays, stored_layers
from simcore.inference.validation import Evidence, LayerEvidence
from simcore.inference.written_operands import fitted_product, product_on_chip, unfitted_product
from simcore.mitigation.base import Mitigation
from simcore.mitigation.sets import mitigations_acting
from simcore.network.checkpoint import Checkpoint
from simcore.network.modules import GraphNetwork, plain_dot
from simcore.readout.fused import EXACT_SUMS, single_threaded_blas

_OWN_IMAGES = 16  # of the calibration images, that pass through the arrays for the inputs that a design's layers meet


class EvidenceError(BinsparxError):
    """The fast solver misses held-out reads by more than the design allows."""


def prepare(checkpoint: Checkpoint, design: Design, dataset: Dataset) -> Prepared:
    """Map and store a network's binary layers, fit the fast solver, set the converters and gather the evidence.

    Deterministic: every draw is seeded by the design's seed and the layer's index. Where the evidence is beyond the
    design's limits, the design's own choice decides: fail, go on with the exact solver, or go on marked.

    Args:
        checkpoint: the network.
        design: what it is mapped on.
        dataset: holds the calibration images.

    Raises:
        EvidenceError: the evidence is beyond the limits and the design says ``fail``.
        InputError: the data set has no calibration split or other images than the network takes, or a layer named in
            the design is not a binary layer of the network.
        UnsolvedError: an exact solve that the fit or the converters rest on did not converge.
    """
    return prepare_on_images(checkpoint, design, images_for_calibration(checkpoint, design, dataset))


def prepare_on_images(checkpoint: Checkpoint, design: Design, images: torch.Tensor) -> Prepared:
    """As ``prepare``, with the calibration inputs at hand: float32 (n, ...), in the shape that the network takes."""
    if design.device is None:
        device = device_of_environment()
        torch_device(device, DEVICE_VARIABLE)  # refuses what is not there, before anything is computed
        design = design.model_copy(update={"device": device})
    with single_threaded_blas():  # least squares must not depend on the number of threads
        return _prepare(checkpoint, design, images)


def _prepare(checkpoint: Checkpoint, design: Design, images: torch.Tensor) -> Prepared:
    network = checkpoint.network
    solver = solver_for(design)
    stored = {layer.name: layer for layer in stored_layers(checkpoint, design, images)}
    products = mapped_products(checkpoint, design, images)
    names = list(mapped_on_arrays(checkpoint, design))
    for layer in stored.values():
        _require_exact_sums(layer.mapping.name, layer.mapping.most_rows, layer.mapping.columns)
    for product in products.values():
        (rows, columns), encoding = product.operands.shape[1:], ENCODINGS[design.encoding]
        read = min(rows * encoding.rows_an_input, design.rows_read_together)
        _require_exact_sums(product.name, read, columns * encoding.columns_an_output)
    fits = solver not in ("exact", "ideal", "ideal_circuit")
    after = [] if solver == "ideal" else mitigations_acting(design, "afterwards")
    if not fits and not after:
        layers = {name: _unfitted(name, stored, products, design) for name in names}
        return Prepared(design, network, layers, solver, Evidence())
    through = images if after else images[:_OWN_IMAGES]
    found: list[LayerEvidence] = []

    def make(name: str, signs: torch.Tensor, operands: torch.Tensor | None) -> PreparedLayer:
        if not fits:
            return _unfitted(name, stored, products, design)
        if operands is None:
            layer, measured = fitted(stored[name], design, signs)
        else:
            own = replace(products[name], signs=signs, operands=operands)
            layer, measured = fitted_product(products[name], design, own)
        found.extend(measured)
        return layer

    seeds = NoiseSeeds(design.seed, chip=None, calibration=True)
    layers = _passed_through(network, names, through, after, make, seeds)
    evidence = Evidence(tuple(found))
    if fits and not evidence.within(design.evidence):
        if design.evidence.beyond == "exact":
            exact = _prepare(checkpoint, design.model_copy(update={"solver": "exact"}), images)
            return replace(exact, evidence=evidence)
        if design.evidence.beyond == "fail":
            raise EvidenceError(_beyond(evidence, design.evidence))
    return Prepared(design, network, layers, solver, evidence, images=through if after and design.effects else None)


def on_chip(prepared: Prepared, chip: int) -> Prepared:
    """The network on one chip of a design.

    The same chip of the same design has the same cells whoever asks. Where the design is calibrated on the chip, its
    converters and what is learnt of its outputs are set anew, through its own arrays.

    Args:
        prepared: the nominal design.
        chip: index of the chip; of no effect where the design has no device effects, or is a reference.

    Raises:
        UnsolvedError: an exact solve that the converters rest on did not converge.
    """
    design = prepared.design
    if not design.effects or design.solver in REFERENCE_SOLVERS:
        return prepared

    def made(name: str) -> PreparedLayer:
        layer = prepared.layers[name]
        if layer.written is not None:
            return product_on_chip(layer, layer.written, chip)
        return layer_on_chip(layer, design, chip)

    with single_threaded_blas():
        if design.calibrated_on == "chip" and prepared.images is not None:
            after = mitigations_acting(design, "afterwards")
            layers = _passed_through(
                prepared.network,
                list(prepared.layers),
                prepared.images,
                after,
                lambda name, *_: replace(made(name), outputs=None),
                NoiseSeeds(design.seed, chip, calibration=True),
            )
        else:
            layers = {name: made(name) for name in prepared.layers}
    return replace(prepared, layers=layers, chip=chip, images=None)


def _passed_through(
    network: GraphNetwork,
    names: list[str],
    images: torch.Tensor,
    after: list[Mitigation],
    make: Callable[[str, torch.Tensor, torch.Tensor | None], PreparedLayer],
    seeds: NoiseSeeds,
) -> dict[str, PreparedLayer]:
    """Layer by layer as calibration images pass through the arrays: a layer is made from the inputs that the arrays
    before it deliver; what is done to its outputs is learnt from what it delivers.

    Args:
        network: the network.
        names: of the mapped layers.
        images: that pass through.
        after: passes that act on outputs.
        make: a layer from its name, its (n, ...) int8 input signs and the (n, K, M) signs that are written, if any.
        seeds: of the noise that they meet there.
    """
    layers: dict[str, PreparedLayer] = {}
    plain = plain_dot(network)
    wanted = ideal_outputs(network, images, set(names)) if after else {}

    def delivered_by(name: str, signs: torch.Tensor, written: torch.Tensor | None) -> torch.Tensor:
        noise = seeds.of(layers[name], names.index(name), range(len(signs)))
        return outputs_of(layers[name], signs, written, noise)

    def dot(name: str, signs: torch.Tensor, written: torch.Tensor | None = None, /) -> torch.Tensor:
        if name not in names:
            return plain(name, signs, written)
        if name not in layers:
            layers[name] = make(name, signs.to(torch.int8), None if written is None else written.to(torch.int8))
            if after:
                delivered = delivered_by(name, signs, written)
                line = recalibrated(network, name, after, delivered, wanted[name])
                layers[name] = replace(layers[name], outputs=line)
                return delivered if line is None else line.of(delivered)
        return delivered_by(name, signs, written)

    with torch.inference_mode():
        network(images, dot)
    return {name: layers[name] for name in names}


def _beyond(evidence: Evidence, limits: EvidenceLimits) -> str:
    worst = next(layer for layer in evidence.layers if not layer.within(limits))
    unsolved = f", {worst.unsolved} exact solves did not converge" if worst.unsolved else ""
    return (
        f"the fast solver misses exact reads of layer {worst.layer} ({worst.inputs} inputs): after the converter by "
        f"{worst.converted_rms_lsb:.3g} LSB rms, {worst.converted_worst_lsb:.3g} LSB at worst and "
        f"{worst.top_bias_lsb:+.3g} LSB on average at the highest sums{unsolved}; the limits are "
        f"{limits.max_rms_lsb:g}, {limits.max_worst_lsb:g} and {limits.max_bias_lsb:g}: set evidence.beyond to 'exact' "
        "to solve every read exactly, to 'mark' to go on with the row marked, or raise the limits"
    )


def _unfitted(
    name: str, stored: Mapping[str, StoredLayer], products: Mapping[str, ProductOnImages], design: Design
) -> PreparedLayer:
    return unfitted(stored[name], design) if name in stored else unfitted_product(products[name], design)


def _require_exact_sums(name: str, rows: int, columns: int) -> None:
    """The readout counts the cells of a read that meet ones in float32."""
    if rows * columns > EXACT_SUMS:
        raise InputError(
            f"{rows} rows read together and {columns} outputs are too many for exact sums; "
            f"read at most {EXACT_SUMS // columns} rows together (active_rows)",
            f"layer '{name}'",
        )
