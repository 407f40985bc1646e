"""What stands on a span: requests and engagement reports as attributes and status.

The only place that knows which fact becomes which attribute. It works on any span, recorded or not.
"""

from collections.abc import Mapping, Sequence

from msgspec import UNSET
from opentelemetry.trace import Span, SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from kilnmark.otel import names
from kilnmark.protocol.picture.block_scales import block_words
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.printable import printable
from kilnmark.protocol.wire.work import RenderCommand

__all__ = [
    "describe",
    "describe_adapter",
    "describe_call",
    "describe_origin",
    "describe_outcome",
    "describe_render",
    "describe_stack",
    "link_to",
    "mark_failed",
]

_CANCELLED = "cancelled"
"""The `kind` of the error that a cancelled render ends with."""


def describe_render(span: Span, job: RenderCommand, *, variant: str, with_prompts: bool = False) -> None:
    """Put what was asked for on a `flux_mlx.render` span: the picture's own numbers and the model's name.

    Args:
        span: It.
        job: What is rendered.
        variant: Its base.
        with_prompts: Prompts leave the machine, too.
    """
    describe(
        span,
        {
            names.RENDER_JOB_ID: job.job_id,
            names.RENDER_GENRE: job.stack.genre,
            names.RENDER_WORLD: job.stack.world,
            names.RENDER_TIER: job.tier,
            names.RENDER_VARIANT: variant,
            names.RENDER_SEED: job.seed,
            names.RENDER_WIDTH: job.width,
            names.RENDER_HEIGHT: job.height,
            **{names.RENDER_SETTING + name: number for name, number in job.settings.items()},
            names.RENDER_INIT_IMAGE: job.init_image or None,
            names.RENDER_INIT_IMAGE_SHA256: job.start or None,
            names.RENDER_STRENGTH: None if job.strength is UNSET else job.strength,
            names.RENDER_REFERENCE_IMAGES: job.reference_images or None,
            names.RENDER_REFERENCE_IMAGES_SHA256: job.references or None,
            names.RENDER_DRAFT: job.draft or None,
            names.LORA_STACK_SIZE: len(job.lora_paths),
            names.LORA_NAMES: job.lora_names,
            names.LORA_FILES: job.lora_paths,
            names.LORA_SCALES: job.lora_scales,
            names.LORA_BLOCK_SCALES: list(map(block_words, job.lora_block_scales)) or None,
            names.GEN_AI_OPERATION_NAME: "generate_content",
            names.GEN_AI_OUTPUT_TYPE: "image",
            names.GEN_AI_PROVIDER_NAME: "kilnmark",
            names.GEN_AI_REQUEST_MODEL: variant,
            names.GEN_AI_REQUEST_SEED: job.seed,
            names.GEN_AI_REQUEST_COUNT: 1,
            names.GEN_AI_RESPONSE_ID: job.job_id,
            names.RENDER_PROMPT: job.prompt if with_prompts else None,
            names.RENDER_NEGATIVE_PROMPT: job.negative_prompt if with_prompts else None,
        },
    )


def describe_call(span: Span, method: str) -> None:
    """Put on a span, of the caller or of the daemon, which method of the wire it is a call of."""
    describe(span, {names.RPC_SYSTEM: "jsonrpc", names.RPC_METHOD: method, names.JSONRPC_VERSION: "2.0"})


def describe_outcome(span: Span, outcome: str, source: str) -> None:
    """Put on a `flux_mlx.render` span how it ended, and where its picture came from."""
    describe(span, {names.RENDER_OUTCOME: outcome, names.RENDER_SOURCE: source})


def link_to(span: Span, trace_id: str, span_id: str) -> None:
    """Let a span point at the one of the render that made its picture; both ids in hex, empty where there is none."""
    if trace_id and span_id:
        made = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(1))
        span.add_link(made, {names.LINK_KIND: "made"})


def describe_origin(
    span: Span, *, cached: bool, shared_with: str | None, numerics: str, path: str, sha256: str
) -> None:
    """Put on a `flux_mlx.render` span where its picture came from, and where it lies.

    Args:
        cached: It was painted before.
        shared_with: The job it was painted as; None: the span's own.
        numerics: What it was painted in.
        path: Of its file.
        sha256: Of its file's bytes, in hex; empty where that is not known.
    """
    describe(
        span,
        {
            names.RENDER_IMAGE_PATH: path,
            names.RENDER_IMAGE_SHA256: sha256 or None,
            names.RENDER_CACHED: cached,
            names.RENDER_SHARED_WITH: shared_with,
            names.RENDER_NUMERICS: numerics,
        },
    )


