"""Validation errors of a sweep file in words: file:line field, what was expected, the nearest valid name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simcore.errors import InputError, broken_bound, unknown_name
from simcore.yaml_file import Location, YamlFile

_EXPECTED = {
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "string_type": "expected text",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "dict_type": "expected a group of fields",
    "model_type": "expected a group of fields",
    "model_attributes_type": "expected a group of fields",
    "finite_number": "expected a finite number",
}


def describe_errors(error: ValidationError, source: YamlFile, model: type[BaseModel]) -> str:
    """One line for each error, in the order of the file."""
    lines = []
    for detail in error.errors(include_url=False):
        # All parts are the file's own: keys of a YAML file are text and no field is a union, so pydantic adds no marks.
        location = source.place(detail["loc"])
        lines.append((source.line(*location), _one_line(detail, location, source, model)))
    return "\n".join(text for _, text in sorted(lines, key=lambda pair: pair[0]))


def _one_line(detail: ErrorDetails, location: Location, source: YamlFile, model: type[BaseModel]) -> str:
    kind, found, context = detail["type"], detail.get("input"), detail.get("ctx", {})
    where = source.where(*location)
    if kind == "extra_forbidden":
        return str(unknown_name("field", str(location[-1]), _fields_around(model, location[:-1]), where))
    if kind == "missing":
        return str(InputError(f"the field '{location[-1]}' is missing", source.where(*location[:-1]) or where))
    if kind == "too_short":
        return str(InputError("is empty; an axis needs at least one value", where))
    if kind == "string_too_short":
        return str(InputError("the field is empty, expected text", where))
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return str(unknown_name("value", str(found), choices, where))
    if (expected := broken_bound(kind, context)) is not None:
        return str(InputError(f"{expected}, found {found!r}", where))
    if kind == "value_error":
        return str(InputError(str(context["error"]), where))
    return str(InputError(f"{_EXPECTED.get(kind, detail['msg'])}, found {source.shown(found, *location)}", where))


def _fields_around(model: type[BaseModel], location: Location) -> list[str]:
    """The fields of the model that stands at ``location`` inside ``model``."""
    current: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int) or current is None:
            continue
        field = current.model_fields.get(part)
        current = next(_models_within(field.annotation), None) if field is not None else None
    return list(current.model_fields) if current is not None else []


def _models_within(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_within(argument)
