"""The results of a run: one JSON file, written anew with every piece of news, and the table made from it."""

from __future__ import annotations

import json
import os
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Tell = Callable[..., None]
"""Takes ``name=value`` pairs of a part; ``summary`` is its list of lines in the table."""


class CutShort(Exception):
    """The clock ended a part before all of it was done; what was found until then is right."""


class Results:
    """What is known so far; safe to write from one thread and to read from another."""

    def __init__(self, folder: Path, machine: dict[str, Any], settings: dict[str, Any]) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._content: dict[str, Any] = {"machine": machine, "settings": settings, "parts": {}}
        folder.mkdir(parents=True, exist_ok=True)
        self._write()

    def run(self, part: str, work: Callable[[Tell], None]) -> None:
        """Do a part. What it raises is kept with its traceback, and the next part goes on."""
        began = time.monotonic()

        def tell(**news: Any) -> None:
            self._update(part, {**news, "seconds": round(time.monotonic() - began, 2)})

        tell(state="begun")
        try:
            work(tell)
            tell(state="done")
        except CutShort as cut:
            tell(state="cut short", summary=[*self.part(part).get("summary", []), str(cut)])
        except Exception as error:  # noqa: BLE001 (one part must not lose the others)
            first = f"{type(error).__name__}: {error}".splitlines()[0]
            lines = [*self.part(part).get("summary", []), first]
            tell(state="FAILED", error=first, traceback=traceback.format_exc(), summary=lines)

    def part(self, name: str) -> dict[str, Any]:
        """What is known of a part."""
        with self._lock:
            return dict(self._content["parts"].get(name, {}))

    @property
    def failed(self) -> list[str]:
        """Parts that were not done to their end."""
        return [name for name, part in self._content["parts"].items() if part["state"] != "done"]

    def finish(self, note: str, parts: list[str]) -> str:
        """Write what is left to write and return the table; parts of ``parts`` that never began are in it too."""
        with self._lock:
            for name in parts:
                self._content["parts"].setdefault(name, {"state": "not begun", "seconds": 0.0})
            self._content["note"] = note
            self._write()
            table = self.table()
            (self.folder / "table.md").write_text(table + "\n")
            return table

    def table(self) -> str:
        """Markdown: what was found, then a row for every line of every part."""
        machine = ", ".join(f"{key} {value}" for key, value in self._content["machine"].items())
        rows = [machine, "", "| part | state | s | what |", "|---|---|---|---|"]
        for name, part in self._content["parts"].items():
            for number, line in enumerate(part.get("summary") or [""]):
                left = f"{name} | {part['state']} | {part['seconds']:.1f}" if number == 0 else " | | "
                rows.append(f"| {left} | {line} |")
        return "\n".join([*rows, "", self._content.get("note", "")]).rstrip()

    def _update(self, part: str, news: dict[str, Any]) -> None:
        with self._lock:
            self._content["parts"].setdefault(part, {}).update(news)
            self._write()

    def _write(self) -> None:
        target = self.folder / "gpu.json"
        temporary = target.with_suffix(".tmp")
        temporary.write_text(json.dumps(self._content, indent=1, default=float))
        os.replace(temporary, target)
