"""YAML that people write, read so that every value knows its line and nothing in the file can do harm.

Bytes in, plain values and problems out; no file is opened here, and what a document means is its reader's part. Words
are understood as YAML 1.2's core schema has it, as editors do: `no` and `2024-01-01` are text, `1e-3` is a number. Keys
are always text, as they were written. Merge keys (`<<`) are followed.

A problem inside a document leaves the rest usable; what cannot be parsed at all, or is no mapping, is an empty one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from kilnmark.protocol.content.problems import Key, Problem, entry_of, shortened
from kilnmark.protocol.content.yaml_words import plain_value

__all__ = ["DEPTH_LIMIT", "SIZE_LIMIT", "VALUE_LIMIT", "MarkedDocument", "read_marked"]

SIZE_LIMIT = 4 << 20
"""Bytes of one document."""

VALUE_LIMIT = 200_000
"""Values of one document, those that aliases repeat counted each time."""

DEPTH_LIMIT = 64
"""Mappings and lists within one another."""

_CORE = "tag:yaml.org,2002:"
_MERGE = "<<"
_UNREADABLE = "?"
"""Stands for a key that is no text, in the places of what is below it."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class _Node:
    """One value and the line it stands on, counted from 1; `size` counts it and all below it."""

    value: Any
    line: int
    children: "dict[Key, _Node]" = field(default_factory=dict)
    size: int = 1


@dataclass(frozen=True, slots=True)
class MarkedDocument:
    """One document.

    Attributes:
        file: What problems call it.
        value: Its values: mappings with text as keys, lists, text, numbers, truth values and None.
        problems: Everything that is wrong with it as YAML, in the order of the file.
    """

    file: str
    value: dict[str, Any]
    problems: tuple[Problem, ...]
    _root: _Node

    def line(self, path: Sequence[Key]) -> int:
        """The line of a place, counted from 1; of the nearest place around it where it is not there."""
        node = self._root
        for key in path:
            if key not in node.children:
                break
            node = node.children[key]
        return node.line

    def problem(self, path: Sequence[Key], message: str) -> Problem:
        """A problem with a place in this document."""
        return Problem(file=self.file, line=self.line(path), entry=entry_of(path), message=message)


def read_marked(
    data: bytes, file: str, *, size_limit: int = SIZE_LIMIT, value_limit: int = VALUE_LIMIT
) -> MarkedDocument:
    """Read a document that is to be one mapping. It never raises, whatever the bytes are.

    Args:
        data: The file's bytes.
        file: What problems are to call it.
        size_limit: Bytes that it may have.
        value_limit: Values that it may hold.
    """
    composer = _Composer(file, value_limit)
    try:
        root = composer.compose(_text(data, file, size_limit))
    except _Unreadable as error:
        return MarkedDocument(file, {}, (*composer.problems, error.problem), _Node({}, 1))
    if not isinstance(root.value, dict):
        words = "is empty" if root.value is None else f"holds {_kind(root.value)} where a mapping is expected"
        composer.add(root.line, (), f"{words}; write `field: value` lines")
        root = _Node({}, root.line)
    return MarkedDocument(file, root.value, tuple(composer.problems), root)


class _Unreadable(Exception):
    def __init__(self, file: str, line: int, message: str) -> None:
        self.problem = Problem(file=file, line=line, message=message)
        super().__init__(message)


