"""From a design's key to everything it takes to compute it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.explain.blame import Subject
from pipeline.explain.prices import CostOfDesigns
from pipeline.results.finished import Results
from pipeline.results.names import hardware_name, overridden
from pipeline.storage.records import DamagedRecord, decode_design, design_path
from pipeline.storage.store import Store
from pipeline.sweep import simulation
from pipeline.sweep.names import level_name
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from simcore.cost_options import CostOptions
from simcore.crossbar.circuit import input_error
from simcore.design import Design
from simcore.errors import InputError


def open_subject(key_start: str, sweep: str | None, results: str | None, folder: str) -> tuple[Subject, Store]:
    """A design, and where what is computed of it is kept.

    Args:
        key_start: the first digits of its key.
        sweep: path of a sweep file that holds it; without one it is a finished design.
        results: results folder or URI that was asked for.
        folder: where results are otherwise.

    Raises:
        InputError: no such design, several, or the results folder cannot be used.
    """
    if sweep is None:
        opened = Results(results or folder)
        return subject_of_results(opened, key_start), opened.store
    store = Store(results or load_sweep(sweep).spec.results or folder)
    subject = subject_of_sweep(sweep, key_start)
    store.ensure_writable()
    return subject, store


def subject_of_sweep(path: str, key_start: str) -> Subject:
    """The design of a sweep file whose key begins with ``key_start``, computed or not.

    Raises:
        InputError: the sweep file is not right, or none or several designs have such a key.
    """
    plan = make_plan(load_sweep(path))
    point = plan.select_one(key_start, "KEY")
    model, name = point.model, _name(point.columns)
    price = CostOfDesigns.of(model, point.cell.reference, plan.cost_settings)
    return Subject(point.key, point.design, model.checkpoint, model.digest, point.dataset, point.split, name, price)


def subject_of_results(results: Results, key_start: str) -> Subject:
    """The finished design whose key begins with ``key_start``; its network and data set must be ones that ship.

    Raises:
        InputError: no such design, or its network or data set does not ship or has changed.
    """
    row = results.design(key_start)
    try:
        record = decode_design(results.store.read(design_path(row.design_key)) or b"", row.design_key)
    except DamagedRecord as error:
        raise InputError(f"the record of design {row.design_key[:12]} cannot be used: {error}") from None
    content: dict[str, Any] = record.content
    try:
        model = simulation.load_model(row.model, "")
        dataset = simulation.open_dataset(row.dataset, "")
    except InputError as error:
        raise InputError(f"{error.message}; name the sweep file that made the design with --sweep") from None
    for kind, name, found, wanted in (
        ("network", row.model, model.digest, content["model"]),
        ("data set", row.dataset, dataset.digest, content["dataset"]),
    ):
        if found != wanted:
            raise InputError(
                f"the {kind} '{name}' that ships differs from the one that design {row.design_key[:12]} was computed "
                "with; name that design's sweep file with --sweep"
            )
    try:
        design = Design.model_validate(content["design"])
    except ValidationError as error:
        reason = input_error(error, Design, "").message
        raise InputError(
            f"the record of design {row.design_key[:12]} cannot be used: {reason}; run its sweep again"
        ) from None
    price = None
    if _is_preset(row, design):
        price = CostOfDesigns.of(
            model, row.device, simulation.cost_settings(CostOptions(), CostOptions().technology, "")
        )
    name = _name(row.to_dict())
    return Subject(row.design_key, design, model.checkpoint, model.digest, dataset, content["split"], name, price)


def _is_preset(row: Any, design: Design) -> bool:
    """Whether the bitcell is the shipped one of that name, and not a file that is called as it is."""
    if row.device not in simulation.device_names():
        return False
    overrides = {name: yaml.safe_load(value) for name, value in overridden(row.overrides).items()}
    try:
        return simulation.circuit_parameters(row.device, row.corner, overrides, "") == design.circuit
    except InputError:
        return False


def _name(row: Mapping[str, Any]) -> str:
    """What a design is, for a title: ``fashion-cnn on 8T-SRAM pessimistic 64x64, adc bits 7, dense``."""
    return f"{row['model']} on {hardware_name(row, ('overrides', 'adc_bits'))}, {level_name(row)}"
