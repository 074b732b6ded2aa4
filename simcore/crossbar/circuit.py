"""The crossbar circuit: cells, wires, terminals (conventions of the reference circuits).

R rows, C columns. Cell (i, j) joins the row node r(i, j) to the bit-line node c(i, j); its state bit selects the ON or
OFF I-V curve. The output of column j is the current through its sink, at the end of row R-1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simcore.crossbar.iv import ARGUMENT_LIMIT, CURVE_FORMS, CellCurves, CurveForm, pchip_curve
from simcore.crossbar.topologies import TOPOLOGIES, Topology, TopologyName
from simcore.errors import InputError, broken_bound, nearest_name

Resistance = Field(ge=0, allow_inf_nan=False)
Positive = Field(gt=0, allow_inf_nan=False)


class Circuit(BaseModel):
    """One crossbar circuit, independent of its size.

    How the cells are fed is described in ``topologies``, one a file. Bit line, in all of them: c(0, j), r_col between
    rows, then r_col + r_sink to ground.

    I-V forms for a conductance g (siemens) and v_nl (volts): linear g V; saturating g V / (1 + |V| / v_nl);
    sinh g v_nl sinh(V / v_nl); tanh g v_nl tanh(V / v_nl); table: monotone cubic through ``iv_table``.
    ``iv_off`` and ``v_nl_off`` give the OFF state a form of its own where it differs from the ON state's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    topology: TopologyName
    gated: bool = True
    iv: CurveForm = "linear"
    g_on: float = Field(gt=0, allow_inf_nan=False, description="S")
    g_off: float = Field(ge=0, allow_inf_nan=False, description="S")
    v_nl: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="V")
    iv_off: CurveForm | None = None
    v_nl_off: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="V")
    iv_table: tuple[tuple[float, ...], ...] | None = Field(
        default=None, description="points (V, I_on) or (V, I_on, I_off), volts and amperes, rising from (0, 0)"
    )
    v_read: float = Positive
    r_driver: float = Resistance
    r_sink: float = Resistance
    r_row: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    r_col: float = Resistance
    r_source: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    source_end: Literal["far", "near"] = "far"

    @model_validator(mode="after")
    def _consistent(self) -> Circuit:
        if self.wiring.always_gated and not self.gated:
            raise ValueError(f"a {self.topology} circuit is always gated (its inputs are the gates)")
        for form, v_nl, name in ((self.iv, self.v_nl, "v_nl"), (self.iv_off, self.v_nl_off or self.v_nl, "v_nl_off")):
            if form in ("saturating", "sinh", "tanh") and v_nl is None:
                raise ValueError(f"the I-V form '{form}' needs {name} (volts)")
        uses_table = "table" in (self.iv, self.iv_off)
        if uses_table and self.iv_table is None:
            raise ValueError("the I-V form 'table' needs iv_table: points (V, I_on) or (V, I_on, I_off)")
        if self.iv_table is not None:
            _check_table(self.iv_table, self.v_read)
        if self.g_off > self.g_on:
            raise ValueError(f"g_off ({self.g_off:g} S) is larger than g_on ({self.g_on:g} S)")
        off_form = self.iv_off or self.iv
        for form, v_nl, name in ((self.iv, self.v_nl, "v_nl"), (off_form, self.v_nl_off or self.v_nl, "v_nl_off")):
            if form == "sinh" and v_nl is not None and self.v_read > ARGUMENT_LIMIT * v_nl:
                raise ValueError(
                    f"v_read / {name} is {self.v_read / v_nl:.3g}; sinh is computed up to {ARGUMENT_LIMIT:g}"
                )
        return self

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], where: str = "") -> Circuit:
        """A circuit from a mapping such as a reference file's ``parameters``.

        Raises:
            InputError: a field is unknown, missing or out of range.
        """
        try:
            return cls.model_validate(dict(parameters))
        except ValidationError as error:
            raise input_error(error, cls, where) from None

    @property
    def wiring(self) -> Topology:
        """What ``topology`` names: how the cells are fed, and all that follows from it."""
        return TOPOLOGIES[self.topology]

    def curves(self) -> CellCurves:
        """The ON and OFF I-V curves in the form the solver kernels take."""
        off_form = self.iv_off or self.iv
        off_v_nl = self.v_nl_off or self.v_nl
        tables: list[np.ndarray] = [np.zeros((1, 5)), np.zeros((1, 5))]
        scales = [self.g_on, self.g_off]
        if self.iv_table is not None:
            points = np.asarray(self.iv_table, dtype=np.float64)
            for state, form in enumerate((self.iv, off_form)):
                if form == "table":
                    tables[state], scales[state] = _table_of(points, state, self.g_on, self.g_off)
        limit = 1.0  # arguments up to v_read / v_nl are met; the kernels scale their series to it
        for form, v_nl in ((self.iv, self.v_nl), (off_form, off_v_nl)):
            if form in ("sinh", "tanh") and v_nl is not None:
                limit = max(limit, (2.0 if form == "tanh" else 1.0) * self.v_read / v_nl)
        return CellCurves(
            forms=np.array([CURVE_FORMS.index(self.iv), CURVE_FORMS.index(off_form)], dtype=np.int64),
            g=np.array(scales),
            v_nl=np.array([self.v_nl or 1.0, off_v_nl or 1.0]),
            tables=(tables[0], tables[1]),
            doublings=max(0, math.ceil(math.log2(min(limit, ARGUMENT_LIMIT) / 0.125))),
        )

    def on_current(self) -> float:
        """Current in amperes of a lone ON cell with v_read across it: the nominal unit (LSB) of a partial sum."""
        return float(self.curves().current(np.array([self.v_read]), 1)[0])

    def off_current(self) -> float:
        """Current in amperes of a lone OFF cell with v_read across it."""
        return float(self.curves().current(np.array([self.v_read]), 0)[0])


