"""What is wrong with content that people write: where it stands, and how it is mended.

The shape alone, so that it can cross the wire; who finds problems lives elsewhere (`marked_yaml`, `parsed`, `style`,
`tiers`, `packs`).
"""

import difflib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import msgspec

from kilnmark.protocol.errors import KilnmarkError

__all__ = [
    "PROBLEM_LIMIT",
    "Findings",
    "Key",
    "Kind",
    "Problem",
    "UnknownName",
    "UnusableContent",
    "entry_of",
    "is_inside",
    "near_miss",
    "shortened",
]

Key = str | int
"""One step into a document: a mapping's key, or a place in a list, counted from 0."""

Kind = Literal["genre", "world", "tier"]

PROBLEM_LIMIT = 100
"""Problems that one refusal tells; a file can have as many as it has lines."""

_SHOWN = 60
"""Characters of a word of a document that a message repeats."""

_LIKENESS = 0.8
"""Of `difflib`, from 0 to 1: `lorass` and `applies-to` are misspellings, `positive_notes` is a word of its own."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody has to mend.

    Attributes:
        file: As it was asked for; of a pack, relative to the folder of packs.
        line: Counted from 1; 0 where it is not about a line.
        entry: The place in the document: `loras[2].scale`; empty for the document as a whole.
        message: What is wrong, a semicolon, and what to do.
    """

    file: str
    line: int
    entry: str = ""
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.entry}: {self.message}" if self.entry else f"{where}: {self.message}"


class UnusableContent(KilnmarkError):
    """Content that cannot be used as it stands.

    Attributes:
        problems: At least one and at most `PROBLEM_LIMIT`, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(itertools.islice(problems, PROBLEM_LIMIT))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class Findings:
    """Gathers what is wrong with several parts of something, so that it is refused once, with all of it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @contextmanager
    def part(self) -> Iterator[None]:
        """Note what the block is refused for, and go on behind it; what it assigns may be used behind `refuse` only."""
        try:
            yield
        except UnusableContent as error:
            self.problems += error.problems

    def refuse(self) -> None:
        """Go on only where nothing was found.

        Raises:
            UnusableContent: With everything that was, each once, file by file and by lines.
        """
        if self.problems:
            files = list(dict.fromkeys(problem.file for problem in self.problems))
            each = dict.fromkeys(self.problems)
            raise UnusableContent(sorted(each, key=lambda problem: (files.index(problem.file), problem.line)))


class UnknownName(UnusableContent):
    """What was asked for by name is not there.

    Attributes:
        kind: `genre`, `world` or `tier`.
    """

    def __init__(self, kind: Kind, name: str, known: Iterable[str], where: str) -> None:
        names = list(known)
        meant = near_miss(name, names)
        there = f"did you mean {meant!r}?" if meant else f"there is {', '.join(names)}" if names else "there is none"
        self.kind = kind
        super().__init__([Problem(file=where, line=0, message=f"{shortened(name)!r} is no {kind} here; {there}")])


def entry_of(path: Sequence[Key]) -> str:
    """The words for a place: `("loras", 2, "scale")` is `loras[2].scale`."""
    text = ""
    for key in path:
        name = key if isinstance(key, int) else shortened(key)
        text += f"[{name}]" if isinstance(key, int) else f".{name}" if text else str(name)
    return text


def is_inside(entry: str, path: Sequence[Key]) -> bool:
    """Whether words for a place mean one that is that of a path, or within it."""
    outer = entry_of(path)
    return not outer or entry == outer or entry.startswith((f"{outer}.", f"{outer}["))


def shortened(text: str) -> str:
    """A word of a document as a message may repeat it."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """The known word that this one looks like a misspelling of; None when it is known, or like none of them.

    Nobody misspells a first letter: `flora` is a word of its own beside `lora`. Two letters in the wrong order are a
    misspelling of the shortest word, too: `teir`.
    """
    plain = word.casefold().replace("-", "_")
    words = [other for other in sorted(known) if other[:1] == plain[:1]]
    if word in words:
        return None
    if swapped := next((other for other in words if _is_swapped(plain, other)), None):
        return swapped
    found = difflib.get_close_matches(plain, words, n=1, cutoff=_LIKENESS)
    return found[0] if found else None


def _is_swapped(word: str, other: str) -> bool:
    """Whether two neighbouring letters are all that differs."""
    differing = [i for i, pair in enumerate(zip(word, other, strict=False)) if pair[0] != pair[1]]
    if not differing or len(word) != len(other):
        return False
    at = differing[0]
    return word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :] == other
