"""What a genre, a world, a tier and a place come to, of documents that are as they may be: wholly usable, or in parts.

A picture is refused what is wrong with the parts that it needs, and told of nothing else. Where documents are and how
they are read is `packs`' part.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from kilnmark.protocol.content.documents import (
    GenreStyle,
    LoraEntry,
    StyleFields,
    WorldLoras,
    WorldStyle,
    name_of,
    tiers_of,
)
from kilnmark.protocol.content.overrides import Overrides
from kilnmark.protocol.content.parsed import Broken, asked
from kilnmark.protocol.content.places import PicturePlace, tag_of
from kilnmark.protocol.content.problems import Findings, Key, Problem, UnknownName, near_miss
from kilnmark.protocol.content.requirement import requires_promoted
from kilnmark.protocol.content.style import ComposedStack, StackEntry, compose_lora_stack, conflicts, overlay
from kilnmark.protocol.content.tiers import Tier
from kilnmark.protocol.picture.catalog import FAMILIES, VARIANTS

__all__ = [
    "NOWHERE",
    "TIERS_FILE",
    "ComposedStyle",
    "OwnFields",
    "Pack",
    "family_words",
    "final_prompt",
    "folder_of",
    "mismatches",
    "variant_of",
]

TIERS_FILE = "tiers.yaml"

NOWHERE = PicturePlace()
"""The place of a picture that names none."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One genre with one of its worlds, or with none, read whole, as far as it goes.

    Attributes:
        world: None: the genre by itself.
        world_style: None: the world has none of its own.
        tiers: The shipped ones and the genre's own.
        problems: All that is wrong with its documents. Each costs those pictures that need what it is about.
    """

    genre: str
    world: str | None
    genre_style: GenreStyle
    world_style: WorldStyle | None
    tiers: Mapping[str, Tier | Broken]
    problems: tuple[Problem, ...] = ()

    def compose(self, tier: str, place: PicturePlace = NOWHERE, given: Collection[str] = ()) -> "ComposedStyle":
        """What a tier gets, for a picture of a place.

        Args:
            tier: Its name.
            place: What is painted; the style has words for some.
            given: Names of fields of a style that the picture does not need of it.

        Raises:
            UnknownName: There is no such tier.
            UnusableContent: With every problem that this picture needs mended.
        """
        if tier not in self.tiers:
            raise UnknownName("tier", tier, self.tiers, self.genre)
        fields, findings = overlay(self.genre_style, self.world_style), Findings()
        findings.problems += (each.problem for each in _misspelt_tiers(self) if each.meant == tier and each.counts)
        with findings.part():
            numbers = asked(self.tiers[tier])
        with findings.part():
            stack = compose_lora_stack(self.genre_style, self.world_style, tier)
        with findings.part():
            own = _own_fields(fields, given)
        with findings.part():
            directed = _directed(fields.visual_tag_overrides, place)
        with findings.part():
            promoted = requires_promoted(self.genre, self.genre_style, self.world_style, self.tiers[tier])
        findings.refuse()
        return ComposedStyle(
            self, numbers, stack, own, fields.visual_tag_overrides, *directed, requires_promoted=promoted
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd, but harms nothing."""
        return tuple(map(str, self.oddities))

    @property
    def oddities(self) -> tuple[Problem, ...]:
        """The same with its places."""
        return tuple(_unknown_tiers(self))


class OwnFields(NamedTuple):
    """What a style says about a picture beside its stack and its place, the world's over the genre's."""

    positive_suffix: str | None
    negative_prompt: str | None
    preferred_model: str | None
    base_seed: int | None


@dataclass(frozen=True, slots=True)
class ComposedStyle:
    """Everything that a genre, a world and a tier say about a picture of a place.

    Attributes:
        tier: With the genre's own numbers.
        overrides: Of all places, the world's or the genre's.
        tag: Of those, the one that the picture's place gets; None where none is meant for it.
        words: What it stands for.
        requires_promoted: Its adapters have to be in the genre's manifest of promoted ones, by their bytes.
    """

    pack: Pack
    tier: Tier
    stack: ComposedStack
    fields: OwnFields
    overrides: Overrides | Broken
    tag: str | None = None
    words: str | None = None
    requires_promoted: bool = False

    @property
    def directs_places(self) -> bool:
        """Its pictures need to know where they are."""
        return bool(self.overrides)

    def at(self, place: PicturePlace) -> "ComposedStyle":
        """The same for a picture of another place.

        Raises:
            UnusableContent: What the style says of that place cannot be used.
        """
        tag, words = _directed(self.overrides, place)
        return replace(self, tag=tag, words=words)

    @property
    def variant(self) -> str:
        """The base to paint on: the preferred one, else the tier's."""
        return variant_of(self.fields.preferred_model) or self.tier.variant

    def prompt(self, prompt: str) -> str:
        """The caller's prompt as it is sent to the model: with triggers, the words of its place, and the suffix."""
        return final_prompt(prompt, self.stack.triggers, self.words, self.fields.positive_suffix)

    def folder_of(self, adapter: StackEntry) -> str:
        """The folder that an adapter's `file` is looked for in first: that of the document that names it."""
        return folder_of(self.pack.genre, self.pack.world if adapter.level == "world" else None)

    def file_problem(self, adapter: StackEntry, message: str) -> Problem:
        """A problem with an adapter's `file`, where it is named."""
        return self._style_of(adapter).problem(adapter.file_path, message)

    def scale_problem(self, adapter: StackEntry, message: str) -> Problem:
        """A problem with an adapter's `scale`, where it is named."""
        return self._style_of(adapter).problem(adapter.scale_path, message)

    def scales_problem(self, adapter: StackEntry, message: str) -> Problem:
        """A problem with an adapter's `scales`."""
        return self._style_of(adapter).problem((*adapter.path, "scales"), message)

    def field_problem(self, name: str, message: str) -> Problem:
        """A problem with a field that a world overlays, in the document whose word counts."""
        world = self.pack.world_style
        style = world if world is not None and name in world.model_fields_set else self.pack.genre_style
        return style.problem((name,), message)

    def _style_of(self, adapter: StackEntry) -> StyleFields:
        """The document that names an adapter."""
        style = self.pack.world_style if adapter.level == "world" else self.pack.genre_style
        assert style is not None  # noqa: S101 - an entry of the world comes from its style
        return style


