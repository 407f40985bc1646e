"""The review page: `index.html` beside the pictures of a batch, one file that needs no network and no server.

What is on it is put together here, from `page.html`, `page.css`, `page.js` and the cards of `page_markup`. Nothing here
judges a picture (`standing` does) or knows how a batch is run.
"""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from kilnmark.client.batch.page.markup import card, moment, place_name, place_value, ratio_class, text
from kilnmark.client.batch.run.manifest import Manifest, SourceProblem
from kilnmark.client.batch.run.standing import ShownPicture, Standing, shown_pictures
from kilnmark.keymaps.files.atomic import written_whole

__all__ = ["PAGE", "write_page"]

PAGE = "index.html"
_HOLE = re.compile(r"\{\{(\w+)\}\}")


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
    # YAML can hold half a surrogate pair, UTF-8 cannot.
    page = _page(manifest, shown_pictures(folder, manifest)).encode(errors="xmlcharrefreplace")
    with written_whole(goal, alone=True) as file:
        file.write(page)
    return goal


def _page(manifest: Manifest, shown: Sequence[ShownPicture]) -> str:
    script, style = _part("page.js"), _part("page.css") + _ratios(shown)
    genres = sorted({exhibit.picture.genre for exhibit in shown})
    title = place_name(genres[0]) if len(genres) == 1 else f"{len(genres)} genres"
    return _fill(
        _part("page.html"),
        {
            "policy": _policy(style, script),
            "title": text(title if genres else "Nothing yet"),
            "style": style,
            "script": script,
            "summary": text(_summary(shown)),
            "updated": text(moment(manifest.updated)),
            "version": text(manifest.kilnmark_version),
            "notices": "".join(f'<p class="note">{text(notice)}</p>' for notice in _notices(shown)),
            "standings": "".join(map(_chip, _counts(shown))),
            "genres": _options({genre: place_name(genre) for genre in genres}),
            "worlds": _worlds(shown),
            "kinds": _options({kind: kind for kind in sorted({exhibit.picture.kind for exhibit in shown})}),
            "tiers": _options({tier: place_name(tier) for tier in sorted({exhibit.picture.tier for exhibit in shown})}),
            "count": str(len(shown)),
            "cards": "".join(map(card, shown)),
            "problems": _problems(manifest.problems),
        },
    )


def _fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into the holes, in one pass: what a value holds is never taken for a hole."""
    return _HOLE.sub(lambda hole: values[hole[1]], template)


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
    sizes = {(exhibit.picture.width, exhibit.picture.height) for exhibit in shown}
    rules = {ratio_class(*size): size[0] / (size[1] or 1) for size in sizes}
    return "".join(f".{name} {{ --ratio: {ratio:.4f} }}\n" for name, ratio in sorted(rules.items()))


def _counts(shown: Iterable[ShownPicture]) -> list[tuple[Standing, int]]:
    counts = Counter(standing for exhibit in shown for standing in exhibit.standings)
    return [(standing, counts[standing]) for standing in Standing if counts[standing]]


def _summary(shown: Sequence[ShownPicture]) -> str:
    counts = Counter(standing for exhibit in shown for standing in exhibit.standings)
    words = {Standing.DEAD: "with a dead adapter", Standing.FAILED: "failed", Standing.PARTIAL: "partly engaged"}
    bad = [f"{counts[standing]} {word}" for standing, word in words.items() if counts[standing]]
    pictures = f"{len(shown)} picture{'' if len(shown) == 1 else 's'}"
    return ", ".join([pictures, *bad]) + ("" if bad or not shown else ", nothing amiss")


def _notices(shown: Iterable[ShownPicture]) -> list[str]:
    return sorted({exhibit.picture.notice for exhibit in shown if exhibit.picture.notice})


def _chip(count: tuple[Standing, int]) -> str:
    standing, number = count
    return (
        f'<label class="chip {standing}"><input type="radio" name="standing" value="{standing}">'
        f'<span>{standing.label} <b data-count="{standing}">{number}</b></span></label>'
    )


def _options(choices: Mapping[str, str]) -> str:
    return "".join(f'<option value="{text(value)}">{text(label)}</option>' for value, label in choices.items())


def _worlds(shown: Iterable[ShownPicture]) -> str:
    """The worlds, under their genres."""
    genres: dict[str, dict[str, str]] = {}
    for picture in sorted((exhibit.picture for exhibit in shown), key=lambda one: (one.genre, one.world or "")):
        label = place_name(picture.world) if picture.world else "the genre itself"
        genres.setdefault(picture.genre, {})[place_value(picture)] = label
    return "".join(
        f'<optgroup label="{text(place_name(genre))}" data-genre="{text(genre)}">{_options(worlds)}</optgroup>'
        for genre, worlds in genres.items()
    )


def _problems(problems: Sequence[SourceProblem]) -> str:
    if not problems:
        return ""
    rows = "".join(
        f"<li><code>{text(problem.file)}:{problem.line}</code> <span>{text(problem.message)}</span></li>"
        for problem in problems
    )
    noun = "problem" if len(problems) == 1 else "problems"
    return (
        f'<details class="problems"><summary>{len(problems)} {noun} in the sources</summary><ul>{rows}</ul></details>'
    )
