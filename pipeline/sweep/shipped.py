"""The sweep files that ship: those of the folder ``sweeps`` of a checkout, which an installed package has too."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "example_sweeps"  # a link in a checkout, a folder in a wheel


def shipped_sweeps() -> dict[str, Path]:
    """The sweep files by their names, sorted."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def sweep_path(reference: str | Path) -> Path:
    """The file of a sweep: a path as it is, else one that ships.

    Args:
        reference: path, or the name of a sweep file that ships where no file has that name.

    Example:
        >>> sweep_path("quickstart").name, str(sweep_path("mine.yaml"))
        ('quickstart.yaml', 'mine.yaml')
    """
    path = Path(reference)
    return path if path.is_file() else shipped_sweeps().get(str(reference), path)
