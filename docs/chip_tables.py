"""The generated tables and the pictures of docs/chips-results.md, from tables of three sweeps in docs/results/chips.

After `binsparx run` of sweeps/chips-sram.yaml, chips-reram.yaml or chips-paper.yaml, ``python docs/chip_tables.py
results`` copies what the page needs of those that are in results/ and draws the pictures; ``python docs/tables.py``
writes the tables.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from markdown_table import markdown_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULTS = Path(__file__).parent / "results" / "chips"
IMAGES = Path(__file__).parent / "images"
_FASHION = ("chips-sram", "chips-reram")
_PAPER = "chips-paper"
_COLUMNS = [
    "model", "device", "corner", "rows", "effects", "age_s", "row_order", "sparsity", "mitigations", "accuracy",
    "accuracy_low", "accuracy_high", "ideal_accuracy", "accuracy_chip_std", "accuracy_chip_p5", "yield", "chips",
    "images", "mean_partial_sum", "rms_error_lsb", "evidence_within_limits", "design_key",
]  # fmt: skip
_SETS = {"dense": "dense", "binsparx": "BinSparX", "full": "full set"}
_RELAXED = "cmo-hfox-2+cmo-hfox-relaxation"
_AGES = {1.0: "1 s", 86400.0: "1 day", 315360000.0: "10 years"}
_HARDWARE = ["device", "corner", "rows"]
_WORLD = ["effects", "age_s"]
_PAPER_DEVICES = ("8T-SRAM", "1T-1ReRAM")
_NETWORKS = {"vgg-small": "VGG-small", "resnet18-cifar": "ResNet-18"}


def sram() -> str:
    """fashion-cnn on 8T-SRAM: a line for each array, corner and set of effects."""
    return _accuracies(_of("chips-sram"))


def reram() -> str:
    """fashion-cnn on 1T-1ReRAM, likewise."""
    return _accuracies(_of("chips-reram"))


def vgg_small() -> str:
    """VGG-small on both devices, likewise."""
    return _accuracies(_of(_PAPER, "vgg-small"))


def resnet18() -> str:
    """ResNet-18 on both devices, likewise."""
    return _accuracies(_of(_PAPER, "resnet18-cifar"))


def summary() -> str:
    """What 20 chips of the paper's networks keep at 64 rows: a paragraph."""
    cases = {"8T-SRAM": ("sram-vt-5", 1.0), "1T-1ReRAM": (_RELAXED, 86400.0)}
    reached: dict[tuple[str, str], list[str]] = {}
    ideal = []
    for network in _NETWORKS:
        designs = _of(_PAPER, network)
        ideal.append(f"{100 * designs.ideal_accuracy.iloc[0]:.0f}")
        for device, (effects, age) in cases.items():
            of_world = (designs.effects == effects) & (designs.age_s == age)
            there = designs[of_world & (designs.device == device) & (designs.rows == 64)].set_index("set")
            for one in _SETS:
                reached.setdefault((device, one), []).append(f"{100 * there.accuracy[one]:.0f}")
    of = {case: " and ".join(numbers) for case, numbers in reached.items()}
    sram, reram = ({one: of[device, one] for one in _SETS} for device in cases)
    return (
        f"No two chips are alike. With `vgg-small` and `resnet18-cifar` ({' and '.join(ideal)} % of "
        f"{_of(_PAPER).images.max()} images in ideal arithmetic) "
        f"chips of 64x64 8T-SRAM with a mismatch of 5 % keep {sram['dense']} % stored densely, {sram['binsparx']} with "
        f"BinSparX, and {sram['full']} with the full set of passes, means of 20 chips; 1T-1ReRAM a day after it was "
        f"written keeps {reram['dense']}, {reram['binsparx']}, and {reram['full']} ([chips](docs/chips-results.md))."
    )


def gains() -> str:
    """What remains of every gain over dense storage: on the nominal chip, and over chips by effects."""
    rows = []
    chips = _of_each(_PAPER)
    for network, shown in _NETWORKS.items():
        designs = _of(_PAPER, network)
        for key, group in designs.groupby(_HARDWARE, sort=False):
            nominal = group[group.effects == "none"].set_index("set")
            for world, there in _worlds(group):
                if world[0] == "none":
                    continue
                keys = there.set_index("set").design_key
                cells = []
                for one in ("binsparx", "full"):
                    cells.append(f"{100 * (nominal.accuracy[one] - nominal.accuracy['dense']):+.1f}")
                    cells.append(_gain_over_chips(chips, keys[one], keys["dense"]))
                rows.append([shown, _hardware(key), _world(world), *cells])
    numbers = ["BinSparX, nominal chip", "over chips", "full set, nominal chip", "over chips"]
    return markdown_table(["network", "array", "effects"], numbers, rows)


def robustness() -> str:
    """What spread adds to the error of a partial sum of fashion-cnn, dense and with flips, beside sqrt(partial sum)."""
    return _robustness([_of(name) for name in _FASHION])


def robustness_vgg_small() -> str:
    """The same of VGG-small."""
    return _robustness([_of(_PAPER, "vgg-small")])


def robustness_resnet18() -> str:
    """The same of ResNet-18."""
    return _robustness([_of(_PAPER, "resnet18-cifar")])


def _robustness(tables: list[pd.DataFrame]) -> str:
    rows = []
    for designs in tables:
        for key, group in designs[designs.set != "full"].groupby(_HARDWARE, sort=False):
            for world, there in _worlds(group[group.effects != "none"]):
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
                        f"{added['binsparx'] / added['dense']:.2f}" if added["dense"] else "",
                        f"{np.sqrt(sums['binsparx'] / sums['dense']):.2f}",
                    ]  # fmt: skip
                )
    numbers = ["dense, LSB", "BinSparX, LSB", "ratio", "sqrt of partial sums"]
    return markdown_table(["array", "effects"], numbers, rows)


