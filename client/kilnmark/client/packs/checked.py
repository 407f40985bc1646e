"""All that batches would tell of a folder of packs, of every kind and every tier, without a daemon or a model.

What is wrong is found where batches find it, by planning them; and beside that each genre and world is composed at
every tier, entries or not, and every adapter file that any of it asks for is read once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.client.batch.picks.file import read_picks
from kilnmark.client.batch.picks.said import EntryName, Picks
from kilnmark.client.batch.plan.adapters import FoundAdapters, PlannedAdapter
from kilnmark.client.batch.plan.inspected import InspectedAdapter, inspect_adapters
from kilnmark.client.batch.plan.outputs import OWN_TIERS
from kilnmark.client.batch.plan.plan import Plan, Wishes, make_plan
from kilnmark.client.batch.plan.sources import SOURCES, places
from kilnmark.client.batch.plan.strange import nothing_found
from kilnmark.client.batch.plan.styles import Styles
from kilnmark.client.batch.plan.subjects import Kind, PackName
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.pack_files import PackFolder
from kilnmark.protocol.content.composed import folder_of
from kilnmark.protocol.content.packs import PackFiles, pack_names
from kilnmark.protocol.content.picked import PICKS_FILE
from kilnmark.protocol.content.problems import Problem, UnusableContent, near_miss

__all__ = ["CheckedPacks", "check_packs"]

_NOTHING = "there is no genre here; `kilnmark pack init` begins one, or name another folder of packs"
_NO_ENTRIES = "names nothing to be painted: no {files}, so that `kilnmark batch` has nothing to do"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPacks:
    """What a folder of packs holds, and what is to be said of it.

    Attributes:
        genres, worlds: How many were looked at.
        pictures: Those that batches would paint, by kind.
        adapters: Every file that is asked for and could be found, for each model that it is asked for on.
        problems: Each costs a picture at least.
        warnings: These cost none.
    """

    genres: int
    worlds: int
    pictures: dict[Kind, int]
    adapters: Sequence[InspectedAdapter]
    problems: Sequence[Problem]
    warnings: Sequence[Problem]

    @property
    def dead(self) -> Sequence[Problem]:
        """Every place that asks for an adapter which would not engage wholly."""
        return list(dict.fromkeys(place for each in self.adapters for place in each.asked))


def check_packs(
    packs: Path,
    genre: str | None = None,
    lora_roots: Sequence[Path] = (),
    on_read: Callable[[str], None] | None = None,
) -> CheckedPacks:
    """Look at all of it.

    Args:
        packs: The folder of packs.
        genre: Only this one; None: all.
        lora_roots: Further folders that adapters may lie in.
        on_read: Called with the path of each adapter before it is read.

    Raises:
        UnknownName: There is no genre of that name.
        UnusableContent: The folder of packs cannot be listed, or is a genre.
        KilnmarkError: An adapter file that has to be promoted cannot be read any more.
    """
    files = PackFolder(packs)
    where = places(files, genre, None)
    picks, unreadable = _picks(packs)
    wishes = {
        kind: Wishes(kind=kind, packs=packs, genre=genre, lora_roots=tuple(lora_roots), picks=picks) for kind in SOURCES
    }
    plans = {kind: _planned(wish, where) for kind, wish in wishes.items()}
    styles = Styles(files, packs, FoundAdapters(packs, lora_roots), OWN_TIERS["poi"], is_for_all=False)
    named = list(_packs(files, where, plans))
    stacks = [styled for name in named for styled in styles.every(*name)]
    asked = [(styled.style.variant, adapter) for styled in stacks for adapter in styled.adapters]
    adapters = inspect_adapters([*asked, *_asked(plans)], on_read)
    plans_problems = [problem for plan in plans.values() for problem in plan.problems]
    warnings = [warning for plan in plans.values() for warning in plan.warnings]
    return CheckedPacks(
        genres=len({genre for genre, _ in named}),
        worlds=sum(world is not None for _, world in named),
        pictures={kind: len(plan.items) for kind, plan in plans.items()},
        adapters=adapters,
        problems=list(dict.fromkeys([*_emptiness(packs, named), *unreadable, *plans_problems, *styles.problems])),
        warnings=list(
            dict.fromkeys([*_idleness(named, plans), *_misnamed(picks, plans, genre), *warnings, *styles.warnings])
        ),
    )


def _picks(packs: Path) -> tuple[Picks, Sequence[Problem]]:
    """What was decided beside the packs, and why that cannot be read."""
    try:
        return read_picks(packs / PICKS_FILE), ()
    except UnusableContent as error:
        return Picks(), error.problems


def _misnamed(picks: Picks, plans: Mapping[Kind, Plan], genre: str | None) -> Iterator[Problem]:
    """Decisions on what is no entry, and nearly one: those on entries that are gone are kept, and nobody's mistake."""
    for entry in (pick.entry for pick in picks.entries if genre in {None, pick.entry.genre}):
        where = entry.genre, entry.world
        items = [item.entry for item in plans[entry.kind].items]
        names = {each.name.casefold(): each.name for each in items if (each.genre, each.world) == where}
        if entry.name not in names.values() and (meant := near_miss(entry.name.casefold(), names)):
            message = f"{entry.name!r} is no entry of {folder_of(*where)}; is {names[meant]!r} meant?"
            yield Problem(file=PICKS_FILE, line=0, message=message)
        if meant := _misnamed_place(entry, items):
            message = f"{entry.name!r} is said to be of {folder_of(*where)}, where there is none; is {meant!r} meant?"
            yield Problem(file=PICKS_FILE, line=0, message=message)


def _misnamed_place(entry: EntryName, known: Sequence[EntryName]) -> str | None:
    """The genre or the world that is nearly that of an entry, where no entry has that one."""
    genres = {each.genre for each in known}
    if entry.genre not in genres:
        return near_miss(entry.genre, genres)
    worlds = {each.world for each in known if each.genre == entry.genre and each.world is not None}
    return None if entry.world is None or entry.world in worlds else near_miss(entry.world, worlds)


def _planned(wishes: Wishes, where: Sequence[PackName]) -> Plan:
    """A batch's plan, but that packs need not have entries of every kind."""
    plan = make_plan(wishes, TokenCounter(None))
    missing = nothing_found(wishes.kind, SOURCES[wishes.kind][0], where)
    plan.problems = [problem for problem in plan.problems if problem != missing]
    return plan


def _packs(files: PackFiles, where: Sequence[PackName], plans: dict[Kind, Plan]) -> Iterator[PackName]:
    """Those of all folders here that are packs: with a style or worlds, or with something to be painted."""
    try:
        styled = set(pack_names(files))
    except UnusableContent:  # which `make_plan` has told of
        styled = set()
    painted = {item.subject.pack for plan in plans.values() for item in plan.items}
    yield from (name for name in where if name in styled or name in painted)


def _asked(plans: dict[Kind, Plan]) -> Iterator[tuple[str, PlannedAdapter]]:
    for plan in plans.values():
        for item in plan.items:
            yield from ((item.spec.variant, adapter) for adapter in item.adapters)


def _emptiness(packs: Path, named: Sequence[PackName]) -> Iterator[Problem]:
    if not named:
        yield Problem(file=str(packs), line=0, message=_NOTHING)


def _idleness(named: Sequence[PackName], plans: dict[Kind, Plan]) -> Iterator[Problem]:
    if any(plan.items or plan.problems for plan in plans.values()):
        return
    for genre in dict.fromkeys(genre for genre, _ in named):
        files = " or ".join(file for file, _ in SOURCES.values())
        yield Problem(file=genre, line=0, message=_NO_ENTRIES.format(files=files))
