"""What is measured of bases and of what is held for them, looked at after each render."""

from kilnmark.engine.bases import Bases
from kilnmark.engine.noted import CacheNotes, DropNotes, Notes
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.otel.drops import Drops
from kilnmark.otel.names import COMPILE_TRACES, RENDER_VARIANT
from kilnmark.protocol.wire.asides import Noted
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["WorkerMeasuring"]


class WorkerMeasuring:
    """Looks at the caches of one worker.

    Args:
        bases: That it holds.
        store: Of its adapters.
        notes: Where everything that is measured goes.
        drops: What nobody took of the worker's own spans.
    """

    def __init__(self, bases: Bases, store: AdapterStore, notes: Notes, drops: Drops) -> None:
        self._bases = bases
        self._store = store
        self._notes = notes
        self._caches = CacheNotes(notes)
        self._drops = DropNotes(notes, drops)
        self._traces: dict[str, int] = {}

    def noted(self, job: RenderCommand) -> Noted:
        """All that was measured since it was last asked.

        Args:
            job: The render that has just been painted, or has failed.
        """
        store = self._store
        self._caches.look("adapters", cache="adapter", hits=store.hits, misses=store.misses, nbytes=store.nbytes)
        if (base := self._bases.find(job.variant)) is not None:
            stacker, prompts, name = base.stacker, base.prompts, base.info.variant
            self._caches.look(
                f"stacks of {name}", cache="stack", hits=stacker.hits, misses=stacker.builds, nbytes=stacker.nbytes
            )
            self._caches.look(
                f"prompts of {name}", cache="prompt", hits=prompts.hits, misses=prompts.misses, nbytes=prompts.nbytes
            )
            if more := base.traces - self._traces.get(name, 0):
                self._notes.add(COMPILE_TRACES, more, {RENDER_VARIANT: base.variant.name})
            self._traces[name] = base.traces
        self._drops.look()
        return Noted(notes=self._notes.take(), traceparent=job.traceparent)
