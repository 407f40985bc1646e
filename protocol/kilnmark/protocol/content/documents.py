"""visual_style: the two kinds of document, what may stand in them, and what each must not say by itself.

A part that cannot be used is `Broken` there, and costs what needs it. What a genre's and a world's come to together is
`style`'s part, and which documents there are that of `packs`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from kilnmark.protocol.content.marked_yaml import MarkedDocument
from kilnmark.protocol.content.overrides import OVERRIDES, Overrides, bad_tags
from kilnmark.protocol.content.parsed import Broken, Readable, misspelt, parsed, refuse_misspelt, wrong
from kilnmark.protocol.content.problems import Key, Problem, near_miss, shortened
from kilnmark.protocol.described import describe
from kilnmark.protocol.picture.block_scales import block_scales_problem

__all__ = [
    "GenreStyle",
    "LoraEntry",
    "StyleFields",
    "WorldLoras",
    "WorldStyle",
    "name_of",
    "parse_genre_style",
    "parse_world_style",
    "tiers_of",
]

Name = Annotated[str, Field(min_length=1, max_length=200)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]
Scale = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
BlockScales = Annotated[dict[Annotated[str, Field(min_length=1, max_length=100)], Scale], Field(max_length=100)]
Text = Annotated[str, Field(max_length=20_000)]


class _Content(BaseModel):
    """Fields of other names may stand beside these, for people to read; a misspelt one may not."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, json_schema_extra=describe)


class _SpeltContent(_Content):
    @model_validator(mode="before")
    @classmethod
    def _no_misspelling(cls, fields: object) -> object:
        refuse_misspelt(fields, cls.model_fields)
        return fields


def _no_contradiction(scales: dict[str, float]) -> dict[str, float]:
    if problem := block_scales_problem(scales):
        raise wrong(problem[1], (problem[0],))
    return scales


CheckedScales = Annotated[BlockScales, AfterValidator(_no_contradiction)]


class LoraEntry(_SpeltContent):
    """One adapter of a stack."""

    name: Name
    """What reports and `exclude` call it; once in a stack."""

    file: FilePath
    """The safetensors file: from the folder of this YAML file, or from one of the daemon's adapter roots."""

    scale: Scale
    """How strongly it is applied, -100 to 100."""

    scales: CheckedScales = {}
    """How strongly on some blocks instead: `double: 0.3`, `single.20-37: 1.0`; `scale` is for all other layers."""

    applies_to: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
    """The tiers whose pictures get it."""

    trigger: Text | None = None
    """Words that it was trained on; they go before the prompt."""


class StyleFields(_Content):
    """What both levels have, and a world overlays one by one; an empty `base_seed:` takes the genre's away."""

    positive_suffix: Readable[Text | None] = None
    """Words that go behind every prompt."""

    negative_prompt: Readable[Text | None] = None
    """What not to paint, where the base can take it."""

    preferred_model: Readable[Name | None] = None
    """The variant to paint on; `flux` leaves it to the tier."""

    base_seed: Readable[Annotated[int, Field(ge=0, le=2**53 - 1)] | None] = None
    """The seed of a picture that asks for none."""

    visual_tag_overrides: Readable[Overrides] = None
    """Art direction by place: a region, or words of a name, and what its pictures' prompts get behind them. A mapping's
    `positive_suffix` is that text; its other fields are for people."""

    lora: Readable[FilePath | None] = None
    """A stack of one, for every tier; `loras` is the other way to say it."""

    lora_scale: Readable[Scale | None] = None
    """The scale of `lora`."""

    require_promoted: Readable[bool | None] = None
    """`true`: its pictures get only adapters whose bytes the genre's `loras.yaml` has. What the genre asks for,
    neither a world nor a tier takes away."""

    _document: MarkedDocument | None = PrivateAttr(default=None)
    _problems: tuple[Problem, ...] = PrivateAttr(default=())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong with the document that this was read from, by its lines."""
        return self._problems

    def problem(self, path: tuple[Key, ...], message: str) -> Problem:
        """A problem with a place in the document that this was read from."""
        document = self._document
        if document is None:
            return Problem(file=f"<{type(self).__name__}>", line=0, entry=str(path[0]), message=message)
        return document.problem(path, message)


Entries = tuple[Readable[LoraEntry], ...]


def name_of(entry: LoraEntry | Broken) -> str | None:
    """What an entry is called; None of a broken one that has no usable name."""
    name = _written(entry, "name") if isinstance(entry, Broken) else entry.name
    return name if isinstance(name, str) and name else None


def tiers_of(entry: LoraEntry | Broken) -> tuple[str, ...] | None:
    """The tiers that an entry is meant for; None of a broken one that may be meant for any."""
    if isinstance(entry, LoraEntry):
        return entry.applies_to
    tiers = _written(entry, "applies_to")
    is_usable = isinstance(tiers, list) and bool(tiers) and all(isinstance(tier, str) for tier in tiers)
    return tuple(tiers) if is_usable else None


def _written(entry: Broken, field: str) -> Any:
    return entry.written.get(field) if isinstance(entry.written, dict) else None


def _each_once(entries: Entries | None) -> Entries | None:
    names = [name_of(entry) for entry in entries or ()]
    for i, name in enumerate(names):
        if name is not None and name in names[:i]:
            message = f"{shortened(name)!r} is a name already, of entry {names.index(name)}; rename one"
            raise wrong(message, (i, "name"))
    return entries


def _no_twins(names: tuple[str, ...]) -> tuple[str, ...]:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise wrong(f"{shortened(name)!r} stands twice; keep one", (i,))
    return names


def _no_mapping(value: object) -> object:
    if isinstance(value, dict):
        raise wrong("must be a list here; write one `- name: ...` an adapter")
    return value


def _no_list(value: object) -> object:
    if isinstance(value, list):
        raise wrong(
            "is a list, which would replace the genre's stack; put the entries below `add:`, "
            "and the names to do without below `exclude:`"
        )
    return value


Stack = Annotated[
    Annotated[Entries, Field(strict=False)] | None, BeforeValidator(_no_mapping), AfterValidator(_each_once)
]


class GenreStyle(StyleFields):
    """`visual_style.yaml` of a genre."""

    loras: Readable[Stack] = None
    """The adapters that its pictures get, in stack order."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_both(self, has_loras=self.loras is not None)
        return self


