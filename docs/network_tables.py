"""The generated table of docs/bring-your-own.md: the networks that ship, and how they were trained."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from markdown_table import markdown_table

from simcore.network.checkpoint import Checkpoint, find_model, load_checkpoint, model_names


def shipped() -> str:
    """A row for each network."""
    rows = [_row(load_checkpoint(find_model(name))) for name in model_names()]
    texts = ["network", "digest", "data set", "start", "teacher"]
    return markdown_table(texts, ["binary weights", "epochs", "peak learning rate", "accuracy %"], rows)


def _row(checkpoint: Checkpoint) -> list[str]:
    about = checkpoint.metadata
    recipe = about.get("recipe", {})
    return [
        f"`{checkpoint.name}`",
        f"`{checkpoint.digest[:12]}`",
        about["dataset"]["name"],
        _start(about),
        _teacher(about),
        f"{sum(layer.weight.size for layer in checkpoint.network.binary_layers()):,}",
        str(about.get("epochs", "")),
        f"{recipe['learning_rate']:g}" if recipe else "",
        f"{100 * about['accuracy']:.2f}",
    ]


def _start(about: dict[str, Any]) -> str:
    start = about.get("start", "trained elsewhere")
    if isinstance(start, str):
        return start
    earlier = start.get("training")
    if earlier:
        origin = _file(earlier["start"]) if earlier["start"] else "random"
        return f"{origin}, after {earlier['epochs']} epochs at up to {earlier['recipe']['learning_rate']:g}"
    return _file(start["sha256"], start["file"].removesuffix(".safetensors"))


@cache
def _shipped_files() -> dict[str, str]:
    return {hashlib.sha256(find_model(name).read_bytes()).hexdigest(): name for name in model_names()}


def _file(sha256: str, name: str = "") -> str:
    """A file of weights by its name and digest; one that ships is known by its digest."""
    name = name or _shipped_files().get(sha256, "")
    return f"`{name}` ({sha256[:8]})" if name else f"({sha256[:8]})"


def _teacher(about: dict[str, Any]) -> str:
    teacher = about.get("teacher")
    if not teacher:
        return ""
    share = about["recipe"]["teacher_share"]
    return f"`{teacher['name']}` {100 * teacher['accuracy']:.2f} % (`{teacher['digest'][:12]}`), share {share:g}"
