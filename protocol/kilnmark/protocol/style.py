"""visual_style: what a genre and a world say about their pictures, and the stack that a tier gets of them.

Two documents and a tier in, the stack out: nothing is read here, and a file's bytes are nobody's business. Which
documents there are, `packs` knows; how the words of a prompt are put together, `style_prompt`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from kilnmark.protocol.marked_yaml import MarkedDocument
from kilnmark.protocol.parsed import parsed, refuse_misspelt, wrong
from kilnmark.protocol.problems import Key, Problem, UnusableContent

__all__ = [
    "ComposedStack",
    "GenreStyle",
    "LoraEntry",
    "StackEntry",
    "StyleFields",
    "WorldLoras",
    "WorldStyle",
    "compose_lora_stack",
    "overlay",
    "parse_genre_style",
    "parse_world_style",
]

Level = Literal["genre", "world"]

_FLAT = ("lora",)
"""Where the flat pair names its file."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]
Scale = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=20_000)]
Phrase = Annotated[str, Field(min_length=1, max_length=2_000)]


class _Content(BaseModel):
    """Fields of other names may stand beside these, for people to read; a misspelt one may not."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _no_misspelling(cls, fields: object) -> object:
        refuse_misspelt(fields, cls.model_fields)
        return fields


class LoraEntry(_Content):
    """One adapter of a stack."""

    name: Name
    """What reports and `exclude` call it; once in a stack."""

    file: FilePath
    """The safetensors file: from the folder of this YAML file, or from one of the daemon's adapter roots."""

    scale: Scale
    """How strongly it is applied, -100 to 100."""

    applies_to: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
    """The tiers whose pictures get it."""

    trigger: Text | None = None
    """Words that it was trained on; they go before the prompt."""


class StyleFields(_Content):
    """What both levels have, and a world overlays one by one; an empty `base_seed:` takes the genre's away."""

    positive_suffix: Text | None = None
    """Words that go behind every prompt."""

    negative_prompt: Text | None = None
    """What not to paint, where the base can take it."""

    preferred_model: Name | None = None
    """The variant to paint on; `flux` leaves it to the tier."""

    base_seed: Annotated[int, Field(ge=0, le=2**53 - 1)] | None = None
    """The seed of a picture that asks for none."""

    visual_tag_overrides: dict[Phrase, Phrase] | None = None
    """Words of a prompt, and what stands for them here."""

    lora: FilePath | None = None
    """A stack of one, for every tier; `loras` is the other way to say it."""

    lora_scale: Scale | None = None
    """The scale of `lora`."""

    _document: MarkedDocument | None = PrivateAttr(default=None)

    def problem(self, path: tuple[Key, ...], message: str) -> Problem:
        """A problem with a place in the document that this was read from."""
        document = self._document
        if document is None:
            return Problem(file=f"<{type(self).__name__}>", line=0, entry=str(path[0]), message=message)
        return document.problem(path, message)


class GenreStyle(StyleFields):
    """`visual_style.yaml` of a genre."""

    loras: Annotated[tuple[LoraEntry, ...], Field(strict=False)] | None = None
    """The adapters that its pictures get, in stack order."""

    @model_validator(mode="before")
    @classmethod
    def _a_list(cls, fields: object) -> object:
        if isinstance(fields, dict) and isinstance(fields.get("loras"), dict):
            raise wrong("must be a list here; write one `- name: ...` an adapter", ("loras",))
        return fields

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_both(self, has_loras=self.loras is not None)
        _refuse_twice(self.loras or (), ("loras",))
        return self


class WorldLoras(BaseModel):
    """What a world does to the genre's stack."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)

    exclude: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Names of the genre's adapters that this world's pictures do without."""

    add: Annotated[tuple[LoraEntry, ...], Field(strict=False)] = ()
    """Adapters behind the genre's, in stack order."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for i, name in enumerate(self.exclude):
            if name in self.exclude[:i]:
                raise wrong(f"{name!r} stands twice; keep one", ("exclude", i))
        _refuse_twice(self.add, ("add",))
        return self


class WorldStyle(StyleFields):
    """`visual_style.yaml` of a world."""

    loras: WorldLoras | None = None
    """What it does to the genre's stack; it never replaces it."""

    @model_validator(mode="before")
    @classmethod
    def _a_mapping(cls, fields: object) -> object:
        if isinstance(fields, dict) and isinstance(fields.get("loras"), list):
            raise wrong(
                "is a list, which would replace the genre's stack; put the entries below `add:`, "
                "and the names to do without below `exclude:`",
                ("loras",),
            )
        return fields

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_both(self, has_loras=self.loras is not None)
        return self


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


def parse_genre_style(document: MarkedDocument) -> GenreStyle:
    """Read a genre's document.

    Raises:
        UnusableContent: With file, line, entry and mend of every problem.
    """
    return _with_lines(parsed(GenreStyle, document), document)


def parse_world_style(document: MarkedDocument) -> WorldStyle:
    """As `parse_genre_style`, for a world's."""
    return _with_lines(parsed(WorldStyle, document), document)


_Style = TypeVar("_Style", bound=StyleFields)


def _with_lines(style: _Style, document: MarkedDocument) -> _Style:
    style._document = document  # noqa: SLF001 - of this room; a frozen model takes private attributes
    return style


def _refuse_both(style: StyleFields, *, has_loras: bool) -> None:
    flat = next((name for name in ("lora", "lora_scale") if getattr(style, name) is not None), None)
    if flat and has_loras:
        raise wrong("and `loras` are two ways to say the stack; keep `loras`", (flat,))


def _refuse_twice(entries: Sequence[LoraEntry], path: tuple[Key, ...]) -> None:
    names = [entry.name for entry in entries]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise wrong(f"{name!r} is a name already, of entry {names.index(name)}; rename one", (*path, i, "name"))


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
