"""An example of every kind of effect, strong enough to be seen, and one of every kind whose numbers are zero."""

from __future__ import annotations

import numpy as np
from pydantic import TypeAdapter

from simcore.crossbar import Circuit
from simcore.effects import AnyEffect, Effect
from simcore.effects.base import Conditions, PhysicalCells, TileDraws
from simcore.effects.effect_blocks import load_block, preset_names
from tests.simcore.crossbar.crossbar_circuits import TOPOLOGIES, make_circuit

NORMAL = {"distribution": "normal", "sigma_fraction": 0.05, "sigma_uS": 0.1}
LOG_NORMAL = {"distribution": "lognormal", "sigma_ln": 0.3}
DISTURB = {
    "read_time_s": 1e-8, "exponent": 0.0068, "voltage_factor": 0.11, "thermal_voltage_V": 0.02585201,
    "onset_s": 1.55e-8, "onset_base": 1.43339,
}  # fmt: skip
NUMBERS: dict[str, dict] = {
    "measured_table": {"on": {"mean_uS": 70, "sigma_uS": 5}, "off": {"samples_uS": [1, 2, 3, 8]}},
    "programming_spread": {"series_ohm": 1500, "on": NORMAL, "off": LOG_NORMAL},
    "aged_spread": {
        "largest_uS": 40,
        "at": [{"age_s": 1, "coefficients_uS": [0.3, 1]}, {"age_s": 100, "coefficients_uS": [1, 2]}],
    },
    "relaxation": {"mean_per_ln_uS": -0.1, "sigma_uS": 0.4, "sigma_per_ln_uS": 0.05, "longest_s": 1e9},
    "read_disturb": DISTURB,
    "read_port_mismatch": {"sigma_fraction": 0.05},
    "stuck_cells": {"on_fraction": 0.1, "off_fraction": 0.1, "open_fraction": 0.1},
    "broken_lines": {
        "open_word_line_fraction": 0.2, "open_bit_line_fraction": 0.2, "grounded_word_line_fraction": 0.1,
        "grounded_bit_line_fraction": 0.1,
    },
    "wire_temperature": {"per_K": 0.004, "nominal_K": 300},
    "read_noise": {"on_fraction_per_read": 0.02, "off_fraction_per_read": 0.01},
    "flicker_noise": {"series_ohm": 1500, "per_decade_uS": 0.03, "read_time_s": 1e-6},
    "converter_spread": {"gain_sigma_fraction": 0.02, "offset_sigma_codes": 0.3},
}  # fmt: skip
ZERO: dict[str, dict] = {
    "measured_table": {"on": {"mean_uS": 80, "sigma_uS": 0}, "off": {"samples_uS": [2]}},  # as the circuit has them
    "programming_spread": {
        "series_ohm": 1500,
        "on": {"distribution": "normal", "sigma_fraction": 0},
        "off": {"distribution": "lognormal", "sigma_ln": 0},
    },
    "aged_spread": {"largest_uS": 40, "at": [{"age_s": 100, "coefficients_uS": [0]}]},
    "relaxation": {"mean_per_ln_uS": 0, "sigma_uS": 0, "sigma_per_ln_uS": 0, "longest_s": 1e9},
    "read_disturb": {**DISTURB, "read_time_s": 1e-30},
    "read_port_mismatch": {"sigma_fraction": 0},
    "stuck_cells": {},
    "broken_lines": {},
    "wire_temperature": {"per_K": 0, "nominal_K": 300},
    "read_noise": {"on_fraction_per_read": 0, "off_fraction_per_read": 0},
    "flicker_noise": {"per_decade_uS": 0, "read_time_s": 1e-6},
    "converter_spread": {},
}
CIRCUIT = make_circuit(TOPOLOGIES[2], "linear")
LATER = Conditions(age_s=100.0, reads=1e12, temperature_K=350.0)
_ANY: TypeAdapter[Effect] = TypeAdapter(AnyEffect)


def effect_of(kind: str, numbers: dict) -> Effect:
    return _ANY.validate_python({"kind": kind, **numbers})


def shipped(name: str) -> Effect:
    return load_block(name).effect


EXAMPLES = {kind: effect_of(kind, numbers) for kind, numbers in NUMBERS.items()} | {
    name: shipped(name) for name in preset_names()
}


def conditions_for(effect: Effect) -> Conditions:
    """Conditions that the effect acts under and describes."""
    ages = [found.age_s for found in getattr(effect, "at", ())]
    return Conditions(max(ages), LATER.reads, LATER.temperature_K) if ages else LATER


def draws_of(
    rows: int, columns: int, width: int | None = None, seed: int = 0, chip: int = 0, layer: int = 0, tile_row: int = 0
) -> TileDraws:
    return TileDraws(seed, chip, layer, tile_row, rows, width or columns, columns)


def checkered(rows: int, columns: int) -> np.ndarray:
    return (np.indices((rows, columns)).sum(axis=0) % 2).astype(np.uint8)


def on_chip(
    effect: Effect, circuit: Circuit, states: np.ndarray, draws: TileDraws, conditions: Conditions
) -> PhysicalCells:
    """Cells as one effect leaves them."""
    return effect.altered_cells(PhysicalCells.nominal(circuit, states), draws, conditions)
