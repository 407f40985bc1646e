"""`kilnmark batch ... --dry-run`: all that can be told of a batch before the night; nothing is painted or written.

No daemon is needed. One that is there is asked once what it paints on and how fast, for no longer than a moment; so is
a farm that is named.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.commands.farming import AskedFarm
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.exits import ExitCode

if TYPE_CHECKING:
    from kilnmark.client.batch.plan.plan import Plan
    from kilnmark.protocol.wire.status import StatusResult

__all__ = ["rehearsed"]

_MOMENT = 2.0
"""Seconds that a daemon may take to say what it paints on."""


def rehearsed(plan: "Plan", out: Path, socket: str | None, farm: AskedFarm, *, as_json: bool) -> ExitCode:
    """Show a plan and what it comes to; the exit code, of adapters first, as painting has it.

    Args:
        plan: Whose problems and warnings are told already.
        out: Where its pictures would lie.
        socket: The daemon's, as it was given.
        farm: Asked instead of a daemon, where one is named.
        as_json: Write one document.

    Raises:
        BrokenManifest: The folder has one that cannot be read.
    """
    from kilnmark.client.batch.run.manifest import read_manifest
    from kilnmark.client.batch.run.rehearsal import rehearse
    from kilnmark.client.cli.views.plan import plan_document, show_plan, show_totals
    from kilnmark.client.cli.views.tables import console

    status = _status(socket) if farm.address is None else _farm_status(farm)
    rehearsal = rehearse(plan, out, read_manifest(out), status)
    if as_json:
        for problem in (problem for adapter in rehearsal.dead for problem in adapter.asked):
            write_line(f"dead: {problem}", aside=True)
        write_document(plan_document(plan, out, rehearsal))
    else:
        show_plan(console(), rehearsal, out)
        show_totals(console(), rehearsal)
        if not plan.items:
            click.echo("nothing to paint", err=True)
    if rehearsal.dead:
        return ExitCode.NOT_ENGAGED
    return ExitCode.FAILED if plan.problems or rehearsal.refused else ExitCode.DONE


def _status(socket: str | None) -> "StatusResult | None":
    """Of the daemon that is there; None where none is, or none that answers."""
    from kilnmark.client.sync import Client

    bounds = dict.fromkeys(("connect_timeout", "reply_timeout", "silence_timeout"), _MOMENT)
    try:
        with Client(socket, away_timeout=0, **bounds) as client:
            return client.status()
    except KilnmarkError:
        return None


def _farm_status(farm: AskedFarm) -> "StatusResult | None":
    """Of the farm that was named; None where it does not tell, which is told: nothing else is painted on."""
    try:
        return farm.status()
    except KilnmarkError as error:
        write_line(f"warning: it is not known what the farm paints on: {error}", aside=True)
        return None
