"""Tables of the generated pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(texts: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table: columns of texts, then columns of numbers, which stand to the right."""
    head = ["| " + " | ".join([*texts, *numbers]) + " |", "|" + "---|" * len(texts) + "---:|" * len(numbers)]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)])
