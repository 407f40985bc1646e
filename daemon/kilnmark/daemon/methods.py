"""What each method does, and the table of their names and parameters.

A method reads its own parameters, asks the renders, the worker or the inspections, and returns a result or raises an
error of `protocol.errors`. Framing and replies are not its business.
"""

import importlib.metadata
import os
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from kilnmark.daemon.asked.compositions import composed
from kilnmark.daemon.asked.inspections import Inspections
from kilnmark.daemon.asked.notify import check_notify
from kilnmark.daemon.asked.packs import Packs
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.following import follow, wait_for
from kilnmark.daemon.intake import Intake
from kilnmark.daemon.jobs.notices import notice_info
from kilnmark.daemon.jobs.outcome import outcome_again
from kilnmark.daemon.jobs.reasons import cancelled_unkept, moved_unkept, no_worker
from kilnmark.daemon.jobs.renders import Renders
from kilnmark.daemon.jobs.watching import Watching
from kilnmark.daemon.notes import ProcessNotes
from kilnmark.daemon.spans import caller_told, warm_up_span
from kilnmark.daemon.watched import watch_jobs
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.protocol.content.composition import Composition
from kilnmark.protocol.wire import methods
from kilnmark.protocol.wire.errors import RenderFailed, WorkerLost
from kilnmark.protocol.wire.job_requests import JobParams, JobsParams, JobWaitParams, MoveParams, WatchParams
from kilnmark.protocol.wire.methods import WireMethod
from kilnmark.protocol.wire.notices import NoticeParams, NoticeResult, NoticesParams, NoticesResult
from kilnmark.protocol.wire.replies import (
    CancelResult,
    JobResult,
    JobsResult,
    MoveResult,
    PingResult,
    RenderResult,
    ShutdownResult,
    WarmUpResult,
)
from kilnmark.protocol.wire.requests import (
    CancelParams,
    LoraInspectParams,
    PingParams,
    RenderParams,
    ShutdownParams,
    StatusParams,
    StyleComposeParams,
    WarmUpParams,
    check_render,
)
from kilnmark.protocol.wire.stacks import check_extras
from kilnmark.protocol.wire.status import StatusResult
from kilnmark.protocol.wire.watching import WatchResult
from kilnmark.protocol.wire.work import LoadFailed

__all__ = ["Method", "Methods"]

VERSION = importlib.metadata.version("kilnmark")


class Method(NamedTuple):
    """One row of the table: the Struct that the parameters must be, and what is done with it."""

    params: type[msgspec.Struct]
    run: Callable[[Any, Exchange], Awaitable[object]]


P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


def _row(wire: WireMethod[P, R], run: Callable[[P, Exchange], Awaitable[R | msgspec.Raw]]) -> tuple[str, Method]:
    """What does a method of the wire, held to its types; a result may be there as bytes already."""
    return wire.name, Method(wire.params, run)


