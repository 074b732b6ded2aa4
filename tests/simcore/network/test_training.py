"""Training: learns, stops and goes on without a trace, refuses what does not belong together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from simcore.errors import BinsparxError, InputError
from simcore.network.accuracy import measure_accuracy
from simcore.network.checkpoint import save_checkpoint
from simcore.network.modules import GraphNetwork
from simcore.network.training import batches
from simcore.network.training import state as training_state
from simcore.network.training.arithmetic import Arithmetic, Processor, settle
from simcore.network.training.augmentation import augment
from simcore.network.training.initial import initialise
from simcore.network.training.loop import Progress, fresh_network, train
from simcore.network.training.recipe import RECIPES, Recipe, amended, default_recipe
from simcore.network.training.state import Identity, state_file
from tests.simcore.network.in_memory import Stripes
from tests.simcore.network.networks import pooled_graph, random_network, tiny_graph
from tests.simcore.network.small_trainings import Stop, identity_of, train_tiny

RECIPE = Recipe(epochs=3, batch_size=10, learning_rate=0.02, crop_padding=1, precision="float32")


def _identity(recipe: Recipe = RECIPE, seed: int = 4) -> Identity:
    return identity_of(recipe, seed)


def _train(folder: Path, stop_at: int | None = None, recipe: Recipe = RECIPE, seed: int = 4) -> GraphNetwork:
    return train_tiny(folder, recipe, stop_at, seed)


@pytest.fixture
def tensorfloat() -> Iterator[tuple[Any, ...]]:
    """PyTorch's switches for it, on."""
    switches = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = True
    yield switches
    for switch, was in zip(switches, before, strict=True):
        switch.allow_tf32 = was


def test_float32_is_no_tensorfloat_while_a_network_is_trained_or_measured(
    tmp_path: Path, tensorfloat: tuple[Any, ...]
) -> None:
    """The switches are looked at from within; what they were before is put back."""
    seen = []

    class Watched(Stripes):
        def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
            seen.append([switch.allow_tf32 for switch in tensorfloat])
            return super().read(split, start, count)

    def on_step(progress: Progress) -> None:
        seen.append([switch.allow_tf32 for switch in tensorfloat])
        raise Stop

    network = fresh_network(tiny_graph(), 0)
    measure_accuracy(network, Watched(), "test")
    with pytest.raises(Stop):
        train(network, Stripes(), RECIPE, _identity(), tmp_path, on_step)
    assert seen == [[False, False]] * 2
    assert all(switch.allow_tf32 for switch in tensorfloat)


