"""The blocking client: one thread, one socket, one call after another.

It reads the socket only while a call waits, so nothing runs behind its caller's back. `aio` has the same methods for
asyncio.
"""

import os
import socket
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import closing
from types import TracebackType
from typing import Self, TypeVar, Unpack, cast

import msgspec

from kilnmark.client.connection import (
    CANCEL,
    JOBS_GET,
    JOBS_LIST,
    JOBS_WAIT,
    LORA_INSPECT,
    PING,
    RENDER,
    SHUTDOWN,
    STATUS,
    STYLE_COMPOSE,
    WARM_UP,
    Method,
    Progressed,
)
from kilnmark.client.dial import pause_before, socket_path, try_to_connect
from kilnmark.client.errors import BadReply
from kilnmark.client.many import Rendered
from kilnmark.client.request import (
    InspectOptions,
    Paths,
    RenderOptions,
    RenderRequest,
    cancel_params,
    compose_params,
    inspect_params,
    job_params,
    render_params,
    wait_params,
)
from kilnmark.client.sync_link import Link
from kilnmark.client.timeouts import Patience, Timeouts
from kilnmark.client.tracing import Carrier, render_span
from kilnmark.protocol.content.composition import Composition
from kilnmark.protocol.wire.inspection import InspectionDocument
from kilnmark.protocol.wire.replies import (
    CancelResult,
    JobResult,
    JobsResult,
    PingResult,
    Progress,
    RenderResult,
    ShutdownResult,
    StatusResult,
    WarmUpResult,
)
from kilnmark.protocol.wire.requests import (
    JobsParams,
    PingParams,
    RenderParams,
    ShutdownParams,
    StatusParams,
    WarmUpParams,
)

__all__ = ["Client"]

R = TypeVar("R", bound=msgspec.Struct)


