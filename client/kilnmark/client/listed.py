"""Which jobs are asked for, in a caller's keywords.

What is told of a job is `protocol.wire.jobs`; no request is made or sent here.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, TypedDict, Unpack

from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.jobs import JobState

__all__ = ["JobsOptions", "jobs_fields"]


class JobsOptions(TypedDict, total=False):
    """The keywords of `jobs_list` and `jobs_page`: a job is told of that all of them are true of.

    Attributes:
        states: How far they are: in one of these states.
        genre, world: Of their style.
        tier: The kind of picture that was asked for.
        variant: The base that they are painted on.
        adapter: One of their stack: its name, or the beginning of its file's hash, 6 hex digits at least.
        verdict: That of one of their adapters.
        text: In their prompt or in the name of one of their adapters, capitals or not.
        since: Accepted then or later: a moment or a day, as text (ISO 8601) or from `datetime`; without a zone, UTC.
        until: Accepted then or before; of a day, until its end.
        notify: Those alone whose end is to be told somewhere.
    """

    states: Sequence[JobState]
    genre: str | None
    world: str | None
    tier: str | None
    variant: str | None
    adapter: str | None
    verdict: Verdict | str | None
    text: str | None
    since: str | date | None
    until: str | date | None
    notify: bool


def jobs_fields(**options: Unpack[JobsOptions]) -> dict[str, Any]:
    """The fields of `JobsParams`.

    Raises:
        ValueError: a verdict that is none.
    """
    fields: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    for name in ("since", "until"):
        if isinstance(moment := fields.get(name), date):
            fields[name] = _told(moment)
    if "verdict" in fields:
        fields["verdict"] = Verdict(fields["verdict"])
    if "states" in fields:
        fields["states"] = list(fields["states"])
    return fields


def _told(moment: date) -> str:
    """A moment or a day as text; one with a zone in UTC."""
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.isoformat()
