"""visual_style: the stack that a tier gets of a genre and a world.

Two documents and a tier in, the stack out: nothing is read here, and a file's bytes are nobody's business. What may
stand in the documents, `documents` knows; where they are, `packs`; how the words of a prompt are put together,
`prompt`.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from kilnmark.protocol.content.documents import (
    GenreStyle,
    LoraEntry,
    StyleFields,
    WorldLoras,
    WorldStyle,
    name_of,
    tiers_of,
)
from kilnmark.protocol.content.parsed import Broken, asked
from kilnmark.protocol.content.problems import Findings, Key, Problem, UnusableContent

__all__ = ["ComposedStack", "StackEntry", "compose_lora_stack", "conflicts", "overlay"]

Level = Literal["genre", "world"]

_FLAT = ("lora",)
"""Where the flat pair names its file."""


@dataclass(frozen=True, slots=True)
class StackEntry:
    """One adapter of a composed stack, and where it is named: in which document, and at which place of that."""

    entry: LoraEntry
    level: Level
    path: tuple[Key, ...]

    @property
    def file_path(self) -> tuple[Key, ...]:
        """The place of its file's name."""
        return self.path if self.path == _FLAT else (*self.path, "file")

    @property
    def scale_path(self) -> tuple[Key, ...]:
        """The place of its scale."""
        return ("lora_scale",) if self.path == _FLAT else (*self.path, "scale")


@dataclass(frozen=True, slots=True)
class ComposedStack:
    """What a tier gets.

    Attributes:
        adapters: In stack order.
        triggers: Of those, each once, in stack order.
        excluded: The genre's adapters that the world does without, in the genre's order.
    """

    adapters: tuple[StackEntry, ...] = ()
    triggers: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """In stack order."""
        return tuple(adapter.entry.name for adapter in self.adapters)


def compose_lora_stack(genre_style: GenreStyle, world_style: WorldStyle | None, tier: str) -> ComposedStack:
    """The genre's entries in order, less the excluded, and the added in order: those that the tier is meant by.

    Args:
        genre_style: Of the genre.
        world_style: Of the world; None: it has none of its own, or none is meant.
        tier: Its name.

    Raises:
        UnusableContent: The two do not go together, or something that this tier's stack needs cannot be used; every
            such problem is named.
    """
    findings = Findings()
    findings.problems += conflicts(genre_style, world_style)
    with findings.part():
        inherited = _inherited(genre_style, world_style, tier)
    with findings.part():
        changes = asked(world_style.loras if world_style else None) or WorldLoras()
    findings.refuse()
    meant = [candidate for candidate in inherited if candidate.is_meant_for(tier)]
    excluded = _excluded(changes, meant)
    kept = [candidate for candidate in meant if candidate.name not in excluded]
    kept += [candidate for candidate in _added(changes) if candidate.is_meant_for(tier)]
    adapters = _usable(kept)
    triggers = [(adapter.entry.trigger or "").strip() for adapter in adapters]
    return ComposedStack(
        adapters=adapters,
        triggers=tuple(dict.fromkeys(filter(None, triggers))),
        excluded=tuple(candidate.name for candidate in inherited if candidate.name and candidate.name in excluded),
    )


def overlay(genre_style: GenreStyle, world_style: WorldStyle | None) -> StyleFields:
    """The fields of both levels: the world's where it names one, else the genre's; `loras` is no such field."""
    fields = {name: getattr(genre_style, name) for name in StyleFields.model_fields}
    if world_style is not None:
        named = world_style.model_fields_set & fields.keys()
        fields |= {name: getattr(world_style, name) for name in named}
    return StyleFields.model_construct(**fields)


def conflicts(genre: GenreStyle, world: WorldStyle | None) -> list[Problem]:
    """Every reason why the two do not go together, whatever the tier; of what cannot be read, none is known."""
    found = list(_flat_conflicts(genre, world))
    if world is not None and isinstance(world.loras, WorldLoras) and not isinstance(genre.loras, Broken):
        with suppress(UnusableContent):
            found += _name_conflicts([each.name for each in _inherited(genre, world, "")], world, world.loras)
    return found


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An entry that may be of a stack, usable or not, and where it stands."""

    entry: LoraEntry | Broken
    level: Level
    path: tuple[Key, ...]

    @property
    def name(self) -> str | None:
        return name_of(self.entry)

    def is_meant_for(self, tier: str) -> bool:
        """A broken one whose tiers cannot be told may be meant for any."""
        tiers = tiers_of(self.entry)
        return tiers is None or tier in tiers


def _usable(candidates: Sequence[_Candidate]) -> tuple[StackEntry, ...]:
    findings = Findings()
    adapters = []
    for candidate in candidates:
        with findings.part():
            adapters.append(StackEntry(asked(candidate.entry), candidate.level, candidate.path))
    findings.refuse()
    return tuple(adapters)


def _inherited(genre: GenreStyle, world: WorldStyle | None, tier: str) -> list[_Candidate]:
    """The genre's own stack: its `loras`, or the flat pair as the world leaves it."""
    entries = asked(genre.loras)
    if entries is not None:
        return [_Candidate(entry, "genre", ("loras", i)) for i, entry in enumerate(entries)]
    fields = overlay(genre, world)
    file, scale = asked(fields.lora), asked(fields.lora_scale)
    if file is None or scale is None:
        return []
    entry = LoraEntry.model_construct(name=PurePosixPath(file).stem, file=file, scale=scale, applies_to=(tier,))
    return [_Candidate(entry, "world" if world is not None and world.lora is not None else "genre", _FLAT)]


def _added(changes: WorldLoras) -> list[_Candidate]:
    return [_Candidate(entry, "world", ("loras", "add", i)) for i, entry in enumerate(changes.add)]


def _excluded(changes: WorldLoras, inherited: Sequence[_Candidate]) -> tuple[str, ...]:
    """The names to do without. Which they are matters to nobody where nothing is inherited."""
    if isinstance(changes.exclude, Broken) and not inherited:
        return ()
    return asked(changes.exclude)


def _name_conflicts(names: Sequence[str | None], world: WorldStyle, changes: WorldLoras) -> Iterator[Problem]:
    if isinstance(changes.exclude, Broken):
        return
    known = f"the genre has {', '.join(repr(name) for name in names if name)}" if any(names) else "the genre has none"
    for i, name in enumerate(changes.exclude):
        if name not in names:
            yield world.problem(("loras", "exclude", i), f"{name!r} is no adapter of the genre; {known}")
    for i, entry in enumerate(changes.add):
        added = name_of(entry)
        if added is not None and added in names and added not in changes.exclude:
            message = f"{added!r} is inherited from the genre; exclude that one, or choose another name"
            yield world.problem(("loras", "add", i, "name"), message)


def _flat_conflicts(genre: GenreStyle, world: WorldStyle | None) -> Iterator[Problem]:
    flat = [name for name in ("lora", "lora_scale") if getattr(world, name, None) is not None]
    if world is not None and flat and genre.loras is not None:
        message = "and the genre's `loras` are two ways to say the stack; write `loras: {add: [...]}` instead"
        yield world.problem((flat[0],), message)
        return
    fields = overlay(genre, world)
    for name, other in (("lora", "lora_scale"), ("lora_scale", "lora")):
        if getattr(fields, name) is not None and getattr(fields, other) is None:
            named_by = world if world is not None and name in flat else genre
            yield named_by.problem((name,), f"comes without `{other}`; add `{other}: ...`")
