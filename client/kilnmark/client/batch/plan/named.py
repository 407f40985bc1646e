"""Which entries there are, by their names: those that were asked for, and those that stand in no document any more.

Names alone; what an entry says is for `sources`.
"""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from kilnmark.client.batch.plan.sources import SourcesRead
from kilnmark.client.batch.plan.subjects import PackName, Subject
from kilnmark.protocol.content.problems import Problem, UnusableContent, shortened

__all__ = ["SourceNames", "named_only"]


@dataclass(frozen=True, slots=True)
class SourceNames:
    """What is known of which entries there are.

    Attributes:
        whole: The names in each genre and world whose document has nothing wrong with it.
        unsure: Genres in which something could not be read as it should be: what is not found there may still be there.
    """

    whole: Mapping[PackName, frozenset[str]] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()

    @classmethod
    def of(cls, found: SourcesRead, problems: Iterable[Problem]) -> Self:
        """Of what was read.

        Args:
            problems: All that was found wrong among the packs.
        """
        folders = {each.file.rpartition("/")[0] for each in problems}
        sound = [pack for pack in found.packs if _folder(pack) not in folders]
        names: dict[PackName, set[str]] = {pack: set() for pack in sound}
        for subject in found.subjects:
            names.get((subject.genre, subject.world), set()).add(_nfc(subject.name))
        unsure = frozenset(each.file.partition("/")[0] for each in problems)
        return cls({pack: frozenset(each) for pack, each in names.items()}, unsure)

    def lacks(self, genre: str, world: str | None, name: str) -> bool:
        """Whether an entry is surely not there any more. Where nothing was found at all, nothing is sure."""
        names = self.whole.get((genre, world))
        if names is not None:
            return _nfc(name) not in names
        return bool(self.whole) and genre not in self.unsure


def named_only(found: SourcesRead, only: Sequence[str]) -> Sequence[Subject]:
    """The subjects of these names; all where none is named.

    Raises:
        UnusableContent: There is none of one of them; with what is wrong with the sources, among which it may be.
    """
    if not only:
        return found.subjects
    wanted = {_nfc(name) for name in only}
    known = {_nfc(subject.name) for subject in found.subjects}
    if missing := [name for name in only if _nfc(name) not in known]:
        raise UnusableContent([*(_no_entry(name, known) for name in missing), *found.problems])
    return [subject for subject in found.subjects if _nfc(subject.name) in wanted]


def _no_entry(name: str, known: Iterable[str]) -> Problem:
    folded = {each.casefold(): each for each in known}
    meant = difflib.get_close_matches(name.casefold(), folded, n=1)
    mend = f"did you mean {folded[meant[0]]!r}?" if meant else "give a name as its document has it"
    return Problem(
        file="--only", line=0, message=f"{shortened(name)!r} is the name of no entry that can be painted; {mend}"
    )


def _folder(pack: PackName) -> str:
    genre, world = pack
    return genre if world is None else f"{genre}/worlds/{world}"


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
