"""The blocking client: a socket for each thread, and on it one call after another.

It reads the socket only while a call waits, so nothing runs behind its caller's back. Made from `aio` by
`scripts/make_sync.py`: change that module, then run `make sync`.
"""

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from types import TracebackType
from typing import Self, Unpack, cast

from kilnmark.client.attempts import Uncancelled
from kilnmark.client.connection import Answered, Progressed
from kilnmark.client.dial import Places
from kilnmark.client.errors import BadReply
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
from kilnmark.client.sync_jobs import BlockingJobCalls
from kilnmark.client.sync_link import BlockingLinks
from kilnmark.client.timeouts import Timeouts
from kilnmark.client.tracing import render_span
from kilnmark.protocol.content.composition import Composition
from kilnmark.protocol.wire import methods
from kilnmark.protocol.wire.inspection import InspectionDocument
from kilnmark.protocol.wire.replies import (
    PingResult,
    Progress,
    RenderResult,
    ShutdownResult,
    WarmUpResult,
)
from kilnmark.protocol.wire.requests import (
    PingParams,
    RenderParams,
    ShutdownParams,
    StatusParams,
    WarmUpParams,
)
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["Client"]


class Client(BlockingJobCalls):
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