class WorldLoras(BaseModel):
    """What a world does to the genre's stack."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra=describe)

    exclude: Readable[Annotated[tuple[Name, ...], Field(strict=False), AfterValidator(_no_twins)]] = ()
    """Names of the genre's adapters that this world's pictures do without."""

    add: Annotated[Entries, Field(strict=False), AfterValidator(_each_once)] = ()
    """Adapters behind the genre's, in stack order."""


class WorldStyle(StyleFields):
    """`visual_style.yaml` of a world."""

    loras: Readable[Annotated[WorldLoras | None, BeforeValidator(_no_list)]] = None
    """What it does to the genre's stack; it never replaces it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_both(self, has_loras=self.loras is not None)
        return self


def parse_genre_style(document: MarkedDocument) -> GenreStyle:
    """Read a genre's document, as far as it goes.

    Raises:
        UnusableContent: Nothing of it can be told for sure; with file, line, entry and mend of every problem.
    """
    return _parsed_style(GenreStyle, document)


def parse_world_style(document: MarkedDocument) -> WorldStyle:
    """As `parse_genre_style`, for a world's."""
    return _parsed_style(WorldStyle, document)


_Style = TypeVar("_Style", bound=StyleFields)


def _parsed_style(model: type[_Style], document: MarkedDocument) -> _Style:
    odd, misplaced = dict(_misspelt_fields(document, model.model_fields)), dict(bad_tags(document))
    value = {name: written for name, written in document.value.items() if name not in odd}
    if misplaced:
        broken = {tag: Broken((problem,)) for tag, problem in misplaced.items()}
        value[OVERRIDES] = {**value[OVERRIDES], **broken}
    value |= {meant: Broken((problem,)) for meant, problem in odd.values()}
    found = [*(problem for _, problem in odd.values()), *misplaced.values()]
    style, problems = parsed(model, replace(document, value=value), found)
    style._document = document  # noqa: SLF001 - of this room; a frozen model takes private attributes
    style._problems = problems  # noqa: SLF001 - as above
    return style


def _misspelt_fields(document: MarkedDocument, known: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, Problem]]]:
    """Each field that looks like another, with that one, which it breaks."""
    for name in document.value:
        if name not in known and (meant := near_miss(name, known)):
            yield name, (meant, document.problem((name,), misspelt(meant)))


def _refuse_both(style: StyleFields, *, has_loras: bool) -> None:
    flat = next((name for name in ("lora", "lora_scale") if getattr(style, name) is not None), None)
    if flat and has_loras:
        raise wrong("and `loras` are two ways to say the stack; keep `loras`", (flat,))
