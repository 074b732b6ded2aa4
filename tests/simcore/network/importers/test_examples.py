"""Random inputs: which of them say something about a network and its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from simcore.errors import InputError
from simcore.network.importers.examples import clear_of_thresholds, random_images
from simcore.network.importers.onnx import from_onnx
from simcore.network.modules import GraphNetwork
from tests.simcore.network.importers.onnx_files import Graph, folded_mlp


@pytest.fixture
def network(tmp_path: Path, one_thread: None) -> GraphNetwork:
    return from_onnx(folded_mlp().save(tmp_path / "net.onnx")).network


def beside(image: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """A batch; what sums are rounded to may depend on the images beside an image, so that those stay the same."""
    return torch.stack([image, *others])


def at_a_threshold(network: GraphNetwork, others: torch.Tensor) -> torch.Tensor:
    """An input of which one sum is a threshold of the first layer, to the precision of float32."""
    below, above = torch.zeros(12), torch.randn(12, generator=torch.Generator().manual_seed(1)) * 20
    far = network(beside(above, others))[0]
    for _ in range(60):
        middle = (below + above) / 2
        there = torch.equal(network(beside(middle, others))[0], far)
        below, above = (below, middle) if there else (middle, above)
    return above


def test_an_input_on_which_rounding_decides_is_left_out(network: GraphNetwork) -> None:
    others = torch.randn(5, 12)
    images = beside(at_a_threshold(network, others), others)
    expected = network(images * (1 - 1e-5))  # on the other side of it
    assert not torch.equal(expected[0], network(images)[0])
    assert clear_of_thresholds(network, images, expected).tolist() == [False, *[True] * 5]


def test_an_input_on_which_the_network_is_wrong_stays(network: GraphNetwork) -> None:
    images = torch.randn(6, 12)
    expected = network(images)
    expected[2] += 1
    assert clear_of_thresholds(network, images, expected).all()


def test_random_inputs_are_the_same_in_every_call() -> None:
    drawn = random_images((3, 4, 4), 6, bytes_alone=True, table=None)
    assert torch.equal(drawn, random_images((3, 4, 4), 6, bytes_alone=True, table=None))
    assert drawn.min() >= 0 and drawn.max() <= 255 and torch.equal(drawn, drawn.round())
    assert random_images((5,), 50, bytes_alone=False, table=9).max() < 9


def test_a_file_whose_own_logits_are_no_numbers_is_refused(tmp_path: Path) -> None:
    graph = Graph(("N", 6))
    graph.add("Sub", graph.floats(1000))
    graph.add("Log")
    with pytest.raises(InputError, match="its own logits are no finite numbers on 16 of 16 random inputs"):
        from_onnx(graph.save(tmp_path / "net.onnx"))
