"""The addresses of the API for pictures. What is behind each is told in `docs/web.md`.

The caller's trace, from its `traceparent`, goes on in the daemon; a caller that hangs up cancels what it asked for.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.web.api.addresses import SIGNED, PictureAddresses
from kilnmark.web.api.asks import EditsAsk, ImagesAsk, asked_as
from kilnmark.web.api.bodies import json_fields, multipart_fields
from kilnmark.web.api.painting import answer_of, checked_model, painted
from kilnmark.web.api.sent import SentPictures
from kilnmark.web.api.told import json_answer, kind_of, refused
from kilnmark.web.api.tracing import request_span
from kilnmark.web.errors import NothingThere, UnknownModel
from kilnmark.web.site import WebSite

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

__all__ = ["ModelInfo", "ModelsAnswer", "api_routes"]

T = TypeVar("T")
_CONVERTOR = re.compile(r":[a-z]+\}")
_HUNG_UP = 499
"""nginx's: nobody reads the answer."""


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A base, as OpenAI's API lists models.

    Attributes:
        id: What requests name.
        created: 0: nobody knows.
        held: It is the one that the daemon was started with.
    """

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "kilnmark"
    held: bool = False


class ModelsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The bases that a request may name."""

    data: list[ModelInfo]
    object: str = "list"


class _HungUp(Exception):
    """The program that asked is gone."""


def api_routes(site: WebSite) -> "list[BaseRoute]":
    """Pictures, models, and the signed addresses of pictures."""
    api = _Api(site)
    return [
        _route("/v1/images/generations", api.generations, ("POST",)),
        _route("/v1/images/edits", api.edits, ("POST",)),
        _route("/v1/models", api.models),
        _route("/v1/models/{model:path}", api.model),
        _route(f"{SIGNED}{{expires:int}}/{{signature}}/{{name:path}}", api.picture),
        _route("/v1/{rest:path}", api.nothing, ("GET", "POST")),
        _route("/images/{rest:path}", api.unversioned, ("GET", "POST")),
        _route("/models", api.unversioned),
    ]


class _Api:
    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._addresses = PictureAddresses(site.tokens.secret)
        self._sent = SentPictures()

    async def generations(self, request: "Request") -> "Response":
        return await self._paint(request, asked_as(ImagesAsk, await json_fields(request)), [])

    async def edits(self, request: "Request") -> "Response":
        fields, pictures = await multipart_fields(request)
        if not pictures:
            raise InvalidParams("it is missing - at `$.params.image`; send the picture to start from")
        return await self._paint(request, asked_as(EditsAsk, fields, strict=False), pictures)

    async def models(self, _: "Request") -> "Response":
        return json_answer(ModelsAnswer(data=await self._models()))

    async def model(self, request: "Request") -> "Response":
        found, wanted = await self._models(), request.path_params["model"]
        for each in found:
            if each.id == wanted:
                return json_answer(each)
        raise UnknownModel(wanted, [each.id for each in found])

    async def picture(self, request: "Request") -> "Response":
        from starlette.responses import FileResponse

        given = request.path_params
        root = Path((await self._site.link.client.status()).output_dir)
        found = self._addresses.opened(given["expires"], given["signature"], given["name"], root)
        if found is None or found.suffix != ".png":
            raise NothingThere("No picture has this address.", 404)
        if time.time() > given["expires"]:
            raise NothingThere("This address was good for an hour, which is over; ask for the picture again.", 410)
        return FileResponse(found, media_type="image/png")

    async def nothing(self, request: "Request") -> "Response":
        raise NothingThere(f"Nothing is served for {request.method} {request.url.path[:200]}.", 404)

    async def unversioned(self, request: "Request") -> "Response":
        raise NothingThere(
            f"Nothing is served for {request.method} {request.url.path[:200]}; the base address ends in /v1.", 404
        )

    async def _models(self) -> list[ModelInfo]:
        status = await self._site.link.client.status()
        return [ModelInfo(id=name, held=name == status.variant) for name in status.variants]

    async def _paint(self, request: "Request", ask: ImagesAsk, pictures: list[bytes]) -> "Response":
        client = self._site.link.client
        status = await client.status()
        checked_model(ask, status)
        root = Path(status.output_dir)
        async with self._sent.kept(root, pictures) as given:
            results = await _unless_hung_up(request, painted(client, ask, status, given))
        base = f"http://{request.headers['host']}"
        return json_answer(await answer_of(ask, results, root, base, self._addresses))


def _route(
    path: str, answered: "Callable[[Request], Awaitable[Response]]", methods: tuple[str, ...] = ("GET",)
) -> "BaseRoute":
    """A route with a span, whose errors are told in the form of the API."""
    from starlette.responses import Response
    from starlette.routing import Route

    bare = _CONVERTOR.sub("}", path)

    async def run(request: "Request") -> "Response":
        with request_span(request, bare) as span:
            try:
                answer, kind, message = await answered(request), "", ""
            except _HungUp:
                span.given_up()
                return Response(status_code=_HUNG_UP)
            except KilnmarkError as error:
                answer, kind, message = refused(error), kind_of(error), str(error)
            span.answered(answer.status_code, kind, message)
            return answer

    return Route(path, run, methods=list(methods))


async def _unless_hung_up(request: "Request", work: Coroutine[Any, Any, T]) -> T:
    """What it comes to.

    Raises:
        _HungUp: The caller is gone; the work is cancelled.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise _HungUp
        return task.result()
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, KilnmarkError):
                await task


async def _gone(request: "Request") -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
