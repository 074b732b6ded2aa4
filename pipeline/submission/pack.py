"""What a job needs and nothing else: the code that git tracks, the sweep file, and the files the sweep names."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pipeline
from pipeline.provenance import PACK_FILE, find_provenance
from pipeline.sweep import simulation
from pipeline.sweep.field_types import is_effect_file
from pipeline.sweep.spec import SweepFile
from simcore.datasets import SAMPLE_NAMES
from simcore.errors import InputError
from simcore.yaml_file import read_yaml

CODE_FOLDERS = ("pipeline", "simcore")
FILES_FOLDER = "files"
_CODE_ENDINGS = (".py", ".yaml", ".csv", ".safetensors", ".parquet", ".json", ".md", ".html", ".css", ".js")
_SECRET_NAMES = (
    ".env*", "*.env", ".netrc", ".pgpass", ".git-credentials", ".npmrc", ".pypirc", "credentials*", "*secret*",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "*.keystore",
)  # fmt: skip


@dataclass(frozen=True)
class Pack:
    """Files by their name in the pack, the sweep file's name in it, and what was left out of the code's folders."""

    files: dict[str, Path]
    sweep: str
    left_out: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())

    def write(self, folder: Path, job: dict[str, str | dict[str, str]]) -> None:
        """Copies everything below ``folder``, with ``job`` and the provenance of the code beside it."""
        for name, source in self.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        provenance = find_provenance()
        about = {"package_version": provenance.package_version, "git_commit": provenance.git_commit}
        (folder / PACK_FILE).write_text(json.dumps({**about, "job": job}, indent=1))


def looks_secret(name: str) -> bool:
    """Whether a file of this name usually holds keys or passwords."""
    last = PurePosixPath(name).name.lower()
    return any(fnmatch.fnmatchcase(last, pattern) for pattern in _SECRET_NAMES)


def make_pack(sweep: SweepFile) -> Pack:
    """Collects what a sweep needs.

    A file named by an absolute path, or from ``~``, is taken to be there on every machine of the cluster, and is not
    packed.

    Raises:
        InputError: a file the sweep names is missing, or its name says that it holds a secret, or a network or images
            are named by a word that means a file or a folder of this machine.
    """
    root = Path(pipeline.__file__).resolve().parent.parent
    code, left_out = _code_files(root)
    files = {name: root / name for name in code}
    named = [Path(os.path.abspath(sweep.path)), *_named_files(sweep)]
    base = Path(os.path.commonpath([path.parent for path in named]))
    for path in named:
        name = path.relative_to(base).as_posix()
        if looks_secret(name) or looks_secret(path.resolve().name):
            raise InputError(f"'{name}' looks like a file with a secret and is not sent to a cluster", sweep.path.name)
        files[f"{FILES_FOLDER}/{name}"] = path
    return Pack(files, f"{FILES_FOLDER}/{named[0].relative_to(base).as_posix()}", left_out)


def _code_files(root: Path) -> tuple[list[str], tuple[str, ...]]:
    """The project's own files, and those beside them that stay here: not tracked by git, or with a secret's name."""
    tracked = _git_files(root)
    there = sorted(
        path.relative_to(root).as_posix()
        for folder in CODE_FOLDERS
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    if tracked is None:  # an installed package: all of it was packed by its makers
        tracked = {name for name in there if name.endswith(_CODE_ENDINGS)}
    kept = [name for name in there if name in tracked and not looks_secret(name) and not (root / name).is_symlink()]
    return kept, tuple(sorted(set(there) - set(kept)))


def _git_files(root: Path) -> set[str] | None:
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "ls-files", "-z", "--", *CODE_FOLDERS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"git does not say which files of {root} it tracks: {error}") from None
    return set(done.stdout.split("\0")) - {""}


def _named_files(sweep: SweepFile) -> Iterator[Path]:
    """The files that the sweep names by relative paths: networks, bitcells with their I-V points, a technology,
    images."""
    from simcore.network.checkpoint import model_names  # brings torch, for which commands about jobs need not wait

    spec = sweep.spec
    for index, reference in enumerate(spec.models):
        if reference not in model_names() and Path(reference).is_file():
            _require_from_sweep(sweep, reference, "file", ("models", index))
        yield from _existing(sweep, reference, ("models", index))
    for index, device in enumerate(spec.devices):
        if device.file is not None:
            of_points = [match.given() for match in spec.points]
            named = [one.get("overrides", {}) for one in of_points if device.shown in one.get("device", [device.shown])]
            for path in _existing(sweep, device.file, ("devices", index)):
                yield path
                yield from _points_files(path, [device.overrides, *named])
    yield from _effect_files(sweep)
    yield from _existing(sweep, spec.cost.technology, ("cost", "technology"))
    yield from _dataset_files(sweep)


def _existing(sweep: SweepFile, reference: str, location: tuple[str | int, ...]) -> list[Path]:
    resolved = sweep.resolve(reference)
    if resolved == reference or not Path(resolved).is_absolute() or Path(reference).expanduser().is_absolute():
        return []  # a name that ships, or a path that is the same on every machine
    if not Path(resolved).is_file():
        raise InputError(f"no such file: {resolved}", sweep.where(*location))
    # A link is packed where the sweep names it, with what it leads to.
    return [Path(os.path.abspath(resolved))]


def _require_from_sweep(sweep: SweepFile, reference: str, kind: str, location: tuple[str | int, ...]) -> None:
    """A bare word is looked for where a command runs, not beside the sweep file."""
    if sweep.resolve(reference) == reference and not Path(reference).expanduser().is_absolute():
        raise InputError(
            f"'{reference}' is a {kind} where this command runs, which no machine of the cluster has; name it by its "
            f"path from the sweep file's folder, such as ./{reference}",
            sweep.where(*location),
        )


def _effect_files(sweep: SweepFile) -> Iterator[Path]:
    """Files with device effects, wherever the sweep names them, and the samples beside them."""
    spec = sweep.spec
    named: list[tuple[tuple[str | int, ...], str]] = []
    named += [(("effects", index), one) for index, one in enumerate(spec.effects)]
    for index, match in enumerate(spec.points):
        named += [(("points", index, "effects"), one) for one in match.given().get("effects", [])]
    for location, references in named:
        for reference in filter(is_effect_file, references.split("+")):
            for path in _existing(sweep, reference, location):
                yield path
                for name in _values_of("samples_csv", read_yaml(path).data):
                    if isinstance(name, str) and (path.parent / name).is_file():
                        yield path.parent / name


def _points_files(bitcell: Path, overrides: Sequence[Mapping[str, object]]) -> Iterator[Path]:
    """I-V points named by a bitcell file or by overrides; they lie beside the bitcell file."""
    for name in _values_of("iv_csv", [read_yaml(bitcell).data, *overrides]):
        if isinstance(name, str) and PurePosixPath(name).name == name and (bitcell.parent / name).is_file():
            yield bitcell.parent / name


def _values_of(field: str, data: object) -> Iterator[object]:
    """All values of a field at any depth; a value may stand in a list or under ``value``."""
    if isinstance(data, list):
        for item in data:
            yield from _values_of(field, item)
    elif isinstance(data, dict):
        for name, item in data.items():
            if name != field:
                yield from _values_of(field, item)
                continue
            for entry in item if isinstance(item, list) else [item]:
                yield entry.get("value") if isinstance(entry, dict) else entry


def _dataset_files(sweep: SweepFile) -> Iterator[Path]:
    reference = sweep.spec.dataset.name
    resolved = sweep.resolve(reference)
    if reference not in SAMPLE_NAMES and Path(reference).is_dir():
        _require_from_sweep(sweep, reference, "folder", ("dataset", "name"))
    if resolved == reference or Path(reference).expanduser().is_absolute():
        return
    dataset = simulation.open_dataset(resolved, sweep.where("dataset", "name"))
    folder = Path(resolved)  # where the sweep names it, as of a single file; the data set's own has no links in it
    yield folder / "dataset.json"
    for split in dataset.manifest.splits.values():
        for shard in split.shards:
            yield folder / shard.file
