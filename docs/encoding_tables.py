"""The generated tables of docs/encodings.md: what every encoding takes, and what it gives and costs.

After `binsparx run sweeps/encodings.yaml`, ``python docs/encoding_tables.py`` copies what the page needs from results/
(or the folder that it is given); ``python docs/tables.py`` writes the tables.
"""

from __future__ import annotations

import inspect
import itertools
import sys
from pathlib import Path

import pandas as pd
from markdown_table import markdown_table

from simcore.encodings import ENCODINGS

KEPT = Path(__file__).parent / "results" / "encodings.parquet"
_REMEDIES = "bent_references+popcount_term+recalibrated_outputs"
# What a column of the tables is called: sparsity and passes of its designs.
_LEVELS = {
    "dense": ("dense", "none"),
    "binsparx": ("binsparx", "none"),
    "table": ("dense", "digital_table:4"),
    "recalibrated": ("dense", _REMEDIES),
    "both": ("binsparx", _REMEDIES),
}
_COSTS = {
    "energy nJ": ("energy_per_image_J", 1e9),
    "latency µs": ("latency_per_image_s", 1e6),
    "area mm²": ("area_m2", 1e6),
}
_NAMED = ["device", "corner", "active_rows", "encoding", "sparsity", "mitigations"]
_COLUMNS = [
    *_NAMED,
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "ideal_accuracy",
    "evidence_within_limits",
    "design_key",
]


_FLIPS = {(True, True): "both", (False, True): "of inputs", (False, False): "none"}


def kinds() -> str:
    """What every encoding takes of arrays and leaves to the digital side."""
    rows = []
    for name, one in ENCODINGS.items():
        module = inspect.getdoc(inspect.getmodule(type(one))) or ""
        counted = [what for what, needed in (("inputs", one.counts_inputs), ("weights", one.counts_weights)) if needed]
        rows.append(
            [
                f"`{name}`",
                module.splitlines()[0].rstrip("."),
                " and ".join(counted) or "none",
                _FLIPS[one.flips_columns, one.flips_inputs],
                str(one.rows_an_input * one.columns_an_output),
                str(one.reads_a_position * one.columns_an_output // one.columns_a_conversion),
            ]
        )
    return markdown_table(
        ["encoding", "what it is", "sums beside codes", "flips"], ["cells a weight", "codes an output"], rows
    )


def sram() -> str:
    """What the encodings give on 8T-SRAM."""
    return _gives("8T-SRAM")


def reram() -> str:
    """What the encodings give on 1T-1ReRAM."""
    return _gives("1T-1ReRAM")


def in_words() -> str:
    """What stands out of both tables."""
    designs = pd.read_parquet(KEPT).set_index(_NAMED)

    def accuracy(rows: int, encoding: str, level: str = "dense", device: str = "8T-SRAM") -> str:
        return _accuracy(designs, (device, "pessimistic", rows, encoding, *_LEVELS[level]))

    def costs(rows: int, encoding: str) -> list[str]:
        """Energy, latency and area of dense storage."""
        one = designs.loc[("8T-SRAM", "pessimistic", rows, encoding, *_LEVELS["dense"])]
        return [f"{one[column] * factor:.3g}" for column, factor in _COSTS.values()]

    energy, latency, area = zip(costs(64, "xnor_rows"), costs(32, "zero_one"), strict=True)
    energies, _, areas = zip(costs(64, "differential"), costs(64, "current_difference"), strict=True)
    by_code = ~designs.index.get_level_values("encoding").str.contains("current_difference")
    remedied = designs.accuracy[(designs.index.get_level_values("mitigations") == _REMEDIES) & by_code]
    least = {device: _accuracy(designs, found.idxmin()) for device, found in remedied.groupby("device")}
    lost, bent, looked_up = (
        accuracy(32, "current_difference", level, "1T-1ReRAM") for level in ("dense", "recalibrated", "table")
    )
    width = 100 * designs.accuracy_high.sub(designs.accuracy_low).max() / 2
    reram = [accuracy(64, encoding, device="1T-1ReRAM") for encoding in ("zero_one", "differential", "xnor_rows")]
    return (
        "In the pessimistic corner of 8T-SRAM 64 rows with two an input add up as many products as 32 with one: "
        f"{accuracy(64, 'xnor_rows')} % dense against {accuracy(32, 'zero_one')} %, in {latency[0]} instead of "
        f"{latency[1]} µs, on {area[0]} instead of {area[1]} mm², for {energy[0]} instead of {energy[1]} nJ. BinSparX "
        f"on one cell a weight reaches {accuracy(64, 'zero_one', 'binsparx')} % with 64 rows and "
        f"{accuracy(32, 'zero_one', 'binsparx')} % with 32. A second column brings {accuracy(64, 'zero_one')} to "
        f"{accuracy(64, 'differential')} %; on 1T-1ReRAM {reram[0]} to {reram[1]} %, where two rows an input give "
        f"{reram[2]} %. With recalibrated converters and outputs no design whose columns have codes of "
        f"their own is below {least['8T-SRAM']} % on 8T-SRAM and {least['1T-1ReRAM']} % on 1T-1ReRAM. One converter on "
        f"the difference of two currents takes {energies[1]} instead of {energies[0]} nJ and {areas[1]} "
        f"instead of {areas[0]} mm². What such a difference loses depends on the rows that are on more than on the "
        "difference: thresholds bent by the difference alone, and unbiased, do harm (1T-1ReRAM, pessimistic, 32 rows: "
        f"{lost} % dense, {bent} % recalibrated), a table of code and rows on undoes it ({looked_up} %). What 300 "
        f"images say is off by up to {width:.1f} points (95 %)."
    )


def _gives(device: str) -> str:
    designs = pd.read_parquet(KEPT)
    found = designs[designs.device == device].set_index(_NAMED[1:])
    rows = []
    for corner, together, encoding in itertools.product(("nominal", "pessimistic"), (64, 32), ENCODINGS):
        hardware = (corner, together, encoding)
        dense = found.loc[(*hardware, "dense", "none")]
        costs = [f"{dense[column] * factor:.3g}" for column, factor in _COSTS.values()]
        accuracies = [_accuracy(found, (*hardware, *_LEVELS[level])) for level in _LEVELS]
        inputs = together // ENCODINGS[encoding].rows_an_input
        rows.append([corner, f"`{encoding}`", str(together), str(inputs), *accuracies, *costs])
    return markdown_table(["corner", "encoding"], ["rows", "inputs", *_LEVELS, *_COSTS], rows)


def _accuracy(found: pd.DataFrame, name: tuple[str | int, ...]) -> str:
    if name not in found.index:
        return "as before"
    one = found.loc[name]
    return f"{100 * one.accuracy:.1f}" + ("" if one.evidence_within_limits else " ~")


def copy_results(results: Path) -> None:
    """What the page needs of the sweep.

    Args:
        results: folder that it was run into.
    """
    columns = [*_COLUMNS, *(column for column, _ in _COSTS.values())]
    pd.read_parquet(results / "sweeps" / "encodings" / "designs.parquet", columns=columns).to_parquet(KEPT)


if __name__ == "__main__":
    copy_results(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
