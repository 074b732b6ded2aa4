"""A YAML file, shipped or a user's own, as the model that it must be."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from simcore.crossbar.circuit import input_error
from simcore.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def load_yaml_model(path: Path, model: type[Model], what: str, needs: str, where: str) -> Model:
    """The content of ``path`` as a ``model``.

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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the {what}: {error.strerror}", where) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"the {what} is not YAML: {' '.join(str(error).split())}", where) from None
    if not isinstance(content, dict):
        raise InputError(f"the {what} must hold a mapping with {needs}", where)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise input_error(error, model, f"{where + ' ' if where else ''}{path.name}") from None
