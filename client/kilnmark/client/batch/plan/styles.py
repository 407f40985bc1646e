"""The styles of a batch: each genre and world read once, composed once for each tier, its adapters found once.

An entry gets its style as its own place, tier and adapters have it. What cannot be had is noted with file and line,
and costs the pictures that need it.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kilnmark.client.batch.plan.adapters import FoundAdapters, PlannedAdapter, TrustedStack
from kilnmark.client.batch.plan.subjects import PackName, Subject
from kilnmark.client.batch.plan.wanted import wanted_by_entry, wanted_by_style
from kilnmark.protocol.content.composed import ComposedStyle, Pack
from kilnmark.protocol.content.packs import PackFiles, load_pack
from kilnmark.protocol.content.problems import Problem, UnknownName, UnusableContent, near_miss
from kilnmark.protocol.content.promoted import load_promotions
from kilnmark.protocol.content.trust import Trust

__all__ = ["StyledSubject", "Styles"]


@dataclass(frozen=True, slots=True)
class StyledSubject:
    """What the pictures of an entry are painted with.

    Attributes:
        style: What its genre, world, tier and place come to.
        adapters: Those of the style, then its own.
    """

    style: ComposedStyle
    adapters: tuple[PlannedAdapter, ...]


class Styles:
    """The styles of one batch.

    Args:
        files: Reads the folder of packs.
        packs: That folder.
        found: Who finds adapters.
        tier: Of entries that name none of their own.
        is_for_all: Of those that do, too.

    Attributes:
        problems, warnings: What was noted so far.
    """

    def __init__(self, files: PackFiles, packs: Path, found: FoundAdapters, tier: str, *, is_for_all: bool) -> None:
        self._files = files
        self._root = os.path.realpath(packs)
        self._found = found
        self._usual_tier = tier
        self._is_for_all = is_for_all
        self._packs: dict[PackName, Pack | None] = {}
        self._composed: dict[tuple[PackName, str], StyledSubject | None] = {}
        self._trusts: dict[tuple[str, bool], Trust] = {}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def of(self, subject: Subject) -> StyledSubject | None:
        """As a subject's place, tier and adapters have it; None where it cannot be used: why is noted then."""
        try:
            return self._of(subject)
        except UnusableContent as error:
            self.problems += error.problems
            return None

    def look_at(self, genre: str, world: str | None) -> None:
        """Note what is wrong with a style at the batch's own tier, whether there is an entry for it or not."""
        self._styled((genre, world), self._usual_tier)

    def every(self, genre: str, world: str | None) -> Iterator[StyledSubject]:
        """A style at each tier that it has, as of no place; what cannot be had, and what is odd, is noted."""
        pack = self._pack((genre, world))
        for tier in () if pack is None else pack.tiers:
            if (styled := self._styled((genre, world), tier)) is not None:
                yield styled
        self.warnings += () if pack is None else pack.oddities

    def _of(self, subject: Subject) -> StyledSubject | None:
        styled = self._styled(subject.pack, self._tier(subject))
        if styled is None:
            return None
        if subject.unplaced and styled.style.directs_places:
            raise UnusableContent(subject.unplaced)
        style = styled.style.at(subject.place)
        self._tell_unknown_place(subject, style)
        own = self._own(subject, style)
        return None if own is None else StyledSubject(style, (*styled.adapters, *own))

    def _tier(self, subject: Subject) -> str:
        """The batch's word for all, else the entry's own, else that of its kind."""
        own = subject.fields.tier
        if own is None or self._is_for_all:
            return self._usual_tier
        pack = self._pack(subject.pack)
        if pack is not None and own not in pack.tiers:
            (unknown,) = UnknownName("tier", own, pack.tiers, subject.genre).problems
            raise UnusableContent([subject.written.problem(("tier",), unknown.message)])
        return own

    def _own(self, subject: Subject, style: ComposedStyle) -> tuple[PlannedAdapter, ...] | None:
        """An entry's own adapters; None where one cannot be used."""
        if not subject.fields.loras:
            return ()
        return self._noted(self._found.stack(wanted_by_entry(subject, style), style.variant, self._trust(style)))

    def _styled(self, name: PackName, tier: str) -> StyledSubject | None:
        """As of no place; None where no picture of this tier can be had."""
        if (name, tier) not in self._composed:
            self._composed[name, tier] = None
            try:
                self._composed[name, tier] = self._compose(name, tier)
            except UnusableContent as error:
                self.problems += error.problems
        return self._composed[name, tier]

    def _compose(self, name: PackName, tier: str) -> StyledSubject | None:
        pack = self._pack(name)
        if pack is None:
            return None
        style = pack.compose(tier)
        adapters = self._noted(self._found.stack(wanted_by_style(style), style.variant, self._trust(style)))
        return None if adapters is None else StyledSubject(style, adapters)

    def _noted(self, stack: TrustedStack) -> tuple[PlannedAdapter, ...] | None:
        self.problems += stack.problems
        self.warnings += stack.warnings
        return stack.adapters

    def _pack(self, name: PackName) -> Pack | None:
        """None where nothing of it can be used."""
        if name not in self._packs:
            self._packs[name] = None
            try:
                self._packs[name] = pack = load_pack(self._files, *name)
                self.problems += pack.problems
            except UnusableContent as error:
                self.problems += error.problems
        return self._packs[name]

    def _trust(self, style: ComposedStyle) -> Callable[[], Trust]:
        """What the manifest of a style's genre says; read when it is first asked for."""
        genre, required = style.pack.genre, style.requires_promoted

        def trust() -> Trust:
            if (genre, required) not in self._trusts:
                load = partial(load_promotions, self._files, genre)
                self._trusts[genre, required] = Trust.of(load, self._root, required=required)
            return self._trusts[genre, required]

        return trust

    def _tell_unknown_place(self, subject: Subject, style: ComposedStyle) -> None:
        """An entry that names its place means one that the style has words for."""
        place = subject.fields.place
        if place is None or style.tag is not None or not style.directs_places:
            return
        tags = list(style.overrides) if isinstance(style.overrides, dict) else []
        meant = near_miss(place, tags)
        mend = f"is {meant!r} meant?" if meant else f"it has some for {', '.join(tags)}"
        self.warnings.append(subject.written.problem(("place",), f"the style has no words for {place!r}; {mend}"))