def describe_stack(span: Span, reports: Sequence[AdapterReport], delta_ratio: float | None = None) -> None:
    """Put what became of the stack on a `flux_mlx.render` span; ERROR when any adapter is not engaged.

    `error.type` and the status's words are those of the first such adapter in stack order, as every adapter has a
    span of its own.
    """
    matched = [report.matched_key_count for report in reports]
    describe(
        span,
        {
            names.LORA_STACK_SIZE: len(reports),
            names.LORA_STACK_DELTA_RATIO: delta_ratio,
            names.LORA_NAMES: [report.name for report in reports],
            names.LORA_FILES: [report.path for report in reports],
            names.LORA_SCALES: [report.scale for report in reports],
            names.LORA_MATCHED_KEYS: matched,
            names.LORA_NOOP_COUNT: sum(report.verdict is Verdict.NOOP for report in reports),
            names.LORA_MIN_MATCHED_KEY_COUNT: min(matched, default=None),
        },
    )
    for report in reports:
        if report.verdict is not Verdict.ENGAGED:
            _accuse(span, report)
            return


def describe_adapter(span: Span, report: AdapterReport) -> None:
    """Put one engagement report on its `flux_mlx.lora.apply` span; ERROR when the verdict is not `engaged`."""
    describe(
        span,
        {
            names.LORA_NAME: report.name,
            names.LORA_FILE: report.path,
            names.LORA_SHA256: report.sha256,
            names.LORA_SCALE: report.scale,
            names.LORA_BLOCK_SCALES: block_words(report.asked_blocks) or None,
            names.LORA_CONVENTION: report.convention,
            names.LORA_MATCHED_KEY_COUNT: report.matched_key_count,
            names.LORA_TOTAL_KEY_COUNT: report.total_key_count,
            names.LORA_APPLIED_TARGET_COUNT: report.applied_target_count,
            names.LORA_DELTA_RATIO: report.delta_ratio,
            names.LORA_PROBE_DIVERGENCE: report.probe_divergence,
            names.LORA_EFFECTIVE_SHARE: report.effective_share,
            names.LORA_STACK_SHARE: report.stack_share,
            names.LORA_UNDONE_TARGET_COUNT: report.undone_targets.count,
            names.LORA_DROWNED_TARGET_COUNT: report.drowned_targets.count,
            names.LORA_QUANTIZED_SURVIVAL: report.quantized_survival,
            names.LORA_USUAL_SCALE: report.usual_scale,
            names.LORA_STRENGTH_FROM: ", ".join(sorted(report.strength_from)) or None,
            names.LORA_MADE_FOR: report.made_for or None,
            names.LORA_VERDICT: report.verdict.value,
        },
    )
    if report.verdict is not Verdict.ENGAGED:
        _accuse(span, report)


def mark_failed(span: Span, error_type: str, message: str) -> None:
    """Set status ERROR and `error.type`; `error_type` is one of few words, `message` is for people.

    What was cancelled has done as it was told: its span says so, and is no failure.
    """
    if error_type == _CANCELLED:
        span.set_attribute(names.RENDER_OUTCOME, error_type)
        return
    span.set_attribute(names.ERROR_TYPE, error_type)
    span.set_status(Status(StatusCode.ERROR, printable(message)))


def _accuse(span: Span, report: AdapterReport) -> None:
    mark_failed(span, f"lora_{report.verdict.value}", f"{report.name}: {report.reason}")


def describe(span: Span, attributes: Mapping[str, AttributeValue | None]) -> None:
    """Set all attributes that have a value; a number that is unknown is left out, never made up."""
    span.set_attributes({name: _harmless(value) for name, value in attributes.items() if value is not None})


def _harmless(value: AttributeValue) -> AttributeValue:
    """Names and files come from outside, and whoever shows spans may show them on a terminal."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Sequence):
        return [printable(each) if isinstance(each, str) else each for each in value]
    return value
