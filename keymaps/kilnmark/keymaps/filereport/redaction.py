"""What may be told of the words in a file and about it: names of its tensors, words of programs, numbers.

Allowed is what `shown.yaml` says, and everything else is left out, so that what nobody thought of stays private.
"""

import ast
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from kilnmark.keymaps.documents import Document, parse_document
from kilnmark.keymaps.filereport.document import MetadataEntry
from kilnmark.keymaps.names.keymap import load_keymaps
from kilnmark.keymaps.names.schema import load_suffixes
from kilnmark.keymaps.names.shapes import BLOCK, painter_names
from kilnmark.keymaps.said.bases import base_in_our_words

__all__ = ["FILE", "PART", "Redaction", "file_name", "told_name"]

_ENTRY_LIMIT = 500
_TEXT_LIMIT = 1 << 20
"""Characters of JSON that are looked into."""
_SAFE_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_WORD = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile(r"(?<!\w)(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
"""As `repr` writes texts; what stands behind a letter is an apostrophe."""
_PATH = re.compile(
    r"(?:~|\b[A-Za-z]:)?(?:[/\\][^\s'\";,:()<>]+){2,}[/\\]?"
    r"|[^\s'\";,:()<>/\\]+\.(?:safetensors|json|ckpt|pt|pth|bin|txt|yaml|toml)\b"
)
FILE = "<file>"
"""Stands for every path and for names of files."""
PART = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.safetensors", re.ASCII | re.DOTALL)
"""The name of a file that is one of several: what they have in common, which one it is, and how many they are."""
_LEFT_OUT = "'...'"
_PUNCTUATION = 2


class _Shown(Document):
    values: dict[str, str]
    documents: tuple[str, ...]
    fields: tuple[str, ...]
    words: tuple[str, ...]
    names: tuple[str, ...]
    files: tuple[str, ...]


@cache
def _shown() -> _Shown:
    return parse_document(_Shown, (files("kilnmark.keymaps.filereport") / "shown.yaml").read_text(encoding="utf-8"))


@cache
def _vocabulary() -> str:
    """All that the product itself calls things."""
    words: set[str] = {*load_keymaps(), *painter_names(), *load_suffixes().refused.values()}
    for keymap in load_keymaps().values():
        words.update(keymap.convention.prefixes, (name.replace(BLOCK, "<n>") for name in keymap.modules))
        words.update(f".{suffix}" for suffix in (*keymap.convention.suffixes, *load_suffixes().suffixes))
        words.update(encoder.prefix for encoder in keymap.convention.text_encoders)
        words.update(target for choices in keymap.modules.values() for rows in choices for target in rows.targets)
    return "\n".join(sorted(words | set(_shown().words) | set(_shown().fields)))


class Redaction:
    """What may be told about one file.

    Args:
        names: Of its tensors, which may be told.
        private: Texts that may not, wherever they stand: its path, its name, those of its folders.
    """

    def __init__(self, names: Iterable[str], private: Iterable[str]) -> None:
        self._names = "\n".join(names)
        self._words = frozenset(_WORD.findall(self._names))
        self._private = sorted({text for text in private if text}, key=len, reverse=True)

    def sentence(self, text: str) -> str:
        """A sentence of ours, without paths and without words of the file but those of its names."""
        for private in self._private:
            text = text.replace(private, FILE)
        text = _QUOTED.sub(lambda found: self._quoted(found.group()), text)
        return _PATH.sub(lambda found: found.group() if self._is_known(found.group()) else FILE, text)

    def _quoted(self, literal: str) -> str:
        try:
            said = str(ast.literal_eval(literal))
        except (SyntaxError, ValueError):
            return _LEFT_OUT
        return literal if self._is_known(said.removesuffix("...")) else _LEFT_OUT

    def _is_known(self, said: str) -> bool:
        parts = (said, *said.split("<n>"))
        known = (len(part) <= _PUNCTUATION or part in self._names or part in _vocabulary() for part in parts)
        first, *others = known
        return first or (len(others) > 1 and all(others)) or file_name(said) != ""

    def metadata(self, entries: Mapping[str, str]) -> tuple[MetadataEntry, ...]:
        """Every entry of a header, up to a bound."""
        return tuple(self._entry(name, value) for name, value in list(entries.items())[:_ENTRY_LIMIT])

    def _entry(self, name: str, value: str) -> MetadataEntry:
        if not _SAFE_NAME.fullmatch(name):
            return MetadataEntry(len(value))
        return MetadataEntry(len(value), name, self._value(name, value))

    def _value(self, name: str, value: str) -> str | None:
        allowed = _shown().values.get(name)
        if allowed is not None and re.fullmatch(allowed, value, re.ASCII):
            return value
        if base := base_in_our_words(name, value):
            return base
        return self.document(value) if name in _shown().documents else None

    def document(self, text: str) -> str | None:
        """JSON without what may be private; None when it is no object."""
        if len(text) > _TEXT_LIMIT:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return json.dumps(self._fields(found)) if isinstance(found, dict) else None

    def _fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in found.items():
            component, _, field = name.rpartition(".")
            if component and component not in _COMPONENTS:
                continue
            if isinstance(value, str) and (base := base_in_our_words(field, value)):
                kept[name] = base
            elif field in _shown().names:
                kept[name] = self._layers(value)
            elif field in _shown().fields and (value is None or self._is_plain(value)):
                kept[name] = value
        return kept

    def _is_plain(self, value: object) -> bool:
        return isinstance(value, bool | int | float) or (isinstance(value, str) and _is_word(value))

    def _layers(self, value: object) -> object:
        """Names of layers, as fields with numbers, as a list or as one expression."""
        match value:
            case dict():
                return {key: item for key, item in value.items() if self._is_of_names(key) and self._is_plain(item)}
            case list():
                return [name for name in value if isinstance(name, str) and self._is_of_names(name)]
            case str():
                return value if self._is_of_names(value) else None
            case _:
                return None

    def _is_of_names(self, text: str) -> bool:
        return len(text) <= 1000 and all(word in self._words for word in _WORD.findall(text))  # noqa: PLR2004


_COMPONENTS = ("transformer", "text_encoder", "text_encoder_2", "unet", "base_model.model", "default")


def _is_word(text: str) -> bool:
    return text in _shown().words or re.fullmatch(r"[0-9]{1,6}(?:\.[0-9a-z]{1,8}){0,4}", text, re.ASCII) is not None


def file_name(name: str) -> str:
    """A file's name, if tools give it to files; else empty."""
    return name if any(re.fullmatch(known, name, re.ASCII) for known in _shown().files) else ""


def told_name(name: str) -> str:
    """A file's name as far as it may be told: one that tools give, or which of several files it is."""
    if file_name(name) or not (found := PART.fullmatch(name)):
        return file_name(name)
    return f"model-{found[2]}-of-{found[3]}.safetensors"
