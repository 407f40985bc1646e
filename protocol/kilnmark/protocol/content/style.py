"""visual_style: the stack that a tier gets of a genre and a world.

Two documents and a tier in, the stack out: nothing is read here, and a file's bytes are nobody's business. What may
stand in the documents, `style_documents` knows; where they are, `packs`; how the words of a prompt are put together,
`style_prompt`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from kilnmark.protocol.content.documents import GenreStyle, LoraEntry, StyleFields, WorldLoras, WorldStyle
from kilnmark.protocol.content.problems import Key, Problem, UnusableContent

__all__ = ["ComposedStack", "StackEntry", "compose_lora_stack", "overlay"]

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
        UnusableContent: The two do not go together; every problem is named.
    """
    problems = list(_conflicts(genre_style, world_style))
    if problems:
        raise UnusableContent(problems)
    changes = (world_style and world_style.loras) or WorldLoras()
    inherited = _inherited(genre_style, world_style, tier)
    kept = [adapter for adapter in inherited if adapter.entry.name not in changes.exclude]
    kept += [StackEntry(entry, "world", ("loras", "add", i)) for i, entry in enumerate(changes.add)]
    adapters = tuple(adapter for adapter in kept if tier in adapter.entry.applies_to)
    triggers = [(adapter.entry.trigger or "").strip() for adapter in adapters]
    return ComposedStack(
        adapters=adapters,
        triggers=tuple(dict.fromkeys(filter(None, triggers))),
        excluded=tuple(adapter.entry.name for adapter in inherited if adapter.entry.name in changes.exclude),
    )


def overlay(genre_style: GenreStyle, world_style: WorldStyle | None) -> StyleFields:
    """The fields of both levels: the world's where it names one, else the genre's; `loras` is no such field."""
    fields = {name: getattr(genre_style, name) for name in StyleFields.model_fields}
    if world_style is not None:
        named = world_style.model_fields_set & fields.keys()
        fields |= {name: getattr(world_style, name) for name in named}
    return StyleFields.model_construct(**fields)


def _inherited(genre: GenreStyle, world: WorldStyle | None, tier: str) -> list[StackEntry]:
    """The genre's own stack: its `loras`, or the flat pair as the world leaves it."""
    if genre.loras is not None:
        return [StackEntry(entry, "genre", ("loras", i)) for i, entry in enumerate(genre.loras)]
    fields = overlay(genre, world)
    if fields.lora is None or fields.lora_scale is None:
        return []
    entry = LoraEntry.model_construct(
        name=PurePosixPath(fields.lora).stem, file=fields.lora, scale=fields.lora_scale, applies_to=(tier,)
    )
    return [StackEntry(entry, "world" if world is not None and world.lora is not None else "genre", _FLAT)]


def _conflicts(genre: GenreStyle, world: WorldStyle | None) -> Iterator[Problem]:
    """Every reason why the two do not go together."""
    yield from _flat_conflicts(genre, world)
    if world is None or world.loras is None:
        return
    names = [adapter.entry.name for adapter in _inherited(genre, world, "")]
    known = f"the genre has {', '.join(map(repr, names))}" if names else "the genre has none"
    for i, name in enumerate(world.loras.exclude):
        if name not in names:
            yield world.problem(("loras", "exclude", i), f"{name!r} is no adapter of the genre; {known}")
    for i, entry in enumerate(world.loras.add):
        if entry.name in names and entry.name not in world.loras.exclude:
            message = f"{entry.name!r} is inherited from the genre; exclude that one, or choose another name"
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
