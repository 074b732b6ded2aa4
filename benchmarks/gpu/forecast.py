"""What a run should be enough for on a card nobody has met yet: operations and bytes from the graphs, times assumed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simcore.network.definitions import define
from simcore.network.graph import INPUT, NetworkGraph

IMAGES = 50_000
STEP = 3  # a training step: the products of the forward pass, and twice as many of the backward pass

# Judgement: what convolutions reach of a card's bf16 peak, and what passes over memory reach of its bandwidth.
OF_PEAK, OF_BANDWIDTH = 0.4, 0.6
# Judgement: of the minutes, what loading, decoding and the first steps take before the parts begin, seconds.
BEGINNING_S = 40.0

# Bytes that a bf16 training moves for each element of an operation's input and output, both ways, one kernel after the
# other as torch runs them: counted pass by pass, the indices of a pooling as 8 bytes.
_OF_INPUT = {"binary_conv2d": 6 + 24, "binary_linear": 6 + 24, "conv2d": 6, "linear": 6, "max_pool2d": 4}
_OF_OUTPUT = {
    "binary_conv2d": 6, "binary_linear": 6, "conv2d": 6, "linear": 6, "max_pool2d": 24, "batch_norm": 16, "prelu": 12,
    "add": 10, "hardtanh": 12,
}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """Dense bf16 peak in FLOP/s and memory bandwidth in byte/s, from the vendor's data sheet."""

    name: str
    peak: float
    bandwidth: float


CARDS = (
    Card("NVIDIA H100 SXM (data sheet)", 989e12, 3.35e12),
    Card("NVIDIA A100 SXM 80 GB (data sheet)", 312e12, 2.04e12),
    Card("NVIDIA L4 (data sheet)", 121e12, 0.30e12),
)


@dataclass(frozen=True)
class Work:
    """Of one image: multiply-adds of the forward pass (``binary`` among them), bytes of a training step."""

    multiply_adds: int
    binary: int
    bytes: int

    @property
    def epoch_flop(self) -> float:
        """Floating-point operations of a training epoch."""
        return 2.0 * STEP * self.multiply_adds * IMAGES

    def epoch_seconds(self, card: Card) -> float:
        """Products and passes over memory, one after the other."""
        return self.epoch_flop / (OF_PEAK * card.peak) + IMAGES * self.bytes / (OF_BANDWIDTH * card.bandwidth)


def work_of(graph: NetworkGraph) -> Work:
    """Counted from the graph."""
    shapes = {**graph.shapes(), INPUT: graph.input_shape}
    products = binary = moved = 0
    for node in graph.nodes:
        operation, output = node.operation(), math.prod(shapes[node.name])
        each = 0
        if node.op in ("conv2d", "binary_conv2d"):
            each = operation.in_channels * math.prod(operation.kernel)  # type: ignore[attr-defined]
        elif node.op in ("linear", "binary_linear"):
            each = operation.in_features  # type: ignore[attr-defined]
        products += each * output
        binary += each * output if node.op.startswith("binary") else 0
        moved += _OF_INPUT.get(node.op, 0) * math.prod(shapes[node.inputs[0]]) + _OF_OUTPUT.get(node.op, 0) * output
    return Work(products, binary, moved)


def forecast(minutes: float, shares: dict[str, float], ending_s: float) -> str:
    """Markdown: seconds of an epoch and epochs of each network on each card, with what that rests on."""
    works = {name: work_of(define(name)) for name in shares if name not in ("equality", "timing")}
    lines = [
        "| network | multiply-adds an image | of them binary | PFLOP an epoch | MB moved an image |",
        "|---|---|---|---|---|",
    ]
    for name, work in works.items():
        counts = f"{work.multiply_adds / 1e6:.1f} M | {work.binary / 1e6:.1f} M"
        lines.append(f"| {name} | {counts} | {work.epoch_flop / 1e15:.3f} | {work.bytes / 1e6:.1f} |")
    left = max(0.0, 60 * minutes - ending_s - BEGINNING_S)
    lines += [
        "",
        f"| card | network | s an epoch | s it may take of {minutes:g} min | epochs |",
        "|---|---|---|---|---|",
    ]
    for card in CARDS:
        for name, work in works.items():
            seconds, allowed = work.epoch_seconds(card), left * shares[name] / sum(shares.values())
            epochs = min(200, int(allowed / seconds))
            lines.append(f"| {card.name} | {name} | {seconds:.2f} | {allowed:.0f} | {epochs} |")
    lines += [
        "",
        f"Assumed: convolutions at {OF_PEAK:.0%} of the bf16 peak, then passes over memory at {OF_BANDWIDTH:.0%} of "
        f"the bandwidth, {BEGINNING_S:.0f} s before the first epoch.",
    ]
    return "\n".join(lines)
