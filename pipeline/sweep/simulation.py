"""The one door from the pipeline to the simulator: everything that is looked up or computed in simcore.

Imports happen inside the functions: torch and numba take seconds, and most commands need neither.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.sweep.axis import AxisValue, group_model
from pipeline.sweep.evaluator import SimcoreEvaluator
from pipeline.sweep.protocols import Checkpoint, Dataset, Evaluator
from simcore.cost_options import CostOptions
from simcore.errors import InputError, unknown_name
from simcore.inference import calibration_images
from simcore.inference.calibration_images import CalibrationImages
from simcore.passes import NONE, passes_of

if TYPE_CHECKING:
    from simcore import datasets
    from simcore.cost import Costed, CostSettings, DigitalLayer
    from simcore.crossbar import Circuit
    from simcore.design import Design
    from simcore.effects import Effect
    from simcore.technology.devices import CellGeometry


@dataclasses.dataclass(frozen=True)
class Model:
    """A loaded network as the plan needs it."""

    name: str
    digest: str
    checkpoint: Checkpoint = dataclasses.field(repr=False, compare=False)


def default_evaluator() -> Evaluator:
    """simcore on the device that the environment variable ``BINSPARX_DEVICE`` names; raises InputError."""
    from simcore.crossbar.solvers.device import device_of_environment, sweep_device

    return SimcoreEvaluator(sweep_device(device_of_environment()))


def load_model(reference: str, where: str) -> Model:
    """A network that ships, by name, or a checkpoint file.

    Raises:
        InputError: unknown name, missing file or wrong digest.
    """
    from simcore.network.checkpoint import find_model, load_checkpoint

    path = find_model(reference, where=where)
    try:
        checkpoint = load_checkpoint(path)
    except InputError as error:
        raise InputError(str(error), where) from None
    return Model(checkpoint.name, checkpoint.digest, checkpoint)


def open_dataset(reference: str, where: str) -> datasets.Dataset:
    """A data set that ships, by name, or a folder of shards; raises InputError."""
    from simcore import datasets

    dataset = datasets.open_dataset(reference, where=where)
    pack = os.environ.get("BINSPARX_PACK")
    if pack is not None and dataset.folder.is_relative_to(pack):
        # Every machine of a cluster unpacks the job's files in a folder of its own, which is its working folder.
        return dataclasses.replace(dataset, folder=dataset.folder.relative_to(pack))
    return dataset


def device_names() -> list[str]:
    """The names of the bitcell presets."""
    from simcore import technology

    return list(technology.device_names())


def corner_names(device: str, where: str) -> list[str]:
    """The corners of a preset or of the user's own bitcell file; raises InputError."""
    from simcore import technology

    return list(technology.corner_names(device, where))


def circuit_parameters(device: str, corner: str, overrides: dict[str, Any], where: str) -> Circuit:
    """The circuit of a preset or of the user's own file; raises InputError."""
    from simcore import technology

    return technology.circuit_parameters(device, corner, overrides, where)


def cell_geometry(device: str) -> CellGeometry | None:
    """Size of a preset's or the user's own bitcell, or None where its file does not say."""
    from simcore.technology.devices import load_bitcell

    return load_bitcell(device).cell


def digital_layers(model: Model, mapped: Collection[str]) -> tuple[DigitalLayer, ...]:
    """The layers of a network that no array holds, where the arrays hold those named."""
    from simcore import cost

    return cost.digital_layers(model.checkpoint.network.graph, mapped)


def written_operands(model: Model, design: Design) -> list[str]:
    """Products of a network of which the design's arrays hold one operand, written for every image."""
    from simcore import cost

    names = sorted(cost.written_nodes(model.checkpoint.network.graph))
    return [name for name in names if design.layers is None or name in design.layers]


def cost_settings(options: CostOptions, periphery_file: str, where: str) -> CostSettings:
    """How costs are counted, resolved; raises InputError."""
    from simcore.cost import resolve

    return resolve(options, where, periphery_file)


def implausible_circuit(circuit: Circuit) -> dict[str, str]:
    """What of a circuit is hardly meant, in words, by the field that says it."""
    from simcore.technology.plausible import implausible

    return implausible(circuit)


def implausible_costs(options: CostOptions, settings: CostSettings) -> list[str]:
    """Cost parameters that are hardly meant, in words."""
    from simcore.cost.settings import implausible

    return implausible(options, settings)


