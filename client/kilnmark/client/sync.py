"""The blocking client: a socket for each thread, and on it one call after another.

It reads the socket only while a call waits, so nothing runs behind its caller's back. Made from `aio` by
`scripts/make_sync.py`: change that module, then run `make sync`.
"""

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from types import TracebackType
from typing import Self, Unpack, cast

import msgspec

from kilnmark.client.attempts import Uncancelled
from kilnmark.client.connection import Answered, Progressed, Watched
from kilnmark.client.dial import Places
from kilnmark.client.errors import BadReply
from kilnmark.client.listed import JobsOptions, jobs_fields
from kilnmark.client.many import Rendered
from kilnmark.client.request import (
    ComposeOptions,
    InspectOptions,
    Paths,
    RenderOptions,
    RenderRequest,
    compose_params,
    inspect_params,
    named,
    render_params,
)
from kilnmark.client.sync_calls import BlockingCalls
from kilnmark.client.sync_link import BlockingLinks
from kilnmark.client.timeouts import Timeouts
from kilnmark.client.tracing import Carrier, render_span
from kilnmark.protocol.content.composition import Composition
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.wire import methods
from kilnmark.protocol.wire.inspection import InspectionDocument
from kilnmark.protocol.wire.job_requests import JobParams, JobsParams, JobWaitParams, MoveParams, WatchParams
from kilnmark.protocol.wire.replies import (
    CancelResult,
    JobResult,
    JobsResult,
    MoveResult,
    PingResult,
    Progress,
    RenderResult,
    ShutdownResult,
    WarmUpResult,
)
from kilnmark.protocol.wire.requests import (
    CancelParams,
    PingParams,
    RenderParams,
    ShutdownParams,
    StatusParams,
    WarmUpParams,
)
from kilnmark.protocol.wire.status import StatusResult
from kilnmark.protocol.wire.watching import JobChange, Preview

__all__ = ["Client"]


