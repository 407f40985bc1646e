"""Results as people read them: panels and tables, without escape codes and without wrapping where no terminal is.

Nothing here talks to the daemon. File names and sentences come from outside, so they are shown as they are: no
markup, and control characters spelled out.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kilnmark.client.cli.views.memory import base_words
from kilnmark.protocol.picture.record import STANDIN_NOTICE
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.printable import printable
from kilnmark.protocol.wire.replies import RenderResult, Timings, WarmUpResult

if TYPE_CHECKING:
    from kilnmark.client.cli.demo.exhibits import DemoResult, Finding, WorldShown  # which writes adapters, with numpy

__all__ = [
    "VERDICT_COLOURS",
    "adapter_table",
    "console",
    "plain",
    "print_facts",
    "show_demo",
    "show_failure",
    "show_render",
    "show_warm_up",
]

_PIPED_WIDTH = 100_000
"""Columns where nobody looks: paths stay whole, so that they can be searched and copied."""

VERDICT_COLOURS = {Verdict.ENGAGED: "green", Verdict.PARTIAL: "yellow", Verdict.NOOP: "red", Verdict.REFUSED: "red"}


def console(*, stderr: bool = False) -> Console:
    """A console for one of the two outputs."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPED_WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def show_render(out: Console, result: RenderResult) -> None:
    """A finished picture: where it is, how it was made, and what each adapter changed."""
    rows: list[tuple[str, str | Text]] = [
        ("picture", result.image_path),
        ("size", result.size_and_settings + (", a draft" if result.draft else "")),
        ("seed", str(result.seed)),
        ("variant", result.variant),
        ("time", _timings(result.timings)),
        ("job", result.job_id + (" (made before, not rendered again)" if result.cached else "")),
    ]
    if result.stack.source == "style":
        stack = result.stack
        rows.insert(1, ("style", " / ".join(filter(None, (stack.genre, stack.world, stack.tier)))))
    if result.trace_id:
        rows.append(("trace", result.trace_id))
    rows += _notices(result)
    rows += [("warning", warning) for warning in result.warnings]
    print_facts(out, rows)
    if result.loras:
        out.print(adapter_table(result.loras))


def _notices(result: RenderResult) -> Iterator[tuple[str, str | Text]]:
    """Why it is no picture to be used, and how to get one."""
    if result.notice:
        yield "notice", plain(result.notice, "yellow")
    if STANDIN_NOTICE in result.notice:
        yield (
            "hint",
            "`kilnmark serve --variant mini` paints real pictures on any machine; `kilnmark models` lists others",
        )


def show_failure(err: Console, sentence: str, reports: Sequence[AdapterReport], trace_id: str = "") -> None:
    """What went wrong, in one sentence, under the table of the adapters that it is about, and what else they are.

    Args:
        trace_id: Of the trace that tells more; empty when there is none.
    """
    if reports:
        err.print(adapter_table(reports))
    if untold := [report for report in reports if report.is_in_doubt and report.reason not in sentence]:
        print_facts(err, [(report.name, report.reason) for report in untold])
    err.print(Text.assemble(("error: ", "bold red"), plain(sentence)), soft_wrap=True)
    if trace_id:
        err.print(Text(f"trace {trace_id}"), soft_wrap=True)


