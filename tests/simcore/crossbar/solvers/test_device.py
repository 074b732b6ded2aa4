"""Names of devices, and where the environment's is asked for."""

from __future__ import annotations

import pytest
import torch

from simcore.crossbar.solvers.device import DEVICE_VARIABLE, device_of_environment, sweep_device, torch_device
from simcore.errors import InputError


@pytest.mark.parametrize(("value", "name"), [(None, "numba"), ("", "numba"), ("cpu", "cpu"), ("cuda:1", "cuda:1")])
def test_the_environment_names_a_device(value, name, monkeypatch):
    if value is None:
        monkeypatch.delenv(DEVICE_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(DEVICE_VARIABLE, value)
    assert device_of_environment() == name


@pytest.mark.parametrize("name", ["numba", "cpu", "cuda"])
def test_a_sweep_runs_on_what_is_the_same_everywhere(name):
    assert sweep_device(name) == name


@pytest.mark.parametrize("name", ["auto", "tpu", "cpu:0", "numba:1", "cuda:"])
def test_a_sweep_does_not_run_on_what_machines_disagree_on(name):
    with pytest.raises(InputError, match=f"{DEVICE_VARIABLE}: .*not on '{name}'"):
        sweep_device(name)


@pytest.mark.parametrize("name", ["cuda:0", "cuda:1", "cuda:banana"])
def test_a_sweep_takes_no_number_of_a_gpu(name):
    with pytest.raises(InputError, match=f"{DEVICE_VARIABLE}: .*not on '{name}'.*CUDA_VISIBLE_DEVICES chooses"):
        sweep_device(name)


def test_numba_is_no_torch_device():
    assert torch_device(None) is None
    assert torch_device("numba") is None
    assert torch_device("cpu") == torch.device("cpu")


def test_a_device_that_is_refused_is_named_where_it_was_written():
    with pytest.raises(InputError, match=f"{DEVICE_VARIABLE}: unknown device 'tpu'"):
        torch_device("tpu", DEVICE_VARIABLE)
