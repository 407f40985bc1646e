"""Several bases under one budget: which is loaded, which leaves, and what is told of it.

Most of them are said to be as large as the standin, and are three small blocks: what they take is told, not measured.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec
import numpy as np
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, Tracer

from kilnmark.engine.bases import Bases
from kilnmark.engine.compute import active_bytes, precision
from kilnmark.engine.families.base import Base, load_origin
from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.engine.families.origins import find_origin
from kilnmark.engine.run.render import Renderer
from kilnmark.engine.stack.stack import Member
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.otel import names
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.spec import PictureSpec
from kilnmark.protocol.wire.memory import ColdSize, Limits
from kilnmark.protocol.wire.work import Holding, Left, LoadFailed, Loading, Ready
from tests.acceptance.installed.pinhole.engine import Pinhole
from tests.engine.small_layer import adapter as adapter_of
from tests.protocol.samples import BASE

SPEC = PictureSpec(prompt="kiln", negative_prompt=None, variant="a", seed=1, steps=1, guidance=3.5, width=32, height=32)
SIZE = find_origin("standin", "standin").nbytes(None, precision().size)
PLACES = dict.fromkeys("abc", "standin") | {"gone": "/nowhere/at-all"}


def mib(size: int) -> str:
    """As people are told: a base in bf16 has half the size of one in float32."""
    return f"{size / (1 << 20):,.0f}"


def small(origin: Origin, size: int = SIZE) -> Base:
    info = msgspec.structs.replace(BASE, variant=origin.name, memory_bytes=size)
    return Base(Pinhole(origin), origin.variant, info)


def computed(origin: Origin) -> Base:
    return load_origin(origin, None)


@dataclass
class Kiln:
    """Bases under a budget, with what they loaded and told."""

    budget: int
    load: Callable[[Origin], Base] = small
    tracer: Tracer = field(default_factory=NoOpTracer)
    told: list[Any] = field(default_factory=list)
    cold: dict[str, list[ColdSize]] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        limits = Limits(
            device_bytes=self.budget, base_bytes=self.budget, memory_bytes=0, cache_bytes=0, wired_bytes=None
        )
        self.bases = Bases(
            PLACES,
            None,
            limits,
            load=self._load,
            furnish=self._furnish,
            warming=self,
            tracer=self.tracer,
            tell=self.told.append,
        )

    def first(self, base: Base) -> None:
        self.told.append(f"{base.info.variant} is warm")

    def failures(self, variant: str) -> list[ColdSize]:
        return self.cold.get(variant, [])

    def _load(self, origin: Origin) -> Base:
        self.loaded.append(origin.name)
        return self.load(origin)

    def _furnish(self, base: Base) -> Renderer:
        return Renderer(
            base,
            store=AdapterStore([]),
            tracer=NoOpTracer(),
            tell=self.told.append,
            is_cancelled=lambda _: False,
        )

    @property
    def held(self) -> list[str]:
        """As it was told last, the least recently used first."""
        last = [event for event in self.told if isinstance(event, Holding)][-1]
        return [each.base.variant for each in last.memory.bases]

    @property
    def left(self) -> list[str]:
        return [event.variant for event in self.told if isinstance(event, Left)]


def test_a_base_is_loaded_when_it_is_first_asked_for_and_then_held() -> None:
    kiln = Kiln(budget=SIZE)
    assert kiln.bases.renderer("a") is kiln.bases.renderer("a")
    assert kiln.loaded == ["a"]
    assert [type(event) for event in kiln.told] == [Loading, Holding, Ready]


def test_as_many_as_fit_are_held() -> None:
    kiln = Kiln(budget=2 * SIZE)
    for variant in "ab":
        kiln.bases.renderer(variant)
    assert (kiln.held, kiln.left) == (["a", "b"], [])


def test_the_least_recently_used_leaves_first() -> None:
    kiln = Kiln(budget=2 * SIZE)
    for variant in "abac":
        kiln.bases.renderer(variant)
    assert (kiln.held, kiln.left) == (["a", "c"], ["b"])


def test_room_is_made_before_the_next_is_loaded() -> None:
    kiln = Kiln(budget=SIZE)
    for variant in "ab":
        kiln.bases.renderer(variant)
    second = kiln.told[3:]
    assert [type(event) for event in second] == [Loading, Left, Holding, Ready]


def test_one_that_exceeds_the_budget_alone_is_refused_with_both_figures_and_the_mend() -> None:
    tight = Kiln(budget=SIZE // 2)
    with pytest.raises(BaseUnavailable, match=rf"a needs {mib(SIZE)} MiB .* take {mib(SIZE // 2)} MiB; raise"):
        tight.bases.renderer("a")
    assert tight.loaded == []
    assert isinstance(tight.told[-1], LoadFailed)


def test_one_that_measures_more_than_the_budget_is_given_back_and_not_loaded_again() -> None:
    kiln = Kiln(budget=SIZE, load=lambda origin: small(origin, 2 * SIZE))
    for _ in range(2):
        with pytest.raises(BaseUnavailable, match=f"a needs {mib(2 * SIZE)} MiB"):
            kiln.bases.renderer("a")
    assert (kiln.loaded, kiln.held) == (["a"], [])


def test_one_that_measures_more_than_it_declared_drives_others_out() -> None:
    sizes = {"a": SIZE, "b": 2 * SIZE}
    kiln = Kiln(budget=2 * SIZE, load=lambda origin: small(origin, sizes[origin.name]))
    for variant in "ab":
        kiln.bases.renderer(variant)
    assert (kiln.held, kiln.left) == (["b"], ["a"])


def test_what_is_held_ready_for_an_idle_base_leaves_before_the_base_itself() -> None:
    kiln = Kiln(budget=2 * SIZE)
    kiln.bases.renderer("a")
    idle = kiln.bases.base("a")
    out, into = idle.shapes["film"]
    down, up = np.ones((1, into), np.float32), np.ones((out, 1), np.float32)
    idle.stacker.switch([Member(adapter_of(PairUpdate("film", down, up, 1.0, norm=1.0), "ink"), 1.0)])
    idle.prompts["a mill"] = (mx.zeros((1, 8, 4096)), mx.zeros((1, 768)))
    kiln.bases.rendered("a", [], 0)
    told = kiln.told[-1].memory.bases[0]
    assert (told.stack_bytes, told.prompt_bytes) == (idle.stacker.nbytes, 4 * (8 * 4096 + 768))
    assert told.stack_bytes > 0
    kiln.bases.renderer("b")
    assert (kiln.held, kiln.left, idle.extra_bytes, idle.stacker.key) == (["a", "b"], [], 0, ())


def test_one_that_cannot_be_loaded_costs_no_other() -> None:
    kiln = Kiln(budget=2 * SIZE)
    kiln.bases.renderer("a")
    with pytest.raises(BaseUnavailable, match="/nowhere/at-all"):
        kiln.bases.renderer("gone")
    failed = kiln.told[-1]
    assert isinstance(failed, LoadFailed)
    assert failed.variant == "gone"
    assert kiln.held == ["a"]


def test_warming_one_that_is_held_says_so_again() -> None:
    kiln = Kiln(budget=SIZE)
    for _ in range(2):
        kiln.bases.warm_up("a")
    assert [event.base.variant for event in kiln.told if isinstance(event, Ready)] == ["a", "a"]
    assert kiln.loaded == ["a"]


def test_one_that_is_warmed_up_is_warm_before_it_is_told_of_and_one_that_a_render_needs_is_not_kept_waiting() -> None:
    kiln = Kiln(budget=2 * SIZE)
    kiln.bases.warm_up("a")
    kiln.bases.renderer("b")
    told = [event if isinstance(event, str) else type(event) for event in kiln.told]
    assert told == [Loading, "a is warm", Holding, Ready, Loading, Holding, Ready]


def test_a_load_is_a_span_below_the_render_that_asked_for_it_and_an_error_when_it_is_refused() -> None:
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    kiln = Kiln(budget=SIZE, tracer=provider.get_tracer("test"))
    with provider.get_tracer("test").start_as_current_span("render") as render:
        kiln.bases.renderer("a")
        with pytest.raises(BaseUnavailable):
            kiln.bases.renderer("gone")
    held, refused, _ = exported.get_finished_spans()
    assert [span.parent == render.get_span_context() for span in (held, refused)] == [True, True]
    assert (held.attributes, held.status.is_ok) == ({names.RENDER_VARIANT: "a", names.RENDER_NUMERICS: "exact"}, True)
    assert refused.attributes == {names.RENDER_VARIANT: "gone", names.ERROR_TYPE: "base_unavailable"}
    assert not refused.status.is_ok


def test_a_base_tells_what_is_on_it_under_the_names_of_its_last_render(adapters: Path) -> None:
    kiln = Kiln(budget=SIZE + (1 << 20), load=computed)
    kiln.bases.renderer("a")
    base = kiln.bases.base("a")
    adapter = read_adapter(adapters / "healthy.safetensors", base.shapes)
    base.stacker.switch([Member(adapter, 0.5)])
    report = AdapterReport(name="ink", path="/p", sha256=adapter.sha256, verdict=Verdict.ENGAGED, reason="r")
    kiln.bases.rendered("a", [report], 0)
    (held,) = kiln.told[-1].memory.bases
    (on,) = held.adapters
    assert (on.name, on.sha256, on.scale) == ("ink", adapter.sha256, 0.5)
    assert held.declared_bytes == pytest.approx(held.base.memory_bytes, rel=0.01)


def test_a_base_tells_the_memory_of_its_last_render_and_of_its_largest() -> None:
    kiln = Kiln(budget=SIZE)
    kiln.bases.renderer("a")
    for peak in (5, 7, 6):
        kiln.bases.rendered("a", [], peak)
    (held,) = kiln.told[-1].memory.bases
    assert (held.peak_bytes, held.highest_peak_bytes) == (6, 7)


def test_a_base_tells_the_sizes_that_it_is_not_warm_at() -> None:
    kiln = Kiln(budget=SIZE)
    kiln.bases.warm_up("a")
    size = ColdSize(width=1024, height=768, reason="there is no more memory")
    kiln.cold["a"] = [size]
    kiln.bases.tell_what_is_held()
    assert [event.memory.bases[0].cold for event in kiln.told if isinstance(event, Holding)][-2:] == [[], [size]]


class _Nobody:
    def stepped(self, done: int) -> None:
        pass

    def denoised(self, latents: mx.array) -> None:
        pass


@pytest.mark.slow
def test_what_leaves_gives_its_memory_back_with_its_stack_and_its_prompts(adapters: Path) -> None:
    kiln = Kiln(budget=SIZE + (1 << 20), load=computed)
    before = active_bytes()
    for variant in "ab":
        kiln.bases.renderer(variant)
        base = kiln.bases.base(variant)
        base.stacker.switch([Member(read_adapter(adapters / "other.safetensors", base.shapes), 1.0)])
        base.generate(SPEC, _Nobody())
        del base
    assert kiln.left == ["a"]
    (left,) = (event for event in kiln.told if isinstance(event, Left))
    assert left.freed_bytes > SIZE
    stacker = kiln.bases.base("b").stacker
    stacker.switch([])
    assert active_bytes() - before == pytest.approx(SIZE + stacker.nbytes, abs=4 << 20)
