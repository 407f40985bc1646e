"""What is to be painted, as documents write it: `history.yaml`, `portrait_manifest.yaml` and `creatures.yaml`.

The one list of the fields that an entry may have, and what each is for: batches read entries by these models, one at a
time, with its lines; editors' schemas and the search for misspelt fields are made of them, too. How an entry becomes a
picture is for who plans it.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    model_validator,
)

from kilnmark.protocol.content.documents import CheckedScales, FilePath, Name, Scale, Text
from kilnmark.protocol.content.parsed import Readable, refuse_misspelt, wrong
from kilnmark.protocol.content.problems import near_miss, shortened
from kilnmark.protocol.described import describe
from kilnmark.protocol.picture.given import REFERENCE_LIMIT

__all__ = [
    "ENTRY_MODELS",
    "LARGEST_SEED",
    "SEEDS_LIMIT",
    "CharacterEntry",
    "CreatureEntry",
    "CreaturesDocument",
    "EntryAdapter",
    "EntryFields",
    "HistoryChapter",
    "HistoryDocument",
    "PlaceEntry",
    "PortraitsDocument",
    "SubjectKind",
    "meant_by",
]

SubjectKind = Literal["poi", "portrait", "creature"]
"""What a picture can be of."""

LARGEST_SEED = 2**53 - 1
SEEDS_LIMIT = 100
"""Seeds that one entry may name, each of which is a picture."""

_MOST_ADAPTERS = 16
"""Beside those of the style: a request has 32 at most."""

EntryName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Words = Annotated[Text | None, AfterValidator(lambda text: (text or "").strip() or None)]
"""Text; blank counts as none."""

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


def _none(value: object) -> object:
    """A field with nothing behind it is one that is not there."""
    return () if value is None else value


Share = Annotated[float, Field(ge=0, le=1)]

_EMPTY = BeforeValidator(_none)


def _seeds(value: object) -> tuple[int, ...]:
    if value is None:
        return ()
    seeds = value if isinstance(value, list) else [value]
    for i, seed in enumerate(seeds):
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= LARGEST_SEED:
            said = f"must be a whole number from 0 to {LARGEST_SEED}, but is {_shown(seed)}"
            raise wrong(f"{said}; write `seed: 42`, or a list", (i,) if isinstance(value, list) else ())
        if seed in seeds[:i]:
            raise wrong(f"{seed} stands twice; keep one, each seed is a picture", (i,))
    if not 0 < len(seeds) <= SEEDS_LIMIT:
        raise wrong(f"names {len(seeds)} seeds; name one to {SEEDS_LIMIT}, or remove the line")
    return tuple(seeds)


def _share(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise wrong(f"must be a number from 0 to 1, but is {_shown(value)}; write one, such as 0.4")
    return float(value)


def _files(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
        raise wrong("must be a list of files, even of one; write `reference_images: [portraits/one.png]`")
    return tuple(each.strip() for each in value)


def _shown(value: object) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=str))


class EntryAdapter(BaseModel):
    """One adapter of one entry, behind those of its style."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra=describe)

    name: Name | None = None
    """What reports call it; without one, its file's name without the ending. Once in a stack."""

    file: FilePath
    """The safetensors file: from the folder of this YAML file, or from one of the daemon's adapter roots."""

    scale: Scale
    """How strongly it is applied, -100 to 100."""

    scales: CheckedScales = {}
    """How strongly on some blocks instead: `double: 0.3`, `single.20-37: 1.0`; `scale` is for all other layers."""

    trigger: Text | None = None
    """Words that it was trained on; they go before the entry's own."""

    @model_validator(mode="before")
    @classmethod
    def _no_misspelling(cls, fields: object) -> object:
        refuse_misspelt(fields, cls.model_fields)
        return fields


