"""YAML with line numbers: plain data beside the line each value stands on, so that an error can point at it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from simcore.errors import InputError, one_line

_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_MERGE_TAG = "tag:yaml.org,2002:merge"
_PLAIN_TAGS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
MAX_NODES = 200_000
MAX_DEPTH = 40

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """A parsed YAML file: ``data`` holds only dict, list, str, int, float, bool and None."""

    path: Path
    text: str
    data: Any
    lines: dict[Location, int]
    written: dict[Location, str]
    """What stands there of each value that is no text, before YAML takes ``no`` for false."""

    def shown(self, value: object, *location: str | int) -> str:
        """A value as the file has it, for "found ..."."""
        text = self.written.get(location)
        if text is None or not isinstance(value, bool):
            return repr(value)
        if text.lower() in ("true", "false"):
            return text
        return f"{text} (which YAML takes for {str(value).lower()}; in quotes it is text)"

    def place(self, location: Location) -> Location:
        """The place of a value, without the index that a scalar has when it is taken for a list of one."""
        while location and isinstance(location[-1], int) and location not in self.lines:
            location = location[:-1]
        return location

    def where(self, *location: str | int) -> str:
        """``file.yaml:12 devices[0].name`` for a value, or for the nearest thing around it that is in the file."""
        return f"{self.path.name}:{self.line(*location)} {dotted(location)}".rstrip()

    def line(self, *location: str | int) -> int:
        """The line of a value, or of the nearest thing around it that is in the file."""
        known = location
        while known not in self.lines and known:
            known = known[:-1]
        return self.lines.get(known, 1)


def dotted(location: Location) -> str:
    """``('devices', 0, 'name')`` as ``devices[0].name``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


class _Loader(yaml.SafeLoader):
    """SafeLoader which also reads ``1e-3`` as a number, as YAML 1.2 and everybody's habit have it."""


# Copied before it is extended: PyYAML shares the table between its loader classes.
_Loader.yaml_implicit_resolvers = {key: list(value) for key, value in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_yaml(path: str | Path) -> YamlFile:
    """Reads one YAML document.

    Raises:
        InputError: the file is missing, not UTF-8 or not YAML, names a field twice, or has tags.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"no such file: {file}") from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", str(path)) from None
    except UnicodeDecodeError as error:
        raise InputError(f"is no text in UTF-8: {error}", str(path)) from None
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        reader = _NodeReader(loader, file.name)
        _refuse_duplicates(node, (), file.name, set())
        data = reader.convert(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"not valid YAML: {error.problem or error}", f"{file.name}:{line}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"not valid YAML: {one_line(error)}", file.name) from None
    finally:
        if loader is not None:
            loader.dispose()
    return YamlFile(file, text, data, reader.lines, reader.written)


def _refuse_duplicates(node: yaml.Node | None, location: Location, file_name: str, seen: set[int]) -> None:
    """Raises InputError where a group names a field twice.

    All groups are looked at before any is read: reading merges (``<<``) puts others' fields beside a group's own, which
    replace them. An alias leads to a node that was looked at (``seen``).
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _refuse_duplicates(item, (*location, index), file_name, seen)
    elif isinstance(node, yaml.MappingNode):
        known: set[str] = set()
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key in known and key_node.tag != _MERGE_TAG:
                where = f"{file_name}:{key_node.start_mark.line + 1} {dotted(location)}".rstrip()
                raise InputError(f"the field '{key}' is given twice", where)
            known.add(key)
            _refuse_duplicates(value_node, (*location, key), file_name, seen)


def _key(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "?"


class _NodeReader:
    """Turns a node tree into plain data and notes the line of every value."""

    def __init__(self, loader: _Loader, file_name: str) -> None:
        self.loader = loader
        self.file_name = file_name
        self.lines: dict[Location, int] = {}
        self.written: dict[Location, str] = {}
        self.nodes = 0

    def convert(self, node: yaml.Node, location: Location) -> Any:
        # An alias repeats its node: without this bound a small file could unfold into an endless one.
        self.nodes += 1
        if self.nodes > MAX_NODES or len(location) > MAX_DEPTH:
            raise InputError(
                "its aliases (& and *) stand for too many values", f"{self.file_name}:{node.start_mark.line + 1}"
            )
        self.lines[location] = node.start_mark.line + 1
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
            raise InputError(
                f"not valid YAML: the tag '{node.tag}' is not plain data", f"{self.file_name}:{self._line(node)}"
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(item, (*location, index)) for index, item in enumerate(node.value)]
        value = self.loader.construct_object(node)
        if isinstance(value, int) and not isinstance(value, bool) and not _DECIMAL.fullmatch(node.value):
            return str(node.value)  # nobody means YAML 1.1's 0x64, 0b11, 010 or 12:30 by a number
        if value is None or isinstance(value, str | int | float):
            self.written[location] = str(node.value)
            return value
        return str(node.value)  # dates and the like are text to a sweep

    @staticmethod
    def _line(node: yaml.Node) -> int:
        return int(node.start_mark.line) + 1

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        self.loader.flatten_mapping(node)  # puts merged fields before the group's own, so that the last one counts
        result: dict[str, Any] = {}
        for key, (key_node, value_node) in {_key(pair[0]): pair for pair in node.value}.items():
            result[key] = self.convert(value_node, (*location, key))
            self.lines[(*location, key)] = key_node.start_mark.line + 1
        return result
