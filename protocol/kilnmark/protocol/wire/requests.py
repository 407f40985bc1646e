"""The parameters of every method, and the rules between their fields.

They refuse unknown fields. What a call is answered with is in `replies`; decoding from bytes belongs to `jsonrpc`.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kilnmark.protocol.picture.asked import AskedNumbers
from kilnmark.protocol.picture.catalog import MAX_PIXELS, Priority
from kilnmark.protocol.picture.draft import AskedDraft
from kilnmark.protocol.picture.given import REFERENCE_LIMIT, AskedPicture
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.stacks import (
    EXTRA_LIMIT,
    STACK_LIMIT,
    BlockScales,
    ExtraLora,
    Path,
    Scale,
    check_stack,
)

__all__ = [
    "CallMeta",
    "CancelParams",
    "JobParams",
    "JobWaitParams",
    "JobsParams",
    "LoraInspectParams",
    "PingParams",
    "RenderParams",
    "ShutdownParams",
    "StatusParams",
    "StyleComposeParams",
    "WarmUpParams",
    "check_render",
]


Text = Annotated[str, Meta(max_length=20_000)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
JobId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]


class CallMeta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What rides beside a call's parameters as `_meta`.

    Attributes:
        progress_token: Turns on progress and heartbeat notifications, which carry it back.
        traceparent, tracestate: W3C trace context of the caller.
        attached: Nobody but this caller waits for the render, though it has a `job_id`: it is given up when the
            connection closes. After the daemon's death it is painted once its caller is back.
        resumed: The render was asked for before, and its answer was lost: a job of this id that has ended without a
            picture meanwhile is the answer, unless its error is one that may not come again.
    """

    progress_token: str | int | None = msgspec.field(default=None, name="progressToken")
    traceparent: Annotated[str, Meta(max_length=512)] | None = None
    tracestate: Annotated[str, Meta(max_length=2048)] | None = None
    attached: bool = False
    resumed: bool = False


class _Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    meta: CallMeta = msgspec.field(default=CallMeta(), name="_meta")


class PingParams(_Params, frozen=True, kw_only=True):
    """`ping` takes nothing."""


class StatusParams(_Params, frozen=True, kw_only=True):
    """`status` takes nothing."""


class WarmUpParams(_Params, frozen=True, kw_only=True):
    """Which base to make warm.

    Attributes:
        variant: One of those that `status` lists; None: the one the daemon was started with.
    """

    variant: Path | None = None


class ShutdownParams(_Params, frozen=True, kw_only=True):
    """How to end.

    Attributes:
        drain: Finish the accepted renders first; otherwise they end with -32002.
    """

    drain: bool = False


class CancelParams(_Params, frozen=True, kw_only=True):
    """Which render to stop.

    Attributes:
        job_id: The render's, as it was asked for or as `jobs.list` tells it.
        reason: For its caller to read.
    """

    job_id: JobId
    reason: Annotated[str, Meta(max_length=500)] = ""


class LoraInspectParams(_Params, frozen=True, kw_only=True):
    """Adapter files to look at without a base.

    Attributes:
        lora_paths: As those of a render.
        variant: The model that they are meant for, any that the shapes of layers are known of; None means the daemon's
            own, or dev where its layers are not known.
        targets: List every layer that each file changes.
    """

    lora_paths: Annotated[list[Path], Meta(min_length=1, max_length=64)]
    variant: Name | None = None
    targets: bool = False


class StyleComposeParams(_Params, frozen=True, kw_only=True):
    """A stack to be composed and shown, but not painted.

    Attributes:
        genre, world, tier, place: As those of a render.
        prompt: Shows it as it would be sent to the model; empty shows the style's own words alone.
        extra_loras: As those of a render.
    """

    genre: Name
    world: Name | None = None
    tier: Name
    place: Name | None = None
    prompt: Text = ""
    extra_loras: Annotated[list[ExtraLora], Meta(max_length=EXTRA_LIMIT)] = []


class JobsParams(_Params, frozen=True, kw_only=True):
    """Which jobs `jobs.list` is to tell of.

    Attributes:
        cursor: Where to go on: `next` of the page before. None: at the beginning.
        limit: Jobs to tell of at most.
    """

    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


class JobParams(_Params, frozen=True, kw_only=True):
    """Which job `jobs.get` is to tell of.

    Attributes:
        job_id: As its render was asked for or as `jobs.list` tells it.
    """

    job_id: JobId


class JobWaitParams(_Params, frozen=True, kw_only=True):
    """Which job `jobs.wait` is to wait for.

    Attributes:
        job_id: As that of `jobs.get`.
        timeout: Seconds to wait at most; None waits for as long as the job takes.
    """

    job_id: JobId
    timeout: Annotated[float, Meta(ge=0, le=86_400)] | None = None


