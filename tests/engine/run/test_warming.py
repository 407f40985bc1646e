"""Sizes that are made warm before anybody asks: which, in which order, and that nothing waits for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, Tracer

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.family import Watcher
from kilnmark.engine.families.references import Reference
from kilnmark.engine.run import warming
from kilnmark.engine.run.warming import Warming
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter
from kilnmark.otel import names
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.spec import PictureSize, PictureSpec
from kilnmark.protocol.wire.memory import ColdSize, CompilingInfo
from kilnmark.protocol.wire.work import Compiling

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first

SMALL, WIDE, TALL = PictureSize(32, 32), PictureSize(48, 32), PictureSize(32, 48)


class Painted(Base):
    """A standin's base that writes down what it paints instead of doing so."""

    def __init__(self, base: Base, *, compiled: bool = False) -> None:
        super().__init__(base.model, base.variant, msgspec.structs.replace(base.info, compiled=compiled))
        self.specs: list[PictureSpec] = []
        self.stacks: list[int] = []
        self.probed: list[int] = []
        self.shown: list[PictureSize] = []
        self.fails: set[PictureSize] = set()

    def generate(self, spec: PictureSpec, watcher: Watcher) -> mx.array:
        self.specs.append(spec)
        self.stacks.append(len(self.stacker.key))
        watcher.stepped(0)
        watcher.denoised(mx.zeros(1))
        if (spec.width, spec.height) in self.fails:
            raise RuntimeError("there is no more memory")
        return mx.zeros(1)

    def generate_beside(self, references: Sequence[Reference], spec: PictureSpec, watcher: Watcher) -> mx.array:
        self.shown += [reference.size for reference in references]
        return self.generate(spec, watcher)

    def predict(self) -> mx.array:
        self.probed.append(len(self.stacker.key))
        return mx.zeros(1)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        return [(spec.width, spec.height) for spec in self.specs]


