"""Who writes adapter files: `writers.yaml`, checked field by field."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import Field

from kilnmark.keymaps.documents import Document, parse_document

__all__ = ["Writer", "load_writers"]


class Writer(Document):
    """One trainer or tool.

    Attributes:
        title: What people call it.
        home: Where it is found; empty for what has no one place.
        about: What must be known of it; a sentence without full stop.
        like: Names of exhibits of others that its files are equal to.
        untried: What of it was not tried, and why; a sentence without full stop.
    """

    title: str = Field(min_length=1)
    home: str = Field(default="", pattern=r"^(https://\S+)?$")
    about: str = ""
    like: tuple[str, ...] = ()
    untried: str = ""


class _Writers(Document):
    writers: dict[str, Writer]


@cache
def load_writers() -> Mapping[str, Writer]:
    """Every writer by its key in the exhibits, in the order of the document."""
    text = (files("kilnmark.keymaps.zoo") / "writers.yaml").read_text(encoding="utf-8")
    return parse_document(_Writers, text).writers
