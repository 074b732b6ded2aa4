"""The stand-ins against what they stand in for: the same assertions on both evaluators, the same programs on both
Rays."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pytest

from pipeline.execution.driver import Execution
from pipeline.execution.ray_interface import Ray
from pipeline.execution.tasks import TaskSettings
from pipeline.provenance import Provenance
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.layer_totals import in_units, sum_layers, sum_network
from pipeline.storage.store import Store
from pipeline.storage.work import find_work
from pipeline.sweep.evaluator import SimcoreEvaluator
from pipeline.sweep.plan import make_plan
from pipeline.sweep.protocols import Checkpoint, Dataset, Evaluator, Prepared
from pipeline.sweep.spec import load_sweep
from pipeline.tables.evidence import evidence_record, within_limits
from simcore.design import Design
from simcore.design_axes import Adc
from simcore.inference import evaluation, validation
from simcore.passes import NONE
from simcore.readout import layer_totals
from tests.pipeline import fake_inference, fake_simcore
from tests.pipeline.conftest import ROOT
from tests.pipeline.execution.test_driver import Heard
from tests.pipeline.fake_inference import FakeEvaluator
from tests.pipeline.fake_ray import FakeClock, FakeRay
from tests.pipeline.fake_simcore import write_sweep
from tests.simcore.small_networks import make_design, small_checkpoint, small_dataset


class Subject(NamedTuple):
    """An evaluator with a network and images of its own kind."""

    evaluator: Evaluator
    checkpoint: Checkpoint
    dataset: Dataset
    prepared: Prepared


@pytest.fixture(scope="module")
def design() -> Design:
    return make_design(rows=16, cols=16, evidence={"beyond": "mark"})


@pytest.fixture(scope="module", params=["simcore", "stand-in"])
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, design: Design) -> Subject:
    if request.param == "simcore":
        evaluator: Evaluator = SimcoreEvaluator()
        checkpoint: Checkpoint = small_checkpoint()
        dataset: Dataset = small_dataset(tmp_path_factory.mktemp("images"))
    else:
        evaluator, checkpoint, dataset = FakeEvaluator(), fake_simcore.Checkpoint("fake-cnn"), fake_simcore.Dataset()
    evaluator.load()
    return Subject(evaluator, checkpoint, dataset, evaluator.prepare(checkpoint, design, dataset))


class TestEvaluator:
    """What the pipeline rests on, of every evaluator."""

    def test_it_travels(self, subject: Subject) -> None:
        sent = pickle.dumps(subject.evaluator)
        assert len(sent) < 500 and pickle.loads(sent) == subject.evaluator
        assert subject.evaluator.images_at_once > 0
        assert subject.evaluator.device in ("numba", "cpu", "cuda") and subject.evaluator.solver_version(
            (), NONE, Adc(bits=4)
        )

    def test_data_set_and_network_belong_together(self, subject: Subject) -> None:
        graph = subject.checkpoint.network.graph
        assert tuple(graph.input_shape) == subject.dataset.input_shape
        assert graph.classes == len(subject.dataset.classes)
        mapped = [layer.name for layer in subject.checkpoint.binary_layers("")]
        assert mapped and set(mapped) <= {node.name for node in graph.nodes}
        images, labels = subject.dataset.read("test", 3, 4)
        channels, height, width = graph.input_shape
        assert images.shape == (4, height, width, channels) and images.dtype == np.uint8
        assert labels.shape == (4,) and 0 <= labels.min() <= labels.max() < graph.classes
        subject.dataset.verify()

    def test_a_prepared_design_tells_its_evidence(self, subject: Subject, design: Design) -> None:
        record = evidence_record(subject.prepared)
        assert record["solver"] == subject.prepared.solver == "fast"
        mapped = [layer.name for layer in subject.checkpoint.binary_layers("")]
        assert [(layer["layer"], layer["inputs"]) for layer in record["layers"]] == [
            (name, inputs) for name in mapped for inputs in ("ideal", "own")
        ]
        assert isinstance(within_limits(record, design.evidence), bool)

    def test_a_shard_is_what_was_asked_for_and_the_same_each_time(self, subject: Subject) -> None:
        images, labels = subject.dataset.read("test", 5, 6)
        prepared = pickle.loads(pickle.dumps(subject.prepared))
        first, again = (subject.evaluator.evaluate(one, images, labels, 5) for one in (subject.prepared, prepared))
        assert np.array_equal(first.labels, labels)
        for result in (first, again):
            assert result.predictions.shape == result.ideal_predictions.shape == (6,)
        assert np.array_equal(first.predictions, again.predictions)
        assert np.array_equal(first.ideal_predictions, again.ideal_predictions)
        assert _layers(first) == _layers(again)
        assert [layer["layer"] for layer in _layers(first)] == [
            layer.name for layer in subject.checkpoint.binary_layers("")
        ]

    def test_shards_add_up_to_the_whole(self, subject: Subject) -> None:
        images, labels = subject.dataset.read("test", 0, 6)
        evaluate = subject.evaluator.evaluate
        whole = evaluate(subject.prepared, images, labels, 0)
        parts = [evaluate(subject.prepared, images[at], labels[at], at.start) for at in (slice(0, 2), slice(2, 6))]
        assert np.array_equal(np.concatenate([part.predictions for part in parts]), whole.predictions)
        summed = sum_layers([_layers(part) for part in parts])
        counted = ("column_reads", "activation_reads", "stored_columns", "weight_flips", "inputs", "lsb_A")
        for one, other in zip(summed, _layers(whole), strict=True):
            assert {name: one[name] for name in counted} == {name: other[name] for name in counted}
        told = in_units(sum_network(summed))
        assert told["column_current_A"] > 0 and told["squared_error"] >= 0


def _layers(result: Any) -> list[dict[str, Any]]:
    return [{field.name: getattr(layer, field.name) for field in fields(layer)} for layer in result.layers]


def test_the_stand_in_returns_what_the_simulator_returns() -> None:
    for module, name in (
        (validation, "Evidence"), (validation, "LayerEvidence"),
        (evaluation, "LayerTotals"), (evaluation, "ShardResult"),
    ):  # fmt: skip
        real, fake = getattr(module, name), getattr(fake_inference, name)
        assert {f.name for f in fields(fake)} == {f.name for f in fields(real)}
    assert fake_inference.CURRENTS_A_LSB == layer_totals.CURRENTS_A_LSB
    assert fake_inference.ERRORS_A_LSB == layer_totals.ERRORS_A_LSB


def test_an_evaluator_that_is_not_used_loads_nothing() -> None:
    code = (
        "import pickle, sys; from pipeline.sweep.evaluator import SimcoreEvaluator; "
        "pickle.loads(pickle.dumps(SimcoreEvaluator('cpu'))); "
        "sys.exit(bool({'torch', 'numba'} & sys.modules.keys()))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_exact_solves_run_where_the_evaluator_says_and_no_environment_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, design: Design
) -> None:
    monkeypatch.setenv("BINSPARX_DEVICE", "cuda")
    prepared = SimcoreEvaluator("cpu").prepare(small_checkpoint(), design, small_dataset(tmp_path))
    assert prepared.design.device == "cpu"


# Ray ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["ray", "stand-in"])
def rays(request: pytest.FixtureRequest) -> Ray:
    if request.param == "stand-in":
        return FakeRay(2, FakeClock())
    request.getfixturevalue("ray_cluster")
    import ray

    return cast(Ray, ray)


def test_results_errors_and_what_waits_are_told_alike(rays: Ray) -> None:
    def half(number: int) -> int:
        if number % 2:
            raise ValueError(f"{number} is odd")
        return number // 2

    def divided(number: int, by: int) -> tuple[int, int]:
        return divmod(number, by)

    halves = rays.remote(num_cpus=1, max_retries=0)(half)
    assert rays.get(halves.remote(rays.put(8))) == 4  # a reference comes as what it stands for
    failing = halves.remote(7)
    with pytest.raises(rays.exceptions.RayTaskError) as caught:
        rays.get(failing)
    assert type(caught.value.cause) is ValueError and str(caught.value.cause) == "7 is odd"
    with pytest.raises(rays.exceptions.RayError):  # what comes of a failed task fails like it
        rays.get(halves.remote(failing))

    both = rays.remote(num_cpus=1, max_retries=0, num_returns=2)(divided)
    whole, rest = both.options(num_cpus=1, memory=1 << 20).remote(17, 5)
    assert (rays.get(whole), rays.get(rest)) == (3, 2)

    waiting = [halves.remote(number) for number in (2, 4, 6)]
    values = []
    while waiting:
        finished, others = rays.wait(waiting, timeout=None)
        assert finished and {*finished, *others} == {*waiting}
        values += [rays.get(reference) for reference in finished]
        waiting = others
    assert sorted(values) == [1, 2, 3]
    assert any(node["Alive"] and node["Resources"]["CPU"] >= 1 for node in rays.nodes())


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize("how", ["", "evaluate@50", "evaluate", "prepare", "disk-once"])
def test_an_execution_ends_alike(
    tmp_path: Path, control: Callable[..., None], calls: Path, rays: Ray, how: str
) -> None:
    """Well, with a shard set apart, given up, never prepared, and after another try."""
    control(fail=f"64-dense:{how}", calls=calls)
    plan = make_plan(load_sweep(write_sweep(tmp_path)))
    store = Store(str(tmp_path / "results"))
    settings = TaskSettings(plan.evaluator, store.absolute_uri, 1, Provenance("0", ""))
    heard = Heard()
    failures = Execution(rays, settings, heard).run(find_work(plan, store, ComputeTimes({})))
    (bad,) = [p.key for p in plan.points if (p.configuration.rows, p.level_columns["sparsity"]) == (64, "dense")]
    done = {p.key: sorted(images for key, images in heard.done if key == p.key) for p in plan.points}
    assert all(images == [0, 25, 25, 25, 25] for key, images in done.items() if key != bad)
    assert len(done[bad]) + len(heard.abandoned) == 5
    assert heard.retries == (how == "disk-once")
    stages = [(failure.point.key, failure.stage.split(" ")[0], failure.kind.value) for failure in failures]
    if how in ("", "disk-once"):
        assert stages == []
    else:
        stage = "prepare" if how == "prepare" else "images"
        assert stages == [(bad, stage, "simulation")]
        assert failures[0].reason == "RuntimeError: the solver of 64-dense did not converge"
