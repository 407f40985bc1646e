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
from kilnmark.keymaps.files.header_strings import Written, beginning, string_end, text_of

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
"""Bytes of metadata that are kept, as they are written; of longer entries, the beginnings. Nearly all files have less,
and captions of half a million pictures have 9 MB (kohya-ss/sd-scripts#1380)."""
METADATA_ENTRY_LIMIT = 2_000
SHOWN_LIMIT = 250
"""Bytes that are kept of an entry that is too long."""
NAME_LIMIT = 1024
"""Bytes of a tensor's name."""
BODY_LIMIT = 512
"""Bytes of what stands behind a tensor's name; eight sizes and two offsets of 20 digits need 300."""

EXPORT = "export the adapter again as safetensors"

_METADATA = "__metadata__"
_WRITTEN_NAME_LIMIT = 6 * NAME_LIMIT + 2
"""Each byte of a name is written in six at most (`\\u0041`); and the quotes."""

_SPACE = re.compile(rb"[ \t\n\r]{0,64}+")
_COLON = re.compile(rb"[ \t\n\r]{0,64}+:[ \t\n\r]{0,64}+")
_COMMA = re.compile(rb"[ \t\n\r]{0,64}+([,}])[ \t\n\r]{0,64}+")
_SPACES = b" \t\n\r"
_CHUNK = 1 << 20

_NATURAL = r"(?:0|[1-9][0-9]{0,18}+)"
_USUAL = re.compile(
    rf'"([ !#-\[\]-~]{{1,{NAME_LIMIT}}}+)":{{"dtype":"([0-9A-Z_]{{1,16}}+)","shape":'
    rf'\[((?:{_NATURAL}(?:,{_NATURAL}){{0,7}}+)?+)\],"data_offsets":\[({_NATURAL}),({_NATURAL})\]}}(?:,(?="))?+'.encode()
)
"""A tensor as the safetensors library writes it, with its name, and the comma behind it: nearly all there are."""


Raw = bytes | bytearray
Usual = tuple[bytes, bytes, bytes, bytes]
"""Dtype, sizes with commas between them, and where the data begins and ends, as written."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A header in pieces, in its own order.

    Attributes:
        metadata: Of the file; of entries too long to be kept, what they begin with.
        long: The names of those, with their bytes.
        bodies: A tensor's name to what is said of it: dtype, sizes and the two offsets where it is written as the
            safetensors library writes it, else a JSON object that has no object inside and is not decoded.
    """

    metadata: Mapping[str, str]
    long: Mapping[str, int]
    bodies: Mapping[str, Usual | bytes]


def unsafe(problem: str, mend: str, *, key: str | None = None) -> UnsafeFile:
    """The refusal of a header, before anybody knows whose it is: its path is empty."""
    return UnsafeFile("", problem, mend, key=key)


def cut_header(raw: Raw) -> Pieces:
    """Cut a header.

    Args:
        raw: JSON and the spaces behind it.

    Raises:
        UnsafeFile: Something is too much, is not where it belongs, or is said twice.
        ValueError: It is no strict JSON.
    """
    if not raw.startswith(b"{"):
        raise unsafe("its header does not begin with '{'", EXPORT)
    metadata: dict[str, str | Written] | None = None
    bodies: dict[str, Usual | bytes] = {}
    place, more = _open(raw, 0)
    while more:
        if found := _USUAL.match(raw, place):
            written, dtype, sizes, begin, end = found.groups()
            name = written.decode()
            if name != _METADATA and name not in bodies and len(bodies) < TENSOR_LIMIT:
                bodies[name] = dtype, sizes, begin, end
                place = found.end()
                if not raw.startswith(b",", place - 1):
                    place, more = _next(raw, place)
                continue
        name, place = _name(raw, place)
        if name in bodies or (metadata is not None and name == _METADATA):
            raise _twice(name)
        if name == _METADATA:
            metadata, place = _metadata(raw, place)
        else:
            bodies[name], place = _body(name, raw, place)
            if len(bodies) > TENSOR_LIMIT:
                raise unsafe(f"holds more than {TENSOR_LIMIT} tensors", "give an adapter, not a whole model")
        place, more = _next(raw, place)
    _check_end(raw, place)
    return Pieces(*_kept(raw, metadata or {}), bodies)


def _check_end(raw: Raw, place: int) -> None:
    """Nothing but spaces follows."""
    for begin in range(place, len(raw), _CHUNK):
        if raw[begin : begin + _CHUNK].translate(None, _SPACES):
            raise ValueError(f"something follows it behind byte {begin}")


def decode_body(body: bytes) -> dict[str, Any]:
    """What is said of one tensor.

    Args:
        body: From `Pieces.bodies`.

    Raises:
        UnsafeFile: A field is said twice.
        ValueError: It is no strict JSON.
    """
    written = body.decode()
    # The library takes -0 for a fraction; to look at every number is worth it only where there may be one.
    entry: dict[str, Any] = (_CAREFUL if "-0" in written else _PLAIN).raw_decode(written)[0]
    if written.count(":") != len(entry):
        counts = Counter(field for field, _ in _PAIRS.decode(written))
        if counts.total() > len(counts):
            raise _twice(counts.most_common(1)[0][0])
    return entry


