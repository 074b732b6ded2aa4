"""ray_cluster.yaml against Ray's own schema."""

from __future__ import annotations

import copy
from pathlib import PurePosixPath

import yaml

from tests.pipeline.conftest import ROOT
from tests.test_installed import tracked


def test_ray_accepts_the_cluster_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((ROOT / "ray_cluster.yaml").read_text())
    validate_config(prepare_config(copy.deepcopy(config)))  # defaults filled in, as `ray up` does
    assert config["available_node_types"][config["head_node_type"]]["resources"] == {"CPU": 0}
    assert "--dashboard-host=127.0.0.1" in " ".join(config["head_start_ray_commands"])
    # Ray itself is pinned by the constraints that the set-up installs from.
    assert any("constraints.txt" in command for command in config["setup_commands"])
    assert "\nray==" in "\n" + (ROOT / "constraints.txt").read_text()


def test_what_stays_here_is_results_and_no_code() -> None:
    patterns = yaml.safe_load((ROOT / "ray_cluster.yaml").read_text())["rsync_exclude"]

    def stays(name: str) -> bool:
        """As rsync has it: a slash in front means the top, else a name matches at any depth; a folder takes its all."""
        path = PurePosixPath("/", name)
        return any(place.match(pattern) for place in (path, *path.parents) for pattern in patterns)

    assert stays("results/sweeps/a.parquet") and stays("simcore/crossbar/__pycache__/circuit.pyc")
    assert not [name for name in tracked("pipeline", "simcore") if stays(name)]


def test_the_set_up_can_be_run_again() -> None:
    """uv makes no environment over one that is there without being told to."""
    commands = yaml.safe_load((ROOT / "ray_cluster.yaml").read_text())["setup_commands"]
    assert all("--allow-existing" in command for command in commands if "uv venv" in command)
