"""visual_style: the two kinds of document, what may stand in them, and what each must not say by itself.

What a genre's and a world's come to together is `style`'s part, and which documents there are that of `packs`.
"""

from collections.abc import Sequence
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from kilnmark.protocol.content.marked_yaml import MarkedDocument
from kilnmark.protocol.content.parsed import parsed, refuse_misspelt, wrong
from kilnmark.protocol.content.problems import Key, Problem

__all__ = [
    "GenreStyle",
    "LoraEntry",
    "StyleFields",
    "WorldLoras",
    "WorldStyle",
    "parse_genre_style",
    "parse_world_style",
]

Name = Annotated[str, Field(min_length=1, max_length=200)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]
Scale = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=20_000)]
Phrase = Annotated[str, Field(pattern=r"\S", max_length=2_000)]


class _Content(BaseModel):
    """Fields of other names may stand beside these, for people to read; a misspelt one may not."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _no_misspelling(cls, fields: object) -> object:
        refuse_misspelt(fields, cls.model_fields)
        return fields


class TagOverride(_Content):
    """What a tag stands for, with room beside it for what people should know."""

    positive_suffix: Phrase
    """Words that go behind a prompt, before the style's own."""


def _words_of(value: object) -> object:
    """The words of a tag that says more than them."""
    if not isinstance(value, dict):
        return value
    refuse_misspelt(value, TagOverride.model_fields)
    words = value.get("positive_suffix")
    if words is None:
        raise wrong("is missing; add `positive_suffix: ...`", ("positive_suffix",))
    if not isinstance(words, str) or not words.strip():
        raise wrong("must be text; write the words that this place adds to a prompt", ("positive_suffix",))
    return words


Override = Annotated[Phrase, BeforeValidator(_words_of, json_schema_input_type=Phrase | TagOverride)]


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

    visual_tag_overrides: dict[Phrase, Override] | None = None
    """Art direction by place: a region, or words of a name, and what its pictures' prompts get behind them. A mapping's
    `positive_suffix` is that text; its other fields are for people."""

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
