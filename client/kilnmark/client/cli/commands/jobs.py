"""The commands about jobs: which there are, what became of one, and how one is given up."""

from datetime import UTC, datetime

import click
import msgspec

from kilnmark.client.cli.exits import exit_code_of_reports
from kilnmark.client.cli.options import json_option, seconds, socket_option
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.client.sync import Client
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.wire.replies import JobResult

__all__ = ["cancel", "jobs"]


@click.command()
@click.argument("job_id", required=False)
@click.option("--failed", is_flag=True, help="List those alone that ended without a picture, cancelled ones left out.")
@click.option("--wait", is_flag=True, help="Wait until that job has ended.")
@click.option("--timeout", type=seconds, metavar="SECONDS", help="With --wait: how long at most.")
@socket_option
@json_option
def jobs(
    job_id: str | None, *, failed: bool, wait: bool, timeout: float | None, socket: str | None, as_json: bool
) -> None:
    """List the jobs that the daemon knows, or show one of them.

    A job that ended without a picture ends the command with 1, one whose adapters did not all engage with 3.
    """
    if wait and job_id is None:
        raise click.UsageError("--wait needs a JOB_ID")
    if timeout is not None and not wait:
        raise click.UsageError("--timeout goes with --wait")
    if failed and job_id is not None:
        raise click.UsageError("give --failed or a JOB_ID, not both")
    if job_id is None:
        _list(socket, only_failed=failed, as_json=as_json)
        return
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


def _list(socket: str | None, *, only_failed: bool, as_json: bool) -> None:
    from kilnmark.client.cli.views.jobs import show_jobs
    from kilnmark.client.cli.views.tables import console

    with Client(socket) as client:
        found = client.jobs_list()
    if only_failed:
        found = msgspec.structs.replace(found, jobs=[job for job in found.jobs if job.state == "failed"])
    if as_json:
        write_document(found)
    else:
        show_jobs(console(), found.jobs, datetime.now(UTC).astimezone())


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
