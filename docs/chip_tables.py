"""The generated tables and the picture of docs/chips-results.md, from the tables of two sweeps in docs/results/chips.

After `binsparx run sweeps/chips-sram.yaml` and `sweeps/chips-reram.yaml`, ``python docs/chip_tables.py`` copies what
the page needs from results/ and draws the picture; ``python docs/tables.py`` writes the tables.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from markdown_table import markdown_table

RESULTS = Path(__file__).parent / "results" / "chips"
PICTURE = Path(__file__).parent / "images" / "chips.png"
_SWEEPS = ("chips-sram", "chips-reram")
_COLUMNS = [
    "device", "corner", "rows", "effects", "age_s", "row_order", "sparsity", "mitigations", "accuracy", "accuracy_low",
    "accuracy_high", "ideal_accuracy", "accuracy_chip_std", "accuracy_chip_p5", "yield", "chips", "images",
    "mean_partial_sum", "rms_error_lsb", "design_key",
]  # fmt: skip
_SETS = {"dense": "dense", "binsparx": "BinSparX", "best": "best set"}
_AGES = {1.0: "1 s", 86400.0: "1 day", 315360000.0: "10 years"}
_HARDWARE = ["device", "corner", "rows"]
_WORLD = ["effects", "age_s"]


def sram() -> str:
    """8T-SRAM: a line for each array, corner and set of effects."""
    return _accuracies("chips-sram")


def reram() -> str:
    """1T-1ReRAM, likewise."""
    return _accuracies("chips-reram")


def robustness() -> str:
    """What spread adds to the error of a partial sum, dense and with flips, beside what sqrt(partial sum) says."""
    rows = []
    for name in _SWEEPS:
        designs = _designs(name)
        for key, group in designs[designs.set != "best"].groupby(_HARDWARE, sort=False):
            for world, there in group[group.effects != "none"].groupby(_WORLD, sort=False):
                if "stuck" in world[0]:
                    continue
                added = {level: _added(group, there, level) for level in ("dense", "binsparx")}
                sums = there.set_index("set").mean_partial_sum
                rows.append(
                    [
                        _hardware(key),
                        _world(world),
                        f"{added['dense']:.3f}",
                        f"{added['binsparx']:.3f}",
                        f"{added['binsparx'] / added['dense']:.2f}",
                        f"{np.sqrt(sums['binsparx'] / sums['dense']):.2f}",
                    ]  # fmt: skip
                )
    numbers = ["dense, LSB", "BinSparX, LSB", "ratio", "sqrt of partial sums"]
    return markdown_table(["array", "effects"], numbers, rows)


def _added(group: pd.DataFrame, there: pd.DataFrame, level: str) -> float:
    """rms error that spread adds to that of the nominal chip, in LSB."""
    nominal = group[(group.effects == "none") & (group.set == level)].rms_error_lsb.iloc[0]
    spread = there[there.set == level].rms_error_lsb.iloc[0]
    return float(np.sqrt(max(spread**2 - nominal**2, 0.0)))


def _accuracies(name: str) -> str:
    rows = []
    designs = _designs(name)
    for key, group in designs.groupby(_HARDWARE, sort=False):
        for world, there in group.groupby(_WORLD, sort=False):
            by_set = there.set_index("set")
            rows.append([_hardware(key), _world(world), *(_cell(by_set.loc[one]) for one in _SETS)])
    return markdown_table(["array", "effects"], list(_SETS.values()), rows)


def _cell(row: pd.Series) -> str:
    if pd.isna(row.chips):
        return f"{100 * row.accuracy:.1f}"
    spread = f"± {100 * row.accuracy_chip_std:.1f}, 95 % reach {100 * row.accuracy_chip_p5:.1f}"
    return f"{100 * row.accuracy:.1f} {spread}; {100 * row['yield']:.0f} %"


def _hardware(key: tuple[str, str, int]) -> str:
    device, corner, rows = key
    return f"{device} {corner} {rows}x{rows}"


def _world(world: tuple[str, float]) -> str:
    effects, age = world
    shown = effects.replace("cmo-hfox-2+cmo-hfox-relaxation", f"CMO/HfOx, {_AGES[age]}").replace("+", " + ")
    return "none: the nominal chip" if effects == "none" else shown


def _designs(name: str) -> pd.DataFrame:
    found = pd.read_parquet(RESULTS / f"{name}.parquet")
    best = found.mitigations != "none"
    return found.assign(set=np.where(best, "best", found.sparsity))


def _chips(name: str) -> pd.DataFrame:
    return pd.read_parquet(RESULTS / f"{name}-of-each.parquet")


def copy_results(results: Path) -> None:
    """What the page needs of both sweeps.

    Args:
        results: folder that they were run into.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in _SWEEPS:
        folder = results / "sweeps" / name
        pd.read_parquet(folder / "designs.parquet", columns=_COLUMNS).to_parquet(RESULTS / f"{name}.parquet")
        of_each = pd.read_parquet(folder / "chips.parquet", columns=["design_key", "chip", "accuracy"])
        of_each.to_parquet(RESULTS / f"{name}-of-each.parquet")


def draw() -> None:
    """Every chip of the 64x64 designs, by effects and set."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7.5), layout="constrained")
    panels = figure.subplots(3, 1, squeeze=True)
    cases = [("chips-sram", "nominal"), ("chips-sram", "pessimistic"), ("chips-reram", "nominal")]
    colours = dict(zip(_SETS, ("#777777", "#1f77b4", "#d95f02"), strict=True))
    for axes, (name, corner) in zip(panels, cases, strict=True):
        designs = _designs(name)
        designs = designs[(designs.rows == 64) & (designs.corner == corner)]
        chips = _chips(name)
        worlds = list(designs[_WORLD].drop_duplicates().itertuples(index=False, name=None))
        for place, world in enumerate(worlds):
            here = designs[(designs.effects == world[0]) & (designs.age_s == world[1])]
            for offset, one in enumerate(_SETS):
                row = here[here.set == one].iloc[0]
                x = place + 0.26 * (offset - 1)
                values = 100 * chips[chips.design_key == row.design_key].accuracy.to_numpy()
                if len(values):
                    spots = x + 0.16 * (np.arange(len(values)) / (len(values) - 1) - 0.5)
                    axes.plot(spots, values, ".", color=colours[one], markersize=4)
                axes.plot([x - 0.1, x + 0.1], [100 * row.accuracy] * 2, color=colours[one], linewidth=2,
                          label=_SETS[one] if place == 0 else None)  # fmt: skip
        axes.axhline(100 * designs.ideal_accuracy.iloc[0], color="black", linewidth=0.8, linestyle=":")
        axes.set_xticks(range(len(worlds)), [_world(world).replace(" + ", "\n+ ") for world in worlds], fontsize=8)
        axes.set_title(f"{designs.device.iloc[0]}, {corner} corner, 64x64", fontsize=10, loc="left")
        axes.set_ylabel("accuracy (%)")
    panels[0].legend(loc="lower left", ncols=3, fontsize=8)
    figure.suptitle("each point a chip, each bar the mean; dotted: ideal arithmetic", fontsize=10)
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    copy_results(Path("results"))
    draw()