def test_the_time_left_outlives_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = [0.0], []

    def slow_augment(*arguments: object) -> np.ndarray:
        now[0] += 10_000 if len(told) == 9 else 2
        return augment(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(batches, "augment", slow_augment)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    train(fresh_network(tiny_graph(), 4), Stripes(), RECIPE, _identity(), tmp_path, told.append)
    assert len(told) == 18
    assert [progress.seconds_left for progress in told] == [None, *(2.0 * (18 - step) for step in range(2, 19))]


def _assert_same(first: GraphNetwork, second: GraphNetwork) -> None:
    other = second.named_tensors()
    for name, tensor in first.named_tensors().items():
        assert torch.equal(tensor, other[name]), name


def test_a_tiny_network_learns(tmp_path: Path) -> None:
    network = _train(tmp_path, recipe=amended(RECIPE, {"epochs": 12}))
    assert measure_accuracy(network, Stripes(), "test").fraction > 0.9
    binary = network.binary_tensor_names()
    assert all(tensor.abs().max() <= 1 for name, tensor in network.named_tensors().items() if name in binary)


def test_small_windows_come_first_and_whole_images_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = pooled_graph()
    recipe = amended(RECIPE, {"small_crop": 4, "small_crop_share": 0.7})
    network = fresh_network(graph, 4)
    sides: list[int] = []
    now = [0.0]

    def cut(*arguments: Any) -> np.ndarray:
        pixels = augment(*arguments)
        now[0] += pixels[0, :, :, 0].size / 64
        return pixels

    monkeypatch.setattr(batches, "augment", cut)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    left: list[float | None] = []
    network.register_forward_pre_hook(lambda module, inputs: sides.append(inputs[0].shape[-1]))
    identity = identity_of(recipe, graph=graph)
    train(network, Stripes(), recipe, identity, tmp_path, lambda progress: left.append(progress.seconds_left))
    assert sides == 2 * 6 * [4] + 6 * [8]  # two of three epochs of six steps
    seconds = np.square(sides) / 64
    assert left[1:] == [seconds[step:].sum() for step in range(2, 19)]  # the slower steps to come are thought of


@pytest.mark.parametrize(("side", "message"), [(6, "takes images of 8x8 only"), (9, "images are 8x8")])
def test_small_windows_that_do_not_fit_are_refused(tmp_path: Path, side: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _train(tmp_path, recipe=amended(RECIPE, {"small_crop": side}))


def test_equal_seeds_give_equal_networks(tmp_path: Path) -> None:
    _assert_same(_train(tmp_path / "a"), _train(tmp_path / "b"))
    different = _train(tmp_path / "c", seed=5).named_tensors()
    assert not torch.equal(_train(tmp_path / "a").named_tensors()["stem.weight"], different["stem.weight"])


@pytest.mark.parametrize("stop_at", [7, 12, 14])
def test_going_on_equals_never_stopping(tmp_path: Path, stop_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simcore.network.training.loop._SAVE_EVERY_S", -1.0)  # after every step
    expected = _train(tmp_path / "whole")
    with pytest.raises(Stop):
        _train(tmp_path / "parts", stop_at)
    _assert_same(_train(tmp_path / "parts"), expected)


def test_going_on_from_the_end_of_an_epoch_equals_never_stopping(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        _train(tmp_path / "parts", stop_at=9)  # six steps an epoch: the state is that of step 6
    _assert_same(_train(tmp_path / "parts"), _train(tmp_path / "whole"))


def test_a_folder_is_for_one_training_at_a_time(tmp_path: Path) -> None:
    def begin_another(progress: Progress) -> None:
        with pytest.raises(InputError, match="in use by another training; .*--state"):
            _train(tmp_path, seed=5)
        raise Stop

    with pytest.raises(Stop):
        train(fresh_network(tiny_graph(), 4), Stripes(), RECIPE, _identity(), tmp_path, begin_another)
    assert not state_file(tmp_path).exists()
    _train(tmp_path)  # the lock has gone with the training


def test_a_finished_training_is_only_read(tmp_path: Path) -> None:
    first = _train(tmp_path)
    written = state_file(tmp_path).read_bytes()
    _assert_same(_train(tmp_path), first)
    assert state_file(tmp_path).read_bytes() == written


@pytest.mark.parametrize("field", ["recipe", "seed", "dataset", "graph", "start", "teacher"])
def test_the_state_of_another_training_is_refused(tmp_path: Path, field: str) -> None:
    _train(tmp_path, recipe=amended(RECIPE, {"epochs": 1}))
    identity = _identity(amended(RECIPE, {"epochs": 1}))
    value = {"recipe": {}, "seed": 9}.get(field, "other")
    network = fresh_network(tiny_graph(), 4)
    with pytest.raises(InputError, match=f"another {field}"):
        train(network, Stripes(), RECIPE, replace(identity, **{field: value}), tmp_path)


def test_a_state_that_does_not_say_how_it_was_trained_is_refused_as_a_start(tmp_path: Path) -> None:
    _train(tmp_path)
    path = state_file(tmp_path)
    save_file(load_file(path), path, metadata=_header(path) | {"identity": "{}"})
    with pytest.raises(InputError, match="not a complete training state"):
        training_state.earlier_training(path)


@pytest.mark.parametrize("stored", ["bfloat16", None])
def test_a_training_goes_on_in_the_precision_it_began_with(
    tmp_path: Path, stored: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``auto`` means another precision on the second machine; states of old do not say what it meant."""
    recipe = amended(RECIPE, {"precision": "auto"})
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    with pytest.raises(Stop):
        _train(tmp_path, stop_at=9, recipe=recipe)
    if stored is None:
        _without_arithmetic(state_file(tmp_path))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    _train(tmp_path, recipe=recipe)
    arithmetic = json.loads(_header(state_file(tmp_path))["arithmetic"])
    assert arithmetic == {"precision": stored or "float32", "device": "cpu", "threads": torch.get_num_threads()}


def test_a_training_goes_on_with_the_threads_it_began_with(tmp_path: Path) -> None:
    """Other threads cut torch's sums elsewhere, which ends in other last bits."""

    recipe = amended(RECIPE, {"batch_size": 30})  # two steps an epoch

    def go(threads: int | None, stop_at: int | None = None) -> None:
        def on_step(progress: Progress) -> None:
            assert torch.get_num_threads() == 2
            if progress.step == stop_at:
                raise Stop

        train(
            fresh_network(tiny_graph(), 4),
            Stripes(),
            recipe,
            _identity(recipe),
            tmp_path,
            on_step,
            processor=Processor(threads=threads),
        )

    with pytest.raises(Stop):
        go(2, stop_at=3)
    torch.set_num_threads(1)
    with pytest.raises(InputError, match="began with 2 threads, .*, not 3"):
        go(3)
    with pytest.raises(Stop):
        go(None, stop_at=5)
    go(2)
    assert training_state.stored_arithmetic(tmp_path) == Arithmetic("float32", "cpu", 2)


def test_a_training_goes_on_whose_recipe_knew_fewer_settings(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        _train(tmp_path / "old", stop_at=9)
    path = state_file(tmp_path / "old")
    header = _header(path)
    identity = json.loads(header["identity"])
    del identity["teacher"], identity["recipe"]["teacher_share"]
    save_file(load_file(path), path, metadata=header | {"identity": json.dumps(identity)})
    _assert_same(_train(tmp_path / "old"), _train(tmp_path / "new"))


def test_a_state_of_another_recipe_says_where_they_differ(tmp_path: Path) -> None:
    _train(tmp_path)
    with pytest.raises(InputError, match=r"another recipe \(epochs 3, not 4, flip True, not False\)"):
        _train(tmp_path, recipe=amended(RECIPE, {"epochs": 4, "flip": False}))
    with pytest.raises(InputError, match=r"another seed \(4, not 5\)"):
        train(fresh_network(tiny_graph(), 5), Stripes(), RECIPE, _identity(seed=5), tmp_path)


def _header(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def _without_arithmetic(path: Path) -> None:
    """The file as it was written before states said what they compute in."""
    header = {name: text for name, text in _header(path).items() if name != "arithmetic"}
    save_file(load_file(path), path, metadata=header)


def test_a_precision_that_the_gpu_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    with pytest.raises(InputError, match="bfloat16, which the GPU here does not have"):
        settle("bfloat16", Processor("cuda"), where="runs/one")
    settle("float32", Processor("cuda"))
    settle("bfloat16", Processor("cpu"))


def test_adams_state_lies_where_its_parameter_does(tmp_path: Path) -> None:
    """The fused optimizer looks for the step there too; a device without memory stands for a GPU."""
    _train(tmp_path, recipe=amended(RECIPE, {"epochs": 1}))
    tensors = load_file(state_file(tmp_path))
    network = fresh_network(tiny_graph(), 4).to("meta")
    optimizer = torch.optim.AdamW(network.parameters())
    training_state._restore_moments(network, optimizer, tensors, 6, "")
    assert {value.device.type for state in optimizer.state.values() for value in state.values()} == {"meta"}


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    _train(tmp_path, recipe=RECIPE)
    content = state_file(tmp_path).read_bytes()
    state_file(tmp_path).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="not a complete training state"):
        _train(tmp_path)
    save_file({"weight": torch.zeros(2)}, state_file(tmp_path))
    with pytest.raises(InputError, match="not the state of a training"):
        _train(tmp_path)


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path: Path) -> None:
    network = fresh_network(tiny_graph(), 0)
    network.named_tensors()["logits.bias"].fill_(float("nan"))
    with pytest.raises(BinsparxError, match="no longer finite"):
        train(network, Stripes(), RECIPE, _identity(), tmp_path)


def test_data_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    network = random_network(tiny_graph(size=10))
    with pytest.raises(InputError, match=r"\(2, 10, 10\), those of data set .* \(2, 8, 8\)"):
        train(network, Stripes(), RECIPE, _identity(), tmp_path)


def test_a_network_can_start_from_a_checkpoint_and_from_a_state(tmp_path: Path) -> None:
    trained = _train(tmp_path)
    again = fresh_network(tiny_graph(), 1, init=state_file(tmp_path))
    _assert_same(again, trained)
    save_checkpoint(tmp_path / "tiny.safetensors", trained, {})
    from_bits = fresh_network(tiny_graph(), 1, init=tmp_path / "tiny.safetensors")
    for mine, theirs in zip(from_bits.binary_layers(), trained.binary_layers(), strict=True):
        np.testing.assert_array_equal(mine.weight, theirs.weight)
    latent = from_bits.named_tensors()["first.weight"]
    assert torch.equal(latent.abs(), torch.full_like(latent, 0.1))


def test_weights_that_do_not_fit_are_refused_and_change_nothing(tmp_path: Path) -> None:
    network = random_network(tiny_graph())
    before = {name: tensor.clone() for name, tensor in network.named_tensors().items()}
    path = tmp_path / "weights.safetensors"
    for name, tensor, message in (
        ("first.weight", torch.zeros(2, 2), "should be a float tensor"),
        ("first.weight", torch.full((4, 4, 3, 3), float("nan")), "not finite"),
        ("other", torch.zeros(1), "no tensor for"),
    ):
        tensors = {} if name == "other" else {key: value.clone() for key, value in before.items()}
        save_file({**tensors, name: tensor}, path)
        with pytest.raises(InputError, match=message):
            initialise(network, path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="not a readable safetensors file"):
        initialise(network, path)
    with pytest.raises(InputError, match="no such file"):
        initialise(network, tmp_path / "absent.safetensors")
    for name, tensor in network.named_tensors().items():
        assert torch.equal(tensor, before[name])


@settings(max_examples=30, deadline=None)
@given(padding=st.integers(0, 3), flip=st.booleans(), seed=st.integers(0, 99), size=st.sampled_from([None, 3, 5]))
def test_a_crop_moves_or_mirrors_and_nothing_else(padding: int, flip: bool, seed: int, size: int | None) -> None:
    images = np.random.default_rng(seed).integers(1, 256, (4, 6, 5, 2), dtype=np.uint8)
    result = augment(images, padding, flip, np.random.default_rng(seed), size)
    height, width = (6, 5) if size is None else (size, size)
    assert result.shape == (4, height, width, 2) and result.dtype == np.uint8
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    for image, source in zip(result, padded, strict=True):
        corners = np.ndindex(7 + 2 * padding - height, 6 + 2 * padding - width)
        windows = [source[y : y + height, x : x + width] for y, x in corners]
        candidates = windows + ([window[:, ::-1] for window in windows] if flip else [])
        assert any(np.array_equal(image, candidate) for candidate in candidates)


def test_the_learning_rate_rises_and_falls_to_zero() -> None:
    recipe = Recipe(learning_rate=0.01, warmup=0.25)
    rates = [recipe.learning_rate_at(step, 100) for step in range(101)]
    assert max(rates) == rates[25] == 0.01
    assert rates[0] == pytest.approx(0.0004)
    assert rates[:26] == sorted(rates[:26]) and rates[25:] == sorted(rates[25:], reverse=True)
    assert rates[100] == pytest.approx(0)
    assert Recipe(warmup=0.0).learning_rate_at(0, 10) == Recipe().learning_rate


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"learning_rate": "fast"}, {"epoch": 3}, {"flip": "yes"}])
def test_a_recipe_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        amended(RECIPE, changes, "recipe.yaml")


def test_an_unknown_recipe_offers_the_nearest() -> None:
    assert set(RECIPES) == {"fashion-cnn", "vgg-small", "resnet18-cifar"}
    with pytest.raises(InputError, match="did you mean 'vgg-small'"):
        default_recipe("vgg")
