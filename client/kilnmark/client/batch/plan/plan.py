"""From the packs to everything that is to be painted, decided to the last number, without a daemon or a model.

The one place where sources, styles, seeds, tokens and places meet. Each genre, world and tier is composed once. What
cannot be planned is a problem with file and line, and costs nothing else.
"""

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from kilnmark.client.batch.plan.adapters import Hashes, PlannedAdapter, trusted_stack, unmet_blocks
from kilnmark.client.batch.plan.outputs import OWN_TIERS, Outputs
from kilnmark.client.batch.plan.pictures import NOTHING_PLANNED, FoundPictures, PlannedPictures, unfit_for
from kilnmark.client.batch.plan.sources import SOURCES, SourcesRead, Subject, places, read_sources
from kilnmark.client.batch.plan.strange import nothing_found, strange_entries
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.batch.plan.tokens import TokenCounter, Tokens, excess
from kilnmark.client.pack_files import PackFolder
from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.files.finder import AdapterFinder
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.composition import file_problems, stack_files
from kilnmark.protocol.content.packs import PackFiles, load_pack
from kilnmark.protocol.content.problems import Problem, UnusableContent
from kilnmark.protocol.content.promoted import load_promotions
from kilnmark.protocol.content.trust import Trust
from kilnmark.protocol.picture.catalog import row_of
from kilnmark.protocol.picture.decide import decide, of_references, of_start
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.picture.spec import PictureSpec
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.requests import RenderParams

