"""Learning from a teacher's answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from simcore.errors import InputError
from simcore.network.accuracy import measure_accuracy
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork
from simcore.network.training.loop import fresh_network, train
from simcore.network.training.recipe import Recipe, amended
from simcore.network.training.teacher import taught
from tests.simcore.network.in_memory import Stripes
from tests.simcore.network.networks import pooled_graph, random_network, tiny_graph
from tests.simcore.network.small_trainings import Stop, identity_of, train_tiny

RECIPE = Recipe(epochs=12, batch_size=10, learning_rate=0.02, label_smoothing=0.0, crop_padding=1, precision="float32")


class Mislabelled(Stripes):
    """Every label is the next class."""

    def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        images, labels = super().read(split, start, count)
        return images, (labels + 1) % 3


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> GraphNetwork:
    return train_tiny(tmp_path_factory.mktemp("teacher"), RECIPE)


@pytest.mark.parametrize(("share", "right"), [(1.0, True), (0.0, False)])
def test_what_is_learnt_is_the_teachers_share(tmp_path: Path, teacher: GraphNetwork, share: float, right: bool) -> None:
    """All labels are wrong, which who learns from the teacher alone does not notice."""
    before = {name: tensor.clone() for name, tensor in teacher.named_tensors().items()}
    pupil = train_tiny(tmp_path, amended(RECIPE, {"teacher_share": share}), dataset=Mislabelled(), teacher=teacher)
    accuracy = measure_accuracy(pupil, Stripes(), "test").fraction
    assert accuracy > 0.9 if right else accuracy < 0.1
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.named_tensors().items())


def test_targets_are_labels_and_the_teachers_probabilities() -> None:
    teacher = random_network(tiny_graph())
    images, labels = torch.rand(5, 2, 8, 8) * 255, torch.tensor([0, 1, 2, 2, 1])
    targets = taught(teacher, images, labels, 0.75)
    expected = 0.25 * torch.eye(3)[labels] + 0.75 * torch.softmax(teacher(images), 1)
    torch.testing.assert_close(targets, expected)
    assert not targets.requires_grad


def test_a_mirrored_teacher_answers_for_both_views() -> None:
    teacher = random_network(tiny_graph())
    images, labels = torch.rand(5, 2, 8, 8) * 255, torch.tensor([0, 1, 2, 2, 1])
    of_image, of_mirror = (torch.softmax(teacher(view), 1) for view in (images, images.flip(3)))
    assert not torch.allclose(of_image, of_mirror)
    targets = taught(teacher, images, labels, 1.0, mirrored=True)
    torch.testing.assert_close(targets, (of_image + of_mirror) / 2)
    torch.testing.assert_close(targets, taught(teacher, images.flip(3), labels, 1.0, mirrored=True))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_recipe_says_whether_its_teacher_looks_twice(tmp_path: Path, mirrored: bool) -> None:
    pupil, teacher, seen = fresh_network(tiny_graph(), 4), random_network(tiny_graph()), []
    teacher.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    recipe = amended(RECIPE, {"epochs": 1, "teacher_mirrored": mirrored})
    train(pupil, Stripes(), recipe, identity_of(recipe, teacher="t"), tmp_path, teacher=teacher)
    assert len(seen) == (12 if mirrored else 6)
    assert torch.equal(seen[1], seen[0].flip(3)) == mirrored


def test_going_on_with_a_teacher_equals_never_stopping(
    tmp_path: Path, teacher: GraphNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simcore.network.training.loop._SAVE_EVERY_S", -1.0)  # after every step
    recipe = amended(RECIPE, {"epochs": 2})
    whole = train_tiny(tmp_path / "whole", recipe, teacher=teacher).named_tensors()
    with pytest.raises(Stop):
        train_tiny(tmp_path / "parts", recipe, stop_at=8, teacher=teacher)
    parts = train_tiny(tmp_path / "parts", recipe, teacher=teacher).named_tensors()
    assert all(torch.equal(parts[name], tensor) for name, tensor in whole.items())


def test_a_teacher_of_another_task_is_refused(tmp_path: Path) -> None:
    graph = tiny_graph()
    logits = Node(name="logits", op="linear", inputs=("bn3",), attrs={"in_features": 6, "out_features": 4})
    of_four = NetworkGraph(nodes=(*graph.nodes[:-1], logits), input_shape=graph.input_shape, classes=4)
    for other, message in (
        (
            random_network(tiny_graph(size=10)),
            r"the teacher takes inputs of shape \(2, 10, 10\), those of .* \(2, 8, 8\)",
        ),
        (random_network(of_four), "the teacher knows 4 classes, data set 'stripes' has 3"),
    ):
        with pytest.raises(InputError, match=message):
            train_tiny(tmp_path, RECIPE, teacher=other)


def test_a_teacher_sees_whole_images_where_its_pupil_sees_parts(tmp_path: Path) -> None:
    """It would not take parts: its flattened pixels are counted."""
    graph = pooled_graph()
    recipe = amended(RECIPE, {"epochs": 2, "small_crop": 5, "small_crop_share": 0.5})
    pupil, teacher = fresh_network(graph, 4), random_network(tiny_graph())
    seen: dict[str, list[int]] = {"pupil": [], "teacher": []}
    for name, network in (("pupil", pupil), ("teacher", teacher)):
        network.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].append(inputs[0].shape[-1]))
    identity = identity_of(recipe, graph=graph, teacher="t")
    train(pupil, Stripes(), recipe, identity, tmp_path, teacher=teacher)
    assert seen == {"pupil": 6 * [5] + 6 * [8], "teacher": 12 * [8]}
