"""The review page: `index.html` beside the pictures of a batch, one file that needs no network and no server.

What is on it is put together here, from the templates `page.html` and `card.html`, with `page.css` and `page.js` whole
in it, and what `words` says. Jinja2 fills them, and is imported when a page is written. Nothing here judges a picture
(`standing` does) or knows how a batch is run.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from kilnmark.client.batch.page import words
from kilnmark.client.batch.page.words import place_name
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.standing import ShownPicture, Standing, shown_pictures
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.protocol.printable import printable_lines

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["PAGE", "write_page"]

PAGE = "index.html"


def write_page(folder: Path, manifest: Manifest) -> Path:
    """Write the page of a folder of pictures, over the one that is there, at once and whole.

    Args:
        folder: Where the manifest and the pictures lie; the page refers to them relative to it.
        manifest: What is shown. Pictures that are not in the folder any more are told as failed.

    Returns:
        The page's path.

    Raises:
        OSError: It cannot be written; the old one stays.
    """
    goal = folder / PAGE
    page = _page(manifest, shown_pictures(folder, manifest)).encode()
    with written_whole(goal, alone=True) as file:
        file.write(page)
    return goal


def _page(manifest: Manifest, shown: Sequence[ShownPicture]) -> str:
    from markupsafe import Markup

    script, style = _part("page.js"), _part("page.css") + _ratios(shown)
    genres = sorted({one.picture.genre for one in shown})
    title = place_name(genres[0]) if len(genres) == 1 else f"{len(genres)} genres"
    return (
        _templates()
        .get_template("page.html")
        .render(
            policy=Markup(_policy(style, script)),  # noqa: S704 - ours, and only ours, as the two below
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            title=title if genres else "Nothing yet",
            summary=_summary(shown),
            updated=words.moment(manifest.updated),
            version=manifest.kilnmark_version,
            notices=sorted({one.picture.notice for one in shown if one.picture.notice}),
            standings=_counts(shown),
            genres={genre: place_name(genre) for genre in genres},
            worlds=_worlds(shown),
            kinds={kind: kind for kind in sorted({one.picture.kind for one in shown})},
            tiers={tier: place_name(tier) for tier in sorted({one.picture.tier for one in shown})},
            count=len(shown),
            shown=shown,
            problems=manifest.problems,
        )
    )


@cache
def _templates() -> "Environment":
    """The templates beside this module, each value of theirs escaped, each name of theirs known."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    templates = Environment(
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        loader=FunctionLoader(_part),
    )
    templates.filters.update({name: getattr(words, name) for name in words.__all__})
    return templates


def _shown(value: object) -> object:
    """What comes from outside is text that does nothing: not even turn around what stands beside it."""
    from markupsafe import Markup

    return value if isinstance(value, Markup) or not isinstance(value, str) else printable_lines(value)


def _part(name: str) -> str:
    return (files("kilnmark.client.batch.page") / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Images beside the page, this very style and this very script, and nothing else.

    `file:` stands beside `'self'`, since a page opened from a disk has no origin in some browsers.
    """
    hashes = {
        name: base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for name, part in {"style": style, "script": script}.items()
    }
    return (
        f"default-src 'none'; img-src 'self' file:; style-src 'sha256-{hashes['style']}'; "
        f"script-src 'sha256-{hashes['script']}'; base-uri 'none'; form-action 'none'"
    )


def _ratios(shown: Iterable[ShownPicture]) -> str:
    """The shapes of the pictures as rules: a policy that forbids style attributes leaves no other way."""
    pictures = [one.picture for one in shown]
    rules = {words.ratio_class(picture): picture.width / (picture.height or 1) for picture in pictures}
    return "".join(f".{name} {{ --ratio: {ratio:.4f} }}\n" for name, ratio in sorted(rules.items()))


def _counts(shown: Iterable[ShownPicture]) -> list[tuple[Standing, int]]:
    counts = Counter(standing for one in shown for standing in one.standings)
    return [(standing, counts[standing]) for standing in Standing if counts[standing]]


def _summary(shown: Sequence[ShownPicture]) -> str:
    counts = Counter(standing for one in shown for standing in one.standings)
    words = {Standing.DEAD: "with a dead adapter", Standing.FAILED: "failed", Standing.PARTIAL: "partly engaged"}
    bad = [f"{counts[standing]} {word}" for standing, word in words.items() if counts[standing]]
    pictures = f"{len(shown)} picture{'' if len(shown) == 1 else 's'}"
    return ", ".join([pictures, *bad]) + ("" if bad or not shown else ", nothing amiss")


def _worlds(shown: Iterable[ShownPicture]) -> dict[str, dict[str, str]]:
    """The worlds with their names, under their genres."""
    genres: dict[str, dict[str, str]] = {}
    for picture in sorted((one.picture for one in shown), key=lambda picture: (picture.genre, picture.world or "")):
        label = place_name(picture.world) if picture.world else "the genre itself"
        genres.setdefault(picture.genre, {})[words.place_value(picture)] = label
    return genres
