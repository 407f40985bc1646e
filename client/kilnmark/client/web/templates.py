"""Templates of pages whose values come from outside: each value escaped, each name known, and text that does nothing.

What the templates say is their own rooms' part. Jinja2 is imported when pages are made.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from kilnmark.protocol.printable import printable_lines

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["escaped_templates"]


def escaped_templates(part: Callable[[str], str], *, trimmed: bool = True) -> "Environment":
    """An environment of templates.

    Args:
        part: From the name of a template to its text.
        trimmed: Lines that hold a statement alone leave nothing behind; otherwise every newline stays.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=trimmed,
        lstrip_blocks=trimmed,
        keep_trailing_newline=not trimmed,
        loader=FunctionLoader(part),
    )


def _shown(value: object) -> object:
    """What comes from outside is text that does nothing: not even turn around what stands beside it."""
    from markupsafe import Markup

    return value if isinstance(value, Markup) or not isinstance(value, str) else printable_lines(value)
