"""What the worker notes while it paints: steps, switches by how they came, and what its caches were asked for."""

from pathlib import Path

from opentelemetry.trace import NoOpTracer

from kilnmark.engine.families.base import Base
from kilnmark.engine.noted import CacheNotes, DropNotes, Notes
from kilnmark.engine.run.render import Renderer
from kilnmark.engine.stack.member import member_of
from kilnmark.engine.stack.stack import Stacker
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.adapter import Adapter
from kilnmark.otel import names
from kilnmark.otel.drops import Drops
from kilnmark.protocol.wire.asides import Measurement
from tests.engine.commands import PLAIN


def test_each_switch_is_of_one_kind(base: Base, stacker: Stacker, healthy: Adapter, other: Adapter) -> None:
    first, second, third = (
        [member_of(adapter, scale, {}, base.blocks)]
        for adapter, scale in ((healthy, 0.31), (other, 0.37), (healthy, 0.41))
    )
    stacker.clear()
    kinds = []
    for members in (first, first, second, first, second, third, first, []):
        kinds.append(stacker.kind_of(members))
        stacker.switch(members)
    assert kinds == ["cold", "same", "cold", "flipped", "flipped", "cold", "cached", "cached"]


def test_a_render_notes_its_steps_and_its_switch(base: Base, adapters: Path) -> None:
    notes = Notes()
    renderer = Renderer(
        base,
        store=AdapterStore([adapters]),
        tracer=NoOpTracer(),
        tell=lambda _: None,
        is_cancelled=lambda _: False,
        notes=notes,
    )
    renderer.render(PLAIN)
    by = [(note.metric, note.attributes) for note in notes.take()]
    variant = {"render.variant": "standin"}
    assert by.count((names.STEP_DURATION.name, variant)) == by.count((names.STEPS.name, variant)) == 2
    assert [said for metric, said in by if metric == names.SWITCH_DURATION.name] == [{"flux_mlx.switch.kind": "same"}]
    assert notes.take() == []


def test_a_cache_is_noted_by_what_came_since_and_anew_where_it_is_another() -> None:
    notes = Notes()
    caches = CacheNotes(notes)
    for hits, misses in ((2, 1), (5, 1), (1, 0)):
        caches.look("stacks of dev", hits=hits, misses=misses, nbytes=7, cache="stack")
    asked = [note for note in notes.take() if note.metric == names.CACHE_REQUESTS.name]
    assert [(note.attributes["flux_mlx.cache.result"], note.value) for note in asked] == [
        ("hit", 2),
        ("miss", 1),
        ("hit", 3),
        ("hit", 1),
    ]
    assert isinstance(asked[0], Measurement)


def test_a_span_that_nobody_took_is_noted_once() -> None:
    notes, drops = Notes(), Drops()
    dropped = DropNotes(notes, drops)
    dropped.look()
    drops.add("traces", 3)
    dropped.look()
    dropped.look()
    assert notes.take() == [
        Measurement(metric=names.DROPPED.name, value=3, attributes={"flux_mlx.signal": "traces"}),
    ]
