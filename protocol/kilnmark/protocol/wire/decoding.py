"""What JSON itself leaves open, settled for every message: how deep, which numbers are whole, how an error is worded.

Pure functions over bytes and decoded values. Nothing here knows JSON-RPC.
"""

import re
from typing import Any

import msgspec

__all__ = ["DEPTH_LIMIT", "is_too_deep", "whole_numbers", "worded"]

DEPTH_LIMIT = 64
"""Arrays and objects inside one another in one line; our own messages need six."""
_SHOWN_NAME = 80
_EXACT_FLOAT = 2**53
"""Every integer up to here is exact as a float, so 1024.0 can be taken for 1024 without guessing."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SENTENCE = re.compile(r"(.*?)(?: - at `\$([^`]*)`)?", re.DOTALL)
_FIELD = re.compile(r"(Object (?:contains unknown|missing required) field `)(.*)`", re.DOTALL)


def is_too_deep(line: bytes) -> bool:
    """Whether a line of valid JSON nests deeper than `DEPTH_LIMIT`, wherever the interpreter's own limit lies."""
    if line.count(b"[") + line.count(b"{") <= DEPTH_LIMIT:
        return False
    brackets = _STRING.sub(b"", line).translate(_ONE_KIND, _NO_BRACKETS)
    # Every pass takes the innermost pairs away, in C: a line of a megabyte must not hold up an event loop.
    for _ in range(DEPTH_LIMIT):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def whole_numbers(value: Any) -> Any:
    """The value with every float that stands for an exact integer as that integer: 1024.0 is 1024."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= _EXACT_FLOAT else value
    if isinstance(value, dict):
        return {key: whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole_numbers(item) for item in value]
    return value


def worded(error: Exception, root: str = "$") -> str:
    """The JSON library's sentence, with the whole path of what it is about.

    The library's paths start at the value it was given, and end before a field that is unknown or missing.
    """
    if isinstance(error, RecursionError):
        return "nested too deep"
    if not isinstance(error, msgspec.ValidationError):
        return str(error)
    sentence = _SENTENCE.fullmatch(str(error))
    text, path = sentence.groups(default="") if sentence else (str(error), "")
    if field := _FIELD.fullmatch(text):
        name = field[2][:_SHOWN_NAME]
        text, path = f"{field[1]}{name}`", f"{path}.{name}"
    return f"{text} - at `{root}{path}`"
