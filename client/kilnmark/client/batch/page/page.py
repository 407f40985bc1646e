"""The review page: `index.html` beside the pictures of a batch, one file that needs no network and no server.

What is on it is put together here, from the templates `page.html` and `card.html`, with `page.css` and the parts of
`script/` whole in it, and what `words`, `news` and `data` say. Jinja2 fills them, and is imported when a page is made.
Nothing here judges a picture (`standing` does) or knows how a batch is run or a page is served.
"""

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from kilnmark.client.batch.page import words
from kilnmark.client.batch.page.data import LiveData, data_json, page_data
from kilnmark.client.batch.page.news import shared_warnings, told_once, troubles
from kilnmark.client.batch.page.words import place_name
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import EntryName, Picks, PickWord
from kilnmark.client.batch.run.decisions import ShownPick, shown_picks
from kilnmark.client.batch.run.findings import SourceProblem
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.standing import ShownPicture, Standing, shown_pictures
from kilnmark.client.web.templates import escaped_templates
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.protocol.content.problems import UnusableContent

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["PAGE", "BatchAtWork", "PageRead", "filled_page", "live_policy", "page_read", "write_page"]

PAGE = "index.html"

_SCRIPTS = ("base", "picks", "filters", "viewer", "seeds", "copy", "look", "growing", "{store}", "keys", "start")
"""The parts of the script, in their order; a page that is served keeps decisions elsewhere than one that is a file."""


@dataclass(frozen=True)
class BatchAtWork:
    """A batch that is at work.

    Attributes:
        done, total: Pictures; 0 of 0 while it is not known yet.
        paused: Why the daemon begins none of them; None: it does.
    """

    done: int
    total: int
    paused: str | None = None

    @property
    def line(self) -> str:
        """In words."""
        far = f"{self.done} of {self.total} ended" if self.total else "it looks at what is there"
        return f"A batch is painting: {far}{f'; the daemon waits: {self.paused}' if self.paused else ''}."


@dataclass(frozen=True)
class PageRead:
    """Everything that a page is made of.

    Attributes:
        decided: What was decided about each picture, by its file.
        unread: Why decisions could not be read.
    """

    folder: Path
    manifest: Manifest
    shown: Sequence[ShownPicture]
    picks: Picks
    decided: Mapping[str, ShownPick]
    unread: Sequence[SourceProblem] = ()
    pending: Mapping[EntryName, str] = field(default_factory=dict)


def page_read(
    folder: Path,
    manifest: Manifest,
    files: PicksFiles | None = None,
    pending: Mapping[EntryName, str] | None = None,
) -> PageRead:
    """Look at a folder for its page.

    Args:
        folder: Where the manifest and the pictures lie.
        manifest: What is shown. Pictures that are not in the folder any more are told as failed.
        files: Where decisions are kept; None: beside the pictures. Those that cannot be read are told on the page.
        pending: What is being done, by entry, in a sentence.
    """
    unread: Sequence[SourceProblem] = ()
    try:
        picks = (files or PicksFiles.of(folder)).read()
    except UnusableContent as error:
        picks, unread = Picks(), [SourceProblem(each.file, each.line, each.message) for each in error.problems]
    decided = shown_picks(folder, manifest, picks)
    return PageRead(folder, manifest, shown_pictures(folder, manifest), picks, decided, unread, pending or {})


def write_page(
    folder: Path, manifest: Manifest, files: PicksFiles | None = None, *, painting: BatchAtWork | None = None
) -> Path:
    """Write the page of a folder of pictures, over the one that is there, at once and whole.

    Args:
        folder: As of `page_read`; the page refers to its pictures relative to it.
        manifest: As of `page_read`.
        files: As of `page_read`.
        painting: The batch that is at work there; None: none is.

    Returns:
        The page's path.

    Raises:
        OSError: It cannot be written; the old one stays.
    """
    goal = folder / PAGE
    page = filled_page(page_read(folder, manifest, files), painting=painting).encode()
    with written_whole(goal, alone=True) as file:
        file.write(page)
    return goal


