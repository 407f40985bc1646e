"""The examples of README and docs as their readers see them: blocks of code, and commands within a sentence."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["ROOT", "Block", "blocks", "command_lines", "spoken_commands"]

ROOT = Path(__file__).resolve().parents[3]
_PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_PROGRAM = "kilnmark"
_READER = MarkdownIt("commonmark", {"html": False})


class Block(NamedTuple):
    """One block of code.

    Attributes:
        page: From the repository.
        line: In the page, counted from 1.
        language: As a fence names it; empty for one that is only indented.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by, wherever in its page it moves: the page, and its first line."""
        return self.page, self.text.strip().splitlines()[0].strip()


@cache
def blocks() -> tuple[Block, ...]:
    """All of them, page by page."""
    return tuple(
        Block(page, token.map[0] + 1 if token.map else 0, token.info, token.content)
        for page, token in _tokens()
        if token.type in {"fence", "code_block"}
    )


def spoken_commands() -> list[tuple[str, str]]:
    """Commands within sentences that say more than which command it is, each with its page."""
    inline = (
        (page, child.content)
        for page, token in _tokens()
        if token.type == "inline" and f"{_PROGRAM} " in token.content
        for part in _READER.parseInline(token.content)
        for child in part.children or ()
        if child.type == "code_inline"
    )
    return [(page, line) for page, text in inline for line in command_lines(text) if " " in line]


def command_lines(text: str) -> list[str]:
    """The lines of a text that call kilnmark, without what stands beside them: comments, pipes, `&`.

    Alternatives that are written in one, `kilnmark status | jobs`, are a line each.
    """
    whole = re.sub(r"\\\n\s*", " ", text)
    return [command for line in whole.splitlines() for command in _commands(line.strip())]


def _commands(line: str) -> Iterator[str]:
    line = line.removeprefix("$ ")
    if not line.startswith(f"{_PROGRAM} "):
        return
    bare = re.split(r"\s#\s|\s&\s|\s>\s", f"{line} ".replace("  ", " "))[0]
    first, *others = re.split(r"\s\|\s", bare.strip())
    yield first.strip()
    before = first.strip().rsplit(" ", 1)[0]
    for other in others:
        if re.match(r"(jq|tee|grep|head)\b", other):
            return
        yield f"{before} {other.strip()}"


@cache
def _tokens() -> tuple[tuple[str, Token], ...]:
    """All blocks of all pages. What stands within their lines is read where somebody asks: that takes longest."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("inline")
    texts = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in _PAGES}
    return tuple((page, token) for page, text in texts.items() for token in reader.parse(text))
