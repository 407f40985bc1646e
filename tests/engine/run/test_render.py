"""Renders in process: the stack judged before anything is painted, the proof in the outcome and in the picture."""

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, Tracer
from PIL import Image
from safetensors import safe_open

from kilnmark.engine.families.base import Base
from kilnmark.engine.proof.thresholds import OVERWHELMING_RATIO, USUAL_RATIO
from kilnmark.engine.run.render import Renderer
from kilnmark.engine.run.saver import Painting, finish
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.protocol.picture.record import CHUNK, decode_record
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import AdapterNotEngaged, AdapterRefused, Cancelled, RenderFailed, StorageFailed
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.work import Failed, Finished, RenderCommand, Stepped


def never(_: str) -> bool:
    return False


@dataclass
class Studio:
    """A renderer with what it told."""

    base: Base
    roots: list[Path]
    output: Path
    is_cancelled: Callable[[str], bool] = never
    tracer: Tracer = field(default_factory=NoOpTracer)
    told: list[Stepped] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self._renderer = Renderer(
            self.base,
            store=AdapterStore(self.roots),
            tracer=self.tracer,
            tell=self.told.append,
            is_cancelled=lambda job_id: self.is_cancelled(job_id),  # noqa: PLW0108 - tests exchange it later
            meanwhile=lambda: self.meanwhile(),  # noqa: PLW0108 - tests exchange it later
        )

    def render(
        self,
        *names: str,
        scales: list[float] | None = None,
        blocks: list[dict[str, float]] | None = None,
        warn: bool = False,
        probe: bool = False,
        pinned: list[str] | None = None,
    ) -> Finished | Failed:
        job = RenderCommand(
            job_id="job",
            variant="standin",
            prompt="kiln",
            negative_prompt=None,
            tier=None,
            seed=1,
            steps=1,
            guidance=3.5,
            width=32,
            height=32,
            lora_names=list(names),
            lora_paths=[str(self.roots[0] / f"{name}.safetensors") for name in names],
            lora_scales=scales or [1.0] * len(names),
            stack=StackInfo(source="paths", names=names),
            on_mismatch="warn" if warn else "error",
            probe=probe,
            lora_block_scales=blocks or [],
            lora_sha256s=pinned or [],
        )
        outcome = self._renderer.render(job)
        return finish(outcome, OutputFolder(self.output)) if isinstance(outcome, Painting) else outcome

    @property
    def stages(self) -> list[str]:
        return [event.stage for event in self.told]


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As those of the engine's other tests, of a few blocks."""
    folder = tmp_path_factory.mktemp("adapters")
    make_adapter(folder / "healthy.safetensors", "diffusers", rank=4, seed=1, blocks=4)
    make_adapter(folder / "other.safetensors", "kohya", rank=2, seed=2, alpha=1.0, blocks=2)
    make_adapter(folder / "dead.safetensors", "diffusers", rank=1, seed=3, blocks=4, dead=True)
    return folder


@pytest.fixture
def studio(base: Base, adapters: Path, tmp_path: Path) -> Iterator[Studio]:
    yield Studio(base, [adapters], tmp_path)
    for slot in base.slots.values():
        slot.put(slot.linear)


def finished(outcome: Finished | Failed) -> Finished:
    assert isinstance(outcome, Finished), outcome
    return outcome


def failed(outcome: Finished | Failed) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


def pixels(outcome: Finished | Failed) -> NDArray[np.float64]:
    with Image.open(finished(outcome).image_path) as picture:
        return np.asarray(picture, dtype=np.float64)


@pytest.fixture(scope="module")
def bare(base: Base, adapters: Path, tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float64]:
    """The pixels of the base alone."""
    return pixels(Studio(base, [adapters], tmp_path_factory.mktemp("bare")).render())


def test_adapters_move_the_pixels_and_leave_the_base_as_it_was(studio: Studio, bare: NDArray[np.float64]) -> None:
    styled = finished(studio.render("healthy", "other"))
    after = pixels(studio.render())
    assert np.abs(pixels(styled) - bare).mean() > 0.5
    assert np.array_equal(bare, after)
    assert styled.stack_delta_ratio is not None
    assert styled.stack_delta_ratio > 1e-2
    with Image.open(styled.image_path) as picture:
        assert decode_record(picture.info[CHUNK]).stack_delta_ratio == styled.stack_delta_ratio


