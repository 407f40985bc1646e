"""What is told of jobs as they pass, to whoever watches: notifications, and what the watching ends with.

How far one request is, is told by `replies.Progress`.
"""

from typing import Literal

import msgspec

from kilnmark.protocol.wire.jobs import JobInfo

__all__ = ["JobChange", "Preview", "WatchResult"]

JobNews = Literal["known", "accepted", "begun", "step", "moved", "waiting", "ended"]


class JobChange(msgspec.Struct, frozen=True, kw_only=True):
    """`notifications/job`: something happened to a job, told to whoever watches.

    Attributes:
        progress_token: The watching request's own.
        job: As it is now.
        event: What happened: `known` for the first hundred that are open when the watching begins, then `accepted`,
            `begun` (the worker has it), `step`, `moved` (to another priority), `waiting` (again, because its worker
            was lost), and `ended`.
        stage: What the worker is at: `adapters`, `encode`, `denoise 2/12`, `decode` or `save`; empty while the job is
            not with the worker.
        at: When it was told, UTC, ISO 8601.
    """

    progress_token: str | int = msgspec.field(name="progressToken")
    job: JobInfo
    event: JobNews
    stage: str = ""
    at: str = ""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """`notifications/preview`: a picture of how far a render is, told to whoever watches and asked for previews.

    Attributes:
        progress_token: The watching request's own.
        job_id: The job whose id the picture bears; others may share it.
        step: Denoise steps done.
        steps: Denoise steps to do.
        jpeg: A small JPEG, in base64.
    """

    progress_token: str | int = msgspec.field(name="progressToken")
    job_id: str
    step: int
    steps: int
    jpeg: bytes


class WatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The watching is over, because the daemon leaves; whoever gives it up gets -32800.

    Attributes:
        told: Notifications that were sent.
        lost: Steps and previews that were not, since what came after them was there first; no other event ever is.
    """

    told: int
    lost: int