class Methods:
    """The methods of one daemon.

    Args:
        shut_down: Begins the end of the daemon; told whether to finish the accepted renders first.
    """

    def __init__(
        self,
        served: Served,
        renders: Renders,
        watching: Watching,
        packs: Packs,
        inspections: Inspections,
        intake: Intake,
        notes: ProcessNotes,
        shut_down: Callable[[bool], None],
    ) -> None:
        self._settings = served.settings
        self._renders = renders
        self._view = watching.view
        self._watching = watching
        self._shut_down = shut_down
        self._inspections = inspections
        self._intake = intake
        self._served = served
        self._packs = packs
        self._notes = notes

    @property
    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        return dict(
            [
                _row(methods.PING, self.ping),
                _row(methods.STATUS, self.status),
                _row(methods.WARM_UP, self.warm_up),
                _row(methods.RENDER, self.render),
                _row(methods.CANCEL, self.cancel),
                _row(methods.LORA_INSPECT, self.lora_inspect),
                _row(methods.STYLE_COMPOSE, self.style_compose),
                _row(methods.JOBS_LIST, self.list_jobs),
                _row(methods.JOBS_GET, self.get_job),
                _row(methods.JOBS_WAIT, self.wait_for_job),
                _row(methods.JOBS_WATCH, self.watch_jobs),
                _row(methods.JOBS_MOVE, self.move_job),
                _row(methods.NOTICES_LEAVE, self.leave_notice),
                _row(methods.NOTICES_LIST, self.list_notices),
                _row(methods.SHUTDOWN, self.shutdown),
            ]
        )

    async def ping(self, _params: PingParams, _exchange: Exchange) -> PingResult:
        """Answers whatever the worker does."""
        return PingResult(version=VERSION, pid=os.getpid(), uptime_s=self._notes.uptime_s)

    async def status(self, _params: StatusParams, _exchange: Exchange) -> StatusResult:
        """What the daemon holds and does."""
        renders, worker = self._renders, self._renders.worker
        return StatusResult(
            version=VERSION,
            pid=os.getpid(),
            uptime_s=self._notes.uptime_s,
            state=self._state(),
            variant=self._settings.variant,
            base=worker.base,
            worker=worker.info,
            jobs=self._view.first_jobs,
            rendered=self._view.state.rendered,
            failed=self._view.state.failed,
            socket=str(self._settings.socket),
            output_dir=str(self._settings.output_dir),
            lora_roots=[str(root) for root in self._settings.lora_roots],
            queue=self._view.state.info,
            cache=renders.pictures.info,
            variants=list(self._served.places),
            counts_as=dict(self._served.counts_as),
            loading=worker.holdings.loading,
            memory=worker.holdings.memory,
            packs=await self._packs.info(),
            compiling=worker.holdings.compiling,
            journal=renders.journal.info,
            power=renders.queue.pauses.power,
            process=self._notes.info,
            image_roots=[str(root) for root in self._settings.image_roots],
            drafts=self._intake.drafts.bases,
            notify_hosts=list(self._settings.notify_hosts),
        )

    async def warm_up(self, params: WarmUpParams, exchange: Exchange) -> WarmUpResult:
        """Wait for a base; where it could not be held, try again."""
        began, worker = self._notes.clock.monotonic(), self._renders.worker
        variant = self._served.named(params.variant)
        with (
            warm_up_span(self._intake.tracer, params.meta, variant),
            exchange.pulse(
                params.meta.progress_token, "", lambda: "warming" if worker.holdings.loading else worker.state
            ),
        ):
            base = await worker.warm_up(variant)
            if isinstance(base, LoadFailed):
                raise RenderFailed(f"the base cannot be held: {base.message}; mend that, then try again")
            if base is None:
                if worker.state == "degraded":
                    raise no_worker(worker.tries, asked=True)
                self._renders.check_open()
                raise WorkerLost(f"the worker was lost before {variant} was warm; send warm_up again")
        return WarmUpResult(base=base, waited_ms=round((self._notes.clock.monotonic() - began) * 1000, 3))

    async def render(self, params: RenderParams, exchange: Exchange) -> RenderResult:
        """Make one picture, or join the making of the same one."""
        with caller_told(params.meta):
            check_render(params)
            async with self._intake.job_of(params, exchange.asked_by) as job:
                if job.ended is not None:
                    await self._renders.journal.written()
                    return outcome_again(job.ended)
                return await follow(self._renders, self._view, job.job_id, params.meta, exchange)

    async def cancel(self, params: CancelParams, _exchange: Exchange) -> CancelResult:
        """End a render of any connection."""
        job = self._view.job(params.job_id)
        cancelled = self._renders.cancel(job.job_id, params.reason)
        if not await self._renders.journal.written() and (cancelled or job.state == "cancelled"):
            raise cancelled_unkept(job.job_id)
        return CancelResult(job_id=job.job_id, cancelled=cancelled)

    async def lora_inspect(self, params: LoraInspectParams, exchange: Exchange) -> msgspec.Raw:
        """Say what adapter files are, whatever the worker does."""
        with exchange.pulse(params.meta.progress_token, "", lambda: "inspecting") as pulse:
            return await self._inspections.answer(
                params, lambda done, count: pulse.reached(done, count, f"inspect {done + 1}/{count}")
            )

    async def style_compose(self, params: StyleComposeParams, exchange: Exchange) -> Composition:
        """Show what a render by genre would be, without rendering."""
        check_extras(params.extra_loras)
        with exchange.pulse(params.meta.progress_token, "", lambda: "inspecting") as pulse:
            return await composed(
                params,
                self._packs,
                self._inspections,
                self._served,
                self._intake.drafts.on,
                lambda done, count: pulse.reached(done, count, f"inspect {done + 1}/{count}"),
            )

    async def list_jobs(self, params: JobsParams, _exchange: Exchange) -> JobsResult:
        """The jobs that are known, a page at a time."""
        jobs, behind = await self._view.page(params)
        return JobsResult(jobs=jobs, queue=self._view.state.info, cache=self._renders.pictures.info, next=behind)

    async def get_job(self, params: JobParams, _exchange: Exchange) -> JobResult:
        """How far one job is, or how it ended."""
        told = self._view.told_of(self._view.job(params.job_id))  # it may end while this is written
        await self._renders.journal.written()
        return told

    async def wait_for_job(self, params: JobWaitParams, exchange: Exchange) -> JobResult:
        """How one job ended, once it has; giving up to wait leaves the job as it is."""
        renders, view = self._renders, self._view
        job = view.job(params.job_id)
        job_id = job.job_id
        if job.ended is not None:
            await renders.journal.written()
            return view.told_of(job)
        return await wait_for(renders, view, job_id, params.timeout, params.meta, exchange)

    async def watch_jobs(self, params: WatchParams, exchange: Exchange) -> WatchResult:
        """Tell of every job as it is accepted, begun, comes further and ends, until the daemon leaves."""
        return await watch_jobs(self._watching, self._renders.journal, params, exchange)

    async def move_job(self, params: MoveParams, _exchange: Exchange) -> MoveResult:
        """Give a job that waits another priority."""
        job_id = self._view.job(params.job_id).job_id
        if moved := self._renders.queue.move(job_id, params.priority):
            self._watching.happened(job_id, "moved")
            self._renders.feed()
            if not await self._renders.journal.written():
                raise moved_unkept(job_id)
        return MoveResult(job_id=job_id, moved=moved, priority=self._view.job(job_id).priority)

    async def leave_notice(self, params: NoticeParams, _exchange: Exchange) -> NoticeResult:
        """Keep a notice, such as that a batch has ended, for whoever tells it."""
        check_notify(params.notify_url, self._settings)
        self._renders.journal.check_open()
        kept = self._renders.queue.leave(params.notice_id, params.notify_url, params.batch)
        await self._renders.journal.written()
        return NoticeResult(notice=notice_info(kept))

    async def list_notices(self, _params: NoticesParams, _exchange: Exchange) -> NoticesResult:
        """The notices that are kept."""
        return NoticesResult(notices=self._view.state.notices.infos)

    async def shutdown(self, params: ShutdownParams, _exchange: Exchange) -> ShutdownResult:
        """Begin the end; the reply comes before it."""
        jobs = self._view.state.open_count
        draining = params.drain and self._renders.worker.state != "degraded"
        self._shut_down(params.drain)
        return ShutdownResult(draining=draining, jobs=jobs, kept=self._renders.journal.lasts)

    def _state(self) -> Literal["warming", "ready", "busy", "draining", "degraded"]:
        renders = self._renders
        if renders.draining or renders.worker.state == "stopped":
            return "draining"
        if renders.worker.state == "ready" and self._view.state.begun:
            return "busy"
        return renders.worker.state
