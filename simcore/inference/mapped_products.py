"""Products of two activations that a design maps, and what their operands are on some images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from simcore.design import Design
from simcore.errors import ConditionError, InputError
from simcore.inference.chips import stored_on_chip
from simcore.inference.stored_layers import (
    LayerPlace,
    StoredLayer,
    heard_ideally,
    map_and_store,
    mapped_on_arrays,
    places_on_arrays,
)
from simcore.network.checkpoint import Checkpoint
from simcore.network.modules import BinaryLayer, WrittenProduct
from simcore.passes import NONE, passes_of

NEEDS_FIXED_BITS = frozenset(
    ("near_sink", "flips_where_they_pay", "fault_aware_rows", "fault_aware_flips", "recalibrated_outputs")
)
"""Passes that look at bits which stay, or at the outputs of a batch norm's layer: written operands do without."""


@dataclass(frozen=True)
class ProductOnImages:
    """A product with a written operand, or a block of one, on some images.

    Attributes:
        name: of the product.
        place: among the layers of the network.
        signs: (n, P, K) int8 rows that are read.
        operands: (n, K, M) int8 signs that are written.
    """

    name: str
    place: LayerPlace
    signs: torch.Tensor
    operands: torch.Tensor

    def part(self, first: int, count: int) -> ProductOnImages:
        """Of up to so many images from ``first`` on; of the last image where there is none."""
        chosen = slice(min(first, len(self.signs) - 1), first + count)
        return replace(self, signs=self.signs[chosen], operands=self.operands[chosen])

    def stored(self, design: Design, chip: int | None = None) -> list[StoredLayer]:
        """Every image's operand as weights are stored, on the cells of a chip or on nominal ones.

        Args:
            design: as written operands meet it.
            chip: index of the chip.
        """
        layers = []
        for signs, operand in zip(self.signs.split(1), self.operands, strict=True):
            weights = BinaryLayer(self.name, "linear", operand.T.numpy(), (1, 1), (0, 0))
            layer = map_and_store(weights, design, signs, self.place)
            layers.append(layer if chip is None else stored_on_chip(layer, design, chip))
        return layers


def written_design(design: Design) -> Design:
    """The design as written operands meet it: without what looks at bits that stay (pruning, the ``grouped`` row order,
    ``NEEDS_FIXED_BITS``), and with cells that have just been written, whatever the age of the chip.

    Raises:
        InputError: nothing says what an effect does to such cells.
    """
    kept = [str(one) for one in passes_of(design.mitigations) if one.name not in NEEDS_FIXED_BITS]
    fixed = {"prune": 0.0, "row_order": "channel", "mitigations": "+".join(kept) or NONE, "age_s": 1.0, "reads": 0.0}
    written = design.model_copy(update=fixed)
    for effect in written.effects:
        try:
            effect.check(written.circuit, written.conditions)
        except ConditionError as error:
            raise InputError(f"operands are read as soon as they are written: {error}", "effects") from None
        except ValueError:
            pass  # the circuit was checked where the design was made; variants for causes may lack what effects need
    return written


def mapped_products(checkpoint: Checkpoint, design: Design, images: torch.Tensor) -> dict[str, ProductOnImages]:
    """The products of which arrays hold one operand, written for every image, on (n, ...) calibration images of the
    ideal network, by name, in execution order."""
    found = mapped_on_arrays(checkpoint, design)
    products = {name: layer for name, layer in found.items() if isinstance(layer, WrittenProduct)}
    if not products:
        return {}
    # The rows of one and the columns of the other, side by side, so that the network is passed once.
    rows = heard_ideally(checkpoint.network, images, set(products), _both_operands)
    places = places_on_arrays(checkpoint, design)
    return {
        name: ProductOnImages(
            name, places[name], rows[name][:, : product.reads], rows[name][:, product.reads :].transpose(1, 2)
        )
        for name, product in products.items()
    }


def _both_operands(signs: torch.Tensor, written: torch.Tensor | None, _: torch.Tensor) -> torch.Tensor:
    return signs.to(torch.int8) if written is None else torch.cat([signs, written.transpose(1, 2)], 1).to(torch.int8)
