"""What programs may ask for: the fields of OpenAI's images API that mean something here, and ours beside them.

A field that is unknown is refused, and one that is nearly known is asked about. Some of OpenAI's mean nothing to a
daemon: they are taken, and told of in the reply. Reading bytes is `bodies`' part.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from kilnmark.client.request import RenderOptions
from kilnmark.protocol.picture.asked import AskedNumbers
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.picture.draft import AskedDraft
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.stacks import BlockScales, ExtraLora, Path, Scale
from kilnmark.web.fields import check_fields

__all__ = ["EditsAsk", "ImageLora", "ImagesAsk", "asked_as", "render_options", "seeds_of", "unused_fields"]

T = TypeVar("T", bound=msgspec.Struct)
Word = Annotated[str, Meta(min_length=1, max_length=200)]

MOST_AT_ONCE = 10
"""Pictures of one request, as OpenAI has it."""

_SIZE = re.compile(r"([0-9]{2,4})x([0-9]{2,4})")
_HIGHEST_SEED = 2**53 - 1
_UNUSED = (
    "background",
    "input_fidelity",
    "moderation",
    "output_compression",
    "partial_images",
    "quality",
    "style",
    "user",
)


class ImageLora(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One adapter of a stack.

    Attributes:
        path: Its file, absolute or below one of the daemon's adapter roots.
        scale: How strongly it is applied.
        scales: How strongly on some blocks instead, by patterns such as `double` or `single.20-37`.
    """

    path: Path
    scale: Scale = 1.0
    scales: BlockScales = {}


class ImagesAsk(AskedNumbers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/images/generations`. None means: what the tier says, else the base.

    Attributes:
        prompt: What to paint.
        model: The base, one of `/v1/models`.
        n: How many pictures, each of a seed of its own.
        size: `WIDTHxHEIGHT`, or `auto`; instead of `width` and `height`.
        response_format: How pictures come; None: both ways.
        output_format: PNG, and nothing else.
        seed: Of the first; the others follow it. None draws each.
        loras: Adapters in stack order; behind those of a genre.
        genre, world, tier, place, on_mismatch, negative_prompt, priority, cache, draft, notify_url: As of a render.
        stream: Pictures come whole.
        background, input_fidelity, moderation, output_compression, partial_images, quality, style, user: Taken, and
            without effect.
    """

    prompt: Annotated[str, Meta(min_length=1, max_length=20_000)]
    model: Word | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] | None = None
    size: Annotated[str, Meta(max_length=20)] | None = None
    response_format: Literal["b64_json", "url"] | None = None
    output_format: Literal["png"] | None = None
    seed: Annotated[int, Meta(ge=0, le=_HIGHEST_SEED)] | None = None
    loras: Annotated[list[ImageLora], Meta(max_length=32)] = []
    genre: Word | None = None
    world: Word | None = None
    tier: Word | None = None
    place: Word | None = None
    on_mismatch: Literal["error", "warn"] = "error"
    negative_prompt: Annotated[str, Meta(max_length=20_000)] | None = None
    priority: Priority = "normal"
    cache: bool = True
    draft: AskedDraft | None = None
    notify_url: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None
    stream: Literal[False] | None = None
    background: str | None = None
    input_fidelity: str | None = None
    moderation: str | None = None
    output_compression: int | None = None
    partial_images: int | None = None
    quality: str | None = None
    style: str | None = None
    user: str | None = None


class EditsAsk(ImagesAsk, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/images/edits`, beside its pictures.

    Attributes:
        strength: How much of the picture that it starts from stays.
    """

    strength: Annotated[float, Meta(ge=0, le=1)] | None = None


def asked_as(ask: type[T], fields: Mapping[str, Any], *, strict: bool = True) -> T:
    """The fields of a request as what they ask for.

    Args:
        ask: What they should be.
        fields: As they came.
        strict: False: each came as text.

    Raises:
        InvalidParams: naming the first that cannot be meant.
    """
    check_fields(ask, fields)
    try:
        return msgspec.convert(dict(fields), ask, strict=strict)
    except msgspec.ValidationError as error:
        raise InvalidParams(re.sub(r"`\$\.?", "`$.params.", str(error))) from error


def unused_fields(ask: ImagesAsk) -> list[str]:
    """Fields that were given and have no effect."""
    return [name for name in _UNUSED if getattr(ask, name) is not None]


def seeds_of(ask: ImagesAsk) -> list[int | None]:
    """The seed of each picture; None: the daemon draws it."""
    count = ask.n or 1
    if ask.seed is None:
        return [None] * count
    return [(ask.seed + i) % (_HIGHEST_SEED + 1) for i in range(count)]


def render_options(ask: ImagesAsk) -> RenderOptions:
    """The keywords of the renders, but for seed and pictures.

    Raises:
        InvalidParams: the size is none, is none that is painted, or is said twice.
    """
    width, height = _size(ask)
    options: dict[str, Any] = {
        "variant": ask.model,
        "width": width,
        "height": height,
        **{name: getattr(ask, name) for name in _SAME if getattr(ask, name) is not None},
    }
    if isinstance(ask, EditsAsk):
        options["strength"] = ask.strength
    if ask.genre is None:
        options["lora_paths"] = [lora.path for lora in ask.loras]
        options["lora_scales"] = [lora.scale for lora in ask.loras]
        if any(lora.scales for lora in ask.loras):
            options["lora_block_scales"] = [lora.scales for lora in ask.loras]
    else:
        options["extra_loras"] = [
            ExtraLora(path=lora.path, scale=lora.scale, block_scales=lora.scales) for lora in ask.loras
        ]
    found: RenderOptions = {name: value for name, value in options.items() if value is not None}  # type: ignore[assignment]
    return found


_SAME = (
    *("steps", "guidance", "genre", "world", "tier", "place", "on_mismatch", "negative_prompt", "priority", "cache"),
    *("draft", "notify_url"),
)
"""Keywords of a render that are called the same here."""


def _size(ask: ImagesAsk) -> tuple[int | None, int | None]:
    if ask.size is None or ask.size == "auto":
        return ask.width, ask.height
    if ask.width is not None or ask.height is not None:
        raise InvalidParams("size and width or height are two ways to say one thing - at `$.params.size`; use one")
    said = _SIZE.fullmatch(ask.size)
    if said is None:
        raise InvalidParams(f"{ask.size!r} is no size - at `$.params.size`; say WIDTHxHEIGHT, such as 1024x1024")
    width, height = int(said[1]), int(said[2])
    try:
        msgspec.convert({"width": width, "height": height}, AskedNumbers)
    except msgspec.ValidationError as error:
        sides = "multiples of 16 from 64 to 4096, such as 1024x1024"
        raise InvalidParams(
            f"{ask.size!r} is not painted - at `$.params.size`; width and height are {sides}"
        ) from error
    return width, height
