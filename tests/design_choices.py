"""Which of the choices that a design has are made by none of some designs: what pins designs must not forget any."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_PRESENT = (types.UnionType, typing.Union)


def unmade_choices(designs: Sequence[BaseModel]) -> list[str]:
    """``field=value`` for every value of a choice that no design has, and the name of every other field that all
    designs leave at its default; fields of fields with a dot."""
    return list(_unmade(list(designs), type(designs[0]), ""))


def _unmade(parts: list[BaseModel], model: type[BaseModel], start: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        if info.exclude:
            continue  # no part of what names a result
        values = [getattr(part, name) for part in parts]
        if kinds := _kinds(info.annotation):
            found = {one.kind for several in values for one in several}
            yield from sorted(f"{start}{name}={kind}" for kind in kinds - found)
        elif nested := nested_model(info.annotation):
            yield from _unmade(values, nested, f"{start}{name}.")
        elif choices := set(_choices(info.annotation)) | set(_named(info)):
            yield from sorted(f"{start}{name}={choice}" for choice in choices.difference(values))
        elif all(value == info.get_default() for value in values):
            yield f"{start}{name}"


def _kinds(annotation: Any) -> set[str]:
    """The kinds of models that a list may hold."""
    models = [part for part in _models(annotation) if "kind" in part.model_fields]
    return {str(choice) for model in models for choice in _choices(model.model_fields["kind"].annotation)}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


def nested_model(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, alone or in a list, if it holds one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(nested_model, typing.get_args(annotation))), None)


def _named(info: FieldInfo) -> Iterable[Any]:
    """The values that a field of text says it knows."""
    extra = info.json_schema_extra
    return extra.get("enum", ()) if isinstance(extra, dict) else ()


def _choices(annotation: Any) -> Iterable[Any]:
    """The values of a literal, which may be optional."""
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    if typing.get_origin(annotation) in _PRESENT:
        return [choice for part in typing.get_args(annotation) for choice in _choices(part)]
    return ()
