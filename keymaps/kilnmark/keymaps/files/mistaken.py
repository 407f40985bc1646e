"""What a file is that stands under an adapter's name and is no safetensors file: a download's error page, an archive,
a picture, by its first bytes. The kinds are data, `mistaken.yaml`; nothing here says when a file is looked at so.
"""

import codecs
import html
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from kilnmark.keymaps.documents import Document, parse_document
from kilnmark.keymaps.files.header import HEAD

__all__ = ["Mistaken", "example_of", "kind_of", "what_it_is"]

SAID_LIMIT = 200
"""Characters that a refusal repeats of what the file itself says."""
_WORDS = 16
"""Characters that a text has at least before bytes that are none: pages with something behind them are pages."""
_TEXTS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_TEXT = "is text, not a safetensors file"
_SPACES = re.compile(r"\s+")


class Mistaken(NamedTuple):
    """What a file is, said of it, and what to do."""

    problem: str
    mend: str


class _Kind(Document):
    """One kind of file, as the document's own head describes it."""

    begins: tuple[str, ...] = ()
    at: int = Field(default=0, ge=0)
    words: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    what: str = Field(min_length=1)
    mend: str
    says: tuple[str, ...] = ()

    def fits(self, head: bytes, text: str) -> bool:
        """Whether a file that begins so is of this kind; `text` is empty where it is none."""
        begun = any(head.startswith(_bytes(start), self.at) for start in self.begins)
        if not begun and not text.casefold().startswith(self.words or ("\0",)):
            return False
        return not self.holds or any(part in text or part.encode() in head for part in self.holds)


class _Kinds(Document):
    mends: dict[str, str]
    kinds: tuple[_Kind, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for kind in self.kinds:
            if kind.mend not in self.mends or not (kind.begins or kind.words):
                raise ValueError(f"kinds: {kind.what}: its mend is none of {list(self.mends)}, or nothing tells it")
        return self


def what_it_is(head: bytes) -> Mistaken | None:
    """What a file is that is no safetensors file.

    Args:
        head: Its first bytes, as many as `header.HEAD`, or all there are.

    Returns:
        None where nothing is known that begins so.
    """
    known = _kinds()
    text, whole = _text(head)
    for kind in known.kinds:
        if kind.fits(head, text):
            return Mistaken(_with_words(kind.what, next(_said(kind, text), "")), known.mends[kind.mend])
    if text and whole:
        return Mistaken(_with_words(_TEXT, text), known.mends["again"])
    return None


def kind_of(head: bytes) -> str:
    """What a file is that is no safetensors file, without a word of its own; empty where nothing is known.

    Args:
        head: As `what_it_is` has it.
    """
    text, whole = _text(head)
    found = next((kind.what for kind in _kinds().kinds if kind.fits(head, text)), "")
    return found or (_TEXT if text and whole else "")


def example_of(kind: str) -> bytes:
    """The first `HEAD` bytes of a file that `kind_of` calls so; empty where it calls none so."""
    if kind == _TEXT:
        return b"text".ljust(HEAD)
    found = next((known for known in _kinds().kinds if known.what == kind), None)
    if found is None:
        return b""
    holds = "".join(found.holds[:1]).encode()
    if found.begins:
        return (bytes(found.at) + _bytes(found.begins[0]) + holds).ljust(HEAD, b"\0")
    return (found.words[0].encode() + holds).ljust(HEAD)


@cache
def _kinds() -> _Kinds:
    return parse_document(_Kinds, (files("kilnmark.keymaps.files") / "mistaken.yaml").read_text(encoding="utf-8"))


def _bytes(start: str) -> bytes:
    """As the document writes them."""
    return bytes.fromhex(start[2:]) if start.startswith("0x") else start.encode()


def _text(head: bytes) -> tuple[str, bool]:
    """The words that a file begins with, and whether it is text as far as it was looked at."""
    mark, encoding = next(((mark, name) for mark, name in _TEXTS if head.startswith(mark)), (b"", "utf-8"))
    # The last character may be cut.
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head.removeprefix(mark)).lstrip()
    end = next((place for place, sign in enumerate(text) if not _is_text(sign)), len(text))
    words = text[:end].rstrip()
    whole = end == len(text)
    return (words, whole) if whole or end >= _WORDS else ("", False)


def _is_text(sign: str) -> bool:
    return sign != "\ufffd" and (sign.isprintable() or sign.isspace())


def _said(kind: _Kind, text: str) -> Iterator[str]:
    for expression in kind.says:
        for found in re.finditer(expression, text):
            yield _unescaped(found[1])


def _unescaped(written: str) -> str:
    """Words of JSON or HTML as people read them; an escape at the end may be cut."""
    for cut in range(len("\\u0000")):
        try:
            return str(json.loads(f'"{written[: len(written) - cut]}"'))
        except ValueError:
            continue
    return html.unescape(written)


def _with_words(what: str, said: str) -> str:
    """The problem, with the file's own words where it has any."""
    plain = "".join(sign for sign in _SPACES.sub(" ", said).strip() if sign.isprintable())
    cut = plain if len(plain) <= SAID_LIMIT else f"{plain[:SAID_LIMIT]}..."
    return f"{what}; it says {cut!r}" if cut else what