def _gain_over_chips(chips: pd.DataFrame, better: str, dense: str) -> str:
    """Mean and standard deviation over chips of what a design gains over dense storage on the same chip, in points."""
    accuracy = {key: chips[chips.design_key == key].set_index("chip").accuracy for key in (better, dense)}
    gain = 100 * (accuracy[better] - accuracy[dense])
    return f"{gain.mean():+.1f} ± {gain.std():.1f}"


def _added(group: pd.DataFrame, there: pd.DataFrame, level: str) -> float:
    """rms error that spread adds to that of the nominal chip, in LSB."""
    nominal = group[(group.effects == "none") & (group.set == level)].rms_error_lsb.iloc[0]
    spread = there[there.set == level].rms_error_lsb.iloc[0]
    return float(np.sqrt(max(spread**2 - nominal**2, 0.0)))


def _accuracies(designs: pd.DataFrame) -> str:
    rows = []
    for key, group in designs.groupby(_HARDWARE, sort=False):
        for world, there in _worlds(group):
            by_set = there.set_index("set")
            rows.append([_hardware(key), _world(world), *(_cell(by_set.loc[one]) for one in _SETS)])
    return markdown_table(["array", "effects"], list(_SETS.values()), rows)


def _worlds(designs: pd.DataFrame) -> list[tuple[tuple[str, float], pd.DataFrame]]:
    """The designs of each set of effects and age: the nominal chip, then few effects before many, mild before harsh."""
    return sorted(designs.groupby(_WORLD, sort=False), key=lambda one: _place(one[0]))


def _place(world: tuple[str, float]) -> tuple[bool, bool, float, str, float]:
    effects, age = world
    stuck = effects.partition("stuck-")[2]
    return effects != "none", bool(stuck), float(stuck or 0), effects, age


def _cell(row: pd.Series) -> str:
    mark = "" if row.evidence_within_limits else " †"
    if pd.isna(row.chips):
        return f"{100 * row.accuracy:.1f}{mark}"
    spread = f"± {100 * row.accuracy_chip_std:.1f}, 95 % reach {100 * row.accuracy_chip_p5:.1f}"
    return f"{100 * row.accuracy:.1f} {spread}; {100 * row['yield']:.0f} %{mark}"


def _hardware(key: tuple[str, str, int]) -> str:
    device, corner, rows = key
    return f"{device} {corner} {rows}x{rows}"


def _world(world: tuple[str, float]) -> str:
    effects, age = world
    shown = effects.replace(_RELAXED, f"CMO/HfOx, {_AGES[age]}").replace("+", " + ")
    return "none: the nominal chip" if effects == "none" else shown


def _of(name: str, network: str = "") -> pd.DataFrame:
    """The designs of a sweep, in the order of its table.

    Args:
        name: of the sweep.
        network: whose designs; empty: of all.
    """
    found = pd.read_parquet(RESULTS / f"{name}.parquet")
    found = found.assign(set=np.where(found.mitigations != "none", "full", found.sparsity))
    return found[found.model == network] if network else found


def _of_each(name: str) -> pd.DataFrame:
    return pd.read_parquet(RESULTS / f"{name}-of-each.parquet")


def copy_results(results: Path) -> None:
    """What the page needs of those of the sweeps that were run.

    Args:
        results: folder that they were run into.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in (*_FASHION, _PAPER):
        folder = results / "sweeps" / name
        if not folder.is_dir():
            print(f"{name} is not in {results}: its tables stay as they are")
            continue
        pd.read_parquet(folder / "designs.parquet", columns=_COLUMNS).to_parquet(RESULTS / f"{name}.parquet")
        of_each = pd.read_parquet(folder / "chips.parquet", columns=["design_key", "chip", "accuracy"])
        of_each.to_parquet(RESULTS / f"{name}-of-each.parquet")


def draw() -> None:
    """Every chip of the 64x64 designs, by effects and set: a picture for each network of the paper and fashion-cnn."""
    for network in _NETWORKS:
        _draw(f"chips-{network}.png", [(_PAPER, network, device, "nominal") for device in _PAPER_DEVICES])
    corners = [("chips-sram", "8T-SRAM", "nominal"), ("chips-sram", "8T-SRAM", "pessimistic"),
               ("chips-reram", "1T-1ReRAM", "nominal")]  # fmt: skip
    _draw("chips.png", [(name, "fashion-cnn", device, corner) for name, device, corner in corners])


def _draw(picture: str, cases: list[tuple[str, str, str, str]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 2.5 * len(cases)), layout="constrained")
    panels = figure.subplots(len(cases), 1, squeeze=True)
    for axes, (name, network, device, corner) in zip(panels, cases, strict=True):
        designs = _of(name, network)
        designs = designs[(designs.rows == 64) & (designs.corner == corner) & (designs.device == device)]
        _draw_panel(axes, designs, _of_each(name))
        axes.set_title(f"{network} on {device}, {corner} corner, 64x64", fontsize=10, loc="left")
    figure.suptitle("each point a chip, each bar the mean; dotted: ideal arithmetic", fontsize=10)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=3, fontsize=8)
    figure.savefig(IMAGES / picture, dpi=110)


def _draw_panel(axes: Axes, designs: pd.DataFrame, chips: pd.DataFrame) -> None:
    colours = dict(zip(_SETS, ("#777777", "#1f77b4", "#d95f02"), strict=True))
    names = []
    for place, (world, here) in enumerate(_worlds(designs)):
        names.append(_world(world).replace(" + ", "\n+ "))
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
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_ylabel("accuracy (%)")


if __name__ == "__main__":
    copy_results(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
    draw()
