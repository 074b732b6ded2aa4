"""Keys of small sweeps, as ``golden_keys.json`` keeps them: results on people's disks are named by such keys.

``python -m tests.pipeline.golden_keys`` adds the keys of sweeps that were added to ``golden_keys.yaml``. It refuses to
change a key that is there, but for designs with a pass or a setting that was revised: all results with that name would
be computed again.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline.storage.records import bundle_path, design_path, shard_path
from pipeline.storage.shards import bundles_of, cover
from pipeline.sweep.plan import Plan, make_plan
from pipeline.sweep.points import DesignPoint
from pipeline.sweep.spec import SweepFile, load_sweep
from tests.pipeline.fake_inference import FakeEvaluator

SWEEPS_FILE = Path(__file__).with_suffix(".yaml")
KEYS_FILE = Path(__file__).with_suffix(".json")
WRITE = "python -m tests.pipeline.golden_keys"

Pinned = dict[str, Any]


@functools.cache
def read_sweeps() -> dict[str, Any]:
    """``base``, ``sweeps`` by name, ``own_cell`` and ``own_effect``."""
    sweeps: dict[str, Any] = yaml.safe_load(SWEEPS_FILE.read_text())
    return sweeps


def read_keys() -> Pinned:
    """The version, the digests of the network and the images, and what is pinned of each sweep."""
    known: Pinned = json.loads(KEYS_FILE.read_text())
    return known


def _written(name: str, folder: Path) -> SweepFile:
    """A golden sweep as a file in ``folder``, beside the bitcell and effect files that it may name."""
    known = read_sweeps()
    (folder / "own-cell.yaml").write_text(yaml.safe_dump(known["own_cell"]))
    (folder / "own-effect.yaml").write_text(yaml.safe_dump(known["own_effect"]))
    path = folder / f"{name}.yaml"
    fields = known["base"] | known["sweeps"][name]
    path.write_text(yaml.safe_dump({field: value for field, value in fields.items() if value is not None}))
    return load_sweep(path)


def plan(name: str, folder: Path, version: str) -> Plan:
    """The plan of a golden sweep as a release with this ``SOLVER_VERSION`` makes it."""
    return make_plan(_written(name, folder), FakeEvaluator(version=version))


def pinned(plan: Plan, version: str) -> Pinned:
    """The keys of all points with what they were made from, and the files in the store of the first point.

    Args:
        plan: of a golden sweep.
        version: of the simulation; left out of what a key was made from where nothing of it was revised.
    """
    first = plan.points[0].key
    shards = cover(plan.images, plan.shard_images, ()).missing
    return {
        "points": {point.key: _made_from(point, version) for point in plan.points},
        "files": [
            design_path(first),
            *(shard_path(first, *shard) for shard in shards),
            *(bundle_path(first, bundle) for bundle in bundles_of(shards)),
        ],
    }


def _made_from(point: DesignPoint, version: str) -> Pinned:
    content = point.content
    names = ("design", "split") if content["solver"] == version else ("design", "split", "solver")
    return {name: content[name] for name in names}


def with_revisions(expected: Pinned, found: Pinned) -> Pinned:
    """What is expected of a sweep, with the new keys of designs whose passes have been revised since."""
    places = {_design(made): (key, made) for key, made in found["points"].items()}
    points = {}
    for key, made in expected["points"].items():
        new_key, new = places.get(_design(made), (key, made))
        revised = made.get("solver") != new.get("solver")
        points |= {new_key: new} if revised else {key: made}
    first_stays = next(iter(points)) in expected["points"]
    return {"points": points, "files": (expected if first_stays else found)["files"]}


def _design(made: Pinned) -> str:
    """What a key was made from, but for the solver version."""
    return json.dumps({name: value for name, value in made.items() if name != "solver"}, sort_keys=True)


def changes(name: str, expected: Pinned, found: Pinned) -> Iterator[str]:
    """One line for every key that is gone, is new or means something else, and for other files."""
    for key in dict.fromkeys((*expected["points"], *found["points"])):
        before, after = expected["points"].get(key), found["points"].get(key)
        if before != after:
            yield f"{name}, key {key[:12]}: expected {json.dumps(before)}, got {json.dumps(after)}"
    if expected["files"] != found["files"]:
        yield f"{name}, files: expected {expected['files']}, got {found['files']}"


def main() -> int:
    """Adds the keys of new sweeps, unless known ones changed."""
    known = read_keys()
    found: dict[str, Pinned] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in read_sweeps()["sweeps"]:
            made = plan(name, Path(folder), known["solver_version"])
            found[name] = pinned(made, known["solver_version"])
            digests = {"model": made.points[0].model.digest, "dataset": made.dataset.digest}
    if all(known[name] == digest for name, digest in digests.items()):
        pairs = [(name, old, found[name]) for name, old in known["sweeps"].items()]
        if changed := [line for name, old, new in pairs for line in changes(name, with_revisions(old, new), new)]:
            print(*changed, "nothing written: a stored key must stay what it is", sep="\n")
            return 1
    KEYS_FILE.write_text(_readable({"solver_version": known["solver_version"], **digests, "sweeps": found}))
    return 0


def _readable(whole: Pinned) -> str:
    """JSON with one line for each point."""
    head = [f"  {json.dumps(name)}: {json.dumps(whole[name])}," for name in ("solver_version", "model", "dataset")]
    sweeps = []
    for name, sweep in whole["sweeps"].items():
        points = ",\n".join(f"        {json.dumps(key)}: {json.dumps(made)}" for key, made in sweep["points"].items())
        files = ",\n".join(f"        {json.dumps(path)}" for path in sweep["files"])
        inside = f'      "points": {{\n{points}\n      }},\n      "files": [\n{files}\n      ]\n'
        sweeps.append(f"    {json.dumps(name)}: {{\n{inside}    }}")
    return "\n".join(["{", *head, '  "sweeps": {', ",\n".join(sweeps), "  }", "}", ""])


if __name__ == "__main__":
    sys.exit(main())
