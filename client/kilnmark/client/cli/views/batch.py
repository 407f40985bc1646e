"""What became of a batch, as people read it; a plan is `plan`'s, the bar while it is painted `batch_bar`'s.

Nothing here asks a daemon or a disk. Names and prompts come from outside and are shown as they are, control characters
spelled out.
"""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from kilnmark.client.batch.run.tally import Became
from kilnmark.client.cli.views.batch_documents import AppliedLora, RunDocument, RunItem
from kilnmark.client.cli.views.picks import publication_words
from kilnmark.client.cli.views.tables import plain, print_facts
from kilnmark.protocol.picture.report import Verdict

__all__ = ["counted", "engagement", "show_run"]


def show_run(out: Console, document: RunDocument) -> None:
    """What became of a plan: dead adapters with what failed by them, the other failures one by one, then the counts."""
    failed = [item for item in document.items if item.became is Became.FAILED]
    for words, items in _by_adapter(failed).items():
        out.print(Text.assemble(("dead    ", "bold red"), plain(words)), soft_wrap=True)
        out.print(plain(f"        {counted(len(items), 'picture')} failed by it: {_named(items)}"), soft_wrap=True)
    for item in failed:
        if not any(map(_is_dead, item.loras)):
            said = plain(f"{_where(item)}: {item.message}")
            out.print(Text.assemble(("failed  ", "bold red"), said), soft_wrap=True)
    counts = [(became, getattr(document, became)) for became in Became]
    rows = [
        ("pictures", ", ".join(f"{count} {became}" for became, count in counts if count) or "none"),
        *(_work_done(document) if any(count for became, count in counts if became is not Became.LEFT) else ()),
        *(("warning", warning) for warning in document.warnings),
    ]
    if document.published is not None:
        rows.append(("published", publication_words(document.published)))
    rows.append(("page", document.page))
    if document.painted + document.found + document.kept:
        rows.append(("decide", f"kilnmark review {shlex.quote(str(Path(document.page).parent))}"))
    if document.problems:
        rows.insert(1, ("problems", f"{len(document.problems)} in the sources, named above"))
    print_facts(out, rows)


def _work_done(document: RunDocument) -> Iterable[tuple[str, str]]:
    yield "adapters", engagement(report.verdict for item in document.items for report in item.loras)
    yield "time", f"{document.seconds:.1f} s, {counted(document.switches, 'change')} of stack"


_NAMED = 5
"""Entries that are named of those that one adapter failed."""


def _named(items: Iterable[RunItem]) -> str:
    """Entries by name, each once, with how many of its pictures these are."""
    entries = Counter(map(_where, items))
    names = [name if count == 1 else f"{name} ({count})" for name, count in entries.items()]
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _by_adapter(failed: Iterable[RunItem]) -> Mapping[str, list[RunItem]]:
    """What failed by dead adapters, by what is said of each: once, however many pictures it is."""
    found: dict[str, list[RunItem]] = {}
    for item in failed:
        for report in filter(_is_dead, item.loras):
            found.setdefault(_verdict(report), []).append(item)
    return found


def _verdict(report: AppliedLora) -> str:
    """What is said of an adapter; its file, which is to be mended, where the reason does not name it."""
    file = f" ({report.path})" if report.path and report.path not in report.reason else ""
    return f"{report.name}{file} is {report.verdict.value}: {report.reason}"


def _is_dead(report: AppliedLora) -> bool:
    return report.verdict is not Verdict.ENGAGED


def _where(item: RunItem) -> str:
    return "/".join(filter(None, (item.genre, item.world, item.name)))


def counted(number: int, word: str) -> str:
    """A number of things, in words: `1 step`, `2 steps`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def engagement(verdicts: Iterable[Verdict]) -> str:
    """How many adapters were judged how, worst last."""
    found = list(verdicts)
    counts = [f"{found.count(verdict)} {verdict}" for verdict in Verdict if verdict in found]
    return ", ".join(counts) or "none applied"