def load_effects(text: str, where: str, folder: Path) -> tuple[Effect, ...]:
    """A set of device effects by names of blocks and paths of files; raises InputError."""
    from simcore.effects import effect_blocks

    return effect_blocks.load_effects(text, where, folder)


def conditions_without_effect(effects: Sequence[Effect]) -> list[str]:
    """Fields of a design that change nothing beside these effects."""
    from simcore import effects as device_effects

    return device_effects.conditions_without_effect(effects)


def check_effect(effect: Effect, circuit: Circuit, conditions: Mapping[str, Any]) -> None:
    """Whether a device effect's numbers hold.

    Args:
        effect: the effect.
        circuit: of the nominal design.
        conditions: those that it depends on, by their fields.

    Raises:
        ConditionError: not under these conditions.
        ValueError: not with this circuit.
    """
    from simcore.design import Design
    from simcore.effects.base import Conditions

    defaults = {one.name: Design.model_fields[one.name].default for one in dataclasses.fields(Conditions)}
    effect.check(circuit, Conditions(**(defaults | dict(conditions))))


def mitigations_of(design: Design) -> Sequence[Costed]:
    """What is done against the errors of a design's arrays, beside what its tiles and counts say already."""
    if design.mitigations == NONE:
        return ()
    from simcore.mitigation import sets

    return sets.mitigations_of(design)


def unfolded_note(checkpoint: Checkpoint, mitigations: str, layers: Collection[str] | None) -> str:
    """One line that names the mapped layers whose recalibrated outputs no batch norm takes; empty where all have one.

    Args:
        checkpoint: the network.
        mitigations: a set of passes.
        layers: those that are mapped; None: all.
    """
    if "recalibrated_outputs" not in {one.name for one in passes_of(mitigations)}:
        return ""
    from simcore.mitigation.norm_fold import unfolded
    from simcore.network.graph import node_of

    every = [layer.name for layer in checkpoint.binary_layers("")]
    mapped = [name for name in every if layers is None or node_of(name) in layers]
    alone = unfolded(checkpoint.network.graph, mapped)
    if not alone:
        return ""
    return (
        f"no batch norm of '{checkpoint.name}' can take what 'recalibrated_outputs' does to {', '.join(alone)}: "
        "their outputs stay as they are"
    )


def choose_calibration_images(dataset: Dataset, count: int, measured_split: str, where: str) -> CalibrationImages:
    """The images that calibrate what is measured on a split; raises InputError."""
    try:
        return calibration_images.choose_calibration_images(dataset, count, measured_split)
    except InputError as error:
        raise InputError(error.message, where) from None


def require_fit(model: Model, dataset: Dataset, split: str, images: int, where: str) -> None:
    """Raises InputError where the network knows other classes than the data set, or takes other samples than the first
    ones of a split."""
    from simcore.network import inputs

    graph = model.checkpoint.network.graph
    inputs.require_fit(f"model '{model.name}'", graph, dataset, where)
    inputs.require_tokens(graph, dataset, split, images, where)


def check_layers(model: Model, layers: list[str] | None, model_where: str, layers_where: str) -> None:
    """Raises InputError where the network has no binary layer, or a named layer is not one of them."""
    from simcore.network.graph import node_of

    known = list(dict.fromkeys(node_of(layer.name) for layer in model.checkpoint.binary_layers(model_where)))
    for name in layers or ():
        if name not in known:
            raise unknown_name(f"binary layer of {model.name}", name, known, layers_where)


def make_design(settings: Mapping[str, AxisValue], **fields: Any) -> Design:
    """A design point's physics.

    Args:
        settings: values of axes by the fields of the design that they set, ``adc.bits`` for a field of a group.
        fields: the other fields of the design.

    Raises:
        ValueError: a value is out of range, or the fields do not fit together.
    """
    from simcore.analysis.reference_designs import what_acts
    from simcore.design import Design

    groups: dict[str, dict[str, AxisValue]] = {}
    for field, value in settings.items():
        group, _, name = field.rpartition(".")
        groups.setdefault(group, {})[name] = value
    fields |= groups.pop("", {})
    fields |= {group: group_model(group)(**values) for group, values in groups.items()}
    return what_acts(Design(**fields))
