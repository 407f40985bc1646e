"""From the packs to everything that is to be painted, decided to the last number, without a daemon or a model.

The one place where sources, styles, seeds, tokens and places meet. Each genre, world and tier is composed once. What
cannot be planned is a problem with file and line, and costs nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kilnmark.client.batch.picks.said import EntryName, EntryPick, Picks
from kilnmark.client.batch.plan.adapters import FoundAdapters, PlannedAdapter
from kilnmark.client.batch.plan.named import SourceNames, named_only
from kilnmark.client.batch.plan.outputs import OWN_TIERS, Outputs, draft_of
from kilnmark.client.batch.plan.pictures import NOTHING_PLANNED, FoundPictures, PlannedPictures, unfit_for
from kilnmark.client.batch.plan.seeds import seeds_for
from kilnmark.client.batch.plan.sources import SOURCES, SourcesRead, places, read_sources
from kilnmark.client.batch.plan.strange import nothing_found, strange_entries
from kilnmark.client.batch.plan.styles import StyledSubject, Styles
from kilnmark.client.batch.plan.subjects import Kind, Subject
from kilnmark.client.batch.plan.tokens import TokenCounter, Tokens
from kilnmark.client.batch.plan.told import told
from kilnmark.client.batch.plan.wanted import triggered
from kilnmark.client.pack_files import PackFolder
from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.packs import PackFiles
from kilnmark.protocol.content.problems import Problem, UnusableContent
from kilnmark.protocol.picture.catalog import row_of
from kilnmark.protocol.picture.decide import decide
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.picture.spec import PictureSpec
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.stacks import EXTRA_LIMIT, STACK_LIMIT

__all__ = ["Item", "Plan", "Wishes", "make_plan", "names_in"]

_MOST_ADAPTERS = STACK_LIMIT + EXTRA_LIMIT
"""Of one picture: as many as a request can name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a batch is asked for.

    Attributes:
        packs: The folder of packs.
        genre, world: Only these; None: all.
        tier: Instead of the kind's own, and of that of entries which name one.
        steps: Denoise steps, instead of the tier's.
        takes: Pictures of each subject that names no seeds and has none pinned, each with a seed of its own.
        limit: No more subjects than these, in the order of the plan; None: all.
        draft: Whether drafts are to be painted; None leaves it to whoever paints.
        lora_roots: Further folders that adapters may lie in.
        only: No subjects but those of these names; empty: all.
        picks: What was decided about entries; their pinned seeds count before all others.
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
    only: tuple[str, ...] = ()
    picks: Picks = field(default_factory=Picks)
    draft: bool | None = None


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

    @property
    def entry(self) -> EntryName:
        """What picks know its entry by."""
        return entry_name(self.subject, self.tier)

    def on(self, base: str, row: Variant, *, drafts: bool = False) -> PictureSpec:
        """What decides it on a base, perhaps another one than it wants.

        Args:
            base: As it is called.
            row: What is known of it.
            drafts: Whether it is to be a draft where nobody said.
        """
        if base == self.spec.variant and not drafts:
            return self.spec
        return decide(self.asked, base, row, style=self.style, given=self.pictures.given, drafts=drafts).spec

    def place_of(self, spec: PictureSpec) -> str:
        """Where it lies as this decides it: a draft never takes the place of the picture."""
        return self.output if spec.draft == self.spec.draft else draft_of(self.output)


@dataclass(slots=True)
class Plan:
    """All that is to be painted.

    Attributes:
        items: In the order of genres, worlds and sources.
        problems: What somebody has to mend: entries, styles and adapters that cannot be used.
        warnings: What somebody should look at.
        sources: What stands in the documents, for whoever asks which entries are there no more.
    """

    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    sources: SourceNames = field(default_factory=SourceNames)


def make_plan(wishes: Wishes, counter: TokenCounter) -> Plan:
    """Decide everything.

    Raises:
        UnknownName: There is no genre or no world of that name.
        UnusableContent: The folder of packs cannot be listed, or no entry has a name that was asked for.
        KilnmarkError: An adapter file that has to be promoted cannot be read any more.
    """
    files = PackFolder(wishes.packs)
    where = places(files, wishes.genre, wishes.world)
    found = read_sources(files, wishes.kind, where)
    genres = sorted({genre for genre, _ in where})
    strange = strange_entries(wishes.packs, genres, among_genres=wishes.genre is None)
    names = SourceNames.of(found, [*strange, *found.problems])
    plan = Plan(problems=[*strange, *found.problems], warnings=list(found.warnings), sources=names)
    if not (found.packs or plan.problems):
        plan.problems.append(nothing_found(wishes.kind, SOURCES[wishes.kind][0], where))
    chosen = _chosen(found, files, wishes, plan)
    outputs, pictures = Outputs(), FoundPictures(wishes.packs)
    for subject, styled in chosen:
        try:
            _add_items(plan, subject, styled, pictures.of(subject), outputs, counter, wishes)
        except RefusedPicture as error:
            plan.problems.append(subject.problem(f"a picture that it is made of cannot be used: {error}"))
    plan.problems = list(dict.fromkeys(plan.problems))
    plan.warnings = list(dict.fromkeys(plan.warnings))
    return plan