class Client(BlockingCalls):
    """Talks to the daemon, blocking, from any number of threads: each has a connection of its own, made when it
    first asks something. A stream belongs to the thread that began it.

    An interrupt (Ctrl-C) during a render cancels it. After `close` the next call connects again.

    Args:
        socket: The daemon's socket; None means where it listens when nobody says otherwise.
        connect_timeout: Bounds connecting, in seconds; None means no bound.
        reply_timeout: Bounds each of ping, status, cancel and shutdown, in seconds; None means no bound.
        render_timeout: Bounds one render whole, in seconds; None means no bound.
        silence_timeout: Bounds the time with no byte from the daemon during a render, a warm-up or an inspection, in
            seconds; None means no bound. Heartbeats arrive at most 5 seconds apart.
        start_timeout: Bounds the wait for a daemon that is not there when it is first asked, in seconds; None means no
            bound, 0 no wait.
        away_timeout: Bounds the wait for a daemon that went away, or is draining, in seconds; None means no bound, 0
            no wait. Once it is back, what it had not answered is asked again: a render is the same job, by its id.
    """

    def __init__(
        self,
        socket: str | os.PathLike[str] | None = None,
        *,
        connect_timeout: float | None = 5.0,
        reply_timeout: float | None = 30.0,
        render_timeout: float | None = None,
        silence_timeout: float | None = 30.0,
        start_timeout: float | None = 0.0,
        away_timeout: float | None = 60.0,
    ) -> None:
        self._places = Places(socket)
        self._timeouts = Timeouts(
            connect_timeout, reply_timeout, render_timeout, silence_timeout, start_timeout, away_timeout
        )
        self._links = BlockingLinks(self._places, self._timeouts)
        self._uncancelled = Uncancelled()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. Calls that still wait in a stream end with `ConnectionLost`."""
        self._links.close()

    @property
    def uncancelled(self) -> tuple[str, ...]:
        """The job ids of renders given up while no daemon could be told; `cancel` ends them, at the next one too."""
        return self._uncancelled.jobs

    def render(
        self, prompt: str, *, on_progress: Callable[[Progress], None] | None = None, **options: Unpack[RenderOptions]
    ) -> RenderResult:
        """Make one picture and wait for it.

        Args:
            prompt: What to paint.
            on_progress: Called with every progress notification; an error it raises cancels the render.
            options: See `RenderOptions`.

        Raises:
            RequestError: what the daemon answered; `AdapterNotEngaged.detail` holds the engagement reports.
            ClientError: no daemon, a lost connection, or a time-out.
        """
        return self._rendered(render_params(prompt, **options), on_progress)

    def render_stream(self, prompt: str, **options: Unpack[RenderOptions]) -> Generator[Progress | RenderResult]:
        """Make one picture: its progress as it comes, then, as the last item, the result.

        The request is checked at once and sent when the first item is asked for. Closing the iterator early cancels
        the render. Arguments and errors are those of `render`.
        """
        return self._stream(render_params(prompt, **options))

    def render_many(
        self,
        requests: Iterable[RenderRequest],
        *,
        concurrency: int = 4,
        ordered: bool = True,
        full_timeout: float | None = 600.0,
    ) -> Generator[Rendered]:
        """Make many pictures, a few at a time; one that fails is told of and does not stop the others.

        It has a connection of its own, on an event loop that runs only while the next picture is awaited;
        where such a loop runs already, use `AsyncClient`. Closing the iterator early cancels what is under
        way.

        Args:
            requests: Each a mapping of the keywords of `render`, with its `prompt`.
            concurrency: How many the daemon has at once. It paints one after the other; more than one lets it paint
                those of one stack together, and read the next adapters meanwhile.
            ordered: Hand out in the order of the requests; otherwise as they end.
            full_timeout: Seconds for which a render is tried again while the daemon's queue is full; None means no
                bound.

        Raises:
            TypeError: a request has a keyword that `RenderOptions` does not have.
            ValueError: a number that is no such bound.
        """
        from kilnmark.client.sync_many import run_all

        return run_all(
            self._places.named,
            self._timeouts,
            requests,
            concurrency=concurrency,
            ordered=ordered,
            full_timeout=full_timeout,
        )

    def status(self) -> StatusResult:
        """What the daemon holds and does."""
        return self._ask(methods.STATUS, StatusParams())

    def ping(self) -> PingResult:
        """Whether the daemon answers, and who it is."""
        return self._ask(methods.PING, PingParams())

    def warm_up(self, variant: str | None = None) -> WarmUpResult:
        """Wait until a base is warm; None means the one the daemon was started with."""
        return self._ask(methods.WARM_UP, WarmUpParams(variant=variant))

    def cancel(self, job_id: str, reason: str = "") -> CancelResult:
        """Cancel a render, whoever asked for it; it stops at its next denoise step."""
        return self._ask(methods.CANCEL, CancelParams(job_id=job_id, reason=reason))

    def jobs_list(self, **options: Unpack[JobsOptions]) -> JobsResult:
        """Every job that the daemon knows, or those asked for: the running, the waiting, then the ended, latest first.

        It is asked for page by page; a job whose state changes meanwhile may come twice, or not at all.

        Args:
            options: See `JobsOptions`.
        """
        found = self.jobs_page(**options)
        while found.next is not None:
            page = self.jobs_page(found.next, 1000, **options)
            found = msgspec.structs.replace(page, jobs=[*found.jobs, *page.jobs])
        return found

    def jobs_page(self, cursor: str | None = None, limit: int = 200, **options: Unpack[JobsOptions]) -> JobsResult:
        """Some of what `jobs_list` tells.

        Args:
            cursor: `next` of the page before, which was asked for with the same options; None begins.
            limit: Jobs on it at most, up to 1000.
            options: See `JobsOptions`.
        """
        return self._ask(methods.JOBS_LIST, JobsParams(cursor=cursor, limit=limit, **jobs_fields(**options)))

    def jobs_get(self, job_id: str) -> JobResult:
        """How far one job is, or how it ended."""
        return self._ask(methods.JOBS_GET, JobParams(job_id=job_id))

    def jobs_wait(self, job_id: str, job_timeout: float | None = None) -> JobResult:
        """Wait until a job has ended, whoever asked for it; giving up to wait leaves it as it is.

        Args:
            job_id: Its id.
            job_timeout: Seconds to wait at most; None waits for as long as it takes.

        Raises:
            JobTimedOut: it goes on.
        """
        return self._ask(methods.JOBS_WAIT, JobWaitParams(job_id=job_id, timeout=job_timeout))

    def jobs_move(self, job_id: str, priority: Priority) -> MoveResult:
        """Give a job that waits another priority, whoever asked for it."""
        return self._ask(methods.JOBS_MOVE, MoveParams(job_id=job_id, priority=priority))

    def watch(self, *, previews: bool = False) -> Generator[JobChange | Preview]:
        """Every job of the daemon as it is accepted, begun, comes further and ends, until the daemon leaves.

        It begins with the first hundred open jobs, and is not begun again by itself: whoever goes on after
        `ConnectionLost` asks `jobs_list` for what ended meanwhile. Close the iterator to watch no more.

        Args:
            previews: Pictures of how far each render is, too, where the daemon makes any.
        """
        patience = self._timeouts.for_call(methods.JOBS_WATCH)
        exchange = self._exchange(methods.JOBS_WATCH, WatchParams(previews=previews), patience, Carrier())
        with closing(exchange):
            for event in exchange:
                if isinstance(event, Watched):
                    yield event.note

    def lora_inspect(self, lora_paths: Paths, **options: Unpack[InspectOptions]) -> InspectionDocument:
        """Look at 1 to 64 adapter files without a base; a refused one is an entry like any other."""
        return self._ask(methods.LORA_INSPECT, inspect_params(lora_paths, **options))

    def compose(self, genre: str, tier: str, **options: Unpack[ComposeOptions]) -> Composition:
        """Show what `render(prompt, genre=..., world=..., tier=...)` would be, and what its adapter files are.

        Args:
            genre: The content pack.
            tier: The kind of picture asked for.
            options: See `ComposeOptions`.

        Raises:
            InvalidParams: a name is unknown, or a document is not usable; `detail` holds every problem.
        """
        return self._ask(methods.STYLE_COMPOSE, compose_params(genre, tier, **options))

    def shutdown(self, *, drain: bool = False) -> ShutdownResult:
        """Tell the daemon to leave; with `drain` it finishes the accepted renders first. Returns before it has left."""
        return self._ask(methods.SHUTDOWN, ShutdownParams(drain=drain))

    def _rendered(self, params: RenderParams, on_progress: Callable[[Progress], None] | None = None) -> RenderResult:
        with closing(self._stream(params)) as stream:
            for item in stream:
                if isinstance(item, RenderResult):
                    return item
                if on_progress is not None:
                    on_progress(item)
        raise BadReply("the render ended without a result")

    def _stream(self, params: RenderParams) -> Generator[Progress | RenderResult]:
        with render_span() as carrier:
            exchange = self._exchange(methods.RENDER, named(params), self._timeouts.for_render(), carrier)
            with closing(exchange):
                for event in exchange:
                    if isinstance(event, Progressed):
                        yield event.progress
        yield cast("RenderResult", cast("Answered", event).result)
