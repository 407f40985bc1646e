"""`kilnmark farm cancel`: jobs that nobody wants any more."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.farm.cli.asking import AskedAs, asked_farm
from kilnmark.farm.cli.options import farm_options
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.farm.status.ended import submissions_at
from kilnmark.farm.submit.again import CancelledJobs, cancel_jobs

__all__ = ["cancel"]


@click.command(short_help="Take jobs back.")
@farm_options
@click.argument("jobs", nargs=-1, metavar="[JOB...]")
@click.option("--submission", metavar="ID", help="All jobs that were handed in with it.")
@click.option("--submitter", metavar="NAME", help="Whose jobs they are, where the farm asks nobody.")
@json_option
def cancel(
    address: str | None,
    credentials: Path | None,
    jobs: tuple[str, ...],
    submission: str | None,
    submitter: str | None,
    *,
    as_json: bool,
) -> None:
    """Take back each JOB, or all of a submission: what waits is not painted, and what is being painted is given up.

    What ended stays as it ended. Handed in again, a job that was taken back is painted.
    """
    if bool(jobs) == bool(submission):
        raise click.UsageError("name jobs, or one --submission")
    told = asyncio.run(_cancel(address, credentials, jobs, submission, submitter))
    if as_json:
        write_document(told)
        return
    write_line(f"{len(told.cancelled)} taken back, {len(told.ended)} had ended")


async def _cancel(
    address: str | None, credentials: Path | None, jobs: Sequence[str], submission: str | None, submitter: str | None
) -> CancelledJobs:
    async with asked_farm(address, credentials, submitter) as asked:
        wanted = [(whose, job) for whose in asked.submitters for job in jobs]
        if submission is not None:
            wanted = await _of(asked, submission)
        elif len(asked.submitters) != 1:
            known = ", ".join(asked.submitters) or "none"
            raise FarmNotUsable("--submitter", f"jobs are known by their submitter's name, too; there are: {known}")
        else:
            await _hold_known(asked, jobs)
        return await cancel_jobs(asked.link, wanted)


async def _hold_known(asked: AskedAs, jobs: Sequence[str]) -> None:
    """A name that was mistyped takes nothing back, and says so."""
    known = {job async for kept in submissions_at(asked.link, asked.submitters) for job in kept.part.jobs}
    if unknown := [job for job in jobs if job not in known]:
        named = ", ".join(map(repr, unknown))
        raise FarmNotUsable("JOB", f"{asked.submitters[0]} has handed in none called {named}; none is taken back")


async def _of(asked: AskedAs, submission: str) -> list[tuple[str, str]]:
    found = [
        (kept.part.submitter, job)
        async for kept in submissions_at(asked.link, asked.submitters, submission)
        for job in kept.part.jobs
    ]
    if not found:
        raise FarmNotUsable("--submission", f"none is called {submission!r}; `kilnmark farm status` shows them")
    return found
