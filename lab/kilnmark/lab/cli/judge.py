"""`kilnmark lab judge`: a run's pictures judged, by a model, by people or by numbers."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.options import json_option, socket_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.lab.cli.views.next import tell_next
from kilnmark.protocol.exits import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from kilnmark.lab.judging.judge import JudgeWishes
    from kilnmark.lab.judging.report import JudgementReport
    from kilnmark.otel.measures import Measures

__all__ = ["judge"]


@click.command(short_help="Have a run's pictures judged.")
@click.argument("run", type=HomePath(path_type=Path))
@click.option("--step", type=int, metavar="STEP", help="The checkpoint to judge. [default: the one that is picked]")
@click.option("--dry-run", is_flag=True, help="Show what would leave this machine and what it may cost; do nothing.")
@click.option("--ask-again", is_flag=True, help="Ask and pay once more for what was cut off, or did not fit.")
@click.option("--new-judgement", is_flag=True, help="Begin another judging of the same, and pay for it.")
@click.option(
    "--between",
    type=(int, int),
    metavar="STEP STEP",
    help="Have two checkpoints held to each other instead, both ways.",
)
@socket_option
@json_option
def judge(
    run: Path,
    *,
    step: int | None,
    dry_run: bool,
    ask_again: bool,
    new_judgement: bool,
    between: tuple[int, int] | None,
    socket: str | None,
    as_json: bool,
) -> None:
    """Paint RUN's matrix and have it judged, by who is named in its run.toml.

    Pictures go to nobody but the address that is told before. The exit code is 0 for PROCEED, 1 for REJECT, and 75
    while it is in flight.
    """
    from kilnmark.client.tracing import traced_command
    from kilnmark.lab.judging.judge import JudgeWishes

    wishes = JudgeWishes(step=step, new=new_judgement, ask_again=ask_again)
    if between is not None:
        if dry_run or ask_again or new_judgement or step is not None:
            raise click.UsageError("--between goes with --socket and --json alone")
        code = _between(run, between, socket, as_json=as_json)
    elif dry_run:
        code = _estimate(run, wishes, as_json=as_json)
    else:
        with traced_command(measured=True) as measures:
            code = _judge(run, wishes, socket, measures, as_json=as_json)
    click.get_current_context().exit(code)


def _judge(run: Path, wishes: "JudgeWishes", socket: str | None, measures: "Measures", *, as_json: bool) -> ExitCode:
    from kilnmark.client.cli.views.tables import console
    from kilnmark.client.sync import Client
    from kilnmark.lab.judging.judge import judge_run
    from kilnmark.lab.run.folder import open_run
    from kilnmark.lab.run.progress import progress_of

    came = progress_of(measures, "judging")
    with open_run(run) as held, Client(socket) as client:
        report = judge_run(held, client, wishes, lambda line: write_line(line, aside=True), came)
    if as_json:
        write_document(report)
    else:
        _show(console(), report, run)
    return {"PROCEED": ExitCode.DONE, "REJECT": ExitCode.FAILED}.get(report.verdict, ExitCode.TRY_AGAIN)


def _estimate(run: Path, wishes: "JudgeWishes", *, as_json: bool) -> ExitCode:
    from kilnmark.lab.judging.judge import estimate_run
    from kilnmark.lab.run.folder import open_run

    with open_run(run) as held:
        found = estimate_run(held, wishes)
    if as_json:
        write_document(found)
    else:
        for line in found.lines():
            write_line(line)
    return ExitCode.DONE


def _between(run: Path, steps: tuple[int, int], socket: str | None, *, as_json: bool) -> ExitCode:
    from kilnmark.client.sync import Client
    from kilnmark.lab.judging.pairs import compare_checkpoints
    from kilnmark.lab.run.folder import open_run

    with open_run(run) as held, Client(socket) as client:
        found = compare_checkpoints(held, client, steps, lambda line: write_line(line, aside=True))
    if as_json:
        write_document(found)
    else:
        for line in found.lines():
            write_line(line)
    return ExitCode.DONE


def _show(console: "Console", report: "JudgementReport", run: Path) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("cell", *(axis.title for axis in report.axes), "status", box=None)
    for cell in report.cells:
        marks = [_mark(report, cell.name, axis.name) for axis in report.axes]
        table.add_row(cell.name, *marks, str(cell.status))
    console.print(table)
    for share in report.shares:
        within = f", {share.within}" if share.within else ""
        console.print(Text(f"{share.title}: {share.counted}{within}"))
    for line in (*report.notes, *_people(report)):
        write_line(f"note: {line}")
    for reason in report.reasons:
        write_line(f"  {reason}")
    write_line(f"{report.verdict} by {report.judge.name}, bars {report.bars}; {report.cost:.4f} {report.currency}")
    write_line(str(run / "report" / f"judge-{report.number}"))
    tell_next(run)


def _mark(report: "JudgementReport", name: str, axis: str) -> str:
    cell = next(each for each in report.cells if each.name == name)
    score = cell.score(axis)
    if score is None:
        return "-"
    return f"{score.score:.2f}{'' if cell.passed.get(axis, True) else ' ✗'}"


def _people(report: "JudgementReport") -> list[str]:
    found = []
    if report.agreement is not None:
        one = report.agreement
        kappa = "none to tell" if one.kappa is None else f"{one.kappa:.2f} ({one.method})"
        alone = f"one person on {one.items} pairs; the agreement of two and more is told"
        several = f"{one.people} people on {one.items} pairs, of one mind on {one.agreed}; kappa {kappa}"
        found.append(alone if one.people == 1 else several)
    if report.calibration is not None and report.judge.kind != "person":
        held = report.calibration
        who = f"{held.people} {'person' if held.people == 1 else 'people'}"
        found.append(
            f"held to {who} on {held.cells} pictures: they agree on {held.agreed} at {held.bar:.2f}, "
            f"and on {held.best_agreed} at {held.best:.2f}"
        )
    return found