def _own_fields(fields: StyleFields, given: Collection[str]) -> OwnFields:
    """Raises UnusableContent with what is wrong with every one that is needed."""
    findings, own = Findings(), dict[str, Any]()
    for name in OwnFields._fields:
        value = getattr(fields, name)
        with findings.part():
            own[name] = None if name in given and isinstance(value, Broken) else asked(value)
    findings.refuse()
    return OwnFields(**own)


def _directed(overrides: Overrides | Broken, place: PicturePlace) -> tuple[str | None, str | None]:
    """The tag that a place gets, and its words. Raises UnusableContent."""
    if place == NOWHERE:
        return None, None
    words = asked(overrides) or {}
    tag = tag_of(place, words)
    return tag, None if tag is None else asked(words[tag])


def variant_of(preferred_model: str | None) -> str | None:
    """The variant that a style names, with its family's word before it or without; None leaves it to the tier."""
    words = family_words()
    if preferred_model is None or preferred_model in words:
        return None
    if preferred_model in VARIANTS:
        return preferred_model
    meant = (preferred_model.removeprefix(f"{word}-") for word in words if preferred_model.startswith(f"{word}-"))
    return next(meant, preferred_model)


def family_words() -> list[str]:
    """What styles call families; as a `preferred_model` each leaves the choice to the tier."""
    return [family.word for family in FAMILIES.values() if family.word]


def folder_of(genre: str, world: str | None) -> str:
    """The folder of a genre's or a world's documents."""
    return genre if world is None else f"{genre}/worlds/{world}"


def mismatches(pack: Pack) -> Iterator[Problem]:
    """What is wrong with its documents as they stand beside each other, and with the names that they use."""
    for style in (pack.genre_style, pack.world_style):
        preferred = None if style is None else style.preferred_model
        yield from preferred.problems if isinstance(preferred, Broken) else ()
    yield from conflicts(pack.genre_style, pack.world_style)
    yield from (each.problem for each in _misspelt_tiers(pack))


class _MisspeltTier(NamedTuple):
    """A tier of an entry that looks like another's.

    Attributes:
        meant: That one, which lacks the entry.
        counts: The world has not excluded the entry.
    """

    meant: str
    problem: Problem
    counts: bool


def _misspelt_tiers(pack: Pack) -> Iterator[_MisspeltTier]:
    changes = None if pack.world_style is None else pack.world_style.loras
    excluded = changes.exclude if isinstance(changes, WorldLoras) and not isinstance(changes.exclude, Broken) else ()
    for style, path, entry in _entries(pack):
        counts = style is not pack.genre_style or name_of(entry) not in excluded
        for i, tier in enumerate(tiers_of(entry) or ()):
            if tier not in pack.tiers and (meant := near_miss(tier, pack.tiers)):
                message = f"{tier!r} is no tier; write {meant!r}, or add it to {pack.genre}/{TIERS_FILE}"
                yield _MisspeltTier(meant, style.problem((*path, "applies_to", i), message), counts)


def _unknown_tiers(pack: Pack) -> Iterator[Problem]:
    for style, path, entry in _entries(pack):
        for i, tier in enumerate(tiers_of(entry) or ()):
            if tier not in pack.tiers and not near_miss(tier, pack.tiers):
                message = f"{tier!r} is no tier of this genre; add it to {pack.genre}/{TIERS_FILE}, or remove it"
                yield style.problem((*path, "applies_to", i), message)


def _entries(pack: Pack) -> Iterator[tuple[StyleFields, tuple[Key, ...], LoraEntry | Broken]]:
    """Those of both documents, usable or not, and where they stand."""
    genre, world = pack.genre_style, pack.world_style
    for i, entry in enumerate(() if isinstance(genre.loras, Broken) else genre.loras or ()):
        yield genre, ("loras", i), entry
    if world is not None and isinstance(world.loras, WorldLoras):
        for i, entry in enumerate(world.loras.add):
            yield world, ("loras", "add", i), entry


_SENTENCE_ENDS = (".", "!", "?", ":", ";", "\u2026")


def final_prompt(prompt: str, triggers: Sequence[str], *behind: str | None) -> str:
    """Triggers, the prompt, and what goes behind it, in this order, with a comma where no sentence ends."""
    text = ""
    for part in (*triggers, prompt, *behind):
        bare = (part or "").strip().strip(",").strip()
        if bare:
            text = f"{text}{_between(text)}{bare}"
    return text


def _between(text: str) -> str:
    if not text:
        return ""
    return " " if text.endswith(_SENTENCE_ENDS) else ", "
