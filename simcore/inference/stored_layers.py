"""A network's binary layers as a design maps and stores them, on the calibration images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from simcore.datasets import Dataset
from simcore.design import Design
from simcore.encodings import ENCODINGS
from simcore.errors import unknown_name
from simcore.inference.calibration_images import calibration_of
from simcore.mapping.row_groups import RowGroup
from simcore.mapping.tiling import LayerMapping, input_vectors, map_layer
from simcore.mitigation.base import Mitigation
from simcore.mitigation.row_order import ROW_ORDERS
from simcore.mitigation.sets import put_in_order, store_layer
from simcore.network.checkpoint import Checkpoint
from simcore.network.inputs import network_input, require_fit
from simcore.network.modules import BinaryLayer, GraphNetwork, WrittenProduct, plain_dot

IMAGES_AT_ONCE = 32  # calibration images that go through the network together
_CALIBRATION_VECTORS = 2048  # input vectors of a layer that statistics, fits and converters are drawn from


class LayerPlace(NamedTuple):
    """Which of a network's layers it is that arrays hold.

    Attributes:
        mapped: among those that the design maps; seeds what is drawn for its map and its fits.
        network: among all that arrays could hold, so that a chip's cells do not depend on what else is mapped.
    """

    mapped: int
    network: int


@dataclass(frozen=True)
class StoredLayer:
    """One layer as a design stores it.

    Attributes:
        place: among the layers of the network and among those that the design maps.
        mapping: its tiles.
        groups: its row groups.
        vectors: (B, K) int8 calibration vectors, in random order.
        rng: where the draws of mapping and storing left the layer's generator.
        input_shape: of the layer's input signs on the calibration images, (n, C, H, W) or (n, K).
        moved: (K,) row i of a chip is row ``moved[i]`` of the nominal design; None where no row moves.
    """

    place: LayerPlace
    mapping: LayerMapping
    groups: list[RowGroup]
    vectors: np.ndarray
    rng: np.random.Generator
    input_shape: torch.Size
    moved: np.ndarray | None = None

    @property
    def name(self) -> str:
        """Of the layer."""
        return self.mapping.name

    def in_row_order(self, vectors: np.ndarray) -> np.ndarray:
        """(B, K) vectors in the order of the nominal design's rows, in that of these."""
        return vectors if self.moved is None else vectors[:, self.moved]


def stored_layers(
    checkpoint: Checkpoint, design: Design, images: torch.Tensor, only: str | None = None
) -> Iterator[StoredLayer]:
    """The mapped layers of a network in execution order, each with the bits that the design stores.

    Every draw of a layer is seeded by the design's seed and the layer's place, so that whoever asks sees the same bits.

    Args:
        checkpoint: the network.
        design: what it is mapped on.
        images: that the design calibrates on, see ``images_for_calibration``.
        only: the one mapped layer wanted; None for all.

    Raises:
        InputError: a layer named in the design is not a binary layer of the network.
    """
    mapped = mapped_layers(checkpoint, design)
    wanted = set(mapped) if only is None else {only}
    signs = binary_input_signs(checkpoint.network, images, wanted)
    places = places_on_arrays(checkpoint, design)
    for name, layer in mapped.items():
        if name in wanted:
            yield map_and_store(layer, design, signs[name], places[name])


def mapped_layers(checkpoint: Checkpoint, design: Design) -> dict[str, BinaryLayer]:
    """The layers of weights that the design maps, by name, in execution order; it names the nodes of the graph.

    Raises:
        InputError: the design names a layer that is not a binary layer of the network.
    """
    found = mapped_on_arrays(checkpoint, design)
    return {name: layer for name, layer in found.items() if isinstance(layer, BinaryLayer)}


def mapped_on_arrays(checkpoint: Checkpoint, design: Design) -> dict[str, BinaryLayer | WrittenProduct]:
    """As ``mapped_layers``, with products of which one operand is written for every image."""
    binary = checkpoint.network.on_arrays()
    nodes = {layer.node for layer in binary}
    for name in design.layers or ():
        if name not in nodes:
            raise unknown_name(f"binary layer of {checkpoint.name}", name, sorted(nodes))
    return {layer.name: layer for layer in binary if design.layers is None or layer.node in design.layers}


