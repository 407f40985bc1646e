"""The bases that are warm: loaded when they are asked for, under a budget in bytes, the least recently used out first.

Which base leaves and whether another fits is decided here and nowhere else. How one is loaded is `base`'s to know, and
rendering is serial: whoever asks for a base has none under way, so that only the one asked for must not leave.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import mlx.core as mx
from opentelemetry.trace import Tracer

from kilnmark.engine.compute import active_bytes, backend, other_bytes, precision
from kilnmark.engine.families.base import Base
from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.engine.families.origins import find_origin
from kilnmark.engine.kernels import kernel_folder
from kilnmark.engine.run.render import Renderer
from kilnmark.otel import names
from kilnmark.otel.spans import describe, mark_failed
from kilnmark.protocol.picture.block_scales import REST
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.memory import ColdSize, HeldAdapter, HeldBase, Limits, MemoryInfo
from kilnmark.protocol.wire.work import Holding, Left, LoadFailed, Loading, Ready

__all__ = ["Bases", "Warms"]

log = logging.getLogger(__name__)

_MIB = 1 << 20


@dataclass(slots=True)
class _WarmBase:
    """One warm base with what renders on it.

    Attributes:
        names: Those of its adapters, by content hash.
        peak, highest_peak: In bytes, of its last render and of all.
    """

    base: Base
    renderer: Renderer
    declared: int
    last_used: datetime
    names: dict[str, str] = field(default_factory=dict)
    peak: int = 0
    highest_peak: int = 0


class Warms(Protocol):
    """What makes bases warm; `warming.Warming` is one."""

    def first(self, base: Base, /) -> None:
        """Make a base warm at the size that it is used for most."""

    def failures(self, variant: str, /) -> list[ColdSize]:
        """The sizes that a base could not be made warm at, and why."""


class Bases:
    """Gives the base of a variant, and tells of everything that this changes.

    Args:
        places: Where each variant is: a name of the catalog, or a directory.
        quantize: Bits for those that are not stored quantized.
        limits: `base_bytes` is the budget.
        load: Loads what an origin says, or raises BaseUnavailable.
        furnish: Makes what renders on a base.
        warming: Makes a base warm before it counts as ready, and knows at which sizes it could not.
        tracer: For a span around each load.
        tell: Called with `Loading`, `Left`, `Holding` and `Ready` or `LoadFailed`.
    """

    def __init__(
        self,
        places: Mapping[str, str],
        quantize: int | None,
        limits: Limits,
        *,
        load: Callable[[Origin], Base],
        furnish: Callable[[Base], Renderer],
        warming: Warms,
        tracer: Tracer,
        tell: Callable[[Loading | Left | Holding | Ready | LoadFailed], None],
    ) -> None:
        self._places = places
        self._quantize = quantize
        self._limits = limits
        self._load = load
        self._furnish = furnish
        self._warming = warming
        self._tracer = tracer
        self._tell = tell
        self._held: OrderedDict[str, _WarmBase] = OrderedDict()
        self._measured: dict[tuple[str, int], int] = {}

    def renderer(self, variant: str) -> Renderer:
        """What renders on a variant's base, which is loaded where it is not held.

        Raises:
            BaseUnavailable: it cannot be held. What left to make room for it stays away.
        """
        if variant not in self._held:
            self._take_in(variant)
            self._tell_ready(variant)
        held = self._held[variant]
        held.last_used = datetime.now(UTC)
        self._held.move_to_end(variant)
        return held.renderer

    def base(self, variant: str) -> Base:
        """A base that is held. Raises KeyError when it is not."""
        return self._held[variant].base

    def find(self, variant: str) -> Base | None:
        """A base, from any thread; None while it is not held."""
        held = self._held.get(variant)
        return held.base if held else None

    def warm_up(self, variant: str) -> None:
        """Hold a base, let it be warm, and tell of it, also when it was held already.

        Raises:
            BaseUnavailable: As `renderer` does.
        """
        if variant not in self._held:
            self._take_in(variant)
        self._warming.first(self.base(variant))
        self.renderer(variant)
        self._tell_ready(variant)

    def rendered(self, variant: str, reports: Sequence[AdapterReport], peak_bytes: int) -> None:
        """A render on this base has ended, its adapters have these names, and so much memory was in use at once."""
        held = self._held[variant]
        held.names |= {report.sha256: report.name for report in reports}
        held.peak, held.highest_peak = peak_bytes, max(peak_bytes, held.highest_peak)
        self.tell_what_is_held()

    def tell_what_is_held(self) -> None:
        """Tell of all bases as they are now."""
        info = MemoryInfo(
            limits=self._limits,
            active_bytes=mx.get_active_memory(),
            cached_bytes=mx.get_cache_memory(),
            bases=[_describe(held, self._warming.failures(variant)) for variant, held in self._held.items()],
            kernel_folder=kernel_folder(),
            other_bytes=other_bytes(),
        )
        self._tell(Holding(memory=info))

    def _take_in(self, variant: str) -> None:
        self._tell(Loading(variant=variant, backend=backend()))
        problem = self._try_to_load(variant)
        if problem is not None:
            active_bytes()  # gives back what was loaded until then
            self.tell_what_is_held()
            self._tell(LoadFailed(variant=variant, message=problem))
            raise BaseUnavailable(problem)

    def _tell_ready(self, variant: str) -> None:
        self.tell_what_is_held()
        self._tell(Ready(base=self.base(variant).info))

    def _try_to_load(self, variant: str) -> str | None:
        """Load a base, or say why not, and no more of it: what was loaded hangs on the error's traceback."""
        began = time.monotonic()
        with self._tracer.start_as_current_span(
            names.LOAD_MODEL, record_exception=False, set_status_on_exception=False
        ) as span:
            describe(span, {names.RENDER_VARIANT: variant})
            try:
                self._held[variant] = self._loaded(variant)
            except BaseUnavailable as error:
                mark_failed(span, "base_unavailable", str(error))
                return str(error)
            describe(span, {names.RENDER_NUMERICS: self.base(variant).info.numerics})
        log.info("%s is warm after %.1f s", variant, time.monotonic() - began)
        return None

    def _loaded(self, variant: str) -> _WarmBase:
        """A base that fits before it is loaded, and still when it is measured."""
        origin = find_origin(variant, self._places[variant])
        declared = origin.nbytes(self._quantize, precision().size)
        self._make_room(variant, self._measured.get((variant, declared), declared))
        base = self._load(origin)
        self._measured[variant, declared] = base.info.memory_bytes
        self._make_room(variant, base.info.memory_bytes)
        return _WarmBase(base, self._furnish(base), declared, datetime.now(UTC))

    def _make_room(self, variant: str, needed: int) -> None:
        budget = self._limits.base_bytes
        if needed > budget:
            raise BaseUnavailable(
                f"{variant} needs {needed / _MIB:,.0f} MiB and all bases together may take {budget / _MIB:,.0f} MiB; "
                "raise base_memory (`kilnmark serve --base-memory`), or quantize it to fewer bits"
            )
        for other in self._held:
            if needed + self._held_bytes() > budget:
                self.base(other).let_go()
        while needed + self._held_bytes() > budget:
            self._let_leave(next(iter(self._held)))

    def _held_bytes(self) -> int:
        """Of all bases with what is held ready for them."""
        return sum(held.base.info.memory_bytes + held.base.extra_bytes for held in self._held.values())

    def _let_leave(self, variant: str) -> None:
        before = mx.get_active_memory()
        del self._held[variant]
        self._tell(Left(variant=variant, freed_bytes=before - active_bytes()))


def _describe(held: _WarmBase, cold: list[ColdSize]) -> HeldBase:
    return HeldBase(
        base=held.base.info,
        declared_bytes=held.declared,
        stack_bytes=held.base.stacker.nbytes,
        prompt_bytes=held.base.prompt_bytes,
        last_used=held.last_used.isoformat(timespec="milliseconds"),
        adapters=[
            HeldAdapter(
                name=held.names.get(sha256, sha256),
                sha256=sha256,
                scale=scale,
                block_scales={each.blocks: each.scale for each in reached if each.blocks != REST},
            )
            for sha256, scale, reached in held.base.stacker.key
        ],
        peak_bytes=held.peak,
        highest_peak_bytes=held.highest_peak,
        cold=cold,
    )
