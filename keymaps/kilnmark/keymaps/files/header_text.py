"""The text of a safetensors header, cut into names and small pieces before anything in it is believed.

One pass from left to right that stops at the first thing out of place, so that a header made to be slow or large costs
no more than its own bytes. What the pieces say of tensors is not looked at here.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kilnmark.keymaps.errors import UnsafeFile

__all__ = [
    "EXPORT",
    "METADATA_ENTRY_LIMIT",
    "METADATA_LIMIT",
    "TENSOR_LIMIT",
    "Pieces",
    "Usual",
    "cut_header",
    "decode_body",
    "unsafe",
]

TENSOR_LIMIT = 8_000
"""Trainers write some 4,500 at the most: LoHa with DoRA and alpha, for FLUX.1 and both of its text encoders."""
METADATA_LIMIT = 2 << 20
"""Bytes as they are written. The largest real header seen has 0.3 MB."""
METADATA_ENTRY_LIMIT = 2_000
NAME_LIMIT = 1024
"""Bytes of a tensor's name."""
BODY_LIMIT = 512
"""Bytes of what stands behind a tensor's name; eight sizes and two offsets of 20 digits need 300."""

EXPORT = "export the adapter again as safetensors"

_METADATA = "__metadata__"
_WRITTEN_NAME_LIMIT = 6 * NAME_LIMIT + 2
"""Each byte of a name is written in six at most (`\\u0041`); and the quotes."""

_SPACE = re.compile(r"[ \t\n\r]{0,64}+")
_COLON = re.compile(r"[ \t\n\r]{0,64}+:[ \t\n\r]{0,64}+")
_COMMA = re.compile(r"[ \t\n\r]{0,64}+([,}])[ \t\n\r]{0,64}+")

_NATURAL = r"(?:0|[1-9][0-9]{0,18}+)"
_USUAL = re.compile(
    rf'"([ !#-\[\]-~]{{1,{NAME_LIMIT}}}+)":{{"dtype":"([0-9A-Z_]{{1,16}}+)","shape":'
    rf'\[((?:{_NATURAL}(?:,{_NATURAL}){{0,7}}+)?+)\],"data_offsets":\[({_NATURAL}),({_NATURAL})\]}}(?:,(?="))?+'
)
"""A tensor as the safetensors library writes it, with its name, and the comma behind it: nearly all there are."""


Usual = tuple[str, str, str, str]
"""Dtype, sizes with commas between them, and where the data begins and ends, as written."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A header in pieces, in its own order.

    Attributes:
        metadata: Of the file.
        bodies: A tensor's name to what is said of it: dtype, sizes and the two offsets where it is written as the
            safetensors library writes it, else a JSON object that has no object inside and is not decoded.
    """

    metadata: Mapping[str, str]
    bodies: Mapping[str, Usual | str]


def unsafe(problem: str, mend: str, *, key: str | None = None) -> UnsafeFile:
    """The refusal of a header, before anybody knows whose it is: its path is empty."""
    return UnsafeFile("", problem, mend, key=key)


def cut_header(raw: bytes) -> Pieces:
    """Cut a header.

    Args:
        raw: JSON and the spaces behind it.

    Raises:
        UnsafeFile: Something is too much, is not where it belongs, or is said twice.
        ValueError: It is no strict JSON.
    """
    if not raw.startswith(b"{"):
        raise unsafe("its header does not begin with '{'", EXPORT)
    # One byte a character: places and memory are those of the bytes, and JSON's own signs are ASCII.
    text = raw[: _length(raw)].decode("latin-1")
    metadata: dict[str, str] | None = None
    bodies: dict[str, Usual | str] = {}
    place, more = _open(text, 0)
    while more:
        if found := _USUAL.match(text, place):
            name, dtype, sizes, begin, end = found.groups()
            if name != _METADATA and name not in bodies and len(bodies) < TENSOR_LIMIT:
                bodies[name] = dtype, sizes, begin, end
                place = found.end()
                if text[place - 1] != ",":
                    place, more = _next(text, place)
                continue
        name, place = _name(text, place)
        if name in bodies or (metadata is not None and name == _METADATA):
            raise _twice(name)
        if name == _METADATA:
            metadata, place = _metadata(text, place)
        else:
            bodies[name], place = _body(name, text, place)
            if len(bodies) > TENSOR_LIMIT:
                raise unsafe(f"holds more than {TENSOR_LIMIT} tensors", "give an adapter, not a whole model")
        place, more = _next(text, place)
    if place != len(text):
        raise ValueError(f"something follows it at byte {place}")
    return Pieces(metadata or {}, bodies)


def _length(raw: bytes) -> int:
    """Bytes before the spaces at the end."""
    # Without an argument, taking off spaces is ten times as fast, but takes two kinds more than JSON has.
    length = len(raw.rstrip())
    if raw.find(b"\v", length) >= 0 or raw.find(b"\f", length) >= 0:
        raise ValueError(f"something follows it at byte {length}")
    return length


def decode_body(body: str) -> dict[str, Any]:
    """What is said of one tensor.

    Args:
        body: From `Pieces.bodies`.

    Raises:
        UnsafeFile: A field is said twice.
        ValueError: It is no strict JSON.
    """
    written = _utf8(body)
    # The library takes -0 for a fraction; to look at every number is worth it only where there may be one.
    entry: dict[str, Any] = (_CAREFUL if "-0" in body else _PLAIN).raw_decode(written)[0]
    if body.count(":") != len(entry):
        counts = Counter(field for field, _ in _PAIRS.decode(written))
        if counts.total() > len(counts):
            raise _twice(counts.most_common(1)[0][0])
    return entry


