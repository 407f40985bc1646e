"""A request waits for a job: what it hears on the way, what it gets in the end, and how it gives up.

Nothing is told of a job, its end included, before it is on disk, where there is a journal; what becomes of it is
`renders`' part.
"""

import asyncio

from kilnmark.daemon.jobs.renders import Renders
from kilnmark.daemon.jobs.view import JobsView
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import JobTimedOut, RequestError
from kilnmark.protocol.wire.replies import JobResult, RenderResult
from kilnmark.protocol.wire.work import Stepped

__all__ = ["follow", "wait_for"]


async def follow(renders: Renders, view: JobsView, job_id: str, meta: CallMeta, exchange: Exchange) -> RenderResult:
    """Wait for an open job that this request asked for; giving up ends the job, unless others wait too.

    Raises:
        RequestError: how it ended, or why it is not to be waited for.
    """
    renders.check_worker(job_id)
    with exchange.pulse(meta.progress_token, job_id, lambda: view.waits_for(job_id)) as pulse:
        unheard: list[Stepped] = []
        watcher = renders.watch(job_id, unheard.append)
        exchange.on_cancel = lambda reason: renders.leave(job_id, watcher, reason)
        exchange.on_lost = lambda: renders.leave(
            job_id, watcher, "the connection that asked for it was closed", keep_named=not meta.attached
        )
        await renders.journal.written()
        job = view.state.find(job_id)
        if job is not None and job.state == "queued":
            pulse.waits(view.waits_for(job_id), job.facts.command.steps)
        watcher.on_step = pulse.stepped
        for step in unheard:
            pulse.stepped(step)
        try:
            return await watcher.outcome
        finally:
            if watcher.job is not None:
                await renders.journal.written()


async def wait_for(
    renders: Renders, view: JobsView, job_id: str, patience: float | None, meta: CallMeta, exchange: Exchange
) -> JobResult:
    """Wait for an open job however it ends; giving up to wait leaves the job as it is.

    Args:
        patience: In seconds. None: for as long as it takes.

    Raises:
        JobTimedOut: it goes on.
    """
    with exchange.pulse(meta.progress_token, job_id, lambda: view.waits_for(job_id)) as pulse:
        watcher = renders.watch(job_id, pulse.stepped)
        exchange.on_cancel = lambda reason: renders.unwatch(job_id, watcher, reason)
        try:
            async with asyncio.timeout(patience):
                await watcher.outcome
        except TimeoutError:
            problem = f"job {job_id!r} goes on after {patience:g} s; wait again, or cancel it"
            raise JobTimedOut(problem, job_id=job_id) from None
        except RequestError:
            if watcher.job is None:
                raise
        finally:
            renders.unwatch(job_id, watcher, "")
    await renders.journal.written()
    return view.told_of(watcher.job or view.job(job_id))
