"""A plan, as people read it and as the document of `--dry-run --json`.

Nothing here asks a daemon or a disk. Names and prompts come from outside and are shown as they are, control characters
spelled out.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import UNSET
from rich.console import Console
from rich.text import Text

from kilnmark.client.batch.plan.inspected import InspectedAdapter
from kilnmark.client.batch.plan.plan import Item, Plan
from kilnmark.client.batch.plan.tokens import Tokens
from kilnmark.client.batch.run.findings import SourceProblem
from kilnmark.client.batch.run.rehearsal import MeantItem, Rehearsal
from kilnmark.client.cli.views.batch import counted
from kilnmark.client.cli.views.batch_bar import time_words
from kilnmark.client.cli.views.batch_documents import plain_problems
from kilnmark.client.cli.views.tables import plain, print_facts
from kilnmark.protocol.picture.report import Verdict

__all__ = ["PlanDocument", "plan_document", "show_plan", "show_totals"]


class PlannedLora(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of a stack: `file` as its style names it, `path` where that lies, `promoted` by its genre."""

    name: str
    file: str
    path: str
    scale: float
    scales: dict[str, float] = {}
    promoted: bool | None = None


class PlannedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One picture that would be painted.

    Attributes:
        region: Of its place; None where its entry has none.
        tag: Of its style's `visual_tag_overrides`, the one that its place gets; None where none is meant for it.
        prompt: As it would be sent to the model.
        output: Where it would lie.
        init_image: The path of the picture that it would start from; None: from noise.
        strength: How much of that would stay; None as `init_image`.
        reference_images: The paths of those that it would refer to, in their order.
        draft: It would be a draft, and no picture to be used.
    """

    genre: str
    world: str | None
    name: str
    region: str | None
    tag: str | None
    tier: str
    prompt: str
    tokens: Tokens
    seed: int
    loras: list[PlannedLora]
    output: str
    init_image: str | None = None
    strength: float | None = None
    reference_images: list[str] = []
    draft: bool = False


class PlannedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter file, for one model.

    Attributes:
        name: What the first document that asks for it calls it.
        path: Where it lies.
        variant: The model that it was held to.
        verdict: How it would engage there, at scale 1.
        reason: Why.
        dead: Where it is asked for and would not engage; a sound one may be asked for at scale 0.
    """

    name: str
    path: str
    variant: str
    verdict: Verdict
    reason: str
    dead: list[SourceProblem] = []


class PlanTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch would come to.

    Attributes:
        pictures: That are planned.
        there: Of them, those that lie there already, made of the very same.
        drafts: Of them, those that would be drafts.
        adapters: Files, each once for each model.
        dead: Of them, those that would not engage.
        switches: How often another stack would be needed than for the picture before.
        seconds: That those which are not there would take; None where nothing was measured of any.
        unknown: Pictures that `seconds` leaves out, since nothing was measured of their bases.
        measured: Where it was measured: by the `daemon`, in the `manifest`, or empty.
        elsewhere: The bases that the daemon has for those that pictures want and it does not serve.
        refused: Why some pictures cannot be painted there.
    """

    pictures: int
    there: int
    drafts: int
    adapters: int
    dead: int
    switches: int
    seconds: float | None
    unknown: int
    measured: str
    elsewhere: dict[str, str] = {}
    refused: list[str] = []


class PlanDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`batch ... --dry-run --json`."""

    items: list[PlannedItem]
    problems: list[SourceProblem]
    warnings: list[SourceProblem] = []
    adapters: list[PlannedFile] = []
    totals: PlanTotals


def plan_document(plan: Plan, out: Path, rehearsal: Rehearsal) -> PlanDocument:
    """A plan for a folder of pictures, and what it comes to."""
    return PlanDocument(
        items=[_planned(meant, out) for meant in rehearsal.items],
        problems=plain_problems(plan.problems),
        warnings=plain_problems(plan.warnings),
        adapters=[_file(each) for each in rehearsal.adapters],
        totals=PlanTotals(
            pictures=len(rehearsal.items),
            there=rehearsal.there,
            drafts=rehearsal.drafts,
            adapters=len(rehearsal.adapters),
            dead=len(rehearsal.dead),
            switches=rehearsal.switches,
            seconds=None if rehearsal.takes.seconds is None else round(rehearsal.takes.seconds, 3),
            unknown=rehearsal.takes.unknown,
            measured=rehearsal.measured,
            elsewhere=dict(rehearsal.elsewhere),
            refused=list(rehearsal.refused),
        ),
    )


