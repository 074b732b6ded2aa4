"""ray_cluster.yaml against Ray's own schema."""

from __future__ import annotations

import copy

import yaml

from tests.pipeline.conftest import ROOT


def test_ray_accepts_the_cluster_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((ROOT / "ray_cluster.yaml").read_text())
    validate_config(prepare_config(copy.deepcopy(config)))  # defaults filled in, as `ray up` does
    assert config["available_node_types"][config["head_node_type"]]["resources"] == {"CPU": 0}
    assert "--dashboard-host=127.0.0.1" in " ".join(config["head_start_ray_commands"])
    # Ray itself is pinned by the constraints that the set-up installs from.
    assert any("constraints.txt" in command for command in config["setup_commands"])
    assert "\nray==" in "\n" + (ROOT / "constraints.txt").read_text()