def _open(raw: Raw, place: int) -> tuple[int, bool]:
    """Behind the bracket that opens an object: where its first name begins, and whether there is one."""
    place = _end(_SPACE, raw, place + 1)
    return (_end(_SPACE, raw, place + 1), False) if raw.startswith(b"}", place) else (place, True)


def _next(raw: Raw, place: int) -> tuple[int, bool]:
    """Behind a value: where the next name begins, and whether there is one."""
    if raw.startswith(b',"', place):
        return place + 1, True
    if not (found := _COMMA.match(raw, place)):
        raise ValueError(f"no ',' and no '}}' at byte {place}")
    return found.end(), found[1] == b","


def _name(raw: Raw, place: int) -> tuple[str, int]:
    """A name of the header, and where its value begins."""
    name, end = _usual(raw, place) or _unusual_name(raw, place)
    return name, end + 1 if raw.startswith((b':"', b":{"), end) else _end(_COLON, raw, end)


def _unusual_name(raw: Raw, place: int) -> tuple[str, int]:
    try:
        end = string_end(raw, place, _WRITTEN_NAME_LIMIT)
    except ValueError as error:
        if len(raw) < place + _WRITTEN_NAME_LIMIT or not raw.startswith(b'"', place):
            raise
        problem = f"a name in its header does not end within {_WRITTEN_NAME_LIMIT} bytes, or is no JSON"
        raise unsafe(problem, EXPORT) from error
    name = text_of(raw, Written(place, end))
    if len(name.encode()) > NAME_LIMIT:
        raise unsafe(f"its name has more than {NAME_LIMIT} bytes", EXPORT, key=name)
    return name, end


def _usual(raw: Raw, place: int) -> tuple[str, int] | None:
    """A string as most are, of printable ASCII signs that stand for themselves, and where it ends."""
    end = raw.find(b'"', place + 1, place + NAME_LIMIT + 2)
    if end < 0 or not raw.startswith(b'"', place):
        return None
    string = raw[place + 1 : end]
    if not string.isascii() or b"\\" in string:
        return None
    text = string.decode()
    return (text, end + 1) if text.isprintable() else None


def _body(name: str, raw: Raw, place: int) -> tuple[bytes, int]:
    """What stands behind a tensor's name, and where it ends."""
    end = raw.find(b"}", place, place + BODY_LIMIT) + 1
    inner = raw.find(b"{", place + 1, end or place + BODY_LIMIT)
    if raw.startswith(b"{", place) and inner < 0:
        if end:
            return bytes(raw[place:end]), end
        raise unsafe(f"what its header says of it has more than {BODY_LIMIT} bytes", EXPORT, key=name)
    raise unsafe("must have exactly dtype, shape and data_offsets", EXPORT, key=name)


def _metadata(raw: Raw, place: int) -> tuple[dict[str, str | Written], int]:
    """Names and strings, unusual ones as the place where they stand, and where all of it ends."""
    if not raw.startswith(b"{", place):
        raise _no_strings()
    found: dict[str, str | Written] = {}
    place, more = _open(raw, place)
    while more:
        name, begin = _name(raw, place)
        if name in found:
            raise _twice(name)
        if not raw.startswith(b'"', begin):
            raise _no_strings()
        if usual := _usual(raw, begin):
            found[name], place = usual
        else:
            place = string_end(raw, begin)
            found[name] = Written(begin, place)
        if len(found) > METADATA_ENTRY_LIMIT:
            raise unsafe(f"has more than {METADATA_ENTRY_LIMIT} entries", EXPORT, key=_METADATA)
        place, more = _next(raw, place)
    return found, place


def _kept(raw: Raw, entries: Mapping[str, str | Written]) -> tuple[Mapping[str, str], Mapping[str, int]]:
    """What the metadata says, as far as there is room, the longest entries left out first; and the bytes of those."""
    room = METADATA_LIMIT - sum(len(text) for text in entries.values() if isinstance(text, str))
    texts: dict[str, str] = {}
    long: dict[str, int] = {}
    spans = [(name, span) for name, span in entries.items() if isinstance(span, Written)]
    for name, span in sorted(spans, key=lambda entry: entry[1].size):
        room -= span.size
        if room >= 0:
            texts[name] = text_of(raw, span)
        else:
            long[name] = span.size
            texts[name] = f"{beginning(raw, span, SHOWN_LIMIT)}... ({span.size} bytes)"
    return {name: text if isinstance(text, str) else texts[name] for name, text in entries.items()}, long


def _end(expected: re.Pattern[bytes], raw: Raw, place: int) -> int:
    if not (found := expected.match(raw, place)):
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
