"""Writes the tables of `docs/what-we-read.md` from the zoo: who writes adapter files, what was tried, how it is read.

What each file was judged is taken from the table of `docs/conventions.md`, which a test holds to the reader. Run it
after `scripts.make_zoo_table`: `.venv/bin/python -m scripts.make_what_we_read`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from inspect import isfunction
from pathlib import Path
from typing import NamedTuple

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.strangers import load_strangers
from kilnmark.keymaps.zoo.writers import Writer, load_writers
from kilnmark.keymaps.zoo.zoo import EXHIBITS
from kilnmark.protocol.picture.report import Verdict
from scripts.make_zoo_table import BEGIN, DOCUMENT, END

__all__ = ["PAGE", "made"]

PAGE = Path(__file__).parent.parent / "docs" / "what-we-read.md"

_CELLS = re.compile(r"(?<!\\)\|")
_COMMIT = re.compile(r"^([\w.-]+/[\w.-]+)@([0-9a-f]{7,40})")
_ISSUE = re.compile(r"\b([\w.-]+/[\w.-]+)#(\d+)\b")
_BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}


class _Judged(NamedTuple):
    """What the table of the conventions says of an exhibit."""

    convention: str
    verdict: str
    reason: str


def made(page: str) -> str:
    """The page with everything between its marks written anew."""
    for name, write in _PARTS.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{write()}\n{end}{rest.partition(end)[2]}"
    return page


@cache
def _judged() -> Mapping[str, _Judged]:
    text = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = [[cell.strip() for cell in _CELLS.split(line)[1:-1]] for line in text.splitlines()[2:]]
    return {row[0]: _Judged(row[2], row[5], row[6]) for row in rows}


def _counts() -> str:
    exact = sum(exhibit.verdict is Verdict.ENGAGED and bool(exhibit.writer) for exhibit in EXHIBITS)
    writers = len({exhibit.writer for exhibit in EXHIBITS if exhibit.writer})
    declined = len(EXHIBITS) - exact
    return (
        f"{len(EXHIBITS)} files are made: {exact} of {writers} writers that are read exactly, and {declined} that are "
        "broken, for another model, or of kinds that cannot be applied.\n"
    )


def _writers() -> str:
    return "\n".join(part for key, writer in load_writers().items() for part in _writer(key, writer))


def _writer(key: str, writer: Writer) -> Iterator[str]:
    yield f"### {writer.title}\n"
    about = f"{writer.about[:1].upper()}{writer.about[1:]}." if writer.about else ""
    home = f"[{writer.home.removeprefix('https://')}]({writer.home})" if writer.home else ""
    if lead := " ".join(filter(None, [home + ("." if home else ""), about])):
        yield f"{lead}\n"
    if own := [exhibit for exhibit in EXHIBITS if exhibit.writer == key]:
        yield _table(own)
    if writer.like:
        yield f"{'Also' if own else 'Its files are'} as {_titles(writer.like)}.\n"
    if writer.untried:
        yield f"Not tried: {writer.untried}.\n"


def _titles(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}` of {load_writers()[_BY_NAME[name].writer].title}" for name in names)


def _table(exhibits: list[Exhibit]) -> str:
    head = "| file | what it is | how it is read | known from |\n|---|---|---|---|\n"
    return head + "".join(_row(exhibit) for exhibit in exhibits)


def _row(exhibit: Exhibit) -> str:
    cells = (f"`{exhibit.name}`", _what(exhibit), _read(exhibit), "; ".join(map(_linked, exhibit.source.split("; "))))
    return f"| {' | '.join(cells)} |\n"


def _what(exhibit: Exhibit) -> str:
    return exhibit.tried or "as it is written by default"


def _read(exhibit: Exhibit) -> str:
    found = _judged()[exhibit.name]
    word = "exact" if exhibit.verdict is Verdict.ENGAGED else f"**{found.verdict}**"
    return f"{word}: {found.reason}"


def _linked(source: str) -> str:
    """A repository at a commit, and reports, as links."""
    source = _ISSUE.sub(r"[\1#\2](https://github.com/\1/issues/\2)", source)
    return _COMMIT.sub(r"[\1@\2](https://github.com/\1/tree/\2)", source)


def _flaws() -> str:
    return _said_of("what is wrong with it", [exhibit for exhibit in _DECLINED if not _is_elsewhere(exhibit)])


def _elsewhere() -> str:
    return _said_of("what it is", [exhibit for exhibit in _DECLINED if _is_elsewhere(exhibit)])


def _is_elsewhere(exhibit: Exhibit) -> bool:
    """Whole, but for another model than it is tried on, or of another kind than is applied."""
    return bool(exhibit.made_for) or exhibit.name in load_strangers()


def _said_of(about: str, exhibits: list[Exhibit]) -> str:
    return f"| file | {about} | what is said of it |\n|---|---|---|\n" + "".join(map(_flaw, exhibits))


def _flaw(exhibit: Exhibit) -> str:
    found = _judged()[exhibit.name]
    return f"| `{exhibit.name}` | {_wrong(exhibit)} | **{found.verdict}**: {found.reason} |\n"


def _wrong(exhibit: Exhibit) -> str:
    """In its own words, else in those of the function that breaks it."""
    broken = exhibit.flaw or exhibit.damage
    said = exhibit.tried or (broken.__doc__ if isfunction(broken) else None)
    if not said:
        raise ValueError(f"{exhibit.name} does not say what is wrong with it: give it `tried`")
    return " ".join(said.split("\n\n")[0].split()).removesuffix(".")


_DECLINED = [exhibit for exhibit in EXHIBITS if not exhibit.writer]
_PARTS: Mapping[str, Callable[[], str]] = {
    "counts": _counts,
    "writers": _writers,
    "flaws": _flaws,
    "elsewhere": _elsewhere,
}
"""What the page has marks for."""


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
