"""Small networks for the tests."""

from __future__ import annotations

import torch

from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork


def tiny_graph(size: int = 8) -> NetworkGraph:
    """Every kind of trained tensor, a residual sum, stride and padding, a binary convolution and a binary product."""
    conv = {"in_channels": 4, "out_channels": 4, "kernel": 3, "stride": 1, "padding": 1}
    flat = 4 * (size // 2) ** 2
    return NetworkGraph(
        nodes=(
            Node(name="normalize", op="normalize", inputs=("input",), attrs={"mean": (0.5, 0.4), "std": (0.2, 0.3)}),
            Node(name="stem", op="conv2d", inputs=("normalize",), attrs={**conv, "in_channels": 2}),
            Node(name="bn0", op="batch_norm", inputs=("stem",), attrs={"channels": 4}),
            Node(name="first", op="binary_conv2d", inputs=("bn0",), attrs=conv),
            Node(name="scaled", op="scale", inputs=("first",), attrs={"channels": 4}),
            Node(name="sum", op="add", inputs=("scaled", "bn0")),
            Node(name="bn1", op="batch_norm", inputs=("sum",), attrs={"channels": 4}),
            Node(name="second", op="binary_conv2d", inputs=("bn1",), attrs={**conv, "stride": 2}),
            Node(name="bn2", op="batch_norm", inputs=("second",), attrs={"channels": 4}),
            Node(name="prelu", op="prelu", inputs=("bn2",), attrs={"channels": 4}),
            Node(name="flat", op="flatten", inputs=("prelu",)),
            Node(name="dense", op="binary_linear", inputs=("flat",), attrs={"in_features": flat, "out_features": 6}),
            Node(name="bn3", op="batch_norm", inputs=("dense",), attrs={"channels": 6}),
            Node(name="logits", op="linear", inputs=("bn3",), attrs={"in_features": 6, "out_features": 3}),
        ),
        input_shape=(2, size, size),
        classes=3,
    )


def pooled_graph() -> NetworkGraph:
    """A network of full precision that takes images of any size, nominally 8x8."""
    conv = {"in_channels": 2, "out_channels": 4, "kernel": 3}
    return NetworkGraph(
        nodes=(
            Node(name="scaled", op="normalize", inputs=("input",), attrs={"mean": (0.5, 0.4), "std": (0.2, 0.3)}),
            Node(name="conv", op="conv2d", inputs=("scaled",), attrs=conv),
            Node(name="pool", op="global_avg_pool", inputs=("conv",)),
            Node(name="logits", op="linear", inputs=("pool",), attrs={"in_features": 4, "out_features": 3}),
        ),
        input_shape=(2, 8, 8),
        classes=3,
    )


def random_network(graph: NetworkGraph, seed: int = 0) -> GraphNetwork:
    """Random tensors everywhere, BatchNorm's statistics included; evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    network = GraphNetwork(graph)
    for name, tensor in network.named_tensors().items():
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
        if name.endswith("running_var"):
            tensor.abs_().add_(0.1)
    return network.eval()


def random_images(graph: NetworkGraph, count: int, seed: int = 1) -> torch.Tensor:
    """float32 (count, C, H, W), whole numbers in 0..255."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *graph.input_shape), generator=generator).float()