def test_a_picture_that_is_still_to_be_saved_holds_nothing_of_what_painted_it(
    base: Base, adapters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a base that leaves for another would stay until that one has painted, and both be held at once."""
    monkeypatch.setattr(f"{__name__}.finish", lambda painting, _: painting)
    studio = Studio(base, [adapters], tmp_path)
    painting, renderer = studio.render("healthy"), weakref.ref(studio._renderer)
    del studio._renderer
    gc.collect()
    assert isinstance(painting, Painting)
    assert renderer() is None


def test_an_adapter_is_probed_when_it_is_new_or_when_that_is_asked(studio: Studio) -> None:
    def divergence(**asked: Any) -> float | None:
        (report,) = finished(studio.render("healthy", **asked)).loras
        return report.probe_divergence

    first = divergence()
    assert first is not None
    assert divergence(scales=[0.5]) is None
    second = divergence(scales=[0.5], probe=True)
    assert second is not None
    assert 1e-3 < second < first


def test_scales_by_blocks_are_painted_with_and_told_in_report_and_picture(studio: Studio) -> None:
    whole = finished(studio.render("healthy"))
    scaled = finished(studio.render("healthy", scales=[0.5], blocks=[{"double": 0.0, "single.1-2": 1.5}]))
    assert not np.array_equal(pixels(whole), pixels(scaled))
    (report,) = scaled.loras
    assert report.verdict is Verdict.ENGAGED
    assert [(each.blocks, each.scale) for each in report.block_scales] == [
        ("double", 0.0),
        ("single.1-2", 1.5),
        ("rest", 0.5),
    ]
    assert sum(each.target_count for each in report.block_scales) == report.target_count
    assert report.applied_target_count == report.target_count - report.block_scales[0].target_count
    assert "at scale 0 as asked (double)" in report.reason
    with Image.open(scaled.image_path) as picture:
        spec = decode_record(picture.info[CHUNK]).spec
    assert spec.block_scales == ((("double", 0.0), ("single.1-2", 1.5)),)


def test_other_scales_of_the_same_blocks_are_not_probed_and_other_silent_blocks_are(studio: Studio) -> None:
    def is_probed(**blocks: float) -> bool:
        asked = {name.replace("_", "."): scale for name, scale in blocks.items()}
        (report,) = finished(studio.render("healthy", blocks=[asked])).loras
        return report.probe_divergence is not None

    assert [is_probed(), is_probed(double=0.3), is_probed(double=0.0), is_probed(double=0.0, single_1=0.5)] == [
        True,
        False,
        True,
        False,
    ]


def test_scales_of_blocks_that_are_not_there_refuse_the_stack_before_any_step(studio: Studio) -> None:
    outcome = failed(studio.render("healthy", "other", blocks=[{}, {"double.4": 1.0}]))
    assert outcome.code == AdapterRefused.code
    assert "no blocks 'double.4'; it has double (double.0-3), single (single.0-3)" in outcome.message
    assert [each.verdict for each in outcome.loras] == [Verdict.ENGAGED, Verdict.REFUSED]
    assert outcome.loras[1].asked_blocks == {"double.4": 1.0}
    assert "denoise" not in studio.stages
    few = failed(studio.render("other", blocks=[{"single.2-3": 1.0}]))
    assert "it has no layer in 'single.2-3'; it changes double.0-1, single.0-1" in few.message


def test_an_adapter_nobody_will_see_is_engaged_with_a_warning(studio: Studio) -> None:
    outcome = finished(studio.render("healthy", scales=[1e-4]))
    (report,) = outcome.loras
    assert report.verdict is Verdict.ENGAGED
    assert report.probe_divergence is not None
    assert report.probe_divergence < 1e-3
    assert "nobody will see" in outcome.warnings[0]


def test_an_adapter_that_is_far_too_strong_is_engaged_with_a_warning_and_the_scale_to_use(studio: Studio) -> None:
    outcome = finished(studio.render("healthy", scales=[40.0]))
    (report,) = outcome.loras
    assert (report.verdict, report.delta_ratio is not None) == (Verdict.ENGAGED, True)
    assert report.usual_scale == pytest.approx(40 * USUAL_RATIO / (report.delta_ratio or 1))
    assert any("far too strong" in said and f"at scale {report.usual_scale:.2g}" in said for said in outcome.warnings)
    assert "far too strong" in report.reason


def test_adapters_that_are_too_strong_only_together_are_warned_of_together(studio: Studio) -> None:
    alone = finished(studio.render("healthy", "other")).loras
    scales = [0.9 * OVERWHELMING_RATIO / (report.delta_ratio or 1) for report in alone]
    outcome = finished(studio.render("healthy", "other", scales=scales))
    assert outcome.stack_delta_ratio is not None
    assert outcome.stack_delta_ratio > OVERWHELMING_RATIO
    assert [report.usual_scale for report in outcome.loras] == [None, None]
    assert outcome.warnings[-1].startswith("the adapters together are far too strong")


def test_one_dead_adapter_among_healthy_ones_is_accused_alone_before_any_step(studio: Studio) -> None:
    outcome = failed(studio.render("healthy", "dead", "other"))
    assert outcome.code == AdapterNotEngaged.code
    assert [report.verdict for report in outcome.loras] == [Verdict.ENGAGED, Verdict.NOOP, Verdict.ENGAGED]
    assert "dead is noop" in outcome.message
    assert "healthy" not in outcome.message
    assert studio.stages == ["adapters"]


def test_with_warn_the_picture_is_made_and_tells_on_the_dead_one(studio: Studio) -> None:
    outcome = finished(studio.render("healthy", "dead", warn=True))
    assert [report.verdict for report in outcome.loras] == [Verdict.ENGAGED, Verdict.NOOP]
    assert [report.probe_divergence is None for report in outcome.loras] == [False, True]
    assert len(outcome.warnings) == 1
    assert outcome.warnings[0].startswith("dead is noop")
    with Image.open(outcome.image_path) as picture:
        record = decode_record(picture.info[CHUNK])
    assert record.loras == outcome.loras
    assert "means nothing" in record.notice


@pytest.fixture(scope="module")
def opposite(adapters: Path) -> str:
    """The name of a file that undoes `healthy` at scale -1 on all its layers but those of one block."""
    with safe_open(adapters / "healthy.safetensors", "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    own = {name: tensor[::-1].copy() for name, tensor in tensors.items() if "single_transformer_blocks.0." in name}
    write_tensors(adapters / "opposite.safetensors", tensors | own)
    return "opposite"


def test_two_that_undo_each_other_on_most_layers_are_accused_before_any_step(studio: Studio, opposite: str) -> None:
    outcome = failed(studio.render("healthy", opposite, "other", scales=[1.0, -1.0, 1.0]))
    assert outcome.code == AdapterNotEngaged.code
    assert [report.verdict for report in outcome.loras] == [Verdict.PARTIAL, Verdict.PARTIAL, Verdict.ENGAGED]
    double = "all of double attention, double MLP, double modulation"
    assert f"undone by opposite ({double}; first 'single_transformer_blocks.1.attn.to_k'" in outcome.message
    assert studio.stages == ["adapters"]


def test_with_warn_they_are_painted_and_told_with_what_is_left_of_them(studio: Studio, opposite: str) -> None:
    outcome = finished(studio.render("healthy", opposite, "other", scales=[1.0, -1.0, 1.0], warn=True))
    first, second, other = outcome.loras
    assert first.effective_share == pytest.approx(1 - first.undone_targets.count / first.target_count, abs=0.2)
    assert other.effective_share == pytest.approx(1.0, abs=0.05)
    assert sum(report.stack_share or 0 for report in outcome.loras) == pytest.approx(1.0)
    assert {"double attention", "single MLP"} <= set(other.group_shares)
    assert first.applied_target_count == first.target_count - first.undone_targets.count
    assert [said.partition(" is ")[0] for said in outcome.warnings] == ["healthy", "opposite"]
    assert np.abs(pixels(outcome) - pixels(studio.render("other"))).mean() > 0.01
    assert second.undone_targets.names == ("healthy",)


def test_one_that_is_not_applied_has_no_share_and_takes_none_from_the_others(studio: Studio) -> None:
    dead, healthy = finished(studio.render("dead", "healthy", warn=True)).loras
    assert (dead.effective_share, dead.stack_share, dead.group_shares) == (None, None, {})
    assert (healthy.effective_share, healthy.stack_share) == (1.0, 1.0)


def test_with_warn_a_dead_adapter_alone_gives_the_picture_of_the_base(
    studio: Studio, bare: NDArray[np.float64]
) -> None:
    assert np.array_equal(pixels(studio.render("dead", warn=True)), bare)


def test_a_missing_file_refuses_the_stack(studio: Studio) -> None:
    outcome = failed(studio.render("healthy", "absent"))
    assert outcome.code == AdapterRefused.code
    assert outcome.loras[1].verdict is Verdict.REFUSED
    assert "absent.safetensors" in outcome.message


def test_progress_counts_every_stage_and_step(studio: Studio) -> None:
    studio.render()
    assert studio.stages == ["adapters", "encode", "denoise", "denoise", "decode", "save"]
    assert [event.step for event in studio.told] == [0, 0, 0, 1, 1, 1]


def test_every_part_is_timed(studio: Studio) -> None:
    timings = finished(studio.render("other")).timings
    assert timings.adapters_ms > 0
    assert timings.denoise_ms > 0
    assert timings.decode_ms > 0
    assert timings.save_ms > 0


def test_something_else_may_be_done_while_it_is_decoded_and_before_it_is_saved(studio: Studio) -> None:
    seen: list[list[str]] = []
    studio.meanwhile = lambda: seen.append(studio.stages)
    finished(studio.render())
    assert [stages[-1] for stages in seen] == ["decode"]


def test_a_cancelled_render_stops_before_its_next_step_is_computed(studio: Studio) -> None:
    studio.is_cancelled = lambda _: "denoise" in studio.stages
    outcome = failed(studio.render())
    assert outcome.code == Cancelled.code
    assert studio.stages[-1] == "denoise"
    assert studio.told[-1].step == 0
    assert list(studio.output.iterdir()) == []


def test_the_render_after_a_cancelled_one_is_the_same_as_ever(studio: Studio) -> None:
    whole = pixels(studio.render())
    studio.is_cancelled = lambda _: "denoise" in studio.stages[6:]
    assert failed(studio.render("healthy")).code == Cancelled.code
    studio.is_cancelled = never
    assert np.array_equal(whole, pixels(studio.render()))


def test_a_folder_that_cannot_be_written_is_a_storage_error(base: Base, adapters: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    outcome = failed(Studio(base, [adapters], tmp_path / "file").render())
    assert outcome.code == StorageFailed.code
    assert "output folder" in outcome.message


class NotANumber:
    """A layer that answers NaN, as an overflow in the model would."""

    def __init__(self, slot: Slot) -> None:
        self._linear = slot.linear

    def __call__(self, x: mx.array) -> mx.array:
        return self._linear(x) * float("nan")  # type: ignore[no-any-return]


def test_a_picture_that_would_be_black_is_an_error(studio: Studio) -> None:
    slot = studio.base.slots["proj_out"]
    slot.put(NotANumber(slot))  # type: ignore[arg-type]
    try:
        outcome = failed(studio.render())
    finally:
        slot.put(slot.linear)
    assert outcome.code == RenderFailed.code
    assert "black" in outcome.message


def test_a_defect_while_an_adapter_is_read_ends_its_span_with_what_happened(
    base: Base, adapters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ended))

    def defect(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(AdapterStore, "get", defect)
    outcome = failed(Studio(base, [adapters], tmp_path, tracer=provider.get_tracer("test")).render("healthy"))
    (span,) = (span for span in ended.get_finished_spans() if span.name == "flux_mlx.lora.apply")
    assert span.status.description == "healthy: nobody thought of this"
    assert span.attributes == {"error.type": RenderFailed.kind}
    assert outcome.loras == []


def test_an_adapter_that_is_not_the_one_that_was_let_in_is_refused_even_where_dead_ones_are_not(
    studio: Studio, adapters: Path
) -> None:
    let_in = [content_hash(adapters / f"{name}.safetensors") for name in ("healthy", "other")]
    assert finished(studio.render("healthy", "other", pinned=let_in)).loras[1].sha256 == let_in[1]
    outcome = failed(studio.render("healthy", "other", pinned=[let_in[0], "0" * 64], warn=True))
    assert outcome.code == AdapterRefused.code
    assert "other bytes than those that were found to be promoted" in outcome.message
    assert [report.verdict for report in outcome.loras] == [Verdict.ENGAGED, Verdict.REFUSED]