def show_totals(out: Console, rehearsal: Rehearsal) -> None:
    """What a plan comes to: a table of its adapters where some are dead, with the reason of each below it."""
    for each in rehearsal.dead:
        said = plain(f"{each.name} ({each.inspection.path}) on {each.variant}")
        out.print(Text.assemble(("dead  ", "bold red"), said), soft_wrap=True)
        for problem in each.asked:
            out.print(plain(f"      {problem}"), soft_wrap=True)
    there = f", {rehearsal.there} of them there already" if rehearsal.there else ""
    drafts = f", {rehearsal.drafts} as drafts" if rehearsal.drafts else ""
    dead = f", {len(rehearsal.dead)} of them dead" if rehearsal.dead else ""
    rows: list[tuple[str, str | Text]] = [
        ("pictures", f"{len(rehearsal.items)}{there}{drafts}"),
        ("adapters", f"{len(rehearsal.adapters)}{dead}"),
        ("switches", f"{counted(rehearsal.switches, 'change')} of stack"),
        ("time", _expected(rehearsal)),
        *(
            ("base", f"{wanted!r} is not served; those pictures would be of {had!r}")
            for wanted, had in rehearsal.elsewhere.items()
        ),
        *(("refused", plain(said, "red")) for said in rehearsal.refused),
    ]
    print_facts(out, rows)


_MEASURED = {"daemon": "by steps that the daemon has painted", "manifest": "by earlier pictures of this folder"}


def _expected(rehearsal: Rehearsal) -> str:
    takes = rehearsal.takes
    if takes.seconds is None:
        return "not known: no step was measured on these bases yet"
    if not rehearsal.measured:
        return "none: every picture is there" if rehearsal.items else "none: there is nothing to paint"
    about = "about " if takes.is_rough else ""
    rough = ", of other sizes in part" if takes.is_rough else ""
    unknown = f"; not known of {counted(takes.unknown, 'picture')}" if takes.unknown else ""
    return f"{about}{time_words(takes.seconds)}, {_MEASURED[rehearsal.measured]}{rough}{unknown}"


def show_plan(out: Console, rehearsal: Rehearsal, folder: Path) -> None:
    """Every picture: what it is, its prompt, its stack, and where it would lie."""
    for meant in rehearsal.items:
        item = meant.item
        out.print(_title(item), soft_wrap=True, style="bold")
        out.print(plain(f"  {item.spec.prompt}"), soft_wrap=True)
        stack = (
            ", ".join(f"{adapter.name}:{adapter.scale_words}{_PROMOTED[adapter.promoted]}" for adapter in item.adapters)
            or "no adapters"
        )
        spec = meant.spec
        size = f"{spec.width}x{spec.height}, {counted(spec.steps, 'step')} on {spec.variant}"
        size += ", a draft" if spec.draft else ""
        tag = "" if item.style.tag is None else f"; tag {item.style.tag!r}"
        facts = f"  seed {spec.seed}; {_length(item.tokens)}; {stack}; {size}{tag}"
        out.print(plain(facts), soft_wrap=True)
        if made_of := ", ".join(_made_of(item)):
            out.print(plain(f"  {made_of}"), soft_wrap=True)
        out.print(plain(f"  {folder / meant.file}"), soft_wrap=True, style="dim")


_PROMOTED = {None: "", True: "", False: " (not promoted)"}


def _made_of(item: Item) -> Iterator[str]:
    """Other pictures: the one that it starts from, and those that the base looks at."""
    if start := item.pictures.start:
        yield f"starts from {start.path} at strength {item.spec.strength:g}"
    yield from (f"looks at {reference.path}" for reference in item.pictures.references)


def _planned(meant: MeantItem, out: Path) -> PlannedItem:
    item = meant.item
    return PlannedItem(
        genre=item.subject.genre,
        world=item.subject.world,
        name=item.subject.name,
        region=item.subject.place.region,
        tag=item.style.tag,
        tier=item.tier,
        prompt=item.spec.prompt,
        tokens=item.tokens,
        seed=item.spec.seed,
        loras=[
            PlannedLora(
                name=a.name, file=a.file, path=a.path, scale=a.scale, scales=dict(a.scales), promoted=a.promoted
            )
            for a in item.adapters
        ],
        output=str(out / meant.file),
        draft=meant.spec.draft,
        init_image=None if item.pictures.start is None else item.pictures.start.path,
        strength=None if item.spec.strength is UNSET else item.spec.strength,
        reference_images=[each.path for each in item.pictures.references],
    )


def _file(adapter: InspectedAdapter) -> PlannedFile:
    inspection = adapter.inspection
    return PlannedFile(
        name=adapter.name,
        path=inspection.path,
        variant=adapter.variant,
        verdict=inspection.verdict,
        reason=inspection.reason,
        dead=plain_problems(adapter.asked),
    )


def _title(item: Item) -> Text:
    subject = item.subject
    place = "/".join(filter(None, (subject.genre, subject.world)))
    take = f", take {item.take}" if item.take > 1 else ""
    return plain(f"{subject.name}  ({place}, {item.tier}{take})")


def _length(tokens: Tokens) -> str:
    about = "about " if tokens.estimated else ""
    words = [f"{about}{length.tokens}/{length.limit} for {length.encoder}" for length in tokens.lengths]
    return ", ".join(words).replace(" for", " tokens for", 1) or "tokens not counted"
