"""A plan and its outcome as people read them, and the bar while it is painted.

Nothing here asks a daemon or a disk. Names and prompts come from outside and are shown as they are, control characters
spelled out.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from kilnmark.client.batch.plan.plan import Item, Plan
from kilnmark.client.batch.plan.tokens import Tokens
from kilnmark.client.batch.run.tally import Became, Tally
from kilnmark.client.cli.views.batch_documents import RunDocument
from kilnmark.client.cli.views.batch_log import BatchLog
from kilnmark.client.cli.views.tables import console, plain, print_facts
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.printable import printable

__all__ = ["batch_bar", "show_plan", "show_run"]


_LOOK_BACK = 3600.0
"""Seconds over which the time that is left is reckoned: a picture can take minutes."""


def show_plan(out: Console, plan: Plan, folder: Path) -> None:
    """Every picture: what it is, its prompt, its stack, and where it would lie."""
    for item in plan.items:
        out.print(_title(item), soft_wrap=True, style="bold")
        out.print(plain(f"  {item.spec.prompt}"), soft_wrap=True)
        stack = (
            ", ".join(f"{adapter.name}:{adapter.scale_words}{_PROMOTED[adapter.promoted]}" for adapter in item.adapters)
            or "no adapters"
        )
        spec = item.spec
        size = f"{spec.width}x{spec.height}, {_counted(spec.steps, 'step')} on {spec.variant}"
        tag = "" if item.style.tag is None else f"; tag {item.style.tag!r}"
        facts = f"  seed {spec.seed}; {_length(item.tokens)}; {stack}; {size}{tag}"
        out.print(plain(facts), soft_wrap=True)
        if made_of := ", ".join(_made_of(item)):
            out.print(plain(f"  {made_of}"), soft_wrap=True)
        out.print(plain(f"  {folder / item.output}"), soft_wrap=True, style="dim")


_PROMOTED = {None: "", True: "", False: " (not promoted)"}


def _made_of(item: Item) -> Iterator[str]:
    """Other pictures: the one that it starts from, and those that the base looks at."""
    if start := item.pictures.start:
        yield f"starts from {start.path} at strength {item.spec.strength:g}"
    yield from (f"looks at {reference.path}" for reference in item.pictures.references)


def show_run(out: Console, document: RunDocument) -> None:
    """What became of a plan: the failures one by one, then the counts."""
    for item in document.items:
        if item.became is Became.FAILED:
            where = "/".join(filter(None, (item.genre, item.world, item.name)))
            out.print(Text.assemble(("failed  ", "bold red"), plain(f"{where}: {item.message}")), soft_wrap=True)
    counts = [(became, getattr(document, became)) for became in Became]
    rows = [
        ("pictures", ", ".join(f"{count} {became}" for became, count in counts if count) or "none"),
        ("adapters", _engagement(report.verdict for item in document.items for report in item.loras)),
        ("time", f"{document.seconds:.1f} s, {_counted(document.switches, 'change')} of stack"),
        *(("warning", warning) for warning in document.warnings),
        ("page", document.page),
    ]
    if document.problems:
        rows.insert(1, ("problems", f"{len(document.problems)} in the sources, named above"))
    print_facts(out, rows)


@contextmanager
def batch_bar(tally: Tally) -> Iterator[Callable[[], None]]:
    """Show how a batch stands while the block runs; it moves when the yielded function is called.

    Where stderr is no terminal, each picture is told of in a line there.
    """
    if not sys.stderr.isatty():
        log = BatchLog(tally)
        try:
            yield log.move
        finally:
            log.tell_kept()
        return
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeElapsedColumn(),
        rich.TextColumn("left"),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[standing]}"),
    )
    with rich.Progress(*columns, console=console(stderr=True), transient=True, speed_estimate_period=_LOOK_BACK) as bar:
        task = bar.add_task("batch", total=None, rate="", standing="")

        def move() -> None:
            bar.update(
                task,
                total=tally.total,
                completed=len(tally.endings),
                rate=_rate(tally.count(Became.PAINTED), bar.tasks[0].elapsed),
                standing=_standing(tally),
            )

        yield move


def _standing(tally: Tally) -> str:
    failed = tally.count(Became.FAILED)
    parts = [f"{_counted(tally.switches, 'change')} of stack", _engagement(tally.verdicts.elements())]
    parts += [f"{failed} failed"] if failed else []
    return printable("; ".join([*parts, f"paused: {tally.paused}"] if tally.paused is not None else parts))


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _rate(painted: int, seconds: float | None) -> str:
    return f"{60 * painted / seconds:.1f}/min" if painted and seconds else ""


def _engagement(verdicts: Iterable[Verdict]) -> str:
    found = list(verdicts)
    counts = [f"{found.count(verdict)} {verdict}" for verdict in Verdict if verdict in found]
    return ", ".join(counts) or "none applied"


def _title(item: Item) -> Text:
    subject = item.subject
    place = "/".join(filter(None, (subject.genre, subject.world)))
    take = f", take {item.take}" if item.take > 1 else ""
    return plain(f"{subject.name}  ({place}, {item.tier}{take})")


def _length(tokens: Tokens) -> str:
    about = "about " if tokens.estimated else ""
    words = [f"{about}{length.tokens}/{length.limit} for {length.encoder}" for length in tokens.lengths]
    return ", ".join(words).replace(" for", " tokens for", 1) or "tokens not counted"