@pytest.fixture(autouse=True)
def _on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each size has its own kernels."""
    monkeypatch.setattr(warming, "backend", lambda: "metal")


@dataclass
class Kiln:
    """A worker's warming of one base."""

    base: Base
    plan: list[PictureSize]
    gives_way: Callable[[], bool] = lambda: False
    tracer: Tracer = field(default_factory=NoOpTracer)
    told: list[CompilingInfo | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_held = True
        self.failures: list[list[ColdSize]] = []
        self.warming = Warming(
            {self.base.info.variant: self.plan},
            find=lambda _: self.base if self.is_held else None,
            gives_way=self.gives_way,
            tracer=self.tracer,
            tell=self._tell,
            on_failure=self._fail,
        )

    def _tell(self, event: Compiling) -> None:
        self.told.append(event.what)

    def _fail(self) -> None:
        self.failures.append(self.warming.failures(self.base.info.variant))

    def go_on_to_the_end(self) -> None:
        while self.warming.go_on():
            pass


def test_a_base_that_paints_nothing_without_a_reference_is_made_warm_beside_one_of_each_size(base: Base) -> None:
    painted = Painted(base)
    painted.variant = VARIANTS["standin:kontext-dev"]
    kiln = Kiln(painted, [WIDE, SMALL])
    kiln.warming.first(painted)
    kiln.go_on_to_the_end()
    assert painted.sizes == painted.shown == [WIDE, SMALL]


def test_the_first_size_is_compiled_before_the_base_is_ready_and_the_others_one_at_a_time(base: Base) -> None:
    painted = Painted(base)
    kiln = Kiln(painted, [WIDE, SMALL, TALL])
    kiln.warming.first(painted)
    assert painted.sizes == [WIDE]
    assert kiln.warming.go_on()
    assert painted.sizes == [WIDE, SMALL]
    kiln.go_on_to_the_end()
    assert painted.sizes == [WIDE, SMALL, TALL]


def test_each_takes_one_step_of_what_its_variant_paints(base: Base) -> None:
    painted = Painted(base)
    Kiln(painted, [WIDE]).warming.first(painted)
    (spec,) = painted.specs
    assert (spec.steps, spec.settings["guidance"], spec.variant) == (1, 3.5, "standin")


def test_what_is_being_compiled_is_told_and_that_it_is_over(base: Base) -> None:
    kiln = Kiln(Painted(base), [SMALL, WIDE])
    kiln.go_on_to_the_end()
    told = [(what.width, what.height, what.number, what.count) if what else None for what in kiln.told]
    assert told == [(32, 32, 1, 2), None, (48, 32, 2, 2), None]
    (first, *_) = kiln.told
    assert first is not None
    assert (first.variant, first.precision) == ("standin", base.info.precision)


@pytest.mark.parametrize("asked_at", [1, 2])
def test_whatever_comes_goes_first_and_the_size_is_compiled_afterwards(base: Base, asked_at: int) -> None:
    answers = iter([*[False] * (asked_at - 1), True])
    painted = Painted(base)
    kiln = Kiln(painted, [SMALL, WIDE], lambda: next(answers, False))
    assert not kiln.warming.go_on()
    assert kiln.told[-1] is None
    kiln.go_on_to_the_end()
    assert painted.sizes == [SMALL, SMALL, WIDE]


def test_a_size_that_was_painted_is_warm_already(base: Base) -> None:
    painted = Painted(base)
    kiln = Kiln(painted, [SMALL, WIDE])
    kiln.warming.painted("standin", SMALL)
    kiln.warming.first(painted)
    kiln.go_on_to_the_end()
    assert painted.sizes == [WIDE]


def test_a_base_that_was_loaded_anew_is_cold_again_and_another_is_not(base: Base) -> None:
    painted = Painted(base)
    kiln = Kiln(painted, [SMALL])
    kiln.go_on_to_the_end()
    kiln.warming.loaded("dev")
    kiln.go_on_to_the_end()
    assert painted.sizes == [SMALL]
    kiln.warming.loaded("standin")
    kiln.go_on_to_the_end()
    assert painted.sizes == [SMALL, SMALL]


def test_nothing_is_done_for_a_base_that_is_not_held(base: Base) -> None:
    painted = Painted(base)
    kiln = Kiln(painted, [SMALL])
    kiln.is_held = False
    assert not kiln.warming.go_on()
    assert painted.sizes == []


def test_a_new_plan_adds_what_is_new_in_it(base: Base) -> None:
    painted = Painted(base)
    kiln = Kiln(painted, [SMALL])
    kiln.go_on_to_the_end()
    kiln.warming.plan("standin", [TALL, SMALL])
    kiln.go_on_to_the_end()
    assert painted.sizes == [SMALL, TALL]


def test_a_size_that_fails_keeps_no_other_from_being_warm_and_is_told(
    base: Base, caplog: pytest.LogCaptureFixture
) -> None:
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    painted = Painted(base)
    painted.fails = {SMALL}
    caplog.set_level("INFO")
    Kiln(painted, [SMALL, WIDE], tracer=provider.get_tracer("test")).go_on_to_the_end()
    assert painted.sizes == [SMALL, WIDE]
    assert "standin is not warm at 32 x 32" in caplog.text
    assert "standin is warm at 32 x 32" not in caplog.text
    failed, warm = exported.get_finished_spans()
    assert (failed.name, failed.status.is_ok, failed.status.description) == (
        "flux_mlx.compile",
        False,
        "there is no more memory",
    )
    assert warm.attributes == {
        names.RENDER_VARIANT: "standin",
        names.RENDER_NUMERICS: base.info.numerics,
        names.RENDER_WIDTH: 48,
        names.RENDER_HEIGHT: 32,
    }


def test_a_size_that_failed_is_told_until_it_is_painted_or_its_base_comes_anew(base: Base) -> None:
    painted = Painted(base)
    painted.fails = {SMALL, TALL}
    kiln = Kiln(painted, [TALL, SMALL, WIDE])
    kiln.warming.first(painted)
    assert kiln.failures == []  # what is held is told with the base that is ready
    kiln.go_on_to_the_end()
    tall, small = (
        ColdSize(width=size.width, height=size.height, reason="there is no more memory") for size in (TALL, SMALL)
    )
    assert kiln.failures == [[tall, small]]
    assert kiln.warming.failures("another") == []
    kiln.warming.painted("standin", TALL)
    assert kiln.warming.failures("standin") == [small]
    kiln.warming.loaded("standin")
    assert kiln.warming.failures("standin") == []


@pytest.mark.parametrize(("compiled", "sizes"), [(False, [warming.SMALLEST]), (True, [WIDE, WIDE])])
def test_on_a_cpu_the_first_size_is_enough_where_blocks_are_compiled_and_the_smallest_where_none_are(
    base: Base, monkeypatch: pytest.MonkeyPatch, *, compiled: bool, sizes: list[PictureSize]
) -> None:
    monkeypatch.setattr(warming, "backend", lambda: "cpu")
    painted = Painted(base, compiled=compiled)
    kiln = Kiln(painted, [WIDE, SMALL])
    kiln.warming.first(painted)
    kiln.go_on_to_the_end()
    assert painted.sizes == sizes
    assert [what.count for what in kiln.told if what is not None] == [1] * len(sizes)


def test_on_a_cpu_without_compiled_blocks_any_picture_makes_all_kernels(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "backend", lambda: "cpu")
    painted = Painted(base, compiled=False)
    kiln = Kiln(painted, [WIDE, SMALL])
    kiln.warming.painted("standin", TALL)
    kiln.warming.first(painted)
    kiln.go_on_to_the_end()
    assert painted.sizes == []


def test_compiled_blocks_are_warm_with_a_stack_too_of_which_nothing_stays(base: Base) -> None:
    painted = Painted(base, compiled=True)
    Kiln(painted, [WIDE]).warming.first(painted)
    assert (painted.stacks, painted.probed) == ([0, 1], [0, 1])
    assert (painted.stacker.key, painted.stacker.nbytes, painted.stacker.switches) == ((), 0, 0)
    assert all(slot.current() is slot.linear for slot in painted.slots.values())


def test_a_real_base_is_painted_on_and_its_stack_stays(base: Base, healthy: Adapter) -> None:
    base.stacker.switch([Member(healthy, 0.5)])
    try:
        kiln = Kiln(base, [SMALL])
        kiln.go_on_to_the_end()
        assert [what is None for what in kiln.told] == [False, True]
        assert [scale for _, scale, _ in base.stacker.key] == [0.5]
    finally:
        base.stacker.switch([])
