"""Markdown that people wrote beside runs, as HTML that does nothing.

Markup in it is text, pictures from elsewhere are links, and links to other documents lead to their pages. Which
documents there are is not known here.
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kilnmark.protocol.printable import printable_lines

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["first_heading", "rendered"]

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")


def rendered(text: str, *, level: int = 0, picture: Callable[[str], str | None] = lambda _: None) -> str:
    """A document's HTML.

    Args:
        text: Markdown.
        level: How much its headings are lowered, so that they stand below those of the page.
        picture: The address of a picture that it names by a relative path; None: it is shown as its words.
    """
    tokens = _parser().parse(printable_lines(text))
    _mend(tokens, level, picture)
    html: str = _parser().renderer.render(tokens, _parser().options, {})
    return html


def first_heading(text: str) -> str | None:
    """The words of the first heading of a document; None where it has none."""
    found = re.search(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", text, re.MULTILINE)
    return found.group(1) if found else None


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _mend(tokens: Sequence["Token"], level: int, picture: Callable[[str], str | None]) -> None:
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + level)}"
        if token.type == "table_open":
            token.attrSet("tabindex", "0")
        if token.type == "inline":
            if before is not None and before.type == "heading_open":
                before.attrSet("id", _anchor(token.content))
            token.children = [_mended(child, picture) for child in token.children or ()]


def _mended(token: "Token", picture: Callable[[str], str | None]) -> "Token":
    if token.type == "link_open":
        token.attrSet("href", _address(str(token.attrs.get("href", ""))))
        token.attrSet("rel", "noreferrer noopener")
    if token.type == "image":
        source = str(token.attrs.get("src", ""))
        shown = None if _is_elsewhere(source) or not source.lower().endswith(_PICTURES) else picture(source)
        return _shown(token, shown)
    return token


def _shown(token: "Token", address: str | None) -> "Token":
    """The picture at its address, or its words alone."""
    from markdown_it.token import Token

    if address is None:
        return Token("text", "", 0, content=f"[{token.content or 'picture'}]")
    changed: dict[str, Any] = {"src": address, "loading": "lazy"}
    for name, value in changed.items():
        token.attrSet(name, value)
    return token


def _address(target: str) -> str:
    """Of a link: another document's page, where it is one."""
    parts = urlsplit(target)
    if _is_elsewhere(target) or not parts.path.lower().endswith(".md"):
        return target
    return posixpath.normpath(parts.path) + ".html" + (f"#{parts.fragment}" if parts.fragment else "")


def _is_elsewhere(target: str) -> bool:
    parts = urlsplit(target)
    return bool(parts.scheme or parts.netloc) or target.startswith("/")


def _anchor(title: str) -> str:
    """As GitHub makes them."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
