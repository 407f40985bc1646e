"""One render from command to picture: read and judge the stack, put it on, and paint.

Nothing is painted before every adapter has been judged, and whatever goes wrong leaves the base as it was.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import mlx.core as mx
import numpy as np
from opentelemetry.trace import Tracer
from PIL import Image

from kilnmark.engine.ends import failed
from kilnmark.engine.families.base import Base
from kilnmark.engine.noted import Notes
from kilnmark.engine.proof.judge import Judge
from kilnmark.engine.run.given import PictureReader
from kilnmark.engine.run.previews import Previews
from kilnmark.engine.run.saver import Painting
from kilnmark.engine.stack.member import Member
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.engine.trail import PaintingTrail, Trail
from kilnmark.otel import names
from kilnmark.otel.names.definitions import AttributeName
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.work import Failed, RenderCommand, Stepped

__all__ = ["Renderer"]

log = logging.getLogger(__name__)


def _nothing() -> None:
    """Nothing else is to be done."""


class Renderer:
    """Renders on one base, one job at a time.

    Args:
        base: The base, with no stack on it yet.
        store: Where adapters are read and held.
        tracer: For the spans of a render's parts.
        tell: Called with every step done.
        is_cancelled: Asked at every part, and before every denoise step is computed.
        meanwhile: Called while the device decodes the picture; it must never raise, nor wait for the device.
        pictures: Reads those that renders start from; None: none may be read.
        notes: Takes what is measured; None: nobody is told.

    Attributes:
        previews: Shows pictures of renders under way; None: nobody looks at any.
    """

    def __init__(
        self,
        base: Base,
        *,
        store: AdapterStore,
        tracer: Tracer,
        tell: Callable[[Stepped], None],
        is_cancelled: Callable[[str], bool],
        meanwhile: Callable[[], None] = _nothing,
        pictures: PictureReader | None = None,
        notes: Notes | None = None,
    ) -> None:
        self._base = base
        self._judge = Judge(base, store)
        self._store = store
        self._tracer = tracer
        self._tell = tell
        self._is_cancelled = is_cancelled
        self._meanwhile = meanwhile
        self._pictures = pictures or PictureReader()
        self._notes = notes or Notes()
        self.previews: Previews | None = None
        self._variant: dict[AttributeName, str] = {names.RENDER_VARIANT: base.variant.name}

    def render(self, job: RenderCommand, *, load_ms: float = 0.0) -> Painting | Failed:
        """Paint one picture. Never raises: what goes wrong is the outcome.

        Args:
            job: What to paint.
            load_ms: How long the base had to be loaded for it, in milliseconds.
        """
        trail = Trail(
            job,
            tracer=self._tracer,
            tell=self._tell,
            is_cancelled=self._is_cancelled,
            load_ms=load_ms,
            on_step=partial(_note_step, self._notes, self._variant),  # a picture outlives what painted it
            step_spans=self._notes.step_spans,
        )
        try:
            return self._paint(job, trail)
        except KilnmarkError as error:
            return failed(job.job_id, error, trail.loras)
        except Exception as error:  # MLX and mflux raise what they like; the base is untouched all the same
            log.exception("render %s failed", job.job_id)
            smaller = "fewer or smaller references, a smaller picture" if job.reference_files else "a smaller picture"
            return failed(job.job_id, error, trail.loras, doing=f"rendering {job.worked_on}", smaller=smaller)

    def _paint(self, job: RenderCommand, trail: Trail) -> Painting:
        with trail.part("adapters"):
            members, stack_ratio, warnings = self._judge.judge(job, trail)
            trail.check()
            self._switch(members)
        with self._store.pinned([member.adapter for member in members]):
            image = self._painted(job, trail)
        return Painting(
            job,
            trail,
            image,
            self._base.info,
            warnings=tuple(warnings),
            stack_ratio=stack_ratio,
            is_standin=self._base.is_standin,
        )

    def _switch(self, members: Sequence[Member]) -> None:
        kind: dict[AttributeName, str] = {names.SWITCH_KIND: self._base.stacker.kind_of(members)}
        began = time.monotonic()
        self._base.stacker.switch(members)
        self._notes.add(names.SWITCH_DURATION, time.monotonic() - began, kind)
        self._notes.add(names.SWITCHES, 1, kind | self._variant)

    def _painted(self, job: RenderCommand, trail: Trail) -> Image.Image:
        """The picture, with the stack that is on the base."""
        with trail.part("encode", names.ENCODE):
            start, references = self._pictures.start(job), self._pictures.references(job)
            self._base.encode(job.prompt, job.negative_prompt)
        with PaintingTrail(trail, job.steps, self.previews) as watcher:
            if references:
                pixels = self._base.generate_beside(references, job, watcher)
            elif start is not None:
                pixels = self._base.generate_from(start, job, watcher)
            else:
                pixels = self._base.generate(job, watcher)
            mx.async_eval(pixels)
            self._meanwhile()
            return Image.fromarray(np.array(pixels))


def _note_step(notes: Notes, variant: Mapping[AttributeName, str], seconds: float) -> None:
    notes.add(names.STEP_DURATION, seconds, variant)
    notes.add(names.STEPS, 1, variant)
