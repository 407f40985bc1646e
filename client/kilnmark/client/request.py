"""From a caller's keywords to a request that the daemon will not refuse for its form.

Everything that can be known without the daemon is checked here, before a byte is sent: bounds, lengths, finite
numbers. What only the daemon knows (tiers, adapter roots, the base) stays its own to judge.
"""

import math
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Required, TypedDict, TypeVar, Unpack

import msgspec

from kilnmark.client.home import expanded
from kilnmark.protocol.picture.asked import AskedNumbers, NumberOptions
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.picture.draft import AskedDraft
from kilnmark.protocol.picture.given import AskedPicture, InlinePicture
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.framing import FRAME_LIMIT
from kilnmark.protocol.wire.requests import LoraInspectParams, RenderParams, StyleComposeParams, check_render
from kilnmark.protocol.wire.stacks import ExtraLora, check_extras

__all__ = [
    "ComposeOptions",
    "Extra",
    "InspectOptions",
    "Paths",
    "PictureSource",
    "RenderOptions",
    "RenderRequest",
    "checked",
    "compose_params",
    "extras_of",
    "inspect_params",
    "named",
    "render_params",
    "resumed",
]

P = TypeVar("P", bound=msgspec.Struct)
Paths = Sequence[str | os.PathLike[str]]
_LONGEST = FRAME_LIMIT - (1 << 12)
"""Bytes of parameters: the rest of a line is what a call puts around them."""

PictureSource = str | os.PathLike[str] | bytes
"""A picture's path, or all bytes of its file."""

Extra = str | os.PathLike[str] | ExtraLora
"""An adapter's path, or that with the scales it is asked for with."""


class RenderOptions(NumberOptions, total=False):
    """The keywords of `render` and `render_stream`: these, and the picture's numbers (`NumberOptions`).

    What is left out, the tier decides, else the variant.

    Attributes:
        negative_prompt: What not to paint, where the base can take it.
        tier: The kind of picture asked for.
        variant: The base to paint on, one of those that `status` lists.
        seed: 0 to 2**53 - 1; left out, the daemon draws one and the result tells which.
        lora_paths: Adapter files in stack order; relative ones are meant from the current folder.
        lora_scales: One scale for each path; left out, each is 1.0.
        lora_block_scales: For each path the scales that it has on some blocks instead: `{"double": 0.3,
            "single.20-37": 1.0}`; an empty mapping where it has one scale. Left out, all have one.
        genre, world: Compose the stack from `visual_style.yaml` instead, by `tier`.
        place: What is painted, by its region or its name, for the genre's art direction by place.
        on_mismatch: `error` refuses the render when an adapter does not engage wholly, `warn` renders and reports.
        job_id: The caller's idempotency key; a render with one goes on when the connection is lost.
        attached: It is given up with its caller nevertheless, as one without a `job_id` is.
        priority: `high` is painted before `normal`, and that before `low`; a long wait raises it.
        cache: False paints the picture anew even when it was made before or is being made for somebody else.
        probe: Also report how far each adapter moves a small forward pass at this scale (`probe_divergence`).
        init_image: The picture to start from: its path, a relative one meant from the current folder, or all bytes of
            its file where the daemon cannot read that, up to its `inline_bytes`.
        strength: How much of it stays, 0 to 1; left out, 0.4.
        reference_images: Pictures that the base looks at while it paints, each given as `init_image` is.
        extra_loras: Adapters behind the stack of `genre` or `lora_paths`: paths, or `ExtraLora` for one with its scale.
        draft: True: a draft will do, capped in size and steps as the tier has it, or as a `DraftNumbers` says; False:
            the whole picture. Left out, the daemon caps what is left open where a picture would take too long.
        notify_url: Where its end is told, on one of the hosts that the daemon allows; `kilnmark web` tells it.
    """

    negative_prompt: str | None
    tier: str | None
    variant: str | None
    seed: int | None
    lora_paths: Paths
    lora_scales: Sequence[float]
    lora_block_scales: Sequence[Mapping[str, float]]
    genre: str | None
    world: str | None
    place: str | None
    on_mismatch: Literal["error", "warn"]
    job_id: str | None
    attached: bool
    priority: Priority
    cache: bool
    probe: bool
    init_image: PictureSource | None
    strength: float | None
    reference_images: Sequence[PictureSource]
    extra_loras: Sequence[Extra]
    draft: AskedDraft | None
    notify_url: str | None


