"""How long the steps of a render take in one worker process, and how long the next may take at most.

What was seen is kept by base and size for as long as the process lives, since another one begins with cold kernels. No
timer is here and no decision: `watch` waits, and is told for how long.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median

from msgspec import UNSET

from kilnmark.protocol.picture.given import first_step
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.pace import PaceInfo

__all__ = ["FIRST_STEP_FACTOR", "LEAST", "MARGIN", "Paces", "StepBound"]

MARGIN = 10
"""A step may take this many times what is usual."""

LEAST = 30.0
"""Seconds that every step may take, however quick the others were: a machine may be busy, or page."""

FIRST_STEP_FACTOR = 4
"""How much longer the first step of a render may take: it may have to compile kernels for another stack."""

REMEMBERED = 51
"""Steps of one kind of which the median is taken."""

_Kind = tuple[str, int, int, str]
"""Base, width, height and stage."""

_NOWHERE = (-1, 0)
"""Before the first stage."""


@dataclass(frozen=True)
class StepBound:
    """How long something may take.

    Attributes:
        seconds: Until it counts as hung.
        usual: What it usually takes, in seconds; None: that is not known.
        what: That it is, for people.
    """

    seconds: float
    usual: float | None = None
    what: str = ""

    def __str__(self) -> str:
        """As a clause behind `no progress`."""
        told = f"for {round(self.seconds, 1 if self.seconds >= 1 else 3):g} seconds"
        return told if self.usual is None else f"{told}, where {self.what} takes {max(self.usual, 0.001):.2g} s"


class Paces:
    """The steps of one worker process after another: `forget` between them."""

    def __init__(self) -> None:
        self._took: dict[_Kind, deque[float]] = {}
        self._job: work.RenderCommand | None = None
        self._last: tuple[work.Stepped, float] | None = None
        self._place = _NOWHERE

    def forget(self) -> None:
        """Another process begins, which knows no size yet."""
        self._took.clear()
        self.interrupt()
        self._job = None

    @property
    def info(self) -> list[PaceInfo]:
        """What was seen, as `status` tells it."""
        return [
            PaceInfo(
                variant=variant,
                width=width,
                height=height,
                step_ms=round(1000 * median(took), 3),
                decode_ms=None if decoding is None else round(1000 * median(decoding), 3),
            )
            for (variant, width, height, stage), took in self._took.items()
            if stage == "denoise"
            for decoding in [self._took.get((variant, width, height, "decode"))]
        ]

    def begin(self, job: work.RenderCommand) -> None:
        """A render begins."""
        self._job, self._last, self._place = job, None, _NOWHERE

    def interrupt(self) -> None:
        """Time went by that is no step's."""
        self._last = None

    def stepped(self, event: work.Stepped, now: float) -> bool:
        """The render told how far it is, at this moment of the loop; whether that is further than before."""
        if (place := (work.STAGES.index(event.stage), event.step)) <= self._place:
            return False
        self._place = place
        if self._last is not None:
            before, then = self._last
            is_next = before.stage == event.stage == "denoise" and event.step == before.step + 1
            if is_next and before.step >= self._first:
                self._note("denoise", now - then)
        self._last = event, now
        return True

    def painted(self, now: float) -> None:
        """Its picture is in memory."""
        if self._last is not None and self._last[0].stage == "decode":
            self._note("decode", now - self._last[1])
        self._last = None

    def bound(self, unknown: float) -> StepBound:
        """How long it may take until the next sign of progress.

        Args:
            unknown: What is given where nothing is known, in seconds; never less than what `LEAST` comes to.
        """
        if self._job is None or self._last is None:
            return StepBound(unknown)
        event = self._last[0]
        took = self._took.get(self._kind(event.stage))
        if not took:
            return StepBound(unknown)
        usual = median(took)
        seconds = max(min(LEAST, unknown), MARGIN * usual)
        if event.stage == "denoise" and event.step <= self._first:
            seconds *= FIRST_STEP_FACTOR
        what = "decoding" if event.stage == "decode" else "a step"
        size = f"{self._job.width}x{self._job.height}"
        return StepBound(seconds, usual, f"{what} of {size} on {self._job.variant}")

    @property
    def _first(self) -> int:
        """The first step that the render computes: one that starts from a picture leaves some out, and tells it."""
        job = self._job
        return 0 if job is None or job.strength is UNSET else first_step(job.steps, job.strength)

    def _note(self, stage: str, seconds: float) -> None:
        self._took.setdefault(self._kind(stage), deque(maxlen=REMEMBERED)).append(seconds)

    def _kind(self, stage: str) -> _Kind:
        job = self._job
        return ("", 0, 0, stage) if job is None else (job.variant, job.width, job.height, stage)
