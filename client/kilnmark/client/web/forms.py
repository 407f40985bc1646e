"""What a page posts, read: a small form with the token of this start in it. What it asks for is not known here."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from kilnmark.client.web.errors import FormRefused
from kilnmark.client.web.guard import FormSeal

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["read_form"]

_LONGEST_FORM = 16_384
"""Bytes of a form that is read."""

_MOST_FIELDS = 20


async def read_form(request: "Request", seal: FormSeal) -> dict[str, str]:
    """The fields of a form, the first of each name.

    Raises:
        FormRefused: It is too long, no form, or without this start's token.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            raise FormRefused("That is more than a form of these pages sends.")
    try:
        found = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise FormRefused("That is no form of these pages.") from error
    form = {name: values[0] for name, values in found.items()}
    if not seal.is_form_token(form.get("csrf", "")):
        raise FormRefused("The page is of an earlier start of the server; open it again.")
    return form