def adapter_table(reports: Iterable[AdapterReport]) -> Table:
    """One row an adapter, in stack order. Why one is in doubt is told beside the table, where sentences have room."""
    reports = list(reports)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("adapter", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    measured = [column for column in _MEASURED if any(column.of(report) is not None for report in reports)]
    shown = [column for column in measured if len(reports) > 1 or not column.in_stacks]
    for heading in ("scale", "keys", "targets"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("delta ratio", *(column.heading for column in shown)):
        table.add_column(heading, justify="right")
    for report in reports:
        table.add_row(
            plain(report.name),
            Text(report.verdict.value, style=VERDICT_COLOURS[report.verdict]),
            report.scale_words,
            f"{report.matched_key_count}/{report.total_key_count}",
            f"{report.applied_target_count}/{report.target_count}",
            _figure(report.delta_ratio),
            *(column.shown(report) for column in shown),
        )
    return table


class _Column(NamedTuple):
    """A figure that is shown where some adapter of the table has it.

    Attributes:
        in_stacks: It says nothing of an adapter that is alone.
        as_share: In per cent.
    """

    heading: str
    of: Callable[[AdapterReport], float | None]
    in_stacks: bool = False
    as_share: bool = False

    def shown(self, report: AdapterReport) -> str:
        figure = self.of(report)
        return _figure(figure) if figure is None or not self.as_share else f"{figure:.0%}"


_MEASURED = (
    _Column("moves output", lambda report: report.probe_divergence),
    _Column("paints", lambda report: report.stack_share, in_stacks=True, as_share=True),
    _Column("is left", lambda report: report.effective_share, in_stacks=True, as_share=True),
    _Column("above rounding", lambda report: report.quantized_survival, as_share=True),
)


def _figure(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.3g}"


def show_warm_up(out: Console, result: WarmUpResult) -> None:
    """The base once it is warm."""
    print_facts(out, [("warm", base_words(result.base)), ("waited", f"{result.waited_ms / 1000:.1f} s")])


def show_demo(out: Console, result: "DemoResult") -> None:
    """The demonstration at a glance: which adapters changed the picture, and that the dead ones were caught."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("adapter", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    for heading in ("keys", "targets", "delta ratio", "pixels moved"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for finding in result.findings:
        for number, report in enumerate(finding.reports):
            table.add_row(*_finding(finding, report, first=number == 0))
    out.print()
    out.print(table)
    out.print()
    facts = [
        ("caught", ", ".join(f.name for f in result.findings if f.is_caught)),
        ("a stack of three", f"refused before painting: {result.refusal}"),
        ("the base", "unchanged, bit for bit" if result.base_unchanged else "CHANGED"),
        *((world.stack.world or "", _world(world)) for world in result.worlds),
        ("all at a glance", result.sheet),
        ("in a browser", result.page),
        ("pictures", str(Path(result.base_picture).parent)),
        ("trace", f"{result.trace} ({result.spans} spans; kilnmark trace FILE shows it)"),
        ("took", f"{result.seconds:.0f} s"),
    ]
    print_facts(out, facts)
    if not result.holds:
        out.print(Text("This is not what should have come out: please report it.", style="bold red"))


def _world(shown: "WorldShown") -> str:
    """The stack that a world got."""
    stack = " + ".join(f"{report.name} {report.verdict.value}" for report in shown.loras)
    return f"{stack}; without the genre's {', '.join(shown.left_out)}" if shown.left_out else stack


def _finding(finding: "Finding", report: AdapterReport, *, first: bool) -> Iterable[str | Text]:
    """One adapter of an exhibit; what is the whole exhibit's stands beside its first."""
    moved = f"{finding.pixels_moved:.2f}" if finding.pixels_moved else "0 (identical)"
    return (
        report.name if first else f"+ {report.name}",
        finding.says if first else "",
        f"{report.matched_key_count}/{report.total_key_count}",
        f"{report.applied_target_count}/{report.target_count}",
        f"{report.delta_ratio or 0:.3f}",
        moved if first else "",
        Text(report.verdict.value, style=VERDICT_COLOURS[report.verdict]),
    )


def print_facts(out: Console, rows: Iterable[tuple[str, str | Text]]) -> None:
    """Lines that a terminal may wrap and nobody cuts: paths can be copied from them whole."""
    rows = [(printable(name), value) for name, value in rows]
    width = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        shown = value if isinstance(value, Text) else plain(value)
        out.print(Text.assemble((name.ljust(width), "bold"), shown), soft_wrap=True)


def _timings(timings: Timings) -> str:
    stages = ("queue", *(("load",) if timings.load_ms >= 1 else ()), "adapters", "encode", "denoise", "decode", "save")
    parts = ", ".join(f"{stage} {getattr(timings, f'{stage}_ms') / 1000:.2f}" for stage in stages)
    return f"{timings.total_ms / 1000:.2f} s ({parts})"


def plain(text: str, style: str = "") -> Text:
    """Text from outside: no markup, and control characters spelled out."""
    return Text(printable(text), style=style)
