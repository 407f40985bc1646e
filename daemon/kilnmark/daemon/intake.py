"""How a request for a picture becomes a job: the one that makes it already, or one that is taken in.

Whatever a request names is found here before it waits: its genre's stack and its pictures. What then becomes of the job
is `jobs`' part.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.trace import Tracer

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.drafting import Drafts
from kilnmark.daemon.asked.notify import check_notify
from kilnmark.daemon.asked.packs import Packs, given_by
from kilnmark.daemon.asked.pictures import AskedPictures, PictureFiles
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.asked.stack import StyledStack
from kilnmark.daemon.jobs.audience import Arrival
from kilnmark.daemon.jobs.jobs import Job
from kilnmark.daemon.jobs.renders import Renders
from kilnmark.daemon.jobs.view import JobsView
from kilnmark.daemon.spans import RenderTrace
from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.protocol.wire.requests import RenderParams

__all__ = ["Intake"]


class Intake:
    """Takes requests in for one daemon.

    Args:
        served: The bases that it may hold.
        renders: What becomes of jobs.
        view: Where one is found again.
        packs: Its content packs.
        pictures: Those that renders start from.
        drafts: Which renders are drafts that do not say.
        tracer: For spans.

    Attributes:
        drafts, tracer: As given.
    """

    def __init__(
        self,
        served: Served,
        renders: Renders,
        view: JobsView,
        packs: Packs,
        pictures: AskedPictures,
        drafts: Drafts,
        tracer: Tracer,
    ) -> None:
        self._served = served
        self._renders = renders
        self._view = view
        self._packs = packs
        self._pictures = pictures
        self.drafts = drafts
        self.tracer = tracer

    @asynccontextmanager
    async def job_of(self, params: RenderParams, asked_by: str) -> AsyncIterator[Job]:
        """The job of a request, open or ended, for a block that waits for it.

        Args:
            asked_by: The process that asks.

        Raises:
            RequestError: It cannot be taken in.
        """
        check_notify(params.notify_url, self._served.settings)
        async with self._pictures.kept(params) as request:
            job = await self._known(request)
            if job is None:
                styled, pictures = await self._styled(request), await self._pictures.looked_at(request)
                self._renders.check_open()  # so that nobody waits below for a worker that does not come
                await self.drafts.told(request)
                job = await self._known(request)
            yield self._view.job(self._accept(request, styled, pictures, asked_by)) if job is None else job

    async def _known(self, params: RenderParams) -> Job | None:
        """The job that makes or made this very picture; one whose picture is gone or spoilt does not count."""
        while True:
            job = self._renders.queue.find_same(params)
            made = None if job is None or job.ended is None else job.ended.result
            if made is None:
                return job
            is_there = await asyncio.to_thread(is_unspoilt, made.image_path, made.image_sha256)
            if self._renders.queue.find_same(params) is job:  # nobody asked for it anew meanwhile
                return job if is_there else None

    async def _styled(self, params: RenderParams) -> StyledStack | None:
        """What the request's genre comes to; None where it names none."""
        if params.genre is None or params.tier is None:
            return None
        return await self._packs.compose(params.genre, params.world, params.tier, params.place, given_by(params))

    def _accept(self, params: RenderParams, styled: StyledStack | None, pictures: PictureFiles, asked_by: str) -> str:
        """Take a request in; the id of its job."""
        self._renders.check_open()
        job_id = params.job_id or uuid.uuid4().hex
        command, warnings, repeatable = accept(params, self._served, job_id, styled, pictures, drafts=self.drafts.on)
        with_prompts = self._served.settings.trace_prompts
        trace = RenderTrace(self.tracer, params.meta, command, command.variant, with_prompts=with_prompts)
        facts = self._renders.queue.facts_of(
            params, command, warnings=warnings, repeatable=repeatable, trace=trace.origin
        )
        arrival = Arrival(facts, trace, asked_by)
        if styled is not None and (refusal := styled.refusal(facts.job_id)) is not None:
            self._renders.refuse(arrival, refusal, styled.refused)
            raise refusal
        self._renders.submit(arrival)
        return facts.job_id
