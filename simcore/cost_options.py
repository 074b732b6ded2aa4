"""How costs are counted, as a sweep file says it; plain pydantic, for most commands count nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Corner = Literal["low", "nominal", "high"]
ArraySupply = Literal["v_read", "v_dd"]
OnTime = Literal["sampled", "conversion"]
FlipPath = Literal["pipelined", "serial"]
Payer = Literal["baseline", "binsparx"]
ColumnsRead = Literal["in_turn", "together"]


class CostOptions(BaseModel):
    """How costs are counted. What is given here is taken as known and leaves the spread.

    ``array_supply``: the column current is drawn from v_read or from v_dd. ``on_time``: a column conducts while it is
    sampled, or until its conversion ends. ``popcount``, ``stored_sums``: who pays for sum(X) and sum(W):
    ``baseline`` (every design; a {0,1}-mapped network needs them anyway) or ``binsparx`` (designs that flip).
    ``parallel_tiles`` (None: all of a layer) are read at the same time. ``columns_read``: while a converter reads one
    of its columns the others are switched off (``in_turn``) or conduct too (``together``); None is what the solved
    circuit has: ``in_turn`` where columns are independent (gate_driven), ``together`` where they share rows
    (input_sourced). ``digital_layers``: what the arrays do not hold is counted too, on ``digital_array`` x
    ``digital_array`` multipliers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    technology: str = Field(default="7nm", min_length=1)
    corner: Corner = "nominal"
    converter: Literal["auto", "flash", "sar"] = "auto"
    columns_per_converter: int = Field(default=8, ge=1)
    array_supply: ArraySupply | None = None
    on_time: OnTime | None = None
    flip_path: FlipPath | None = None
    popcount: Payer = "baseline"
    stored_sums: Payer = "binsparx"
    activation_buffer: bool = True
    parallel_tiles: int | None = Field(default=None, ge=1)
    columns_read: ColumnsRead | None = None
    digital_layers: bool = True
    digital_array: int = Field(default=16, ge=1)
    parameters: dict[str, float] = {}
