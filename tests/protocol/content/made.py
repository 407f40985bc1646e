"""Content written as text: a folder of packs that exists in memory only, and documents read from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import TypeVar

from kilnmark.protocol.content.documents import GenreStyle, WorldStyle, parse_genre_style, parse_world_style
from kilnmark.protocol.content.marked_yaml import MarkedDocument, read_marked

__all__ = ["Shelf", "document", "genre", "world"]

T = TypeVar("T")


@dataclass(frozen=True)
class Shelf:
    """A `PackFiles` of texts by path."""

    texts: Mapping[str, str]

    def read(self, path: str) -> bytes | None:
        text = self.texts.get(path)
        return None if text is None else dedent(text).encode()

    def folders(self, path: str) -> Sequence[str]:
        inside = [name.removeprefix(f"{path}/" if path else "") for name in self.texts if name.startswith(path)]
        return sorted({name.split("/")[0] for name in inside if "/" in name})


def document(text: str, file: str = "visual_style.yaml") -> MarkedDocument:
    return read_marked(dedent(text).encode(), file)


def genre(text: str) -> GenreStyle:
    return parse_genre_style(document(text, "g/visual_style.yaml"))


def world(text: str) -> WorldStyle:
    return parse_world_style(document(text, "g/worlds/w/visual_style.yaml"))