def _check_table(table: tuple[tuple[float, ...], ...], v_read: float) -> None:
    widths = {len(point) for point in table}
    if len(table) < 2 or len(widths) != 1 or widths.pop() not in (2, 3):
        raise ValueError("iv_table needs at least two points, all (V, I_on) or all (V, I_on, I_off)")
    points = np.asarray(table, dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("iv_table holds a value that is not a finite number")
    if np.any(points[0] != 0):
        raise ValueError("iv_table must begin at V = 0, I = 0 (curves are taken as odd in V)")
    if np.any(np.diff(points, axis=0) <= 0):
        raise ValueError("iv_table must rise strictly from point to point, in voltage and in every current")
    if points[-1, 0] < v_read:
        raise ValueError(f"iv_table ends at {points[-1, 0]:g} V, below v_read = {v_read:g} V")


def _table_of(points: np.ndarray, state_column: int, g_on: float, g_off: float) -> tuple[np.ndarray, float]:
    """Piecewise cubic of the ON (0) or OFF (1) state; without an OFF column the ON curve is scaled by g_off / g_on."""
    column, scale = (1, g_off / g_on) if state_column == 1 and points.shape[1] == 2 else (1 + state_column, 1.0)
    # In C order like the placeholders of other forms: numba compiles all kernels anew for another layout.
    return np.ascontiguousarray(pchip_curve(points[:, 0], points[:, column])), scale


def input_error(error: ValidationError, model: type[BaseModel], where: str) -> InputError:
    """One InputError, one line, for everything pydantic found wrong with ``model``."""
    lines = []
    for item in error.errors():
        field = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            nearest = nearest_name(field, model.model_fields)
            hint = f"; did you mean '{nearest}'?" if nearest else f" (known: {', '.join(model.model_fields)})"
            lines.append(f"unknown field '{field}'{hint}")
        elif item["type"] == "missing":
            lines.append(f"the field '{field}' is missing")
        else:
            message = broken_bound(item["type"], item.get("ctx", {})) or item["msg"].removeprefix("Value error, ")
            shown = f", found {item['input']!r}" if field and not isinstance(item["input"], dict) else ""
            lines.append(f"{field + ': ' if field else ''}{message[:1].lower() + message[1:]}{shown}")
    return InputError("; ".join(lines), where)
