"""Blocks of numbers for effects: cited YAML, shipped ones by name and a user's own by path."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from simcore.effects import KINDS, AnyEffect, in_order
from simcore.errors import InputError, unknown_name
from simcore.paths import expand_home
from simcore.technology.yaml_model import load_yaml_model, named_at

NONE = "none"
"""The set without any effect."""
PRESETS_FOLDER = Path(__file__).parent / "presets"


class EffectBlock(BaseModel):
    """One effect with its numbers.

    Attributes:
        about: what it describes, in half a sentence.
        source: where its numbers come from.
        effect: kind and numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str = Field(min_length=1)
    source: str = Field(min_length=1)
    effect: AnyEffect

    @field_validator("effect", mode="before")
    @classmethod
    def _known(cls, effect: object) -> object:
        """Its kind and fields are known: what pydantic says of a union offers no nearest name."""
        if not isinstance(effect, dict) or "kind" not in effect:
            raise ValueError(f"needs a mapping with a kind (known: {', '.join(KINDS)})")
        kind = str(effect["kind"])
        if kind not in KINDS:
            raise ValueError(unknown_name("kind of effect", kind, KINDS).message)
        fields = KINDS[kind].model_fields
        for name in effect:
            if name not in fields:
                raise ValueError(unknown_name(f"field of {kind}", str(name), fields).message)
        for name, value in effect.items():
            if _has_boolean(value):
                raise ValueError(
                    f"{name}: no field of {kind} is true or false (YAML reads yes, no, on and off as such)"
                )
        return effect


def _has_boolean(value: object) -> bool:
    """pydantic would take ``yes`` for the number 1."""
    if isinstance(value, dict):
        return any(map(_has_boolean, value.values()))
    return isinstance(value, bool) or (isinstance(value, list) and any(map(_has_boolean, value)))


def preset_names() -> list[str]:
    """The shipped blocks, sorted."""
    return sorted(path.stem for path in PRESETS_FOLDER.glob("*.yaml"))


def load_block(reference: str, where: str = "", folder: Path = Path()) -> EffectBlock:
    """A block.

    Args:
        reference: name of a shipped block, or path of a YAML file.
        where: place that names it.
        folder: that a relative path starts from.

    Raises:
        InputError: no such block, or a file that cannot be read or holds something else.
    """
    if not reference.endswith((".yaml", ".yml")):
        if reference not in preset_names():
            raise unknown_name("effect", reference, [NONE, *preset_names()], where)
        path = PRESETS_FOLDER / f"{reference}.yaml"
    else:
        path = folder / expand_home(reference, where)
    what = f"effect file '{reference}'"
    block, source = load_yaml_model(path, EffectBlock, what, "about, source and effect", where)
    effect = block.effect.resolved(path.parent, named_at(source.where("effect"), where))
    return block.model_copy(update={"effect": effect})


def load_effects(text: str, where: str = "", folder: Path = Path()) -> tuple[AnyEffect, ...]:
    """The effects of a set, in the order in which they act.

    Args:
        text: names of shipped blocks and paths of YAML files, with plus signs between them, or ``none``.
        where: place that names the set.
        folder: that relative paths start from.

    Raises:
        InputError: as ``load_block`` has it, or effects that do not go together.
    """
    if text.strip() == NONE:
        return ()
    names = [part.strip() for part in text.split("+")]
    if NONE in names:
        raise InputError(f"'{NONE}' stands alone: nothing is added to it ('{text}')", where)
    found = [load_block(name, where, folder).effect for name in names]
    try:
        return in_order(tuple(found))
    except ValueError as error:
        raise InputError(f"{error} ('{text}')", where) from None