class RenderRequest(RenderOptions, total=False):
    """One of the requests of `render_many`: the keywords of `render`, and the prompt.

    Attributes:
        prompt: What to paint.
    """

    prompt: Required[str]


class ComposeOptions(TypedDict, total=False):
    """The keywords of `compose`.

    Attributes:
        world: A setting inside the genre; left out, the genre by itself.
        place: What is painted, by its region or its name; left out, no place in particular.
        prompt: What to paint; left out, the style's own words are shown alone.
        extra_loras: Adapters behind its stack, as those of `render`.
    """

    world: str | None
    place: str | None
    prompt: str
    extra_loras: Sequence[Extra]


class InspectOptions(TypedDict, total=False):
    """The keywords of `lora_inspect`.

    Attributes:
        variant: The model that the files are meant for; left out, the daemon's.
        targets: List every layer that each file changes.
    """

    variant: str | None
    targets: bool


def render_params(prompt: str, **options: Unpack[RenderOptions]) -> RenderParams:
    """Build and check a render request.

    Raises:
        InvalidParams: naming the field as the daemon would, `$.params.lora_scales[1]`.
        TypeError: a keyword that `RenderOptions` does not have.
    """
    fields: dict[str, Any] = dict(options)
    paths = _paths(fields.pop("lora_paths", ()))
    scales = _as_list(fields.pop("lora_scales", ()), "lora_scales")
    start, references = fields.pop("init_image", None), _as_list(fields.pop("reference_images", ()), "reference_images")
    block_scales = [dict(each) for each in _as_list(fields.pop("lora_block_scales", ()), "lora_block_scales")]
    params = RenderParams(
        meta=CallMeta(attached=bool(fields.pop("attached", False))),
        prompt=prompt,
        lora_paths=paths,
        lora_scales=scales or [1.0] * len(paths),
        lora_block_scales=block_scales if any(block_scales) else [],
        init_image=None if start is None else _picture(start),
        reference_images=[_picture(each) for each in references],
        extra_loras=extras_of(fields.pop("extra_loras", ())),
        **fields,
    )
    _refuse_non_finite(params)
    params = checked(params)
    check_render(params)
    _refuse_long(params)
    return params


def named(params: RenderParams) -> RenderParams:
    """The request with a `job_id`, so that it can be sent again and be the same job. It goes with its caller."""
    if params.job_id is not None:
        return params
    return msgspec.structs.replace(params, job_id=uuid.uuid4().hex, meta=CallMeta(attached=True))


def resumed(params: P) -> P:
    """The request as it is sent once more, after its answer was lost."""
    if not isinstance(params, RenderParams) or params.job_id is None:
        return params
    return msgspec.structs.replace(params, meta=msgspec.structs.replace(params.meta, resumed=True))


def checked(params: P) -> P:
    """The parameters as the daemon will read them.

    Raises:
        InvalidParams: naming the field as the daemon would, `$.params.job_id`.
    """
    try:
        return jsonrpc.params_as(type(params), msgspec.json.encode(params))
    except UnicodeEncodeError as error:
        problem = f"{str(error.object)[:200]!r} is not UTF-8 - at `$.params`; write it so, or rename the file"
        raise InvalidParams(problem) from error


