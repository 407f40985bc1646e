"""The commands about jobs: which there are, what became of one, how one is moved, and how one is given up."""

from datetime import UTC, datetime
from typing import Any, cast

import click

from kilnmark.client.cli.exits import exit_code_of_reports
from kilnmark.client.cli.moments import typed_moment
from kilnmark.client.cli.options import WholeNumber, json_option, seconds, socket_option
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.client.listed import JobsOptions
from kilnmark.client.sync import Client
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.catalog import PRIORITIES
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.jobs import JobState
from kilnmark.protocol.wire.replies import JobResult

__all__ = ["cancel", "jobs"]


_STATES = ("queued", "running", "done", "failed", "cancelled")

_PRIORITY = click.Choice(PRIORITIES)


@click.command()
@click.argument("what", nargs=-1, metavar="[JOB_ID | move JOB_ID PRIORITY]")
@click.option("--failed", is_flag=True, help="List those alone that ended without a picture, cancelled ones left out.")
@click.option("--state", "states", type=click.Choice(_STATES), multiple=True, help="... that are so. Repeatable.")
@click.option("--genre", metavar="NAME", help="... of this genre.")
@click.option("--world", metavar="NAME", help="... of this world.")
@click.option("--tier", metavar="NAME", help="... of this tier.")
@click.option("--variant", metavar="NAME", help="... on this base.")
@click.option("--adapter", metavar="NAME|HASH", help="... with this adapter: its name, or how its file's hash begins.")
@click.option(
    "--verdict", type=click.Choice([each.value for each in Verdict]), help="... with an adapter that was judged so."
)
@click.option("--text", metavar="TEXT", help="... with this in their prompt or in the name of an adapter.")
@click.option(
    "--since",
    type=typed_moment,
    metavar="WHEN",
    help="... accepted then or later: 2026-11-28, today, yesterday, 2026-11-28T07:30, or 90m, 6h, 2d ago.",
)
@click.option(
    "--until", type=typed_moment, metavar="WHEN", help="... accepted then or before; of a day, until its end."
)
@click.option("--limit", type=WholeNumber(1, 1000), metavar="N", help="List so many at most. [default: all]")
@click.option("--wait", is_flag=True, help="Wait until that job has ended.")
@click.option("--timeout", type=seconds, metavar="SECONDS", help="With --wait: how long at most.")
@socket_option
@json_option
def jobs(what: tuple[str, ...], *, wait: bool, timeout: float | None, socket: str | None, **options: Any) -> None:
    """List the daemon's jobs, show one, or move one that waits.

    Of those that are listed, everything that is asked for is true. A job that ended without a picture ends the command
    with 1, one whose adapters did not all engage with 3. `kilnmark jobs move ID high` lets a job that waits go first.
    """
    as_json, limit = options.pop("as_json"), options.pop("limit")
    asked = _asked(**options)
    if what and (asked or limit):
        raise click.UsageError("options that say which jobs to list go without a JOB_ID")
    if wait and (len(what) != 1):
        raise click.UsageError("--wait needs a JOB_ID")
    if timeout is not None and not wait:
        raise click.UsageError("--timeout goes with --wait")
    if not what:
        _list(socket, asked, limit, as_json=as_json)
    elif len(what) == 1:
        _show(socket, what[0], wait=wait, timeout=timeout, as_json=as_json)
    else:
        _move(socket, what, as_json=as_json)


def _asked(*, failed: bool, states: tuple[JobState, ...], **options: Any) -> JobsOptions:
    """What the listed jobs have to be."""
    if failed and states:
        raise click.UsageError("--failed is --state failed; give one of them")
    asked = {name: value for name, value in options.items() if value is not None}
    if "since" in asked:
        asked["since"] = asked["since"].begin
    if "until" in asked:
        asked["until"] = asked["until"].end
    if failed or states:
        asked["states"] = ["failed"] if failed else states
    return cast("JobsOptions", asked)


def _list(socket: str | None, asked: JobsOptions, limit: int | None, *, as_json: bool) -> None:
    from kilnmark.client.cli.views.jobs import show_jobs
    from kilnmark.client.cli.views.tables import console

    with Client(socket) as client:
        found = client.jobs_list(**asked) if limit is None else client.jobs_page(limit=limit, **asked)
    if as_json:
        write_document(found)
    elif asked and not found.jobs:
        write_line("no job is like that")
    else:
        show_jobs(console(), found.jobs, datetime.now(UTC).astimezone())


def _show(socket: str | None, job_id: str, *, wait: bool, timeout: float | None, as_json: bool) -> None:
    from kilnmark.client.cli.views.progress import progress_bar
    from kilnmark.client.cli.views.status import show_job
    from kilnmark.client.cli.views.tables import console

    with Client(socket) as client:
        if wait:
            with progress_bar("waiting"):
                found = client.jobs_wait(job_id, timeout)
        else:
            found = client.jobs_get(job_id)
    if as_json:
        write_document(found)
    else:
        show_job(console(), found)
    click.get_current_context().exit(_exit_code(found))


def _move(socket: str | None, what: tuple[str, ...], *, as_json: bool) -> None:
    if what[0] != "move" or len(what) != len(("move", "job_id", "priority")):
        raise click.UsageError("give one JOB_ID, or `move JOB_ID PRIORITY`")
    _, job_id, named = what
    priority = _PRIORITY.convert(named, None, click.get_current_context())
    with Client(socket) as client:
        answer = client.jobs_move(job_id, priority)
    if as_json:
        write_document(answer)
    else:
        told = f"{answer.priority} priority now" if answer.moved else "is begun or has ended already"
        write_line(f"{answer.job_id}: {told}")


def _exit_code(found: JobResult) -> ExitCode:
    if found.error is not None:
        return ExitCode.FAILED
    return ExitCode.DONE if found.result is None else exit_code_of_reports(found.result.loras)


@click.command()
@click.argument("job_id")
@click.option("--reason", default="", metavar="TEXT", help="For whoever waits for it.")
@socket_option
@json_option
def cancel(job_id: str, *, reason: str, socket: str | None, as_json: bool) -> None:
    """Cancel a render.

    It stops at its next denoise step.
    """
    with Client(socket) as client:
        answer = client.cancel(job_id, reason)
    if as_json:
        write_document(answer)
    else:
        write_line(f"{answer.job_id}: {'cancelled' if answer.cancelled else 'had ended already'}")
