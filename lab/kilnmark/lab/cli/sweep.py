"""`kilnmark lab sweep`: checkpoints painted and measured, and one of them picked, by the bars or by a person."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.left import telling_uncancelled
from kilnmark.client.cli.options import json_option, socket_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.lab.cli.views.next import tell_next
from kilnmark.protocol.exits import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from kilnmark.lab.sweep.ledger import CellRecord
    from kilnmark.lab.sweep.report import SweepReport

__all__ = ["sweep"]

AWAY, SILENT = 600.0, 180.0
"""Seconds for which a sweep waits for a daemon that went away, and for one that says nothing: as a batch does."""


@click.command(short_help="Paint every checkpoint, and pick one.")
@click.argument("run", type=HomePath(path_type=Path))
@click.option("--pick", metavar="STEP", help="Pick this checkpoint yourself; `bars` lets the bars pick again.")
@click.option("--why", default="", metavar="TEXT", help="Your reason, which is kept.")
@click.option("--scale", type=float, metavar="NUMBER", help="The scale that it is to be used at.")
@click.option("--by", metavar="NAME", help="Who picks. [default: your user name]")
@socket_option
@json_option
def sweep(
    run: Path, *, pick: str | None, why: str, scale: float | None, by: str | None, socket: str | None, as_json: bool
) -> None:
    """Paint every checkpoint of RUN with the prompts of its run.toml, measure, and pick the earliest that is good.

    It can be stopped at any moment and run again: cells that are painted stay. The exit code is 1 where no checkpoint
    passes every bar.
    """
    if pick is not None and pick != "bars":
        _pick(run, pick, why, scale, by, as_json=as_json)
        return
    if why or scale is not None or by:
        raise click.UsageError("--why, --scale and --by go with --pick STEP")
    report = _sweep(run, socket, pick_anew=pick == "bars")
    if as_json:
        write_document(report)
    else:
        from kilnmark.client.cli.views.tables import console

        _show(console(), report, run)
        tell_next(run)
    click.get_current_context().exit(ExitCode.DONE if report.picked else ExitCode.FAILED)


def _pick(run: Path, step: str, why: str, scale: float | None, by: str | None, *, as_json: bool) -> None:
    from getpass import getuser

    from kilnmark.lab.run.folder import open_run
    from kilnmark.lab.sweep.sweep import pick_by_hand

    if not step.isdecimal():
        raise click.BadParameter(f"{step!r} is neither a step nor `bars`", param_hint="'--pick'")
    with open_run(run) as held:
        pick = pick_by_hand(held, int(step), why, by or getuser(), scale)
    if as_json:
        write_document(pick)
    else:
        write_line(f"{pick.by} picked step {pick.step} at scale {pick.scale:g}: {pick.why}")
        tell_next(run)


def _sweep(run: Path, socket: str | None, *, pick_anew: bool) -> "SweepReport":
    from kilnmark.client.sync import Client
    from kilnmark.client.tracing import traced_command
    from kilnmark.lab.run.folder import open_run
    from kilnmark.lab.run.progress import progress_of
    from kilnmark.lab.sweep.sweep import sweep as swept

    client = Client(socket, away_timeout=AWAY, silence_timeout=SILENT)
    with traced_command(measured=True) as measures, open_run(run) as held, client, telling_uncancelled(client):
        came = progress_of(measures, "sweep")

        def tell(record: "CellRecord", done: int, total: int) -> None:
            came(done, total)
            _tell(record, done, total)

        return swept(held, client, tell, pick_anew=pick_anew)


def _tell(record: "CellRecord", done: int, total: int) -> None:
    said = "" if record.status == "done" else f": {record.message}"
    said = said or ("" if record.is_engaged else ": the adapter did not engage")
    write_line(f"{done}/{total} {record.name}{said}", aside=True)


def _show(out: "Console", report: "SweepReport", run: Path) -> None:
    from kilnmark.client.cli.views.tables import plain, print_facts

    for verdict in report.verdicts:
        row = verdict.row
        said = "; ".join(verdict.missed) or (verdict.early and f"early: {verdict.early}") or "passes every bar"
        out.print(plain(f"step {row.step} at scale {row.scale:g}: {said}"), soft_wrap=True)
    for warning in report.warnings:
        out.print(plain(f"warning: {warning}"), soft_wrap=True)
    cells = f"{report.painted} painted, {report.kept} kept, {report.failed} failed"
    rows = [("cells", cells), ("sheet", str(run / report.sheet))]
    rows += [("to look at", f"{question} ({one.prompt})") for one in report.questions for question in one.questions]
    if report.picked is None:
        rows.append(("pick", "none: no checkpoint passes every bar"))
    else:
        who = f"{report.picked.by} picked " if report.picked.by else ""
        chosen = f"{who}step {report.picked.step} at scale {report.picked.scale:g}"
        rows += [("pick", chosen), ("why", report.picked.why)]
    print_facts(out, rows)
