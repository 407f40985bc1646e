"""What one render leaves on its way: timings, spans, progress and reports.

It also asks, at each part, whether anybody still wants the picture.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, Self

import mlx.core as mx
from opentelemetry.context import Context
from opentelemetry.trace import Span, Tracer, get_current_span, set_span_in_context

from kilnmark.otel import names
from kilnmark.otel.carrier import context_from, trace_id_of
from kilnmark.otel.spans import describe, mark_failed
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import Cancelled, RenderFailed, RequestError
from kilnmark.protocol.wire.replies import Timings
from kilnmark.protocol.wire.work import RenderCommand, Stage, Stepped, StepSpans

__all__ = ["TRACED_STEP", "Glimpses", "PaintingTrail", "Trail"]

TRACED_STEP = 0.6
"""Seconds of a denoise step from which on it has a span, where nobody says so of all: 100 of them in a minute."""


def _unheeded(_: float) -> None:
    """Nobody measures steps."""


class Trail:
    """The trail of one render.

    Args:
        tracer: Its spans become children of the context the job carries.
        tell: Called with every step done.
        is_cancelled: Asked at every part.
        load_ms: How long the base had to be loaded before, in milliseconds.
        on_step: Called with the seconds that each denoise step took.
        step_spans: Whether each denoise step has a span; `auto`: those that are no more than 100 a minute.

    Attributes:
        job: What is painted.
        loras: The reports made so far, in stack order.
    """

    def __init__(
        self,
        job: RenderCommand,
        *,
        tracer: Tracer,
        tell: Callable[[Stepped], None],
        is_cancelled: Callable[[str], bool],
        load_ms: float = 0.0,
        on_step: Callable[[float], None] = _unheeded,
        step_spans: StepSpans = "off",
    ) -> None:
        self.on_step = on_step
        self._step_spans = step_spans
        self._inner: Span | None = None
        self.loras: list[AdapterReport] = []
        self.job = job
        self._context = context_from(job.traceparent, job.tracestate)
        self._tracer = tracer
        self._tell = tell
        self._is_cancelled = is_cancelled
        self._milliseconds: dict[str, float] = {"load_ms": load_ms}

    @property
    def trace_id(self) -> str:
        """Of the trace the job belongs to; empty when it belongs to none."""
        return trace_id_of(get_current_span(self._context))

    @property
    def timings(self) -> Timings:
        """The parts that ended so far."""
        return Timings(**self._milliseconds)

    def check(self) -> None:
        """Raises Cancelled when nobody wants the picture any more."""
        if self._is_cancelled(self.job.job_id):
            raise Cancelled("the render was cancelled", job_id=self.job.job_id)

    def tell(self, stage: Stage, step: int = 0) -> None:
        """Report progress: `step` denoise steps done, now in `stage`."""
        self._tell(Stepped(job_id=self.job.job_id, stage=stage, step=step, steps=self.job.steps))

    def open_span(self, name: str) -> Span:
        """A span the caller ends."""
        return self._tracer.start_span(name, context=self._context)

    def step_ended(self, step: int, seconds: float, sigma: float | None) -> None:
        """A denoise step is over: measured, and traced where that is wanted of steps that take so long.

        Args:
            step: Which, from 1.
            seconds: How long it took.
            sigma: The noise level at its beginning; None: the family does not say.
        """
        self.on_step(seconds)
        if self._inner is None or not self._traces_step(seconds):
            return
        now = time.time_ns()
        span = self._tracer.start_span(
            names.DENOISE_STEP, set_span_in_context(self._inner, Context()), start_time=now - round(seconds * 1e9)
        )
        describe(span, {names.STEP: step, names.STEP_SIGMA: sigma})
        span.end(now)

    def _traces_step(self, seconds: float) -> bool:
        return self._step_spans == "on" or (self._step_spans == "auto" and seconds >= TRACED_STEP)

    @contextmanager
    def part(self, stage: Stage, span_name: str | None = None, *, step: int = 0) -> Iterator[None]:
        """One part of the render: told, timed, and traced where it has a span of its own."""
        self.check()
        self.tell(stage, step)
        span = self._inner = self.open_span(span_name) if span_name else None
        began = time.monotonic()
        try:
            yield
        except Exception as error:
            if span is not None:
                kind = error.kind if isinstance(error, RequestError) else RenderFailed.kind
                mark_failed(span, kind, str(error))
            raise
        finally:
            self._milliseconds[f"{stage}_ms"] = round((time.monotonic() - began) * 1e3, 3)
            if span is not None:
                span.end()


class Glimpses(Protocol):
    """Who may want to see how far a picture is; `run.previews.Previews` is one."""

    @property
    def is_due(self) -> bool:
        """They want to see it now."""

    def show(self, job: RenderCommand, step: int, latents: mx.array) -> None:
        """What the picture of a job seems to come to after `step` denoise steps. Never raises."""


class PaintingTrail:
    """Follows the picture through mflux's loop, which runs denoising and decoding in one call (a `base.Watcher`).

    Args:
        trail: Of its render.
        steps: To do.
        glimpses: Who may want to see how far it is; None: nobody.
    """

    def __init__(self, trail: Trail, steps: int, glimpses: Glimpses | None = None) -> None:
        self._trail = trail
        self._steps = steps
        self._glimpses = glimpses
        self._part = trail.part("denoise", names.DENOISE)
        self._step_began: float | None = None
        self._done = 0
        self._sigmas: Sequence[float] = ()

    def __enter__(self) -> Self:
        self._part.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._part.__exit__(*error)  # type: ignore[arg-type]

    def scheduled(self, sigmas: Sequence[float]) -> None:
        """The noise level before each step."""
        self._sigmas = sigmas

    def stepped(self, done: int) -> None:
        """Raises Cancelled before the next step is computed."""
        self._trail.check()
        if self._step_began is None or done > self._done:  # whoever waits within a step may tell of it again
            self._step_ended()
            self._done = done
        if done:
            self._trail.tell("denoise", done)

    @property
    def wants_glimpse(self) -> bool:
        """Somebody looks."""
        return self._glimpses is not None and self._glimpses.is_due

    def glimpsed(self, latents: mx.array) -> None:
        """What it seems to come to, one step after the last that was told of."""
        if self._glimpses is not None:
            self._glimpses.show(self._trail.job, self._done + 1, latents)

    def _step_ended(self) -> None:
        """A step ends where the next begins, or decoding does: none begins before its latents are there."""
        now = time.monotonic()
        if self._step_began is not None:
            sigma = self._sigmas[self._done] if self._done < len(self._sigmas) else None
            self._trail.step_ended(self._done + 1, now - self._step_began, sigma)
        self._step_began = now

    def denoised(self, latents: mx.array) -> None:
        """Denoising is over, decoding begins.

        Raises:
            RenderFailed: the latents hold something that is no number; the picture would be black.
        """
        self._trail.tell("denoise", self._steps)
        self._step_ended()
        if not mx.isfinite(latents).all().item():
            raise RenderFailed("the latents are not finite, so the picture would be black; lower the scales")
        self._part.__exit__(None, None, None)
        self._part = self._trail.part("decode", names.DECODE, step=self._steps)
        self._part.__enter__()