def names_in(packs: Path, kind: Kind) -> SourceNames:
    """The entries of a kind in a whole folder of packs; of one that cannot be read, nothing is known."""
    files = PackFolder(packs)
    try:
        where = places(files, None, None)
        found = read_sources(files, kind, where)
        strange = strange_entries(packs, sorted({genre for genre, _ in where}), among_genres=True)
    except UnusableContent:
        return SourceNames()
    return SourceNames.of(found, [*strange, *found.problems])


def _chosen(
    found: SourcesRead, files: PackFiles, wishes: Wishes, plan: Plan
) -> Sequence[tuple[Subject, StyledSubject]]:
    """Those whose style can be used, up to the limit. All styles are looked at, so that all problems are found."""
    adapters = FoundAdapters(wishes.packs, wishes.lora_roots)
    tier = wishes.tier or OWN_TIERS[wishes.kind]
    styles = Styles(files, wishes.packs, adapters, tier, is_for_all=wishes.tier is not None)
    for pack in found.packs:
        styles.look_at(*pack)
    pairs = [(subject, styles.of(subject)) for subject in named_only(found, wishes.only)]
    plan.problems += styles.problems
    plan.warnings += styles.warnings
    return [(subject, styled) for subject, styled in pairs if styled is not None][: wishes.limit]


def _add_items(
    plan: Plan,
    subject: Subject,
    styled: StyledSubject,
    pictures: PlannedPictures,
    outputs: Outputs,
    counter: TokenCounter,
    wishes: Wishes,
) -> None:
    style, tier = styled.style, styled.style.tier
    pick = wishes.picks.of_entry(entry_name(subject, tier.name))
    seeds = seeds_for(subject, style, wishes.takes, pick)
    takes = [_asked(subject, style, seed, wishes, pictures) for seed in seeds]
    if (count := len(styled.adapters)) > _MOST_ADAPTERS:
        said = f"has {count} adapters with those of its style, and {_MOST_ADAPTERS} can be asked for; leave some out"
        plan.problems.append(subject.problem(said))
        return
    row, given = row_of(style.variant), pictures.given
    if unfit := unfit_for(row, pictures):
        plan.problems.append(subject.problem(unfit))
        return
    try:
        decisions = [decide(asked, style.variant, row, style=style, given=given) for asked in takes]
    except InvalidParams as error:
        plan.problems.append(subject.problem(str(error)))
        return
    tokens = counter.count(decisions[0].spec.prompt, style.variant)
    plan.warnings += [
        *_overruled(subject, pick),
        *_missed(subject, tier.name, wishes),
        *told(subject, style, decisions[0], tokens),
    ]
    place = outputs.place(subject.genre, subject.world, subject.kind, subject.name, tier.name)
    plan.items += [
        Item(
            subject=subject,
            take=take,
            asked=asked,
            style=style,
            spec=decision.spec,
            tokens=tokens,
            adapters=styled.adapters,
            output=draft_of(file) if decision.spec.draft else file,
            pictures=pictures,
        )
        for take, (asked, decision) in enumerate(zip(takes, decisions, strict=True), start=1)
        for file in [outputs.take(place, take)]
    ]


def entry_name(subject: Subject, tier: str) -> EntryName:
    """What picks know an entry by."""
    return EntryName.of(subject.genre, subject.world, subject.kind, subject.name, tier)


def _overruled(subject: Subject, pick: EntryPick) -> Iterator[Problem]:
    """That an entry's own seeds do not count, where others are pinned."""
    own = tuple(subject.fields.seed)
    if pick.seeds is not None and pick.pinned and own and own != pick.pinned:
        by = f" by {pick.seeds.by}" if pick.seeds.by else ""
        said = f"does not count, since {', '.join(map(str, pick.pinned))} is pinned{by}; unpin it, or remove this line"
        yield subject.written.problem(("seed",), said)


def _missed(subject: Subject, tier: str, wishes: Wishes) -> Iterator[Problem]:
    """That seeds which somebody pinned by hand are for the tier of its kind, and not for the one that it names."""
    usual = OWN_TIERS[subject.kind]
    pick = wishes.picks.of_entry(entry_name(subject, usual))
    if wishes.tier is None and tier != usual and pick.pinned and pick.seeds and not pick.seeds.at:
        said = f"is not {usual!r}, for which picks.yaml pins seeds of it; write `tier: {tier}` there, too"
        yield subject.written.problem(("tier",), said)


def _asked(
    subject: Subject, style: ComposedStyle, seed: int, wishes: Wishes, pictures: PlannedPictures
) -> RenderParams:
    """What a daemon would be asked for one picture of a subject, but for its stack."""
    return RenderParams(
        prompt=triggered(subject, style),
        negative_prompt=subject.fields.negative_prompt,
        tier=style.tier.name,
        seed=seed,
        steps=wishes.steps,
        draft=wishes.draft,
        init_image=None if pictures.start is None else pictures.start.path,
        strength=pictures.strength,
        reference_images=[each.path for each in pictures.references],
    )
