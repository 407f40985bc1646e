"""A preflight as people read it: its figures, its findings from the weightiest on, and what was written."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from kilnmark.client.cli.views.tables import plain, print_facts
from kilnmark.lab.dataset.findings import Level
from kilnmark.lab.dataset.lengths import CaptionLengths
from kilnmark.lab.dataset.recorded import WrittenPreflight
from kilnmark.lab.dataset.report import DatasetReport

__all__ = ["show_preflight"]

_COLOURS = {Level.REFUSE: "bold red", Level.WARN: "bold yellow", Level.TOLD: "dim"}
_WORDS = {Level.REFUSE: "refused", Level.WARN: "look", Level.TOLD: "told"}
_SEVERAL = 4


def show_preflight(out: Console, report: DatasetReport, made: WrittenPreflight | None) -> None:
    """Figures, findings, files, and the verdict last."""
    print_facts(out, _facts(report))
    for finding in report.findings:
        line = Text.assemble((_WORDS[finding.level].ljust(9), _COLOURS[finding.level]))
        out.print(line + plain(finding.said), soft_wrap=True)
        if finding.mend:
            out.print(plain(f"{'':9}-> {finding.mend}", "dim"), soft_wrap=True)
    out.print()
    if made is not None:
        out.print(plain(f"report {made.report_path}"), soft_wrap=True)
        for sheet in made.sheets:
            out.print(plain(f"sheet  {sheet}"), soft_wrap=True)
        for trainer, path in made.given.items():
            out.print(plain(f"for {trainer}: {path}"), soft_wrap=True)
    verdict = "it can be trained on" if report.passed else "it is NOT to be trained on as it is"
    out.print(Text(f"{verdict}: {_counted(report)}", "bold green" if report.passed else "bold red"), soft_wrap=True)


def _counted(report: DatasetReport) -> str:
    counts = {level: sum(1 for _ in report.of_level(level)) for level in Level}
    refused, warned = counts[Level.REFUSE], counts[Level.WARN]
    return f"{refused} refused, {warned} to look at, {counts[Level.TOLD]} told"


def _facts(report: DatasetReport) -> list[tuple[str, str]]:
    sizes = [f"{size.width}x{size.height} ({size.pictures})" for size in report.sizes]
    aspects = [f"{aspect.aspect} ({aspect.pictures})" for aspect in report.aspects]
    sources = [f"{source.name} {source.share:.0%}" for source in report.sources]
    facts = [
        ("dataset", report.dataset),
        ("teaches", f"a {report.kind}" + (f", by {report.trigger!r}" if report.trigger else ", without a trigger")),
        ("base", f"{report.base}, trained at {report.size} x {report.size}"),
        ("pairs", f"{report.pairs} of {report.pictures} pictures, {report.distinct} different (by {report.layout})"),
        ("sizes", _some(sizes)),
        ("shapes", _some(aspects)),
        ("sources", _some(sources)),
        *((length.encoder, _lengths(length)) for length in report.lengths),
    ]
    return [(name, said) for name, said in facts if said]


def _lengths(length: CaptionLengths) -> str:
    about = "about " if length.estimated else ""
    trigger = "" if length.trigger is None else f", the trigger {length.trigger}"
    return f"captions of {about}{length.median} tokens, at most {length.longest} of {length.limit}{trigger}"


def _some(parts: Sequence[str]) -> str:
    first: Iterable[str] = parts[:_SEVERAL]
    return ", ".join(first) + (f" and {len(parts) - _SEVERAL} more" if len(parts) > _SEVERAL else "")