def _text(data: bytes, file: str, limit: int) -> str:
    if len(data) > limit:
        raise _Unreadable(file, 0, f"has {len(data)} bytes, more than the {limit} allowed; split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Unreadable(file, line, f"byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8") from error


class _Composer:
    """Builds values from the parser's events, with a bound on everything that a file can make large."""

    def __init__(self, file: str, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._anchors: dict[str, _Node] = {}
        self._open: set[str] = set()
        self._budget = limit
        self._events: Iterator[Any] = iter(())
        self.problems: list[Problem] = []

    def add(self, line: int, path: Sequence[Key], message: str) -> None:
        self.problems.append(Problem(file=self._file, line=line, entry=entry_of(path), message=message))

    def compose(self, text: str) -> _Node:
        """The first document's root. Raises _Unreadable."""
        try:
            self._events = iter(yaml.parse(text, Loader=_Loader))
            root = self._first()
            self._refuse_a_second()
        except yaml.YAMLError as error:
            raise _Unreadable(self._file, *_worded(error, text)) from error
        return root

    def _first(self) -> _Node:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                return self._node(next(self._events), ())
        return _Node(None, 1)

    def _refuse_a_second(self) -> None:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.add(_line(event), (), "a second document begins here and is not read; give it a file of its own")
                return

    def _node(self, event: Any, path: tuple[Key, ...]) -> _Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), line, path)
        self._spend(1, line)
        if len(path) > DEPTH_LIMIT:
            raise _Unreadable(self._file, line, f"is nested more than {DEPTH_LIMIT} deep; flatten it")
        if event.anchor is None:
            return self._built(event, line, path)
        self._open.add(event.anchor)
        self._anchors[event.anchor] = node = self._built(event, line, path)
        self._open.discard(event.anchor)
        return node

    def _built(self, event: Any, line: int, path: tuple[Key, ...]) -> _Node:
        if isinstance(event, yaml.ScalarEvent):
            return _Node(self._scalar(event, path), line)
        known = ("map",) if isinstance(event, yaml.MappingStartEvent) else ("seq",)
        self._check_tag(event, path, known)
        return self._mapping(line, path) if known == ("map",) else self._list(line, path)

    def _alias(self, anchor: str, line: int, path: tuple[Key, ...]) -> _Node:
        if anchor in self._open:
            self.add(line, path, f"*{shortened(anchor)} stands inside what it repeats; write it out")
            return _Node(None, line)
        node = self._anchors.get(anchor)
        if node is None:
            raise _Unreadable(
                self._file, line, f"*{shortened(anchor)} repeats what is nowhere marked so with &; write it out"
            )
        self._spend(node.size, line)
        return node

    def _spend(self, size: int, line: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise _Unreadable(self._file, line, f"holds more than {self._limit} values; split it, or use fewer aliases")

    def _list(self, line: int, path: tuple[Key, ...]) -> _Node:
        node = _Node([], line)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            child = self._node(event, (*path, len(node.value)))
            node.children[len(node.value)] = child
            node.value.append(child.value)
            node.size += child.size
        return node

    def _mapping(self, line: int, path: tuple[Key, ...]) -> _Node:
        node, merged = _Node({}, line), list[_Node]()
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            at, key = _line(event), self._key(event, path)
            child = self._node(next(self._events), (*path, _UNREADABLE if key is None else key))
            node.size += child.size
            if key == _MERGE and event.implicit[0]:
                merged += self._merged(child, at, path)
            elif key in node.children:
                self.add(at, (*path, key), f"stands twice, first on line {node.children[key].line}; keep one")
            elif key is not None:
                node.children[key] = _Node(child.value, at, child.children)
        for other in merged:
            node.children = {**other.children, **node.children}
        node.value = {key: child.value for key, child in node.children.items()}
        return node

    def _key(self, event: Any, path: tuple[Key, ...]) -> str | None:
        """The key as it was written; None for one that is no single word or line."""
        found = self._node(event, (*path, _UNREADABLE))
        line = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        if isinstance(event, yaml.AliasEvent) and isinstance(found.value, str):
            return found.value
        self.add(line, path, f"a key is {_kind(found.value)}; a key must be text")
        return None

    def _merged(self, child: _Node, line: int, path: tuple[Key, ...]) -> list[_Node]:
        sources = list(child.children.values()) if isinstance(child.value, list) else [child]
        if all(isinstance(source.value, dict) for source in sources):
            return sources
        self.add(line, (*path, _MERGE), "merges what is no mapping; give it an alias of one, `<<: *name`")
        return []

    def _scalar(self, event: Any, path: tuple[Key, ...]) -> Any:
        known = ("str", "null", "bool", "int", "float")
        tag = self._check_tag(event, path, known)
        if tag == "str" or (not event.implicit[0] and tag is None):
            return event.value
        return plain_value(event.value)

    def _check_tag(self, event: Any, path: tuple[Key, ...], known: Sequence[str]) -> str | None:
        """The tag's own name when it is one of YAML's that fits; others are a problem, and the value counts without."""
        if event.tag in (None, "!"):
            return None
        short = str(event.tag).removeprefix(_CORE)
        if short not in known:
            self.add(_line(event), path, f"the tag {shortened(str(event.tag))!r} means nothing here; remove it")
        return short


def _line(event: Any) -> int:
    """Counted from 1."""
    return int(event.start_mark.line) + 1


def _kind(value: object) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return "a text"
        case _:
            return "a single value"


def _worded(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """The line, and a sentence, of what the parser could not read."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        position = getattr(error, "position", 0) or 0
        return text.count("\n", 0, position) + 1, f"cannot be read ({_flat(str(error))}); remove that character"
    lines = text.split("\n")[: mark.line + 1]
    line = len(lines) - (len(lines) > 1 and not lines[-1])  # not the one behind the last
    if re.match(r" *\t", lines[line - 1]):
        return line, "is indented with a tab; YAML wants spaces"
    words = ", ".join(part for part in (getattr(error, "problem", None), getattr(error, "context", None)) if part)
    begun = getattr(error, "context_mark", None)
    if begun is not None and begun.line + 1 < line:
        words += f" that begins on line {begun.line + 1}"
    return line, f"is not YAML ({_flat(words)}); mend this line or the one before"


def _flat(text: str) -> str:
    return " ".join(text.split())
