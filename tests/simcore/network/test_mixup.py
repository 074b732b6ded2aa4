"""Blended images and what is to be answered to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.errors import InputError
from simcore.network.accuracy import measure_accuracy
from simcore.network.training import batches, loop
from simcore.network.training.augmentation import augment
from simcore.network.training.loop import fresh_network, train
from simcore.network.training.mixup import Mixup, draw_mixup
from simcore.network.training.recipe import Recipe, amended
from tests.simcore.network.in_memory import Stripes
from tests.simcore.network.networks import pooled_graph, random_network, tiny_graph
from tests.simcore.network.small_trainings import Stop, identity_of, train_tiny

RECIPE = Recipe(epochs=12, batch_size=10, learning_rate=0.02, crop_padding=1, mixup=0.3, precision="float32")


def test_images_and_classes_are_blended_alike() -> None:
    mixup = Mixup(torch.tensor([2, 1, 0]), torch.tensor([0.25, 0.5, 0.0]))
    images = torch.tensor([0.0, 100.0, 200.0])[:, None, None, None].expand(3, 2, 4, 4)
    assert mixup.images(images)[:, 0, 0, 0].tolist() == [50.0, 100.0, 200.0]
    assert mixup.classes(torch.tensor([0, 1, 2]), 3).tolist() == [[0.75, 0, 0.25], [0, 1, 0], [0, 0, 1]]


@settings(deadline=None)
@given(count=st.integers(1, 40), strength=st.floats(0.01, 10), seed=st.integers(0, 1000))
def test_every_image_lends_to_one_and_the_smaller_part(count: int, strength: float, seed: int) -> None:
    mixup = draw_mixup(count, strength, np.random.default_rng(seed))
    assert sorted(mixup.partners.tolist()) == list(range(count))
    assert bool(((mixup.shares >= 0) & (mixup.shares <= 0.5)).all())
    classes = mixup.classes(torch.arange(count) % 7, 7)
    torch.testing.assert_close(classes.sum(1), torch.ones(count))


def test_shares_are_of_the_beta_distribution() -> None:
    """min(x, 1 - x) of x ~ Beta(1, 1) is uniform in 0..0.5: mean 1/4, variance 1/48; weaker blends are less."""
    uniform = draw_mixup(100_000, 1.0, np.random.default_rng(0)).shares
    assert abs(float(uniform.mean()) - 1 / 4) < 4 * (1 / 48 / 100_000) ** 0.5
    assert abs(float(uniform.var()) - 1 / 48) < 4e-4
    weak = draw_mixup(100_000, 0.2, np.random.default_rng(0)).shares
    assert float(weak.median()) < 0.1 < float(uniform.median())


def test_a_tiny_network_learns_from_blends(tmp_path: Path) -> None:
    plain = train_tiny(tmp_path / "plain", amended(RECIPE, {"mixup": 0.0}))
    blended = train_tiny(tmp_path / "blended", RECIPE)
    assert measure_accuracy(blended, Stripes(), "test").fraction > 0.9
    first, second = plain.named_tensors(), blended.named_tensors()
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_going_on_with_blends_equals_never_stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_SAVE_EVERY_S", -1.0)  # after every step
    recipe = amended(RECIPE, {"epochs": 2})
    whole = train_tiny(tmp_path / "whole", recipe).named_tensors()
    with pytest.raises(Stop):
        train_tiny(tmp_path / "parts", recipe, stop_at=8)
    parts = train_tiny(tmp_path / "parts", recipe).named_tensors()
    assert all(torch.equal(parts[name], tensor) for name, tensor in whole.items())


def test_a_teacher_sees_the_blends_of_its_pupil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First of whole images, while the pupil sees windows of them, then the very same pixels."""
    graph = pooled_graph()
    recipe = amended(RECIPE, {"epochs": 2, "crop_padding": 0, "flip": False, "small_crop": 5, "small_crop_share": 0.5})
    pupil, teacher = fresh_network(graph, 4), random_network(tiny_graph())
    seen: dict[str, list[torch.Tensor]] = {"pupil": [], "teacher": []}
    for name, network in (("pupil", pupil), ("teacher", teacher)):
        network.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].append(inputs[0]))

    def top_left(*arguments: object) -> np.ndarray:
        pixels = augment(*arguments)  # type: ignore[arg-type]
        images = arguments[0]
        assert isinstance(images, np.ndarray)
        return images[:, : pixels.shape[1], : pixels.shape[2]]

    monkeypatch.setattr(batches, "augment", top_left)
    train(pupil, Stripes(), recipe, identity_of(recipe, graph=graph, teacher="t"), tmp_path, teacher=teacher)
    assert [images.shape[-1] for images in seen["pupil"]] == 6 * [5] + 6 * [8]
    for parts, wholes in zip(seen["pupil"], seen["teacher"], strict=True):
        torch.testing.assert_close(wholes[:, :, : parts.shape[2], : parts.shape[3]], parts)
    assert bool((seen["pupil"][0] % 1 != 0).any())  # no pixels of one image


@pytest.mark.parametrize("strength", [-0.1, 11, "mildly"])
def test_a_strength_that_cannot_be_is_refused(strength: object) -> None:
    with pytest.raises(InputError, match=r"recipe\.yaml.*mixup"):
        amended(RECIPE, {"mixup": strength}, "recipe.yaml")
