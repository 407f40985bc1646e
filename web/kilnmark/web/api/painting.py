"""What a request of a program becomes: renders of the daemon, one a seed, and their pictures and reports in one answer.

A program that hangs up, or one picture that fails, cancels the others. HTTP is `routes`' part.
"""

import asyncio
import base64
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from msgspec.structs import replace

from kilnmark.client.aio import AsyncClient
from kilnmark.client.request import RenderOptions
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.status import StatusResult
from kilnmark.web.api.addresses import PictureAddresses
from kilnmark.web.api.asks import ImagesAsk, render_options, seeds_of, unused_fields
from kilnmark.web.errors import UnknownModel
from kilnmark.web.located import adapter_folders, located

__all__ = ["ImageDatum", "ImagesAnswer", "ImagesProof", "answer_of", "checked_model", "painted"]

T = TypeVar("T")


class ImageDatum(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One picture, as OpenAI's API gives it.

    Attributes:
        b64_json: The PNG.
        url: Where it can be had for an hour, without a token.
    """

    b64_json: str | None = None
    url: str | None = None


class ImagesProof(msgspec.Struct, frozen=True, kw_only=True):
    """What each picture is made of, and what each adapter did to it.

    Attributes:
        renders: The whole replies of the daemon, in the order of the pictures.
        unused: Fields of the request that have no effect here.
    """

    renders: list[RenderResult]
    unused: list[str]


class ImagesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures, as OpenAI's API gives them, and their proof.

    Attributes:
        created: Seconds since the epoch.
        data: The pictures, in the order of their seeds.
        output_format: Of their files.
        kilnmark: Their proof.
    """

    created: int
    data: list[ImageDatum]
    output_format: str = "png"
    kilnmark: ImagesProof


def checked_model(ask: ImagesAsk, status: StatusResult) -> None:
    """Raises UnknownModel where the daemon does not serve what was named."""
    if ask.model is not None and ask.model not in status.variants:
        raise UnknownModel(ask.model, status.variants)


async def painted(
    client: AsyncClient, ask: ImagesAsk, status: StatusResult, given: Sequence[str] = ()
) -> list[RenderResult]:
    """Paint what was asked for, one picture a seed.

    Args:
        client: Asks the daemon.
        ask: What was asked for.
        status: What the daemon said of itself.
        given: Paths of the pictures that it is made of.

    Raises:
        KilnmarkError: the first of them that failed; the others are cancelled.
    """
    folders = adapter_folders(status)
    ask = replace(ask, loras=[replace(lora, path=located(lora.path, folders)) for lora in ask.loras])
    options = render_options(ask)
    if given:
        options = cast("RenderOptions", {**options, **_used(given, ask.model or status.variant, status)})
    return await _together([client.render(ask.prompt, **_seeded(options, seed)) for seed in seeds_of(ask)])


async def answer_of(
    ask: ImagesAsk, results: list[RenderResult], root: Path, base: str, addresses: PictureAddresses
) -> ImagesAnswer:
    """The answer with the pictures.

    Args:
        ask: What was asked for.
        results: The replies of the daemon.
        root: The folder of pictures.
        base: What addresses begin with, `http://127.0.0.1:7340`.
        addresses: Signs them.
    """
    now = time.time()
    data = []
    for result in results:
        path = Path(result.image_path)
        url = None if ask.response_format == "b64_json" else addresses.of(path, root, now)
        inline = ask.response_format != "url"
        encoded = base64.b64encode(await asyncio.to_thread(path.read_bytes)).decode() if inline else None
        data.append(ImageDatum(b64_json=encoded, url=None if url is None else base + url))
    proof = ImagesProof(renders=results, unused=unused_fields(ask))
    return ImagesAnswer(created=int(now), data=data, kilnmark=proof)


def _seeded(options: RenderOptions, seed: int | None) -> RenderOptions:
    """The same for one picture."""
    return options if seed is None else cast("RenderOptions", {**options, "seed": seed})


async def _together(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All at once; the first that fails ends the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _used(given: Sequence[str], model: str, status: StatusResult) -> RenderOptions:
    """One is started from where the base can; else all are looked at."""
    row = VARIANTS.get(status.counts_as.get(model, model))
    if len(given) == 1 and (row is None or row.init_image or not row.reference_images):
        return {"init_image": given[0]}
    return {"reference_images": list(given)}