class RenderParams(AskedNumbers, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One picture to make. None means: what the style says, else the tier, else the variant.

    Attributes:
        prompt: What to paint. A style puts its triggers before it, and its art direction and suffix behind it.
        negative_prompt: What not to paint, where the variant takes one; one that does not leaves it unused, with a
            warning.
        tier: The kind of picture, such as `portrait`: it says size, steps, guidance and variant, and which adapters of
            a style apply.
        seed: Of the noise. None draws one; the reply tells which.
        variant: One of those that `status` lists.
        lora_paths: Adapter files, absolute or below one of the daemon's adapter roots, in stack order.
        lora_scales: One scale for each path.
        lora_block_scales: For each path the scales that it has on some blocks instead, by patterns such as `double`,
            `single.20-37` or `single.4`; on all other layers it has that of `lora_scales`. Left out,
            no adapter has any.
        genre, world: Compose the stack from `visual_style.yaml` instead, by `tier`.
        place: What is painted, by its region or its name, for the style's art direction by place.
        on_mismatch: `error` refuses the render before any denoise step when an adapter does not engage wholly;
            `warn` renders and reports.
        job_id: The caller's idempotency key.
        priority: Before which other renders this one is painted; within one, first come is first served, save that
            renders of one stack may run together.
        cache: Whether a picture of these very pixels that was made before, or is being made for somebody else, may be
            the answer. False paints it anew. Without a seed it always is.
        probe: Run one small forward pass for each adapter at this scale, and report how far the prediction moves. One
            that the base has not met before is probed in any case.
        init_image: The picture to start from instead of from noise, where the variant can: a path, absolute or below
            one of the daemon's image roots, or the file itself.
        strength: How much of `init_image` stays: 0 leaves nothing of it, 1 all, without a step painted. None means 0.4.
        reference_images: Pictures that the variant looks at while it paints, in their order; each as `init_image` is.
        extra_loras: Adapters behind the stack of `genre` or of `lora_paths`, in this order; each has its own report.
        draft: Whether a draft will do: size and steps are capped as the tier's `draft` has it, and a number of the
            request's own, too. An object says how far to cap. None leaves it to the daemon, which caps what the request
            leaves open, and says so in `draft` of the reply.
    """

    meta: CallMeta = msgspec.field(default=CallMeta(), name="_meta")
    prompt: Annotated[str, Meta(min_length=1, max_length=20_000)]
    negative_prompt: Text | None = None
    tier: Name | None = None
    variant: Path | None = None
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    lora_paths: Annotated[list[Path], Meta(max_length=STACK_LIMIT)] = []
    lora_scales: Annotated[list[Scale], Meta(max_length=STACK_LIMIT)] = []
    genre: Name | None = None
    world: Name | None = None
    place: Name | None = None
    on_mismatch: Literal["error", "warn"] = "error"
    job_id: JobId | None = None
    priority: Priority = "normal"
    cache: bool = True
    probe: bool = False
    lora_block_scales: Annotated[list[BlockScales], Meta(max_length=STACK_LIMIT)] = []
    init_image: AskedPicture | None = None
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None
    reference_images: Annotated[list[AskedPicture], Meta(max_length=REFERENCE_LIMIT)] = []
    extra_loras: Annotated[list[ExtraLora], Meta(max_length=EXTRA_LIMIT)] = []
    draft: AskedDraft | None = None

    @property
    def names_pictures(self) -> bool:
        """Whether it is made of other pictures."""
        return self.init_image is not None or bool(self.reference_images)


def check_render(params: RenderParams) -> None:
    """Check the rules between fields that types cannot say.

    Raises:
        InvalidParams: naming the field and what to send instead.
    """
    if not params.prompt.strip():
        raise InvalidParams("prompt is blank - at `$.params.prompt`; say what to paint")
    check_stack(params)
    _check_pictures(params)
    if params.world is not None and params.genre is None:
        raise InvalidParams("world needs a genre - at `$.params.world`; name the genre it belongs to")
    if params.place is not None and params.genre is None:
        raise InvalidParams(
            "place needs a genre - at `$.params.place`; name the genre that directs it, or leave it out"
        )
    if params.genre is not None and params.tier is None:
        raise InvalidParams("genre needs a tier - at `$.params.tier`; name the kind of picture, such as portrait")
    if params.width and params.height and params.width * params.height > MAX_PIXELS:
        raise InvalidParams(
            f"{params.width}x{params.height} is more than {MAX_PIXELS} pixels - at `$.params.width`; ask for less"
        )


def _check_pictures(params: RenderParams) -> None:
    if params.strength is not None and params.init_image is None:
        raise InvalidParams("strength needs an init_image - at `$.params.strength`; name the picture to start from")
    if params.init_image is not None and params.reference_images:
        raise InvalidParams(
            "init_image and reference_images are two ways to use a picture - at `$.params.reference_images`; "
            "use one of them"
        )
