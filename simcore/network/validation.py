"""From pydantic's findings to the one-line InputError a person reads."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from simcore.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], content: object, where: str = "") -> Model:
    """``content`` as a ``model``.

    Raises:
        InputError: the first thing that is wrong, with the field it is wrong in.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(first["msg"], " ".join(part for part in (where, field) if part)) from None
