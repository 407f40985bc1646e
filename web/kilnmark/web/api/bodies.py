"""Bodies of requests, read up to a bound: JSON, or a form with pictures in it. What is asked for in them is `asks`'."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.web.errors import BodyRefused

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

__all__ = ["json_fields", "multipart_fields"]

LONGEST_JSON: Final = 1 << 20
LONGEST_FORM: Final = 64 << 20
"""Bytes of a body that is read."""

_MOST_PICTURES: Final = 17
_MOST_FIELDS: Final = 60
_PICTURES = ("image", "image[]")
_YES_OR_NO = ("cache", "draft", "stream")
_BOTH: Final = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}


async def json_fields(request: "Request") -> dict[str, Any]:
    """The fields of a JSON object.

    Raises:
        BodyRefused: It is too long, or none.
    """
    body = await _whole(request, LONGEST_JSON)
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyRefused(f"The body is no JSON object ({error}); send one.", 400) from error


async def multipart_fields(request: "Request") -> tuple[dict[str, Any], list[bytes]]:
    """The fields of a form, and its pictures in their order.

    Raises:
        BodyRefused: It is too long, or no form.
        InvalidParams: A field that is no picture is a file, or one is given twice.
    """
    from starlette.formparsers import MultiPartException, MultiPartParser

    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BodyRefused("Pictures are sent as multipart/form-data.", 415)
    body = await _whole(request, LONGEST_FORM)
    parser = MultiPartParser(
        request.headers, _once(body), max_files=_MOST_PICTURES, max_fields=_MOST_FIELDS, max_part_size=LONGEST_JSON
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise BodyRefused(f"The body is no form ({error}).", 400) from error
    try:
        return await _taken(form)
    finally:
        await form.close()


async def _taken(form: "FormData") -> tuple[dict[str, Any], list[bytes]]:
    from starlette.datastructures import UploadFile

    fields: dict[str, Any] = {}
    pictures: list[bytes] = []
    for name, value in form.multi_items():
        if name in _PICTURES and isinstance(value, UploadFile):
            pictures.append(await value.read())
        elif name == "mask":
            raise InvalidParams("no base here takes a mask - at `$.params.mask`; leave it out")
        elif isinstance(value, UploadFile) or name in _PICTURES or name in fields:
            raise InvalidParams(f"it is given twice, or is a file where none belongs - at `$.params.{name[:100]}`")
        else:
            fields[name] = _unfolded(name, value)
    return fields, pictures


def _unfolded(name: str, value: str) -> Any:
    """A field that is no single word came as JSON; yes and no come as forms write them."""
    if name in _YES_OR_NO and value.lower() in _BOTH:
        return _BOTH[value.lower()]
    if name not in {"loras", "draft"}:
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidParams(f"it is no JSON ({error}) - at `$.params.{name}`") from error


async def _whole(request: "Request", limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise BodyRefused(f"The body is longer than {limit} bytes; send less.", 413)
        parts.append(part)
    return b"".join(parts)


async def _once(body: bytes) -> AsyncGenerator[bytes]:
    yield body