def filled_page(read: PageRead, *, painting: BatchAtWork | None = None, live: LiveData | None = None) -> str:
    """A page.

    Args:
        read: What is on it.
        painting: As of `write_page`.
        live: What it knows as a page that is served; None: it is a file.
    """
    from markupsafe import Markup

    shown, manifest = read.shown, read.manifest
    script, style = page_script(live=live is not None), _style(shown)
    data = page_data(read.folder, manifest, shown, read.decided, read.picks, read.pending)
    genres = sorted({one.picture.genre for one in shown})
    problems = [*read.unread, *manifest.problems]
    return (
        _templates()
        .get_template("page.html")
        .render(
            policy=Markup(page_policy(style, script, live=live is not None)),  # noqa: S704 - ours, and only ours
            style=Markup(style),  # noqa: S704 - as above
            script=Markup(script),  # noqa: S704 - as above
            data=Markup(data_json(data, *([live] if live else []))),  # noqa: S704 - no markup can be made of it
            live=live is not None,
            title=_title(genres),
            painting=painting,
            written=round(time.time() * 1000),
            updated=words.moment(manifest.updated),
            version=manifest.kilnmark_version,
            troubles=troubles(shown),
            warned=shared_warnings(shown),
            once=told_once(shown, manifest.warnings),
            notices=sorted({one.picture.notice for one in shown if one.picture.notice}),
            standings=_counts(shown),
            genres={genre: place_name(genre) for genre in genres},
            worlds=_worlds(shown),
            kinds={kind: kind for kind in sorted({one.picture.kind for one in shown})},
            tiers={tier: place_name(tier) for tier in sorted({one.picture.tier for one in shown})},
            count=len(shown),
            shown=shown,
            problems=problems,
            warnings=manifest.warnings,
            **_headline(read, len(problems)),
        )
    )


def _headline(read: PageRead, problems: int) -> dict[str, str]:
    there = [one for one in read.shown if one.file and not one.picture.draft]
    words_said = [(read.decided[one.picture.file].word, one.picture.gone) for one in there]
    undecided = sum(word is PickWord.OPEN and not gone for word, gone in words_said)
    decided = sum(word is not PickWord.OPEN for word, _ in words_said)
    stale = [one for one in read.shown if _is_stale(one, read.decided[one.picture.file])]
    return {
        "undecided": words.undecided_words(undecided, decided),
        "rest": words.headline_rest(read.shown, len(stale), problems),
    }


def _is_stale(one: ShownPicture, decided: ShownPick) -> bool:
    return decided.word is PickWord.OPEN and bool(decided.stale or one.picture.stale)


def _title(genres: Sequence[str]) -> str:
    return place_name(genres[0]) if len(genres) == 1 else f"{len(genres)} genres" if genres else "Nothing yet"


@cache
def _templates() -> "Environment":
    """The templates beside this module, each value of theirs escaped, each name of theirs known."""
    templates = escaped_templates(_part, trimmed=False)
    templates.filters.update({name: getattr(words, name) for name in words.__all__})
    return templates


@cache
def _part(name: str) -> str:
    return (files("kilnmark.client.batch.page") / name).read_text(encoding="utf-8")


def page_script(*, live: bool) -> str:
    """The whole script, in one scope of its own."""
    parts = [_part(f"script/{name.format(store='live' if live else 'kept')}.js") for name in _SCRIPTS]
    return "\n".join(['"use strict";', "(() => {", *parts, "})();", ""])


def live_policy(read: PageRead) -> str:
    """What a page that is served may do, for the header of its answer, which says that nobody frames it, too."""
    return f"{page_policy(_style(read.shown), page_script(live=True), live=True)}; frame-ancestors 'none'"


def _style(shown: Iterable[ShownPicture]) -> str:
    return _part("page.css") + _ratios(shown)


def page_policy(style: str, script: str, *, live: bool) -> str:
    """Images beside the page, this very style and this very script, and nothing else.

    `file:` stands beside `'self'`, since a page opened from a disk has no origin in some browsers. A page that is
    served asks its server, too.
    """
    hashes = {
        name: base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for name, part in {"style": style, "script": script}.items()
    }
    images, asks = ("'self'", "connect-src 'self'; ") if live else ("'self' file:", "")
    return (
        f"default-src 'none'; img-src {images}; style-src 'sha256-{hashes['style']}'; "
        f"script-src 'sha256-{hashes['script']}'; {asks}base-uri 'none'; form-action 'none'"
    )


def _ratios(shown: Iterable[ShownPicture]) -> str:
    """The shapes of the pictures as rules: a policy that forbids style attributes leaves no other way."""
    pictures = [one.picture for one in shown]
    rules = {words.ratio_class(picture): picture.width / (picture.height or 1) for picture in pictures}
    return "".join(f".{name} {{ --ratio: {ratio:.4f} }}\n" for name, ratio in sorted(rules.items()))


def _counts(shown: Iterable[ShownPicture]) -> list[tuple[Standing, int]]:
    counts = Counter(standing for one in shown for standing in one.standings)
    return [(standing, counts[standing]) for standing in Standing if counts[standing]]


def _worlds(shown: Iterable[ShownPicture]) -> dict[str, dict[str, str]]:
    """The worlds with their names, under their genres."""
    genres: dict[str, dict[str, str]] = {}
    for picture in sorted((one.picture for one in shown), key=lambda picture: (picture.genre, picture.world or "")):
        label = place_name(picture.world) if picture.world else "the genre itself"
        genres.setdefault(picture.genre, {})[words.place_value(picture)] = label
    return genres
