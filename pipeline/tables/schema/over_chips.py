"""How a design does over chips that differ: spread, percentile and yield."""

from __future__ import annotations

from pipeline.columns import FLOAT, INT, column

CHIP_FIELDS = [
    column("chips", INT, "chips", "chips evaluated; null where all chips are alike", True),
    column("accuracy_chip_std", FLOAT, "fraction", "standard deviation of the accuracy from chip to chip", True),
    column(
        "accuracy_chip_p5",
        FLOAT,
        "fraction",
        "accuracy that 95 % of the chips reach, on these images: 5th percentile over the chips",
        True,
    ),
    column("yield", FLOAT, "fraction", "share of the chips within pareto.yield_loss of ideal arithmetic", True),
    column(
        "yield_low",
        FLOAT,
        "fraction",
        "lower end of the 95 % Clopper-Pearson interval of the yield; with pareto.yield_width of the yield on "
        "all images of the sweep, wherever a race stops",
        True,
    ),
    column(
        "yield_high",
        FLOAT,
        "fraction",
        "upper end of the 95 % Clopper-Pearson interval of the yield; with pareto.yield_width of the yield on "
        "all images of the sweep, wherever a race stops",
        True,
    ),
    column(
        "yield_loss", FLOAT, "fraction", "accuracy that a chip of the yield may lose against ideal arithmetic", True
    ),
]
