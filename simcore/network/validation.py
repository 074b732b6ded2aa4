"""From pydantic's findings to the one-line InputError a person reads."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from simcore.errors import InputError, unknown_name

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], content: object, where: str = "") -> Model:
    """``content`` as a ``model``.

    Raises:
        InputError: the first thing that is wrong, with the field it is wrong in.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise first_error(error, model, where) from None
    except InputError as error:  # of a part that checks itself
        raise InputError(error.message, " ".join(part for part in (where, error.where) if part)) from None


def first_error(error: ValidationError, model: type[BaseModel], where: str = "") -> InputError:
    """The first thing that pydantic found wrong with a ``model``, in our words."""
    first = error.errors(include_url=False, include_context=False)[0]
    *around, last = first["loc"] or ("",)
    if first["type"] == "extra_forbidden" and not around:
        return unknown_name("field", str(last), model.model_fields, where)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] != "missing" and isinstance(first["input"], str | int | float):
        message = f"{message}, found {first['input']!r}"
    field = ".".join(str(part) for part in first["loc"])
    return InputError(message, " ".join(part for part in (where, field) if part))
