"""The sweep files that ship: those of the folder ``sweeps`` of a checkout, which an installed package has too."""

from __future__ import annotations

from pathlib import Path

from simcore.errors import InputError, nearest_name

_FOLDER = Path(__file__).parents[1] / "example_sweeps"  # a link in a checkout, a folder in a wheel


def shipped_sweeps() -> dict[str, Path]:
    """The sweep files by their names, sorted."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def sweep_path(reference: str | Path) -> Path:
    """The file of a sweep: a path as it is, else one that ships.

    Args:
        reference: path, or the name of a sweep file that ships where no file has that name.

    Raises:
        InputError: neither.

    Example:
        >>> sweep_path("quickstart").name
        'quickstart.yaml'
    """
    path = Path(reference)
    shipped = shipped_sweeps()
    if not path.is_file() and str(reference) in shipped:
        return shipped[str(reference)]
    if not path.exists():
        nearest = nearest_name(path.stem, shipped)
        hint = f"; did you mean '{nearest}', which ships?" if nearest else ""
        if not nearest and path.name == path.stem:  # the name of a sweep, not of a file
            hint = f", and no sweep of that name ships ({', '.join(shipped)})"
        raise InputError(f"no such file{hint}", str(reference))
    return path
