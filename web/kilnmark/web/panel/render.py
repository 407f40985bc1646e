"""Pages put together: the templates of this room, filled with what the views say, each value escaped.

Jinja2 is imported when a page is made. Who is shown a page, and whether it may change anything, others know.
"""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from kilnmark.client.web.house import house_css
from kilnmark.client.web.templates import escaped_templates
from kilnmark.protocol.printable import printable_lines
from kilnmark.web.panel.words import bytes_words, clock, moment, state_class, time_words, verdict_class

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["ASSETS", "asset", "fill", "sorry_page"]

ASSETS = {"panel.css": "text/css", "panel.js": "text/javascript", "panel.svg": "image/svg+xml"}
"""What lies beside the pages, and its media type; everybody may have it."""


def fill(template: str, *, title: str, here: str = "", live: bool = False, csrf: str = "", **names: object) -> str:
    """A page of a template.

    Args:
        template: Of this room.
        title: In the window's.
        here: Which of the site's places it is.
        live: It follows the daemon.
        csrf: What forms send along; empty: whoever asks may only look, and there are none.
        names: What the template asks for.
    """
    page = _templates().get_template(template)
    return page.render(title=title, here=here, live=live, csrf=csrf, **names)


def sorry_page(title: str, sentence: str) -> str:
    """A page that says why there is no other, with nothing on it that a stranger may not see."""
    return fill("sorry.html", title=title, sentence=sentence)


def asset(name: str) -> bytes:
    """What lies beside the pages."""
    own = (files("kilnmark.web.panel") / "templates" / name).read_bytes()
    return house_css() + own if name == "panel.css" else own


@cache
def _templates() -> "Environment":
    """The templates, each value of theirs escaped, each name of theirs known."""
    templates = escaped_templates(lambda name: asset(name).decode())
    templates.filters.update(
        bytes=bytes_words,
        clock=clock,
        moment=moment,
        seconds=time_words,
        state_class=state_class,
        verdict_class=verdict_class,
        with_code=_with_code,
        whole_quote=lambda text: quote(text, safe=""),
    )
    return templates


def _with_code(sentence: str) -> "Markup":
    """A sentence of ours, in which commands stand between backticks, with those set as code."""
    from markupsafe import Markup

    parts = printable_lines(sentence).split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts))
