"""One render from order to picture: read and judge the stack, put it on, and paint.

Nothing is painted before every adapter has been judged, and whatever goes wrong leaves the base as it was.
"""

import logging
import time
from collections.abc import Callable, Sequence

from opentelemetry.trace import Span, Tracer
from PIL.Image import Image

from kilnmark.engine.base import Ask, Base
from kilnmark.engine.effect import Effect, name_cancelled
from kilnmark.engine.saver import Painting
from kilnmark.engine.stack import Member
from kilnmark.engine.store import AdapterStore
from kilnmark.engine.trail import PaintingTrail, Trail
from kilnmark.keymaps.engagement import describe_refusal
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.otel import names
from kilnmark.otel.spans import describe_adapter
from kilnmark.protocol.errors import AdapterNotEngaged, AdapterRefused, RenderFailed, RequestError
from kilnmark.protocol.report import AdapterReport, Verdict
from kilnmark.protocol.work import Failed, RenderJob, Stepped

__all__ = ["Renderer"]

log = logging.getLogger(__name__)


class Renderer:
    """Renders on one base, one job at a time.

    Args:
        base: The base, with no stack on it yet.
        store: Where adapters are read and held.
        tracer: For the spans of a render's parts.
        tell: Called with every step done.
        is_cancelled: Asked at every part, and before every denoise step is computed.
    """

    def __init__(
        self,
        base: Base,
        *,
        store: AdapterStore,
        tracer: Tracer,
        tell: Callable[[Stepped], None],
        is_cancelled: Callable[[str], bool],
    ) -> None:
        self._base = base
        self._effect = Effect(base.slots)
        self._store = store
        self._tracer = tracer
        self._tell = tell
        self._is_cancelled = is_cancelled

    def render(self, job: RenderJob, *, load_ms: float = 0.0) -> Painting | Failed:
        """Paint one picture. Never raises: what goes wrong is the outcome.

        Args:
            job: What to paint.
            load_ms: How long the base had to be loaded for it, in milliseconds.
        """
        trail = Trail(job, tracer=self._tracer, tell=self._tell, is_cancelled=self._is_cancelled, load_ms=load_ms)
        try:
            return self._paint(job, trail)
        except RequestError as error:
            return Failed(job_id=job.job_id, code=error.code, message=error.message, loras=trail.loras)
        except Exception as error:  # MLX and mflux raise what they like; the base is untouched all the same
            log.exception("render %s failed", job.job_id)
            message = f"the engine failed while rendering: {type(error).__name__}: {error}"
            return Failed(job_id=job.job_id, code=RenderFailed.code, message=message, loras=trail.loras)

    def _paint(self, job: RenderJob, trail: Trail) -> Painting:
        with trail.part("adapters"):
            members = self._judge(job, trail)
            trail.check()
            self._base.stacker.switch(members)
        with self._store.pinned([member.adapter for member in members]):
            image = self._painted(job, trail)
        warnings = tuple(_warnings(trail.loras))
        return Painting(job, trail, image, self._base.info, warnings, is_standin=self._base.is_standin)

    def _painted(self, job: RenderJob, trail: Trail) -> Image:
        """The picture, with the stack that is on the base."""
        with trail.part("encode", names.ENCODE):
            self._base.encode(job.prompt)
        ask = Ask(
            prompt=job.prompt,
            seed=job.seed,
            steps=job.steps,
            guidance=job.guidance,
            width=job.width,
            height=job.height,
        )
        with PaintingTrail(trail, job.steps) as watcher:
            return self._base.generate(ask, watcher)

    def _judge(self, job: RenderJob, trail: Trail) -> list[Member]:
        """Read every adapter and judge it. The members returned are those to put on the base.

        Raises:
            AdapterRefused, AdapterNotEngaged: the job wants its whole stack or nothing.
        """
        spans: list[tuple[Span, int]] = []
        members: list[Member | None] = []
        reports: list[AdapterReport] = []
        try:
            for name, path, scale in zip(job.lora_names, job.lora_paths, job.lora_scales, strict=True):
                trail.check()
                span = trail.open_span(names.LORA_APPLY)
                member, report = self._read(name, path, scale)
                spans.append((span, time.time_ns()))
                members.append(member)
                reports.append(report)
            reports = name_cancelled([member for member in members if member is not None], reports)
        finally:
            trail.loras.extend(reports)
            for (span, ended), report in zip(spans, reports, strict=True):
                describe_adapter(span, report)
                span.end(ended)
        if job.on_mismatch == "error":
            _refuse_unengaged(reports)
        return [
            member
            for member, report in zip(members, reports, strict=True)
            if member is not None and report.verdict in (Verdict.ENGAGED, Verdict.PARTIAL)
        ]

    def _read(self, name: str, path: str, scale: float) -> tuple[Member | None, AdapterReport]:
        try:
            adapter = self._store.get(path, self._base.shapes)
            return Member(adapter, scale), self._effect.assess(adapter, name, scale)
        except RefusedFile as error:
            return None, describe_refusal(name, path, scale, error)


def _refuse_unengaged(reports: Sequence[AdapterReport]) -> None:
    accused = _warnings(reports)
    if accused:
        refused = any(report.verdict is Verdict.REFUSED for report in reports)
        said = f"{len(accused)} of {len(reports)} adapters: {'; '.join(accused)}"
        raise (AdapterRefused if refused else AdapterNotEngaged)(said)


def _warnings(reports: Sequence[AdapterReport]) -> list[str]:
    """One sentence for every adapter that did not engage."""
    return [
        f"{report.name} is {report.verdict}: {report.reason}"
        for report in reports
        if report.verdict is not Verdict.ENGAGED
    ]
