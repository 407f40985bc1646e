"""Which tag of a style's art direction a place gets.

Places and tags are compared as people mean them: in any case, and with spaces, hyphens, dashes and underscores alike.
What a tag adds to a prompt is `prompt`'s part; where tags are written, `documents`'.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["PicturePlace", "folded", "tag_of"]

_SEPARATORS = re.compile("[\\s_\\-\u2010-\u2015\u2212]+")
"""Hyphens and dashes of every length, as editors put them in for one another."""


class PicturePlace(NamedTuple):
    """What a picture is of, as far as its place is known.

    Attributes:
        region: Where it lies; a tag must be all of it.
        name: What it is called; a tag may be some whole words of it.
    """

    region: str | None = None
    name: str | None = None

    @classmethod
    def called(cls, text: str | None) -> "PicturePlace":
        """One of which nobody says whether the text is its region or its name: it is both. None: no place."""
        return cls(text, text)


def tag_of(place: PicturePlace, tags: Iterable[str]) -> str | None:
    """The tag that is meant for a place, as it is written; None where none is.

    The one that equals the place's region; else, of those that stand in its name as whole words, the longest, and of
    equally long ones the first.
    """
    meanings = [(folded(tag), tag) for tag in tags]
    region, name = folded(place.region or ""), folded(place.name or "")
    for meaning, tag in meanings:
        if meaning and meaning == region:
            return tag
    standing = [pair for pair in meanings if _stands_in(name, pair[0])]
    return max(standing, key=lambda pair: len(pair[0]))[1] if standing else None


def folded(text: str) -> str:
    """A tag, a region or a name as it is compared; empty where it holds nothing but separators."""
    return _SEPARATORS.sub(" ", unicodedata.normalize("NFC", text).casefold()).strip()


def _stands_in(name: str, tag: str) -> bool:
    """Whether a tag stands somewhere in a name with no further letter at either end."""
    at = name.find(tag) if tag else -1
    while at >= 0:
        if not _is_lettered(name[max(at - 1, 0) : at]) and not _is_lettered(name[at + len(tag) :][:1]):
            return True
        at = name.find(tag, at + 1)
    return False


def _is_lettered(character: str) -> bool:
    """Whether it belongs to a word: letters, digits, and the marks that some scripts write beside them."""
    return bool(character) and unicodedata.category(character)[0] in "LNM"
