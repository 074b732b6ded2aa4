"""The generated table of docs/bring-your-own.md: the networks that ship, and how they were trained."""

from __future__ import annotations

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
        _teacher(about.get("teacher")),
        f"{sum(layer.weight.size for layer in checkpoint.network.binary_layers()):,}",
        str(about.get("epochs", "")),
        f"{recipe['learning_rate']:g}" if recipe else "",
        f"{100 * about['accuracy']:.2f}",
    ]


def _start(about: dict[str, Any]) -> str:
    start = about.get("start", "trained elsewhere")
    return (
        start if isinstance(start, str) else f"`{start['file'].removesuffix('.safetensors')}` ({start['sha256'][:8]})"
    )


def _teacher(teacher: dict[str, Any] | None) -> str:
    return f"`{teacher['name']}` {100 * teacher['accuracy']:.2f} % (`{teacher['digest'][:12]}`)" if teacher else ""
