"""`kilnmark farm dead`: jobs that no node could finish, why, and once more."""

import asyncio
from pathlib import Path

import click
import msgspec

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.farm.cli.asking import AskedAs, asked_farm
from kilnmark.farm.cli.options import farm_options
from kilnmark.farm.status.ended import endings_of
from kilnmark.farm.submit.again import SentAgain, send_again
from kilnmark.farm.submit.results import Results
from kilnmark.protocol.exits import ExitCode

__all__ = ["dead"]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A job that no node could finish.

    Attributes:
        reason: Why, as the last node, or the broker's keeper, said it.
        first_line: The first line that a worker wrote of its failure; empty where there is none.
        deliveries: How often it was handed out.
        nodes: Those that are known to have had it.
        at: When it was given up, by the broker's clock: UTC, ISO 8601.
        again: With --again, what became of that; empty where it was not asked for.
    """

    job_id: str
    submitter: str
    submission: str
    reason: str
    first_line: str = ""
    deliveries: int
    nodes: list[str]
    at: str
    again: SentAgain | str = ""


class DeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, the latest first."""

    letters: list[DeadLetter]


@click.command(short_help="List jobs that no node could finish; send them again.")
@farm_options
@click.argument("jobs", nargs=-1, metavar="[JOB...]")
@click.option("--again", is_flag=True, help="Hand them out once more, as they were handed in.")
@click.option("--submitter", metavar="NAME", help="Only jobs of this one.")
@json_option
def dead(
    address: str | None,
    credentials: Path | None,
    jobs: tuple[str, ...],
    submitter: str | None,
    *,
    again: bool,
    as_json: bool,
) -> None:
    """List jobs that were handed out five times and that no node could finish, with why; or only each JOB.

    With --again they are handed out once more.
    """
    found = asyncio.run(_letters(address, credentials, jobs, submitter, again=again))
    if as_json:
        write_document(DeadLetters(letters=found))
    else:
        _tell(found)
        if found and not again:
            write_line("once it is mended, `kilnmark farm dead --again JOB` hands one out once more", aside=True)
        if not found and not jobs:
            write_line("no job is dead")
    absent = set(jobs) - {each.job_id for each in found}
    for job in sorted(absent):
        write_line(f"{job} is not dead; `kilnmark farm dead` lists those that are", aside=True)
    click.get_current_context().exit(ExitCode.FAILED if absent else ExitCode.DONE)


async def _letters(
    address: str | None, credentials: Path | None, jobs: tuple[str, ...], submitter: str | None, *, again: bool
) -> list[DeadLetter]:
    async with asked_farm(address, credentials, submitter) as asked:
        found = await _found(asked, jobs)
        if not again:
            return found
        return [
            msgspec.structs.replace(each, again=await send_again(asked.link, each.submitter, each.job_id))
            for each in found
        ]


async def _found(asked: AskedAs, jobs: tuple[str, ...]) -> list[DeadLetter]:
    found = []
    async for ending in endings_of(asked.link, asked.submitters):
        job = ending.job
        if job.state != "dead" or (jobs and job.job_id not in jobs):
            continue
        whole = await Results(asked.link, job.submitter).find(job.job_id)
        if whole is not None:
            result = whole.result
            found.append(
                DeadLetter(
                    job_id=job.job_id,
                    submitter=job.submitter,
                    submission=job.submission,
                    reason="" if result.error is None else result.error.message,
                    first_line=result.first_line,
                    deliveries=result.deliveries,
                    nodes=list(result.nodes),
                    at=ending.at.isoformat(timespec="seconds"),
                )
            )
    return sorted(found, key=lambda each: each.at, reverse=True)


def _tell(letters: list[DeadLetter]) -> None:
    for each in letters:
        by = f" at {', '.join(each.nodes)}" if each.nodes else ""
        is_said = not each.first_line or each.first_line in each.reason
        first = "" if is_said else f"; it began with: {each.first_line}"
        write_line(f"{each.job_id} of {each.submitter}, {each.deliveries} times{by}: {each.reason}{first}")
        if each.again:
            write_line(f"  {_AGAIN[each.again]}")


_AGAIN = {
    "sent": "handed out once more",
    "not_dead": "it is not dead any more",
    "no_files": "the broker has not all of its files any more; run the batch, or hand the file in, again",
    "not_kept": "the broker does not keep what was asked; run the batch, or hand the file in, again",
}
