"""The parameters of the methods that ask for work, and the rules between their fields.

They refuse unknown fields. Those of the methods about jobs are in `job_requests`, what a call is answered with is in
`replies`; decoding from bytes belongs to `jsonrpc`.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kilnmark.protocol.picture.asked import AskedNumbers
from kilnmark.protocol.picture.catalog import MAX_PIXELS, Priority
from kilnmark.protocol.picture.draft import AskedDraft
from kilnmark.protocol.picture.given import REFERENCE_LIMIT, AskedPicture
from kilnmark.protocol.wire.call import CallMeta, JobId, Name, Params, Text
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
    "CancelParams",
    "LoraInspectParams",
    "PingParams",
    "RenderParams",
    "ShutdownParams",
    "StatusParams",
    "StyleComposeParams",
    "WarmUpParams",
    "check_render",
]


class PingParams(Params, frozen=True, kw_only=True):
    """`ping` takes nothing."""


class StatusParams(Params, frozen=True, kw_only=True):
    """`status` takes nothing."""


class WarmUpParams(Params, frozen=True, kw_only=True):
    """Which base to make warm.

    Attributes:
        variant: One of those that `status` lists; None: the one the daemon was started with.
    """

    variant: Path | None = None


class ShutdownParams(Params, frozen=True, kw_only=True):
    """How to end.

    Attributes:
        drain: Finish the accepted renders first; otherwise they end with -32002.
    """

    drain: bool = False


class CancelParams(Params, frozen=True, kw_only=True):
    """Which render to stop.

    Attributes:
        job_id: The render's, as it was asked for or as `jobs.list` tells it.
        reason: For its caller to read.
    """

    job_id: JobId
    reason: Annotated[str, Meta(max_length=500)] = ""


class LoraInspectParams(Params, frozen=True, kw_only=True):
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


class StyleComposeParams(Params, frozen=True, kw_only=True):
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
        notify_url: Where its end is told, once it has one: an address of https, or of http on this machine, whose host
            is one of the daemon's `notify_hosts`. `kilnmark web` tells it.
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
    notify_url: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None

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
