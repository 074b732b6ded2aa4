"""What mapping each layer alone would lose: that layer on arrays, all others ideal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from pipeline.doctor.array import Array, usual_costs
from pipeline.front.intervals import PairedCounts
from pipeline.storage.layer_totals import in_units
from simcore.cost import Cost, activities, design_cost
from simcore.datasets import Dataset
from simcore.inference.calibration_images import CALIBRATION_SPLITS, choose_calibration_images, require_apart
from simcore.inference.evaluation import evaluate
from simcore.inference.preparation import prepare
from simcore.network.checkpoint import Checkpoint

_CALIBRATION_IMAGES = 32


@dataclass(frozen=True)
class MappedAlone:
    """One layer on arrays.

    Attributes:
        layer: name of the node.
        lost: accuracy lost, a fraction, with its 95 % interval: (change, low, high).
        images: that it was measured on.
        within_limits: the fast solver missed no more than designs may.
        energy_J, latency_s, area_m2, tiles: of an image, from the solved currents.
    """

    layer: str
    lost: tuple[float, float, float]
    images: int
    within_limits: bool
    energy_J: float
    latency_s: float
    area_m2: float
    tiles: int


def mapped_alone(
    checkpoint: Checkpoint, dataset: Dataset, array: Array, split: str, images: int
) -> Iterator[MappedAlone]:
    """Each binary layer, in execution order.

    Args:
        checkpoint: the network.
        dataset: of calibration inputs and of those measured.
        array: what the layers are mapped on.
        split: that is measured.
        images: the first so many of it.

    Raises:
        InputError: nothing to calibrate on, or the array cannot be used.
        UnsolvedError: a crossbar solve did not converge.
    """
    samples, labels = dataset.read(split, 0, images)
    apart = [dataset.splits[name] for name in CALIBRATION_SPLITS if name in dataset.splits and name != split]
    chosen = choose_calibration_images(dataset, min([_CALIBRATION_IMAGES, *apart]), split)
    require_apart(chosen, dataset, split, images)
    design, tile, settings = array.design(chosen), array.tile(), usual_costs()
    for name in _nodes(checkpoint):
        alone = design.model_copy(update={"layers": (name,)})
        prepared = prepare(checkpoint, alone, dataset)
        seen = evaluate(prepared, samples, labels)
        counts = PairedCounts.of(*(np.equal(one, seen.labels) for one in (seen.ideal_predictions, seen.predictions)))
        totals = [in_units(asdict(layer)) for layer in seen.layers]
        did = activities(checkpoint.network.graph, totals, images)
        cost = design_cost(tile, did, settings).mapped  # blocks follow one another, and all leak until the last is done
        fits = prepared.evidence.within(alone.evidence)
        yield _found(name, counts, images, fits, cost)


def _nodes(checkpoint: Checkpoint) -> Sequence[str]:
    return list(dict.fromkeys(layer.node for layer in checkpoint.network.on_arrays()))


def _found(name: str, counts: PairedCounts, images: int, fits: bool, cost: Cost) -> MappedAlone:
    lost = (counts.change, *counts.interval())
    return MappedAlone(name, lost, images, fits, cost.total_energy_J, cost.latency_s, cost.total_area_m2, cost.tiles)
