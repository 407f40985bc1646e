"""What `kilnmark batch` puts on stdout under `--json` of what became of a plan; of a plan itself, `plan` has it."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from kilnmark.client.batch.plan.outputs import bare_of, draft_of
from kilnmark.client.batch.plan.plan import Item, Plan
from kilnmark.client.batch.plan.tokens import Tokens
from kilnmark.client.batch.published.publish import Publication
from kilnmark.client.batch.run.findings import SourceProblem
from kilnmark.client.batch.run.tally import Became, Tally
from kilnmark.client.cli.exits import ErrorBody, ErrorDocument
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.report import Verdict

__all__ = ["AppliedLora", "RunDocument", "RunItem", "plain_problems", "run_document"]


class AppliedLora(msgspec.Struct, frozen=True, kw_only=True):
    """What one adapter did to a picture, in short; the manifest has the whole report."""

    name: str
    scale: float
    verdict: Verdict
    delta_ratio: float | None
    reason: str
    scales: dict[str, float] = {}
    path: str = ""


class RunItem(msgspec.Struct, frozen=True, kw_only=True):
    """One picture.

    Attributes:
        became: What became of it; `left` where the batch ended before its turn.
        message: Why it failed.
        bare: Where the one without adapters lies; None where there is none.
        draft: It is a draft, and no picture to be used.
    """

    genre: str
    world: str | None
    name: str
    tier: str
    prompt: str
    tokens: Tokens
    seed: int
    loras: list[AppliedLora]
    output: str
    became: Became
    message: str
    bare: str | None
    draft: bool = False


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`batch ... --json`.

    Attributes:
        painted, found, kept, failed, left: Pictures that became so, those without adapters included.
        switches: How often another stack was needed than for the picture before.
        seconds: From the first question to the daemon to the last answer.
        manifest, page: The files beside the pictures that know and show them.
        warnings: What is to be said of the batch as a whole.
        published: What came of `--accepted-to`; None: it was not asked for, or the batch ended early.
        error: What ended the batch early, if anything did.
    """

    items: list[RunItem]
    problems: list[SourceProblem]
    painted: int
    found: int
    kept: int
    failed: int
    left: int
    switches: int
    seconds: float
    manifest: str
    page: str
    warnings: list[str]
    published: Publication | None = None
    error: ErrorBody | None = None


def plain_problems(problems: Iterable[Problem]) -> list[SourceProblem]:
    """Problems as file, line and one sentence; one of a file as a whole is on its first line."""
    return [
        SourceProblem(each.file, max(1, each.line), f"{each.entry}: {each.message}" if each.entry else each.message)
        for each in problems
    ]


def run_document(
    plan: Plan,
    tally: Tally,
    out: Path,
    *,
    seconds: float,
    page: Path,
    manifest: Path,
    error: KilnmarkError | None,
    published: Publication | None = None,
) -> RunDocument:
    """What became of a plan."""
    return RunDocument(
        items=[_ran(item, tally, out) for item in plan.items],
        problems=plain_problems(plan.problems),
        painted=tally.count(Became.PAINTED),
        found=tally.count(Became.FOUND),
        kept=tally.count(Became.KEPT),
        failed=tally.count(Became.FAILED),
        left=tally.count(Became.LEFT),
        switches=tally.switches,
        seconds=round(seconds, 3),
        manifest=str(manifest),
        page=str(page),
        warnings=list(tally.warnings),
        published=published,
        error=None if error is None else ErrorDocument.of(error).error,
    )


def _ran(item: Item, tally: Tally, out: Path) -> RunItem:
    output = item.output if item.output in tally.endings else draft_of(item.output)
    ending = tally.ending_of(output)
    bare = bare_of(output)
    names = {adapter.path: adapter.name for adapter in item.adapters}
    return RunItem(
        genre=item.subject.genre,
        world=item.subject.world,
        name=item.subject.name,
        tier=item.tier,
        prompt=item.spec.prompt,
        tokens=item.tokens,
        seed=item.spec.seed,
        loras=[
            AppliedLora(
                name=names.get(report.path, report.name),
                scale=report.scale,
                verdict=report.verdict,
                delta_ratio=report.delta_ratio,
                reason=report.reason,
                scales=report.asked_blocks,
                path=report.path,
            )
            for report in ending.loras
        ],
        output=str(out / (output if output in tally.endings else item.output)),
        became=ending.became,
        message=ending.message,
        draft=item.spec.draft or draft_of(item.output) in tally.endings,
        bare=str(out / bare) if tally.ending_of(bare).became not in (Became.FAILED, Became.LEFT) else None,
    )
