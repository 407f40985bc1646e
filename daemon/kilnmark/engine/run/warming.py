"""Sizes of pictures that are compiled before anybody asks for one, since kernels and traces are made for a size.

Each is painted once, by the way of every picture, with one step, and nothing is kept of it. The first is compiled
before a base counts as ready; the others while there is nothing else to do, and whatever comes goes first.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import mlx.core as mx
from opentelemetry.trace import Tracer

from kilnmark.engine.compute import backend
from kilnmark.engine.families.base import PREDICTED_PROMPT, Base
from kilnmark.engine.families.references import blank
from kilnmark.engine.stack.usual import usual_stack
from kilnmark.otel import names
from kilnmark.otel.spans import describe, mark_failed
from kilnmark.protocol.picture.spec import NUMBERS, PictureSize, PictureSpec
from kilnmark.protocol.wire.memory import ColdSize, CompilingInfo
from kilnmark.protocol.wire.work import Compiling

__all__ = ["Warming"]

log = logging.getLogger(__name__)

SMALLEST = PictureSize(32, 32)
"""Pixels; four tokens of FLUX.1."""


class _GivesWay(Exception):
    """Something else is to be done first."""


class _OneStep:
    """Watches a picture that nobody will see; it ends where something else is to be done."""

    def __init__(self, gives_way: Callable[[], bool]) -> None:
        self._gives_way = gives_way

    def stepped(self, _: int) -> None:
        if self._gives_way():
            raise _GivesWay

    def denoised(self, latents: mx.array) -> None:
        mx.eval(latents)
        self.stepped(1)


class Warming:
    """Compiles for the sizes that are planned, most used first.

    On a CPU a compiler takes a second for each kernel, and a large picture takes minutes. Where blocks are compiled,
    the first size is all there; where they are not, kernels are of no size, and the smallest picture has them all.

    Args:
        plan: Sizes by variant.
        find: Gives the base of a variant; None while it is not held.
        gives_way: Whether something else is to be done; asked between sizes and within one.
        tracer: For a span around each size.
        tell: Called with what is being compiled, and with nothing once it is over.
        on_failure: Called where a size could not be made warm after its base was told to be ready.
    """

    def __init__(
        self,
        plan: Mapping[str, Sequence[PictureSize]],
        *,
        find: Callable[[str], Base | None],
        gives_way: Callable[[], bool],
        tracer: Tracer,
        tell: Callable[[Compiling], None],
        on_failure: Callable[[], None],
    ) -> None:
        self._plan = dict(plan)
        self._find = find
        self._gives_way = gives_way
        self._tracer = tracer
        self._tell = tell
        self._on_failure = on_failure
        self._done: set[tuple[str, PictureSize]] = set()
        self._failed: dict[tuple[str, PictureSize], str] = {}

    def plan(self, variant: str, sizes: Sequence[PictureSize]) -> None:
        """These are the sizes of a variant from now on."""
        self._plan[variant] = sizes

    def loaded(self, variant: str) -> None:
        """A base was loaded, for which nothing is compiled yet."""
        self._done = {done for done in self._done if done[0] != variant}
        self._failed = {failed: why for failed, why in self._failed.items() if failed[0] != variant}

    def painted(self, variant: str, size: PictureSize) -> None:
        """A picture of that size was painted, so that it is warm."""
        self._done.add((variant, size))
        self._failed.pop((variant, size), None)

    def failures(self, variant: str) -> list[ColdSize]:
        """The sizes that a base could not be made warm at, and why."""
        failed = [(size, why) for (name, size), why in self._failed.items() if name == variant]
        return [ColdSize(width=size.width, height=size.height, reason=why) for size, why in failed]

    def first(self, base: Base) -> None:
        """Compile for the size that a base is used for most; nothing else goes before it.

        Compiled blocks have kernels of their own where a stack is on them, and for the small picture that a new adapter
        is probed by. These are made here too.
        """
        sizes = self._sizes(base)
        if not sizes or sizes[0] not in self._cold(base):
            return
        self._compile(base, sizes[0], _paint)
        if base.info.compiled:
            self._compile(base, sizes[0], _paint_with_an_adapter)

    def go_on(self) -> bool:
        """Compile for one more size. False: there is none, or something else is to be done."""
        for variant in self._plan:
            base = self._find(variant)
            if base is not None and (cold := self._cold(base)):
                went_on = self._compile(base, cold[0], partial(_paint, gives_way=self._gives_way))
                if (variant, cold[0]) in self._failed:
                    self._on_failure()
                return went_on and not self._gives_way()
        return False

    def _sizes(self, base: Base) -> Sequence[PictureSize]:
        """All that a base is to be warm at, most used first."""
        planned = self._plan.get(base.info.variant, ())
        if not planned or backend() != "cpu":
            return planned
        return [SMALLEST] if _is_of_no_size(base) else planned[:1]

    def _cold(self, base: Base) -> list[PictureSize]:
        done = {size for variant, size in self._done if variant == base.info.variant}
        return [] if done and _is_of_no_size(base) else [size for size in self._sizes(base) if size not in done]

    def _compile(self, base: Base, size: PictureSize, paint: Callable[[Base, PictureSize], None]) -> bool:
        """False where it gave way; then the size is as cold as before. What fails here would fail a render, too."""
        began = time.monotonic()
        self._tell(Compiling(what=self._info(base, size)))
        with self._tracer.start_as_current_span(names.COMPILE, record_exception=False) as span:
            describe(span, {names.RENDER_VARIANT: base.info.variant, names.RENDER_NUMERICS: base.info.numerics})
            describe(span, {names.RENDER_WIDTH: size.width, names.RENDER_HEIGHT: size.height})
            try:
                paint(base, size)
            except _GivesWay:
                return False
            except Exception as error:  # a render of that size is answered with it; the others are still to be warm
                log.exception("%s is not warm at %d x %d", base.info.variant, size.width, size.height)
                mark_failed(span, "render_failed", str(error))
                self._failed[base.info.variant, size] = str(error) or type(error).__name__
            else:
                seconds = time.monotonic() - began
                log.info("%s is warm at %d x %d after %.1f s", base.info.variant, size.width, size.height, seconds)
            finally:
                self._tell(Compiling(what=None))
        self._done.add((base.info.variant, size))
        return True

    def _info(self, base: Base, size: PictureSize) -> CompilingInfo:
        sizes = list(self._sizes(base))
        return CompilingInfo(
            variant=base.info.variant,
            width=size.width,
            height=size.height,
            precision=base.info.precision,
            number=sizes.index(size) + 1,
            count=len(sizes),
        )


def _is_of_no_size(base: Base) -> bool:
    """Whether any picture makes all the kernels that another needs."""
    return backend() == "cpu" and not base.info.compiled


def _never() -> bool:
    """Nothing else goes before it."""
    return False


def _paint(base: Base, size: PictureSize, gives_way: Callable[[], bool] = _never) -> None:
    watcher = _OneStep(gives_way)
    if base.variant.needs_reference:  # whose tokens make a step one of another shape
        mx.eval(base.generate_beside([blank(size)], _picture(base, size), watcher))
    else:
        mx.eval(base.generate(_picture(base, size), watcher))


def _paint_with_an_adapter(base: Base, size: PictureSize) -> None:
    """As a render does whose adapter is new, and therefore probed: without and with it."""
    base.predict()
    with base.stacker.aside(usual_stack(base.shapes), hold=False):
        _paint(base, size)
        base.predict()


def _picture(base: Base, size: PictureSize) -> PictureSpec:
    """What its variant makes of nothing but a size, in one step."""
    usual = {name: getattr(base.variant, name) for name in NUMBERS}
    return PictureSpec(
        **{**usual, **size._asdict(), "steps": 1},
        prompt=PREDICTED_PROMPT,
        negative_prompt=None,
        variant=base.info.variant,
        seed=0,
    )