__all__ = ["SEED_LIMIT", "Item", "Plan", "Wishes", "make_plan", "seed_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a batch is asked for.

    Attributes:
        packs: The folder of packs.
        genre, world: Only these; None: all.
        tier: Instead of the kind's own.
        steps: Denoise steps, instead of the tier's.
        takes: Pictures of each subject, each with a seed of its own.
        limit: No more subjects than these, in the order of the plan; None: all.
        lora_roots: Further folders that adapters may lie in.
    """

    kind: Kind
    packs: Path
    genre: str | None = None
    world: str | None = None
    tier: str | None = None
    steps: int | None = None
    takes: int = 1
    limit: int | None = None
    lora_roots: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One picture to paint.

    Attributes:
        subject: What it shows.
        take: Which of several seeds it has, counted from 1.
        asked: What is asked for it.
        style: What its genre, world, tier and place come to.
        spec: What decides it, on the base that its style or its tier wants.
        tokens: The length of its prompt.
        adapters: In stack order.
        output: Its place, from the batch's folder, with forward slashes.
        pictures: Those that it is made of.
    """

    subject: Subject
    take: int
    asked: RenderParams
    style: ComposedStyle
    spec: PictureSpec
    tokens: Tokens
    adapters: tuple[PlannedAdapter, ...]
    output: str
    pictures: PlannedPictures = NOTHING_PLANNED

    @property
    def tier(self) -> str:
        """The kind of picture that it is."""
        return self.style.tier.name

    def on(self, base: str, row: Variant) -> PictureSpec:
        """What decides it on another base than it wants, of which this is known."""
        if base == self.spec.variant:
            return self.spec
        return decide(self.asked, base, row, style=self.style, given=self.pictures.given).spec


@dataclass(slots=True)
class Plan:
    """All that is to be painted.

    Attributes:
        items: In the order of genres, worlds and sources.
        problems: What somebody has to mend: entries, styles and adapters that cannot be used.
        warnings: What somebody should look at.
    """

    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def make_plan(wishes: Wishes, counter: TokenCounter) -> Plan:
    """Decide everything.

    Raises:
        UnknownName: There is no genre or no world of that name.
        UnusableContent: The folder of packs cannot be listed.
        KilnmarkError: An adapter file that has to be promoted cannot be read any more.
    """
    files = PackFolder(wishes.packs)
    where = places(files, wishes.genre, wishes.world)
    found = read_sources(files, wishes.kind, where)
    genres = sorted({genre for genre, _ in where})
    strange = strange_entries(wishes.packs, genres, among_genres=wishes.genre is None)
    plan = Plan(problems=[*strange, *found.problems], warnings=list(found.warnings))
    if not (found.packs or plan.problems):
        plan.problems.append(nothing_found(wishes.kind, SOURCES[wishes.kind][0], where))
    styles = _Styles(files, wishes, plan)
    outputs, found_pictures = Outputs(), FoundPictures(wishes.packs)
    for subject, styled in _chosen(found, styles, wishes.limit):
        try:
            _add_items(plan, subject, styled, found_pictures.of(subject), outputs, counter, wishes)
        except RefusedPicture as error:
            plan.problems.append(_of(subject, f"a picture that it is made of cannot be used: {error}"))
    plan.problems = list(dict.fromkeys(plan.problems))
    plan.warnings = list(dict.fromkeys(plan.warnings))
    return plan


def _chosen(found: SourcesRead, styles: "_Styles", limit: int | None) -> Sequence[tuple[Subject, "_Styled"]]:
    """Those whose style can be used, up to the limit. All styles are looked at, so that all problems are found."""
    for pack in found.packs:
        styles.of_pack(*pack)
    pairs = [(subject, styles.of(subject)) for subject in found.subjects]
    return [(subject, styled) for subject, styled in pairs if styled is not None][:limit]


class _Styles:
    """The style of each genre and world at the batch's tier, composed once, with its adapters found once."""

    def __init__(self, files: PackFiles, wishes: Wishes, plan: Plan) -> None:
        self._files = files
        self._tier = wishes.tier or OWN_TIERS[wishes.kind]
        self._packs = wishes.packs
        self._finder = AdapterFinder([wishes.packs, *wishes.lora_roots])
        self._hashes = Hashes()
        self._plan = plan
        self._known: dict[tuple[str, str | None], _Styled | None] = {}

    def of(self, subject: Subject) -> "_Styled | None":
        """As the subject's place has it; None where it cannot be used: why is among the plan's problems then."""
        styled = self.of_pack(subject.genre, subject.world)
        if styled is None:
            return None
        if subject.unplaced and styled.style.directs_places:
            self._plan.problems += subject.unplaced
            return None
        try:
            return _Styled(styled.style.at(subject.place), styled.adapters)
        except UnusableContent as error:
            self._plan.problems += error.problems
            return None

    def of_pack(self, genre: str, world: str | None) -> "_Styled | None":
        """As of no place; None where no picture of this tier can be had."""
        if (genre, world) not in self._known:
            self._known[genre, world] = self._composed(genre, world)
        return self._known[genre, world]

    def _composed(self, genre: str, world: str | None) -> "_Styled | None":
        try:
            pack = load_pack(self._files, genre, world)
            self._plan.problems += pack.problems
            style = pack.compose(self._tier)
        except UnusableContent as error:
            self._plan.problems += error.problems
            return None
        located = self._finder.named((file, self._packs / folder) for file, folder in stack_files(style))
        problems = file_problems(style, located.problems) or unmet_blocks(style, located.paths)
        self._plan.problems += problems
        if problems:
            return None
        load = partial(load_promotions, self._files, genre)
        trust = Trust.of(load, os.path.realpath(self._packs), required=style.requires_promoted)
        stack = trusted_stack(style, located.paths, trust, self._hashes)
        self._plan.problems += stack.problems
        self._plan.warnings += stack.warnings
        return None if stack.adapters is None else _Styled(style, stack.adapters)


@dataclass(frozen=True, slots=True)
class _Styled:
    style: ComposedStyle
    adapters: tuple[PlannedAdapter, ...]


def _of(subject: Subject, message: str) -> Problem:
    return Problem(file=subject.file, line=subject.line, entry=subject.name, message=message)


def _add_items(
    plan: Plan,
    subject: Subject,
    styled: _Styled,
    pictures: PlannedPictures,
    outputs: Outputs,
    counter: TokenCounter,
    wishes: Wishes,
) -> None:
    style, tier = styled.style, styled.style.tier
    takes = [_asked(subject, style, take, wishes, pictures) for take in range(1, wishes.takes + 1)]
    row, given = row_of(style.variant), pictures.given
    if unfit := unfit_for(row, pictures):
        plan.problems.append(_of(subject, unfit))
        return
    try:
        specs = [decide(asked, style.variant, row, style=style, given=given).spec for asked in takes]
    except InvalidParams as error:
        plan.problems.append(_of(subject, str(error)))
        return
    tokens = counter.count(specs[0].prompt, style.variant)
    told = (excess(tokens), *of_start(specs[0], given), *of_references(specs[0], given, row))
    plan.warnings += [_of(subject, words) for words in told if words]
    place = outputs.place(subject.genre, subject.world, subject.kind, subject.name, tier.name)
    plan.items += [
        Item(
            subject=subject,
            take=take,
            asked=asked,
            style=style,
            spec=spec,
            tokens=tokens,
            adapters=styled.adapters,
            output=outputs.take(place, take),
            pictures=pictures,
        )
        for take, (asked, spec) in enumerate(zip(takes, specs, strict=True), start=1)
    ]


def _asked(
    subject: Subject, style: ComposedStyle, take: int, wishes: Wishes, pictures: PlannedPictures
) -> RenderParams:
    """What a daemon would be asked for one take of a subject, but for its stack."""
    seed = seed_of(
        subject.genre, subject.world, subject.name, style.tier.name, base_seed=style.fields.base_seed, take=take
    )
    return RenderParams(
        prompt=subject.words,
        tier=style.tier.name,
        seed=seed,
        steps=wishes.steps,
        init_image=None if pictures.start is None else pictures.start.path,
        strength=pictures.strength,
        reference_images=[each.path for each in pictures.references],
    )


SEED_LIMIT = 2**32
"""Seeds lie below it: within the wire's own bound, and what other tools that read a picture's seed can hold."""


def seed_of(genre: str, world: str | None, name: str, tier: str, *, base_seed: int | None = None, take: int = 1) -> int:
    """The first 4 bytes, big-endian, of the SHA-256 of `genre:world:name:tier`, with `base_seed` and `take` behind it.

    Args:
        genre, world, name, tier: In Unicode's NFC, so that the seed does not depend on how a file spells an accent; a
            world of None is empty.
        base_seed: Of the style; None counts as 0.
        take: Which of several seeds of the same picture, counted from 1.
    """
    identity = unicodedata.normalize("NFC", f"{genre}:{world or ''}:{name}:{tier}")
    digest = hashlib.sha256(f"{identity}#{base_seed or 0}#{take}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
