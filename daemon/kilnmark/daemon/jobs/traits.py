"""What a job can be looked for by, in the form in which it is compared.

Made once of a job that has ended, because every search asks all of them. What is searched for is `filtering`'s part.
"""

from dataclasses import dataclass

from kilnmark.daemon.jobs.jobs import Job, JobState
from kilnmark.daemon.jobs.outcome import reports_of
from kilnmark.protocol.picture.report import Verdict

__all__ = ["JobTraits", "traits_of"]


@dataclass(frozen=True, slots=True)
class JobTraits:
    """Of one job.

    Attributes:
        state: How far it is.
        accepted: When, in seconds since 1970.
        genre, world, tier: None where it names none.
        variant: The base that it is painted on.
        adapters: The names of its stack, as it was asked for and as it was reported.
        sha256s: What is known of their files' hashes, in hex.
        verdicts: Those that there are among its adapters.
        text: Its prompt and the names of its stack, a line each, without regard to capitals.
        is_notified: Its end is told somewhere.
    """

    state: JobState
    accepted: float
    genre: str | None
    world: str | None
    tier: str | None
    variant: str
    adapters: frozenset[str]
    sha256s: tuple[str, ...]
    verdicts: frozenset[Verdict]
    text: str
    is_notified: bool


def traits_of(job: Job) -> JobTraits:
    """Those of a job as it is now."""
    facts, command, reports = job.facts, job.facts.command, reports_of(job)
    return JobTraits(
        state=job.state,
        accepted=facts.at,
        genre=command.stack.genre,
        world=command.stack.world,
        tier=command.tier,
        variant=command.variant,
        adapters=frozenset((*command.lora_names, *(report.name for report in reports))),
        sha256s=(*command.lora_sha256s, *(report.sha256 for report in reports if report.sha256)),
        verdicts=frozenset(report.verdict for report in reports),
        text="\n".join((facts.params.prompt, *command.lora_names)).casefold(),
        is_notified=facts.params.notify_url is not None,
    )
