"""Making a folder all at once: it appears finished under its name, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from simcore.datasets.manifest import MANIFEST_NAME
from simcore.errors import InputError


@contextmanager
def new_folder(target: Path, *, force: bool) -> Iterator[Path]:
    """Give an empty folder beside ``target`` to fill; rename it to ``target`` when the block ends well.

    When the block fails, the folder and any parents made for it are removed, and what was at ``target`` is untouched.

    Args:
        target: the dataset folder to make.
        force: replace a dataset that is there. Anything else that is there is never replaced.

    Raises:
        InputError: ``target`` exists or cannot be written.
    """
    _check_target(target, force)
    made_parents = [parent for parent in target.absolute().parents if not parent.exists()]
    partial: Path | None = None
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.absolute().parent))
        # mkdtemp makes folders for the owner alone; datasets are shared like any other folder.
        partial.chmod(0o777 & ~_umask())
        yield partial
        _put_in_place(partial, target)
    except BaseException as error:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        for parent in made_parents:
            with suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError):
            raise InputError(f"the dataset cannot be written to {target} ({error.strerror or error})") from error
        raise


def _check_target(target: Path, force: bool) -> None:
    if not (target.exists() or target.is_symlink()):
        return
    if not _is_dataset_folder(target):
        raise InputError(f"{target} exists and is no dataset; choose another folder")
    if not force:
        raise InputError(f"{target} exists; choose another folder or replace it with --force")


def _is_dataset_folder(target: Path) -> bool:
    """Whether a folder holds a manifest, shards and nothing else, so that replacing it loses no other files."""
    if target.is_symlink() or not (target / MANIFEST_NAME).is_file():
        return False
    return all(entry.name == MANIFEST_NAME or entry.suffix == ".parquet" for entry in target.iterdir())


def _put_in_place(partial: Path, target: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    replaced = partial.with_name(partial.name.replace(".partial-", ".replaced-"))
    target.rename(replaced)
    try:
        partial.rename(target)
    except OSError:
        replaced.rename(target)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
