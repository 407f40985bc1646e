"""Text from outside, made harmless for whoever looks at it: nothing in it moves a cursor, hides or turns around.

A character that is none to look at is spelled as Python spells it: controls (C0, C1, DEL), marks of direction, what has
no width, line ends, blanks other than a space, halves of surrogate pairs. Every output asks here, at the one place
where it is written. Nothing is read or written here, and nothing is taken away.
"""

import logging
import re

import msgspec

__all__ = ["OneLineFormatter", "encodable", "encodable_json", "printable", "printable_json", "printable_lines"]

_ABOVE_SPACE = re.compile(r"[^\n\x20-\x7e]")
"""What may have to be spelled out in a document: above ASCII everything may, and its own line ends stand."""


def printable(text: str) -> str:
    """The same on one line, with nothing in it that acts."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _spelled(c) for c in text)


def printable_lines(text: str) -> str:
    """The same for a text of several lines: their ends stay."""
    return "\n".join(map(printable, text.split("\n")))


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()


def encodable(text: str) -> str:
    """The same in UTF-8: file names may hold bytes that are no text, and JSON cannot."""
    return text.encode("utf-8", "backslashreplace").decode()


def printable_json(document: object) -> str:
    """A Struct as JSON that any reader reads as before, and no terminal acts on.

    JSON's own escapes do it, since what is not ASCII stands in strings alone. Halves of surrogate pairs, which JSON
    cannot hold, are spelled out.
    """
    return _ABOVE_SPACE.sub(_escaped, encodable_json(document).decode())


def encodable_json(document: object) -> bytes:
    """A Struct as JSON, whatever is in its texts: halves of surrogate pairs are spelled out."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(_encodable(msgspec.to_builtins(document)))


def _escaped(found: "re.Match[str]") -> str:
    character = found.group()
    if character.isprintable():
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {_encodable(name): _encodable(each) for name, each in value.items()}
    return [_encodable(each) for each in value] if isinstance(value, list | tuple) else value


class OneLineFormatter(logging.Formatter):
    """A line of a log for each record, and the lines of a traceback indented below it: no text makes a line of its own.

    A reader who takes each line that begins with no blank for a record is never wrong.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: "logging._SysExcInfoType") -> str:  # noqa: N802 - logging's name
        """The lines below it."""
        return _below(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's name
        """The same."""
        return _below(super().formatStack(stack_info))


def _below(text: str) -> str:
    return "\n".join(f"  {printable(line)}" for line in text.split("\n"))