def inspect_params(lora_paths: Paths, **options: Unpack[InspectOptions]) -> LoraInspectParams:
    """Build and check an inspection request.

    Args:
        lora_paths: Adapter files below the daemon's roots; relative ones are meant from the current folder.
        options: See `InspectOptions`.

    Raises:
        InvalidParams: naming the field.
        TypeError: a keyword that `InspectOptions` does not have.
    """
    return checked(LoraInspectParams(lora_paths=_paths(lora_paths), **options))


def compose_params(genre: str, tier: str, **options: Unpack[ComposeOptions]) -> StyleComposeParams:
    """Build and check what `style.compose` is asked.

    Args:
        genre: The content pack.
        tier: The kind of picture asked for.
        options: See `ComposeOptions`.

    Raises:
        InvalidParams: naming the field.
        TypeError: a keyword that `ComposeOptions` does not have.
    """
    fields: dict[str, Any] = dict(options)
    extras = extras_of(fields.pop("extra_loras", ()))
    check_extras(extras)
    return checked(StyleComposeParams(genre=genre, tier=tier, extra_loras=extras, **fields))


def extras_of(given: Sequence[Extra]) -> list[ExtraLora]:
    """Adapters behind a stack as they are sent; relative paths are meant from the current folder."""
    extras = [
        each if isinstance(each, ExtraLora) else ExtraLora(path=os.fspath(each))
        for each in _as_list(given, "extra_loras")
    ]
    return [msgspec.structs.replace(extra, path=_absolute(extra.path)) for extra in extras]


def _paths(given: Paths) -> list[str]:
    return [_absolute(os.fspath(path)) for path in _as_list(given, "lora_paths")]


def _as_list(values: Sequence[Any], field: str) -> list[Any]:
    """A lone string is a sequence too, of letters, which nobody means."""
    if isinstance(values, str | bytes | os.PathLike | Mapping | ExtraLora):
        raise InvalidParams(f"{field} is a single {type(values).__name__} - at `$.params.{field}`; give a list")
    return list(values)


def _refuse_long(params: RenderParams) -> None:
    """A longer line would be thrown away unread, and with it the answers to all that is asked on the connection."""
    count = len(msgspec.json.encode(params)) if params.names_pictures else 0
    if count > _LONGEST:
        where = "init_image" if params.init_image is not None else "reference_images"
        problem = f"the request has {count} bytes with its pictures in base64, more than the {_LONGEST} of a line"
        raise InvalidParams(f"{problem} - at `$.params.{where}`; make them smaller, or give the paths of files")


def _picture(given: PictureSource) -> AskedPicture:
    return InlinePicture(data=given) if isinstance(given, bytes) else _absolute(os.fspath(given))


def _absolute(path: str) -> str:
    """The daemon has a current folder and a home of its own. An empty path stays empty, to be refused."""
    return os.path.join(Path.cwd(), expanded(path)) if path else path  # noqa: PTH118 - a last slash counts


def _refuse_non_finite(params: RenderParams) -> None:
    """JSON has no word for these, and would send null, which means "as the tier says"."""
    numbers = {f"lora_scales[{i}]": scale for i, scale in enumerate(params.lora_scales)}
    numbers |= {
        f"lora_block_scales[{i}].{blocks}": scale
        for i, scales in enumerate(params.lora_block_scales)
        for blocks, scale in scales.items()
    }
    numbers |= {f"extra_loras[{i}].scale": extra.scale for i, extra in enumerate(params.extra_loras)}
    numbers |= {
        f"extra_loras[{i}].block_scales.{blocks}": scale
        for i, extra in enumerate(params.extra_loras)
        for blocks, scale in extra.block_scales.items()
    }
    numbers |= {name: getattr(params, name) for name in (*AskedNumbers.__struct_fields__, "strength")}
    for where, number in numbers.items():
        if isinstance(number, float) and not math.isfinite(number):
            raise InvalidParams(f"{number} is not a finite number - at `$.params.{where}`; give one")
