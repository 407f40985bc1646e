"""Why jobs end without a picture, or are waited for no longer: each error in its words.

Nothing is decided here; `renders` knows when which holds.
"""

from kilnmark.daemon.jobs.events import JobAccepted
from kilnmark.daemon.jobs.jobs import TRIES
from kilnmark.daemon.worker.restarts import Restarts
from kilnmark.protocol.wire.errors import Cancelled, Draining, JournalFailed, NoWorker, RenderFailed, WorkerLost

__all__ = [
    "base_is_gone",
    "cancelled",
    "cancelled_unkept",
    "gone_down",
    "kept",
    "moved_unkept",
    "no_worker",
    "nobody_came_back",
    "tried_out",
]


def no_worker(tries: Restarts, job_id: str | None = None, *, asked: bool = False) -> NoWorker:
    """No worker gets ready: where its base cannot be held somebody has to mend that, anything else may pass.

    Args:
        job_id: Of a job that is waited for, and kept.
        asked: It was tried just now, since somebody asked for it.
    """
    kept = "" if job_id is None else f"; your job is kept as {job_id!r} and painted then"
    detail = None if job_id is None else {"kept": True}
    if tries.unheld is not None:
        message = f"the base cannot be held: {tries.unheld}; mend that, then send warm_up to try again{kept}"
        return NoWorker(message, job_id=job_id, detail=detail, retryable=False)
    reason = "no worker gets ready" if tries.info is None else tries.info.reason
    message = f"{reason}; it is tried again, and `status` tells when{kept}"
    return NoWorker(message, job_id=job_id, detail=detail, retryable=not asked)


def gone_down(job_id: str) -> Draining:
    """The daemon ends, and the job with it."""
    return Draining("the daemon went down before this render was done", job_id=job_id)


def kept(job_id: str) -> Draining:
    """The daemon stops, and the job does not end with it."""
    return Draining(
        f"the daemon is stopping; your job is kept as {job_id!r} and goes on when it is started again: wait for it "
        "then, or send the same request with that job_id",
        job_id=job_id,
        detail={"kept": True},
    )


def tried_out(reason: str, facts: JobAccepted) -> WorkerLost:
    """It was lost as often as a render may be."""
    less = "fewer references, a smaller picture" if facts.command.reference_files else "a smaller picture"
    return WorkerLost(
        f"{reason} while it painted this render of {facts.command.worked_on}, {TRIES} times now, so it is not tried "
        f"again; ask for less, such as {less}, or look at what the worker wrote (`kilnmark status`)",
        job_id=facts.job_id,
        retryable=False,
    )


def base_is_gone(facts: JobAccepted) -> RenderFailed:
    """The settings have changed since it was accepted."""
    return RenderFailed(
        f"this daemon has no base {facts.command.variant!r} any more, which the one that accepted this render had; "
        "start it with that base, or ask for another",
        job_id=facts.job_id,
    )


def cancelled(job_id: str, reason: str) -> Cancelled:
    """Somebody did not want it any more."""
    return Cancelled(f"the render was cancelled: {reason or 'no reason was given'}", job_id=job_id)


def cancelled_unkept(job_id: str) -> JournalFailed:
    """It is cancelled here, and would be painted by the next daemon."""
    return JournalFailed(
        f"job {job_id!r} is cancelled, but the journal cannot be written now (`status` says why): a daemon that is "
        "started before it can be would paint it; mend that, then cancel it again",
        job_id=job_id,
    )


def moved_unkept(job_id: str) -> JournalFailed:
    """It was moved here, and would not be by the next daemon."""
    return JournalFailed(
        f"job {job_id!r} is moved, but the journal cannot be written now (`status` says why): a daemon that is "
        "started before it can be would paint it in its old turn; mend that, then move it again",
        job_id=job_id,
    )


def nobody_came_back(job_id: str, seconds: float) -> Cancelled:
    """It was its caller's alone, who may have left while there was no daemon; whoever asks for it again gets it."""
    return Cancelled(
        f"the render was cancelled: whoever asked for it did not come back within {seconds:g} s of the daemon's start "
        "(return_timeout)",
        job_id=job_id,
        retryable=True,
    )