class _SourcePart(BaseModel):
    """Fields of other names may stand beside these, for people to read."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, json_schema_extra=describe)


class EntryFields(_SourcePart):
    """What an entry of every kind may say."""

    name: EntryName
    """What it is called, once in its file: its seed and its file are made of it."""

    type: Readable[Words] = None
    """What it is, in a word or two. Of creatures it goes behind the name; of others it is for people."""

    region: Readable[Words] = None
    """Where it is, for the style's art direction by place. It never gets into a prompt itself."""

    place: Words = None
    """The place whose art direction it gets, instead of what its region and its name come to."""

    negative_prompt: Words = None
    """What not to paint, instead of the style's."""

    seed: Annotated[tuple[int, ...], PlainValidator(_seeds, json_schema_input_type=Seed | list[Seed])] = ()
    """The seed of its picture, instead of the one that its name gives. A list: a picture with each."""

    tier: Name | None = None
    """The tier that it is painted at, instead of its kind's own."""

    loras: Annotated[tuple[EntryAdapter, ...], Field(strict=False, max_length=_MOST_ADAPTERS), _EMPTY] = ()
    """Its own adapters, in stack order, behind those of its style."""

    init_image: Words = None
    """The picture to start from: from the folder of this YAML file."""

    strength: Annotated[float | None, PlainValidator(_share, json_schema_input_type=Share | None)] = None
    """How much of `init_image` stays: 0 nothing, 1 all."""

    reference_images: Annotated[tuple[str, ...], PlainValidator(_files, json_schema_input_type=list[FilePath])] = ()
    """Pictures that the base looks at while it paints: from the folder of this YAML file, even of one a list."""

    @property
    def choices(self) -> tuple[object, ...]:
        """All that two entries of one picture have to agree on, beside its words and its place."""
        adapters = tuple(adapter.model_dump_json() for adapter in self.loras)
        pictures = (self.init_image, self.strength, self.reference_images)
        return self.negative_prompt, self.seed, self.tier, adapters, pictures

    @model_validator(mode="after")
    def _check_pictures(self) -> Self:
        if self.init_image is None and self.strength is not None:
            raise wrong("needs an `init_image`; name the picture to start from, or leave it out", ("strength",))
        references = self.reference_images
        if references and self.init_image is not None:
            message = "is another way to use a picture than `init_image`; leave out one of the two"
            raise wrong(message, ("reference_images",))
        if len(references) > REFERENCE_LIMIT:
            message = f"names {len(references)} pictures; give {REFERENCE_LIMIT} at most"
            raise wrong(message, ("reference_images",))
        return self


class PlaceEntry(EntryFields):
    """One of a chapter's `points_of_interest`. It needs a `visual_prompt` or a `description`."""

    visual_prompt: Words = None
    """The words of its picture, as they stand."""

    description: Words = None
    """What it is like; with the name, the words of its picture where there is no `visual_prompt`."""


class CharacterEntry(EntryFields):
    """One of the `characters`. It needs an `appearance` or a `role`."""

    role: Words = None
    """What they are to others: keeper of the mill."""

    appearance: Words = None
    """What can be seen of them."""

    culture_aesthetic: Words = None
    """What their people wear and carry."""


class CreatureEntry(EntryFields):
    """One of the `creatures`. It needs a `visual_prompt`, an `appearance` or a `description`."""

    visual_prompt: Words = None
    """The words of its picture, as they stand."""

    appearance: Words = None
    """What can be seen of it; with name and type, the words of its picture where there is no `visual_prompt`."""

    description: Words = None
    """What it is like; instead of an `appearance`."""

    habitat: Words = None
    """Where it lives; a sentence behind the words."""


class HistoryChapter(_SourcePart):
    """Some time or part of a world. It may have no places."""

    points_of_interest: tuple[PlaceEntry, ...] | None = None
    """Its places, one `- name: ...` each."""


class HistoryDocument(_SourcePart):
    """`history.yaml` of a genre or a world: places, for `kilnmark batch poi`."""

    chapters: tuple[HistoryChapter, ...] | None
    """One `- points_of_interest:` each."""


class PortraitsDocument(_SourcePart):
    """`portrait_manifest.yaml` of a genre or a world: people, for `kilnmark batch portrait`."""

    characters: tuple[CharacterEntry, ...] | None
    """One `- name: ...` each."""


class CreaturesDocument(_SourcePart):
    """`creatures.yaml` of a genre or a world, for `kilnmark batch creature`."""

    creatures: tuple[CreatureEntry, ...] | None
    """One `- name: ...` each."""


ENTRY_MODELS: Mapping[SubjectKind, type[EntryFields]] = {
    "poi": PlaceEntry,
    "portrait": CharacterEntry,
    "creature": CreatureEntry,
}
"""By what a picture is of."""

_OTHERS = {
    "adapter": "loras",
    "adapters": "loras",
    "extra_loras": "loras",
    "lora_paths": "loras",
    "negative": "negative_prompt",
    "neg_prompt": "negative_prompt",
    "prompt": "visual_prompt",
    "prompt_seed": "seed",
    "visual_prompt": "appearance",
    "start_image": "init_image",
}
"""What other programs, or entries of other kinds, call some of them."""


@lru_cache(1024)
def meant_by(field: str, kind: SubjectKind) -> str | None:
    """The field that a field of an entry looks like, which it is not; None where it is one, or like none."""
    known = ENTRY_MODELS[kind].model_fields
    if field in known:
        return None
    other: str | None = field.casefold().replace("-", "_")
    while other is not None and other not in known:
        other = _OTHERS.get(other)
    return other or near_miss(field, known)
