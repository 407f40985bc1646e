"""Strings of a header's JSON, of any length: where each ends, and what it says.

A header may hold a hundred megabytes of captions. They are checked some bytes at a time, and only what is asked for is
ever a string; what strings mean is not known here.
"""

import codecs
import json
from typing import NamedTuple

__all__ = ["Written", "beginning", "string_end", "text_of"]

_FIRST, _MOST = 1 << 12, 1 << 18
"""Bytes that are looked at first and at the most; each time twice as many as before, since most strings end soon."""
_ESCAPE = len("\\u0000")
_PLAIN = json.JSONDecoder()

Raw = bytes | bytearray


class Written(NamedTuple):
    """A string that was checked: where its opening quote stands, and where it ends."""

    begin: int
    end: int

    @property
    def size(self) -> int:
        """In bytes."""
        return self.end - self.begin


def string_end(raw: Raw, begin: int, most: int | None = None) -> int:
    """Where a string ends, if it is strict JSON: UTF-8, every escape known, no half of a character.

    Args:
        raw: A header.
        begin: Where its opening quote stands.
        most: Bytes that it may have; None for as many as there are.

    Raises:
        ValueError: It is no such string.
    """
    if raw[begin : begin + 1] != b'"':
        raise ValueError(f"no string at byte {begin}")
    last = len(raw) if most is None else min(len(raw), begin + most)
    place, size = begin + 1, _FIRST
    characters = codecs.getincrementaldecoder("utf-8")()
    while place < last:
        piece = bytes(raw[place : min(place + size, last)])
        if place + size < last:
            piece = _without_half(piece)
        end = _checked(piece)
        characters.decode(piece[:end], end < len(piece))
        place, size = place + end, min(2 * size, _MOST)
        if end < len(piece):
            return place + 1
    raise ValueError(f"the string at byte {begin} does not end")


def text_of(raw: Raw, span: Written) -> str:
    """What a string says."""
    text: str = _PLAIN.decode(raw[span.begin : span.end].decode())
    return text


def beginning(raw: Raw, span: Written, size: int) -> str:
    """What a string's first `size` bytes say; the last character is left out where it is cut."""
    written = _without_half(bytes(raw[span.begin + 1 : min(span.begin + 1 + size, span.end - 1)]))
    text: str = _PLAIN.decode(f'"{written.decode(errors="ignore")}"')
    return text


def _checked(piece: bytes) -> int:
    """How many of the bytes belong to a string that has begun before: all of them where it does not end here."""
    # One byte a character: places are those of the bytes, and JSON's own signs are ASCII.
    text, end = _PLAIN.raw_decode(f'"{piece.decode("latin-1")}"')
    if b"\\u" in piece:
        text.encode()  # Fails for half a surrogate pair, which is no character.
    return end - 2


def _without_half(piece: bytes) -> bytes:
    """A piece of a string that ends between two characters, as far as escapes go."""
    for _ in range(2):  # A low surrogate may be cut, and then its high one stands alone.
        place = piece.rfind(b"\\", max(0, len(piece) - _ESCAPE))
        run = place + 1 - len(piece[: place + 1].rstrip(b"\\"))
        if place < 0 or run % 2 == 0 or _is_whole(piece[place:]):
            break
        piece = piece[:place]
    return piece


def _is_whole(escape: bytes) -> bool:
    """What begins with a backslash is a character, or half of one that cannot be the first."""
    if escape[1:2] != b"u":
        return len(escape) > 1
    return len(escape) >= _ESCAPE and not (len(escape) == _ESCAPE and escape[2:4].lower() in _HIGH)


_HIGH = (b"d8", b"d9", b"da", b"db")
"""How the first half of a surrogate pair begins."""
