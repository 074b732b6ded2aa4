"""The networks that binsparx trains: one for a laptop, and the two of the BinSparX paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simcore.errors import unknown_name
from simcore.network.graph import INPUT, NetworkGraph, Node

# Mean and standard deviation of x/255 over each training set.
CIFAR10_MEAN, CIFAR10_STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
FASHION_MNIST_MEAN, FASHION_MNIST_STD = (0.2860,), (0.3530,)


class _Chain:
    """Nodes one after the other: each takes the result of the one before unless told otherwise."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.last = INPUT

    def add(self, name: str, op: str, inputs: tuple[str, ...] | None = None, **attrs: Any) -> str:
        self.nodes.append(Node(name=name, op=op, inputs=inputs or (self.last,), attrs=attrs))
        self.last = name
        return name

    def conv(self, name: str, op: str, channels: tuple[int, int], kernel: int = 3, stride: int = 1) -> str:
        attrs: dict[str, Any] = {
            "in_channels": channels[0],
            "out_channels": channels[1],
            "kernel": kernel,
            "stride": stride,
            "padding": kernel // 2,
        }
        if op == "conv2d":
            attrs["bias"] = False  # a BatchNorm follows
        return self.add(name, op, **attrs)

    def pool(self, name: str) -> str:
        return self.add(name, "max_pool2d", kernel=2, stride=2)

    def norm(self, name: str, channels: int) -> str:
        return self.add(name, "batch_norm", channels=channels)


def fashion_cnn() -> NetworkGraph:
    """Small network for Fashion-MNIST (28x28 grey): 11.7 million binary multiply-adds an image in four layers."""
    chain = _Chain()
    chain.add("normalize", "normalize", mean=FASHION_MNIST_MEAN, std=FASHION_MNIST_STD)
    chain.conv("conv0", "conv2d", (1, 32))
    chain.pool("pool0")
    chain.norm("bn0", 32)
    chain.conv("bconv1", "binary_conv2d", (32, 64))
    chain.pool("pool1")
    chain.norm("bn1", 64)
    chain.conv("bconv2", "binary_conv2d", (64, 64))
    chain.norm("bn2", 64)
    chain.conv("bconv3", "binary_conv2d", (64, 128))
    chain.pool("pool3")
    chain.norm("bn3", 128)
    chain.conv("bconv4", "binary_conv2d", (128, 256))
    chain.norm("bn4", 256)
    chain.add("hardtanh", "hardtanh")
    chain.add("flatten", "flatten")
    chain.add("linear", "linear", in_features=256 * 3 * 3, out_features=10)
    return NetworkGraph(nodes=tuple(chain.nodes), input_shape=(1, 28, 28), classes=10)


def vgg_small() -> NetworkGraph:
    """VGG-small for CIFAR-10 (Zhang et al., LQ-Nets, ECCV 2018): 604 million binary multiply-adds an image."""
    chain = _Chain()
    chain.add("normalize", "normalize", mean=CIFAR10_MEAN, std=CIFAR10_STD)
    chain.conv("conv0", "conv2d", (3, 128))
    chain.norm("bn0", 128)
    widths = (128, 128, 256, 256, 512, 512)
    for number in range(1, 6):
        chain.conv(f"bconv{number}", "binary_conv2d", (widths[number - 1], widths[number]))
        if number % 2 == 1:
            chain.pool(f"pool{number}")
        chain.norm(f"bn{number}", widths[number])
    chain.add("hardtanh", "hardtanh")
    chain.add("flatten", "flatten")
    chain.add("linear", "linear", in_features=512 * 4 * 4, out_features=10)
    return NetworkGraph(nodes=tuple(chain.nodes), input_shape=(3, 32, 32), classes=10)


def resnet18_cifar() -> NetworkGraph:
    """ResNet-18 for CIFAR-10 with binary 3x3 convolutions: 547 million binary multiply-adds an image.

    A skip around each binary convolution and shortcuts in full precision, as AdaBin defines it (Tu et al., ECCV 2022;
    the skips are Bi-Real Net's, Liu et al., ECCV 2018), with a PReLU for AdaBin's Maxout, whose slope above zero is
    trained too.
    """
    chain = _Chain()
    chain.add("normalize", "normalize", mean=CIFAR10_MEAN, std=CIFAR10_STD)
    chain.conv("conv0", "conv2d", (3, 64))
    chain.norm("bn0", 64)
    channels = 64
    for number, width in enumerate((64, 64, 128, 128, 256, 256, 512, 512)):
        _residual_block(chain, f"block{number}", (channels, width))
        channels = width
    chain.add("pool", "global_avg_pool")
    chain.norm("bn", 512)
    chain.add("linear", "linear", in_features=512, out_features=10)
    return NetworkGraph(nodes=tuple(chain.nodes), input_shape=(3, 32, 32), classes=10)


def _residual_block(chain: _Chain, block: str, channels: tuple[int, int]) -> None:
    """y = prelu(bn1(conv1(x)) + shortcut(x)), then prelu(bn2(conv2(y)) + y); a block that widens also halves the map,
    and its shortcut is a 1x1 convolution with a BatchNorm."""
    start = chain.last
    widens = channels[0] != channels[1]
    stride = 2 if widens else 1
    shortcut = start
    if widens:
        chain.conv(f"{block}_shortcut_conv", "conv2d", channels, kernel=1, stride=stride)
        shortcut = chain.norm(f"{block}_shortcut_bn", channels[1])
        chain.last = start
    chain.conv(f"{block}_conv1", "binary_conv2d", channels, stride=stride)
    main = chain.norm(f"{block}_bn1", channels[1])
    chain.add(f"{block}_add1", "add", (main, shortcut))
    middle = chain.add(f"{block}_prelu1", "prelu", channels=channels[1])
    chain.conv(f"{block}_conv2", "binary_conv2d", (channels[1], channels[1]))
    main = chain.norm(f"{block}_bn2", channels[1])
    chain.add(f"{block}_add2", "add", (main, middle))
    chain.add(f"{block}_prelu2", "prelu", channels=channels[1])


DEFINITIONS: dict[str, Callable[[], NetworkGraph]] = {
    "fashion-cnn": fashion_cnn,
    "vgg-small": vgg_small,
    "resnet18-cifar": resnet18_cifar,
}


def define(name: str, where: str = "") -> NetworkGraph:
    """The graph of a network that ``binsparx train`` knows.

    Args:
        name: a name of ``DEFINITIONS``.
        where: where the user wrote it, for messages.

    Raises:
        InputError: no such network; the nearest name is offered.

    Example:
        >>> define("fashion-cnn").input_shape
        (1, 28, 28)
    """
    if name not in DEFINITIONS:
        raise unknown_name("network", name, DEFINITIONS, where)
    return DEFINITIONS[name]()
