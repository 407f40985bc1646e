"""What is to be painted, as documents write it: `history.yaml`, `portrait_manifest.yaml` and `creatures.yaml`.

The one list of the fields that an entry may have, and what each is for: editors' schemas and the search for misspelt
fields are made of it. One entry at a time is read, with its lines, by who plans a batch; nothing is read here.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kilnmark.protocol.described import describe
from kilnmark.protocol.picture.given import REFERENCE_LIMIT

__all__ = [
    "ENTRY_MODELS",
    "CharacterEntry",
    "CreatureEntry",
    "CreaturesDocument",
    "EntryFields",
    "HistoryChapter",
    "HistoryDocument",
    "PlaceEntry",
    "PortraitsDocument",
]

EntryText = Annotated[str, Field(max_length=20_000)]
PictureFile = Annotated[str, Field(pattern=r"\S", max_length=4096)]


class _SourcePart(BaseModel):
    """Fields of other names may stand beside these, for people to read."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, json_schema_extra=describe)


class EntryFields(_SourcePart):
    """What an entry of every kind may say."""

    name: Annotated[str, Field(pattern=r"\S", max_length=200)]
    """What it is called, once in its file: its seed and its file are made of it."""

    type: EntryText | None = None
    """What it is, in a word or two. Of creatures it goes behind the name; of others it is for people."""

    region: EntryText | None = None
    """Where it is, for the style's art direction by place. It never gets into a prompt itself."""

    init_image: PictureFile | None = None
    """The picture to start from: from the folder of this YAML file."""

    strength: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    """How much of `init_image` stays: 0 nothing, 1 all."""

    reference_images: Annotated[tuple[PictureFile, ...], Field(max_length=REFERENCE_LIMIT)] | None = None
    """Pictures that the base looks at while it paints: from the folder of this YAML file, even of one a list."""


class PlaceEntry(EntryFields):
    """One of a chapter's `points_of_interest`. It needs a `visual_prompt` or a `description`."""

    visual_prompt: EntryText | None = None
    """The words of its picture, as they stand."""

    description: EntryText | None = None
    """What it is like; with the name, the words of its picture where there is no `visual_prompt`."""


class CharacterEntry(EntryFields):
    """One of the `characters`. It needs an `appearance` or a `role`."""

    role: EntryText | None = None
    """What they are to others: keeper of the mill."""

    appearance: EntryText | None = None
    """What can be seen of them."""

    culture_aesthetic: EntryText | None = None
    """What their people wear and carry."""


class CreatureEntry(EntryFields):
    """One of the `creatures`. It needs a `visual_prompt`, an `appearance` or a `description`."""

    visual_prompt: EntryText | None = None
    """The words of its picture, as they stand."""

    appearance: EntryText | None = None
    """What can be seen of it; with name and type, the words of its picture where there is no `visual_prompt`."""

    description: EntryText | None = None
    """What it is like; instead of an `appearance`."""

    habitat: EntryText | None = None
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


ENTRY_MODELS: Mapping[str, type[EntryFields]] = {
    "poi": PlaceEntry,
    "portrait": CharacterEntry,
    "creature": CreatureEntry,
}
"""By what a picture is of."""