def places_on_arrays(checkpoint: Checkpoint, design: Design) -> dict[str, LayerPlace]:
    """Of every mapped layer by its name: those of weights in execution order, then the products of two activations."""

    def in_order(layers: Iterable[BinaryLayer | WrittenProduct]) -> dict[str, int]:
        ordered = sorted(layers, key=lambda layer: isinstance(layer, WrittenProduct))
        return {layer.name: place for place, layer in enumerate(ordered)}

    everywhere = in_order(checkpoint.network.on_arrays())
    mapped = in_order(mapped_on_arrays(checkpoint, design).values())
    return {name: LayerPlace(place, everywhere[name]) for name, place in mapped.items()}


def map_and_store(layer: BinaryLayer, design: Design, signs: torch.Tensor, place: LayerPlace) -> StoredLayer:
    """Cut a layer into tiles and store its weights.

    Args:
        layer: the layer.
        design: what it is stored on.
        signs: the layer's input signs on the calibration images.
        place: of the layer.
    """
    rng = np.random.default_rng([design.seed, place.mapped])
    mapping = map_layer(layer, ENCODINGS[design.encoding], design.rows, design.rows_read_together)
    mapping, vectors = order_rows(mapping, (ROW_ORDERS[design.row_order],), signs, rng)
    stored = store_layer(mapping, design, vectors)
    return StoredLayer(place, stored.mapping, stored.groups, stored.vectors, rng, signs.shape)


def order_rows(
    mapping: LayerMapping, passes: Iterable[Mitigation], signs: torch.Tensor, rng: np.random.Generator
) -> tuple[LayerMapping, np.ndarray]:
    """The layer in an order of rows that calibration inputs may decide.

    Args:
        mapping: the layer, channel by channel.
        passes: say the order, one after the other.
        signs: the layer's input signs on the calibration images.
        rng: draws the calibration vectors.

    Returns:
        the mapping and the (B, K) int8 calibration vectors drawn, in random order, in row order.
    """
    return put_in_order(mapping, passes, draw_vectors(mapping, signs, rng))


def draw_vectors(mapping: LayerMapping, signs: torch.Tensor, rng: np.random.Generator) -> np.ndarray:
    """(B, K) int8 input vectors of reads drawn at random from all images, gathered a few images at a time: all vectors
    of a layer would be as large as its kernel times its inputs."""
    positions = input_vectors(mapping, signs[:1]).shape[1]
    chosen = rng.permutation(len(signs) * positions)[:_CALIBRATION_VECTORS]
    images, reads = np.divmod(chosen, positions)
    drawn = np.empty((len(chosen), len(mapping.order)), dtype=np.int8)
    for start in range(0, len(signs), IMAGES_AT_ONCE):
        wanted = np.flatnonzero((images >= start) & (images < start + IMAGES_AT_ONCE))
        vectors = input_vectors(mapping, signs[start : start + IMAGES_AT_ONCE])
        drawn[wanted] = vectors[images[wanted] - start, reads[wanted]]
    return drawn


def images_for_calibration(checkpoint: Checkpoint, design: Design, dataset: Dataset) -> torch.Tensor:
    """(n, ...) float32 inputs of the network that the design calibrates on.

    Raises:
        InputError: no such split or images, or images of another shape than the network takes.
    """
    chosen = calibration_of(design, dataset)
    require_fit(f"network '{checkpoint.name}'", checkpoint.network.graph, dataset, classes=False)
    images, _ = dataset.read(chosen.split, chosen.first, chosen.count)
    return network_input(images)


def binary_input_signs(network: GraphNetwork, images: torch.Tensor, names: set[str]) -> dict[str, torch.Tensor]:
    """Input signs (int8 ±1) of the named binary layers in the ideal network, for (n, C, H, W) float32 images."""
    return heard_ideally(network, images, names, lambda signs, *_: signs.to(torch.int8))


def heard_ideally(
    network: GraphNetwork,
    images: torch.Tensor,
    names: set[str],
    kept: Callable[[torch.Tensor, torch.Tensor | None, torch.Tensor], torch.Tensor],
) -> dict[str, torch.Tensor]:
    """What some binary layers are given or give in the ideal network.

    Args:
        network: the network.
        images: (n, C, H, W) float32.
        names: of the layers.
        kept: what is kept of a layer's input signs, the signs that are written (None of weights) and its outputs.
    """
    heard: dict[str, list[torch.Tensor]] = {name: [] for name in names}
    plain = plain_dot(network)

    def dot(name: str, signs: torch.Tensor, written: torch.Tensor | None = None, /) -> torch.Tensor:
        outputs = plain(name, signs, written)
        if name in names:
            heard[name].append(kept(signs, written, outputs))
        return outputs

    with torch.inference_mode():
        for batch in images.split(IMAGES_AT_ONCE):
            network(batch, dot)
    return {name: torch.cat(parts) for name, parts in heard.items()}
