"""A small binary network, a data set for it and designs to put it on."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from simcore.crossbar import Circuit
from simcore.datasets import Dataset
from simcore.datasets.importing import ImportRequest, import_dataset
from simcore.design import Design
from simcore.design_axes import Adc
from simcore.network.checkpoint import Checkpoint, network_digest
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork
from simcore.technology import circuit_parameters

SIZE = 9
CLASSES = 4


def small_graph(padding: dict[str, int]) -> NetworkGraph:
    """Stride, padding, odd channel counts, a kernel that is not square, a residual sum and a binary product.

    Args:
        padding: attribute ``pad_value`` of the binary convolutions; empty for its default.
    """

    def node(name, op, *inputs, **attrs):
        return Node(name=name, op=op, inputs=inputs, attrs=attrs)

    def conv(inputs, outputs, kernel, stride, padding):
        return {"in_channels": inputs, "out_channels": outputs, "kernel": kernel, "stride": stride, "padding": padding}

    return NetworkGraph(
        nodes=(
            node("normalize", "normalize", "input", mean=(0.5,), std=(0.25,)),
            node("stem", "conv2d", "normalize", **conv(1, 5, 3, 1, 1), bias=False),
            node("bn0", "batch_norm", "stem", channels=5),
            node("wide", "binary_conv2d", "bn0", **conv(5, 7, (3, 3), (2, 1), (1, 1)), **padding),
            node("bn1", "batch_norm", "wide", channels=7),
            node("narrow", "binary_conv2d", "bn1", **conv(7, 3, (1, 3), (1, 2), (0, 2)), **padding),
            node("bn2", "batch_norm", "narrow", channels=3),
            node("flat", "flatten", "bn2"),
            node("dense", "binary_linear", "flat", in_features=3 * 5 * 6, out_features=11),
            node("bn3", "batch_norm", "dense", channels=11),
            node("logits", "linear", "bn3", in_features=11, out_features=CLASSES),
        ),
        input_shape=(1, SIZE, SIZE),
        classes=CLASSES,
    )


def small_checkpoint(seed: int = 0, **padding: int) -> Checkpoint:
    """Random tensors; norms with the statistics of real activations, so that signs are neither all +1 nor all -1."""
    generator = torch.Generator().manual_seed(seed)
    network = GraphNetwork(small_graph(padding))
    scale = {"bn0": 1.0, "bn1": 45**0.5, "bn2": 21**0.5, "bn3": 90**0.5}
    for name, tensor in network.named_tensors().items():
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
        node = name.split(".")[0]
        if name.endswith("running_var"):
            tensor.abs_().add_(0.2).mul_(scale[node] ** 2)
        elif name.endswith(("running_mean", "bias")) and node in scale:
            tensor.mul_(0.5)
    network.eval().requires_grad_(False)
    return Checkpoint(network, "small", network_digest(network), {})


def small_dataset(folder: Path, test: int = 30, train: int = 12) -> Dataset:
    """Random smooth images, class by class, imported from Parquet files, which keep their order."""
    rng = np.random.default_rng(7)
    (folder / "images").mkdir(parents=True)
    for split, count in (("test", test), ("train", train)):
        rows = []
        for index in range(count):
            coarse = Image.fromarray(rng.integers(0, 256, (3, 3), dtype=np.uint8))
            png = io.BytesIO()
            coarse.resize((SIZE, SIZE), Image.Resampling.BILINEAR).save(png, "PNG")
            rows.append((index % CLASSES, png.getvalue()))
        rows.sort(key=lambda row: row[0])
        labels, images = zip(*rows, strict=True)
        table = pa.table({"image": [{"bytes": image} for image in images], "label": list(labels)})
        pq.write_table(table, folder / "images" / f"{split}.parquet")
    return import_dataset(ImportRequest(source=folder / "images"), folder / "dataset")


def make_design(device: str | Circuit = "8T-SRAM", corner: str = "nominal", **fields) -> Design:
    """A design with small arrays; ``fields`` of ``Design`` replace single ones."""
    circuit = circuit_parameters(device, corner) if isinstance(device, str) else device
    return Design(**{"circuit": circuit, "rows": 16, "cols": 5, "adc": Adc(bits=6), "calibration_images": 12, **fields})
