"""Captions as they stand in their files, brought to the one form in which they are judged and written: one line.

What a caption may say is `captions`' part.
"""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["CAPTION_LIMIT", "CaptionText", "is_text", "one_line", "opened_text", "read_caption"]

CAPTION_LIMIT: Final = 1 << 20
"""Bytes of the longest caption that is read: no text encoder reads a hundredth of it."""

_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class CaptionText:
    """A caption's file, read.

    Attributes:
        text: On one line; empty where it says nothing, or cannot be read.
        forms: How its file differs from one line of plain UTF-8, in words.
        problem: Why it cannot be read; None where it can.
    """

    text: str
    forms: tuple[str, ...] = ()
    problem: str | None = None


def read_caption(path: Path) -> CaptionText:
    """What a caption's file says."""
    try:
        with opened_text(path) as file:
            data = file.read(CAPTION_LIMIT + 1)
    except OSError as error:
        return CaptionText("", problem=error.strerror or str(error))
    if len(data) > CAPTION_LIMIT:
        return CaptionText("", problem=f"has more than {CAPTION_LIMIT:,} bytes")
    if (named := _BOMS.get(data[:2])) is not None:
        return CaptionText("", problem=f"is {named}, not UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return CaptionText("", problem=f"is not UTF-8 (byte {error.start})")
    return _formed(text)


def opened_text(path: Path) -> BinaryIO:
    """A file opened to be read; what only looks like one, and would never end or never begin, is not.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def is_text(text: str) -> bool:
    """UTF-8 can hold it: names of files may hold bytes that are no text, and JSON can spell halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def one_line(text: str) -> str:
    """A text with every run of blanks and line ends as one space, and none around it."""
    return " ".join(text.split())


def _formed(text: str) -> CaptionText:
    forms = []
    if text.startswith("\ufeff"):
        forms.append("a byte-order mark")
        text = text[1:]
    if "\r" in text:
        forms.append("line ends of Windows")
    if "\n" in text.replace("\r\n", "\n").replace("\r", "\n").strip():
        forms.append("several lines")
    if any(ord(character) < ord(" ") and character not in "\t\r\n\f\v" for character in text):
        return CaptionText("", problem="holds control characters")
    return CaptionText(one_line(text), tuple(forms))