def _open(text: str, place: int) -> tuple[int, bool]:
    """Behind the bracket that opens an object: where its first name begins, and whether there is one."""
    place = _end(_SPACE, text, place + 1)
    return (_end(_SPACE, text, place + 1), False) if text.startswith("}", place) else (place, True)


def _next(text: str, place: int) -> tuple[int, bool]:
    """Behind a value: where the next name begins, and whether there is one."""
    if text.startswith(',"', place):
        return place + 1, True
    if not (found := _COMMA.match(text, place)):
        raise ValueError(f"no ',' and no '}}' at byte {place}")
    return found.end(), found[1] == ","


def _name(text: str, place: int) -> tuple[str, int]:
    """A name of the header, and where its value begins."""
    name, end = _usual(text, place) or _unusual_name(text, place)
    return name, end + 1 if text.startswith(':"', end) or text.startswith(":{", end) else _end(_COLON, text, end)


def _unusual_name(text: str, place: int) -> tuple[str, int]:
    try:
        name, end = _string(text[place : place + _WRITTEN_NAME_LIMIT], 0)
    except json.JSONDecodeError as error:
        if len(text) < place + _WRITTEN_NAME_LIMIT:
            raise
        problem = f"a name in its header does not end within {_WRITTEN_NAME_LIMIT} bytes, or is no JSON"
        raise unsafe(problem, EXPORT) from error
    if len(name.encode()) > NAME_LIMIT:
        raise unsafe(f"its name has more than {NAME_LIMIT} bytes", EXPORT, key=name)
    return name, place + end


def _usual(text: str, place: int) -> tuple[str, int] | None:
    """A string as most are, of printable ASCII signs that stand for themselves, and where it ends."""
    end = text.find('"', place + 1, place + NAME_LIMIT + 2)
    if end < 0 or text[place] != '"':
        return None
    string = text[place + 1 : end]
    return (string, end + 1) if string.isascii() and string.isprintable() and "\\" not in string else None


def _string(text: str, place: int) -> tuple[str, int]:
    """Any string, and where it ends."""
    if not text.startswith('"', place):
        raise ValueError(f"no string at byte {place}")
    string, end = _PLAIN.raw_decode(text, place)
    return (string if string.isascii() else _true(text[place:end])), end


def _true(written: str) -> str:
    """A string with its characters instead of their bytes."""
    string: str = _PLAIN.decode(_utf8(written))
    string.encode()  # Fails for half a surrogate pair, which is no character.
    return string


def _utf8(written: str) -> str:
    return written if written.isascii() else written.encode("latin-1").decode()


def _body(name: str, text: str, place: int) -> tuple[str, int]:
    """What stands behind a tensor's name, and where it ends."""
    end = text.find("}", place, place + BODY_LIMIT) + 1
    inner = text.find("{", place + 1, end or place + BODY_LIMIT)
    if text.startswith("{", place) and inner < 0:
        if end:
            return text[place:end], end
        raise unsafe(f"what its header says of it has more than {BODY_LIMIT} bytes", EXPORT, key=name)
    raise unsafe("must have exactly dtype, shape and data_offsets", EXPORT, key=name)


def _metadata(text: str, begin: int) -> tuple[dict[str, str], int]:
    """Pairs of strings, and where they end."""
    try:
        return _pairs(text[: begin + METADATA_LIMIT], begin)
    except ValueError as error:
        if len(text) <= begin + METADATA_LIMIT:
            raise
        problem = f"does not end within {METADATA_LIMIT} bytes, or is no JSON"
        raise unsafe(problem, EXPORT, key=_METADATA) from error


def _pairs(text: str, begin: int) -> tuple[dict[str, str], int]:
    if not text.startswith("{", begin):
        raise _no_strings()
    found: dict[str, str] = {}
    place, more = _open(text, begin)
    while more:
        name, place = _usual(text, place) or _string(text, place)
        if name in found:
            raise _twice(name)
        place = _end(_COLON, text, place)
        if not text.startswith('"', place):
            raise _no_strings()
        found[name], place = _usual(text, place) or _string(text, place)
        if len(found) > METADATA_ENTRY_LIMIT:
            raise unsafe(f"has more than {METADATA_ENTRY_LIMIT} entries", EXPORT, key=_METADATA)
        place, more = _next(text, place)
    return found, place


def _end(expected: re.Pattern[str], text: str, place: int) -> int:
    if not (found := expected.match(text, place)):
        raise ValueError(f"no ':' at byte {place}")
    return found.end()


def _without_minus_zero(digits: str) -> int:
    if digits == "-0":
        raise ValueError("the number -0")
    return int(digits)


def _twice(name: str) -> UnsafeFile:
    return unsafe("its header names this twice", EXPORT, key=name)


def _no_strings() -> UnsafeFile:
    return unsafe("must map strings to strings", EXPORT, key=_METADATA)


_PLAIN = json.JSONDecoder()
_CAREFUL = json.JSONDecoder(parse_int=_without_minus_zero)
_PAIRS = json.JSONDecoder(object_pairs_hook=list)
