"""A job as it is listed, and the queue in numbers.

Results only. Which jobs are asked for is in `job_requests`, and what is told of them as they pass in `watching`.
"""

from typing import Literal

import msgspec

from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.picture.report import Verdict

__all__ = ["AdapterBadge", "JobInfo", "QueueInfo"]

JobState = Literal["queued", "running", "done", "failed", "cancelled"]


class AdapterBadge(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of a job, in as few words as a list has room for.

    Attributes:
        name: The file's name without its ending, or the name a style gave it.
        verdict: The judgement; None: it has not been judged, or not yet.
        matched: Tensors that were applied to a target; 0 where it has not been judged.
        total: Tensors in the file, alike.
        scale: The scale that the render asked for.
        sha256: Hash of the whole file in hex; empty where it is not known.
    """

    name: str
    verdict: Verdict | None = None
    matched: int = 0
    total: int = 0
    scale: float = 1.0
    sha256: str = ""


class JobInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A render the daemon knows.

    Attributes:
        job_id: The caller's own, or one that was drawn.
        state: How far it is.
        step: Denoise steps done.
        steps: Denoise steps to do.
        priority: As it was asked for.
        shared_with: The job whose picture this one gets too, because it asked for the same; None: it has its own.
        paused: Why it is not begun though its turn may have come, such as `on battery, 41% left`; None: nothing is in
            its way.
        accepted: When it was taken in, UTC, ISO 8601; empty: this daemon is older and does not say.
        ended: When it ended, alike; empty while it has not.
        painted_ms: What its render took, in milliseconds; None: it has no picture, or none was painted for it.
        adapters_ms: Of that, reading its adapters and switching the base to its stack, alike.
        cached: Its picture was made before, and none was painted for it.
        prompt: The first 80 characters of what was asked for.
        style: Its genre, world and tier, such as `ink/harbour, portrait`; empty where it names none.
        reason: The first 200 characters of why it has no picture, where it failed or was cancelled; empty else.
        tier: The kind of picture that was asked for; empty where it names none.
        genre, world: Of its style; empty where it names none.
        variant: The base that it is painted on; empty: this daemon is older and does not say.
        seed: Of the noise.
        width, height: In pixels; 0: this daemon is older and does not say.
        image_path: Its PNG, absolute; empty while it has none.
        image_sha256: Of the PNG's bytes as they were written, in hex; empty while it has none.
        trace_id: Of the trace that its spans belong to, 32 hex digits; empty when tracing is off.
        adapters: Its stack, in order: what is known of each by now.
        dead: Of those, how many changed nothing: whose verdict is `noop` or `refused`.
        partial: Of those, how many engaged in part: whose verdict is `partial`.
        notify_url: Where its end is to be told; empty: nowhere.
    """

    job_id: str
    state: JobState
    step: int = 0
    steps: int = 0
    priority: Priority = "normal"
    shared_with: str | None = None
    paused: str | None = None
    accepted: str = ""
    ended: str = ""
    painted_ms: float | None = None
    adapters_ms: float | None = None
    cached: bool = False
    prompt: str = ""
    style: str = ""
    reason: str = ""
    tier: str = ""
    genre: str = ""
    world: str = ""
    variant: str = ""
    seed: int = 0
    width: int = 0
    height: int = 0
    image_path: str = ""
    image_sha256: str = ""
    trace_id: str = ""
    adapters: list[AdapterBadge] = []
    dead: int = 0
    partial: int = 0
    notify_url: str = ""


class QueueInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The order in which renders are painted, in numbers.

    Attributes:
        high, normal, low: Jobs that wait, by priority.
        switches: Renders begun so far whose stack was another than the one before.
        shared: Jobs so far that joined the render of another, because they asked for the same picture.
        running: Jobs of the renders that the worker has.
    """

    high: int = 0
    normal: int = 0
    low: int = 0
    switches: int = 0
    shared: int = 0
    running: int = 0
