"""A YAML file, shipped or a user's own, as the model that it must be."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from simcore.crossbar.circuit import input_error
from simcore.errors import InputError
from simcore.yaml_file import YamlFile, read_yaml

Model = TypeVar("Model", bound=BaseModel)


def load_yaml_model(path: Path, model: type[Model], what: str, needs: str, where: str) -> tuple[Model, YamlFile]:
    """The content of ``path`` as a ``model``, and the file with the line of every value.

    Args:
        path: the file.
        model: what it must hold.
        what: the file as messages call it, for example "bitcell file 'mine.yaml'".
        needs: its main fields, for a file that has none.
        where: place that the file was named.

    Raises:
        InputError: an unreadable file, no YAML, no mapping, or a field that is wrong.
    """
    try:
        source = read_yaml(path)
    except InputError as error:
        if not error.where:  # there is no line to point at
            raise InputError(f"cannot read the {what}: {error.message}", where) from None
        raise InputError(f"the {what} is {error.message}", named_at(error.where, where)) from None
    if not isinstance(source.data, dict):
        raise InputError(f"the {what} must hold a mapping with {needs}", named_at(path.name, where))
    try:
        return model.model_validate(source.data), source
    except ValidationError as error:
        first = error.errors()[0]["loc"]
        raise input_error(error, model, named_at(source.where(*first), where)) from None


def named_at(place: str, where: str) -> str:
    """A place in a file, with the place that named the file."""
    return f"{place} (of {where})" if where else place