class Client:
    """Talks to the daemon, blocking; for one thread at a time. It connects when it is first asked something.

    An interrupt (Ctrl-C) during a render cancels it. After `close` the next call connects again.

    Args:
        socket: The daemon's socket; None means where it listens when nobody says otherwise.
        connect_timeout: Bounds connecting, in seconds; None means no bound.
        reply_timeout: Bounds each of ping, status, cancel and shutdown, in seconds; None means no bound.
        render_timeout: Bounds one render whole, in seconds; None means no bound.
        silence_timeout: Bounds the time with no byte from the daemon during a render, a warm-up or an inspection, in
            seconds; None means no bound. Heartbeats arrive at most 5 seconds apart.
    """

    def __init__(
        self,
        socket: str | os.PathLike[str] | None = None,
        *,
        connect_timeout: float | None = 5.0,
        reply_timeout: float | None = 30.0,
        render_timeout: float | None = None,
        silence_timeout: float | None = 30.0,
    ) -> None:
        self.socket = socket_path(socket)
        self._timeouts = Timeouts(connect_timeout, reply_timeout, render_timeout, silence_timeout)
        self._link: Link | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. Calls that still wait in a stream end with `ConnectionLost`."""
        if self._link is not None:
            self._link.close()

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
        with closing(self.render_stream(prompt, **options)) as stream:
            for item in stream:
                if isinstance(item, RenderResult):
                    return item
                if on_progress is not None:
                    on_progress(item)
        raise BadReply("the render ended without a result")

    def render_stream(
        self, prompt: str, **options: Unpack[RenderOptions]
    ) -> Generator[Progress | RenderResult, None, None]:
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
    ) -> Generator[Rendered, None, None]:
        """Make many pictures, a few at a time; one that fails is told of and does not stop the others.

        It has a connection of its own, on an event loop that runs only while the next picture is waited for; where
        such a loop runs already, use `AsyncClient`. Closing the iterator early cancels the renders under way.
        Arguments and errors are those of `AsyncClient.render_many`.
        """
        import asyncio

        from kilnmark.client.aio import AsyncClient

        with asyncio.Runner() as runner:
            client = AsyncClient(self.socket, **self._timeouts.keywords)
            stream = client.render_many(requests, concurrency=concurrency, ordered=ordered, full_timeout=full_timeout)
            try:
                while (rendered := runner.run(_next(stream))) is not None:
                    yield rendered
            finally:
                runner.run(stream.aclose())
                runner.run(client.close())

    def status(self) -> StatusResult:
        """What the daemon holds and does."""
        return self._ask(STATUS, StatusParams(), self._timeouts.for_short("status"))

    def ping(self) -> PingResult:
        """Whether the daemon answers, and who it is."""
        return self._ask(PING, PingParams(), self._timeouts.for_short("ping"))

    def warm_up(self, variant: str | None = None) -> WarmUpResult:
        """Wait until a base is warm; None means the one the daemon was started with."""
        return self._ask(WARM_UP, WarmUpParams(variant=variant), self._timeouts.for_work("warm_up"))

    def cancel(self, job_id: str, reason: str = "") -> CancelResult:
        """Cancel a render, whoever asked for it; it stops at its next denoise step."""
        return self._ask(CANCEL, cancel_params(job_id, reason), self._timeouts.for_short("cancel"))

    def jobs_list(self) -> JobsResult:
        """Every job that the daemon knows: the running, the waiting, then the ended, latest first."""
        return self._ask(JOBS_LIST, JobsParams(), self._timeouts.for_short("jobs.list"))

    def jobs_get(self, job_id: str) -> JobResult:
        """How far one job is, or how it ended."""
        return self._ask(JOBS_GET, job_params(job_id), self._timeouts.for_short("jobs.get"))

    def jobs_wait(self, job_id: str, job_timeout: float | None = None) -> JobResult:
        """Wait until a job has ended, whoever asked for it; giving up to wait leaves it as it is.

        Args:
            job_id: Its id.
            job_timeout: Seconds to wait at most; None waits for as long as it takes.

        Raises:
            JobTimedOut: it goes on.
        """
        return self._ask(JOBS_WAIT, wait_params(job_id, job_timeout), self._timeouts.for_work("jobs.wait"))

    def lora_inspect(self, lora_paths: Paths, **options: Unpack[InspectOptions]) -> InspectionDocument:
        """Look at 1 to 64 adapter files without a base; a refused one is an entry like any other."""
        params = inspect_params(lora_paths, **options)
        return self._ask(LORA_INSPECT, params, self._timeouts.for_work("lora.inspect"))

    def compose(
        self, genre: str, tier: str, *, world: str | None = None, place: str | None = None, prompt: str = ""
    ) -> Composition:
        """Show what `render(prompt, genre=..., world=..., tier=...)` would be, and what its adapter files are.

        Args:
            genre: The content pack.
            tier: The kind of picture asked for.
            world: A setting inside the genre; None: the genre by itself.
            place: What is painted, by its region or its name; None: no place in particular.
            prompt: What to paint; empty shows the style's own words alone.

        Raises:
            InvalidParams: a name is unknown, or a document is not usable; `detail` holds every problem.
        """
        params = compose_params(genre, tier, world, place, prompt)
        return self._ask(STYLE_COMPOSE, params, self._timeouts.for_work("style.compose"))

    def shutdown(self, *, drain: bool = False) -> ShutdownResult:
        """Tell the daemon to leave; with `drain` it finishes the accepted renders first. Returns before it has left."""
        return self._ask(SHUTDOWN, ShutdownParams(drain=drain), self._timeouts.for_short("shutdown"))

    def _stream(self, params: RenderParams) -> Generator[Progress | RenderResult, None, None]:
        with render_span() as carrier:
            result = yield from self._exchange(RENDER, params, self._timeouts.for_render(), carrier)
        yield result

    def _ask(self, method: Method[R], params: msgspec.Struct, patience: Patience) -> R:
        exchange = self._exchange(method, params, patience, Carrier())
        while True:
            try:
                next(exchange)
            except StopIteration as end:
                return cast("R", end.value)

    def _exchange(
        self, method: Method[R], params: msgspec.Struct, patience: Patience, carrier: Carrier
    ) -> Generator[Progress, None, R]:
        link = self._connected()
        request = link.begin(method, params, patience, carrier)
        try:
            while True:
                event = link.next_event(request, patience)
                if isinstance(event, Progressed):
                    yield event.progress
                else:
                    return cast("R", event.result)
        except BaseException as error:
            link.give_up(method, request, error)
            raise
        finally:
            link.end(request)

    def _connected(self) -> Link:
        if self._link is None or not self._link.is_usable():
            self.close()
            self._link = Link(self._dial())
        return self._link

    def _dial(self) -> socket.socket:
        patience = self._timeouts.for_connect(self.socket)
        attempt = 1
        while (sock := try_to_connect(self.socket)) is None:
            attempt += 1
            time.sleep(pause_before(attempt, patience.left()))
        return sock


async def _next(stream: AsyncGenerator[Rendered]) -> Rendered | None:
    return await anext(stream, None)
