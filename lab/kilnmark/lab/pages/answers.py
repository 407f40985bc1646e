"""Answers of the site: pages, files and small pictures, each told from what it was before by its time and size.

Starlette is imported when one is made. Who may have them is the `guard`'s part, what is on them that of others.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from kilnmark.client.web.files import sent_as, thumbnail
from kilnmark.client.web.guard import REPORT_POLICY
from kilnmark.lab.errors import LabError
from kilnmark.lab.pages.batches import seen_mark

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["PageMissing", "as_bytes", "as_page", "as_small", "as_whole", "led_to", "there"]


class PageMissing(LabError):
    """There is nothing at an address."""

    kind = "no_page"

    def __str__(self) -> str:
        return "there is no such page, or the folder changed; go back to the index"


def there(page: str | None) -> str:
    """A page that there is.

    Raises:
        PageMissing: There is none.
    """
    if page is None:
        raise PageMissing
    return page


def as_page(page: str, status: int = 200) -> "Response":
    """A page."""
    return as_bytes(page.encode("utf-8", "backslashreplace"), "text/html; charset=utf-8", status)


def as_bytes(body: bytes, media_type: str, status: int = 200) -> "Response":
    """Bytes of a media type."""
    from starlette.responses import Response

    return Response(body, status, media_type=media_type)


def led_to(address: str) -> "Response":
    """Go there now, by reading: what a form does is not done again by going back."""
    from starlette.responses import RedirectResponse

    return RedirectResponse(f"/{address}", 303)


def as_small(path: Path | None, request: "Request") -> "Response":
    """A small picture of a file.

    Raises:
        PageMissing: It is none that may be shown.
    """
    if path is None or sent_as(path) is None:
        raise PageMissing
    return _unchanged(path, request) or _marked(as_bytes(thumbnail(path), "image/jpeg"), path)


def as_whole(path: Path | None, request: "Request | None", *, texts: bool) -> "Response":
    """A file as it is; `texts` says whether reports and logs are among those that may be shown.

    Raises:
        PageMissing: It is none that may be shown.
    """
    media_type = sent_as(path, texts=texts) if path else None
    if path is None or media_type is None:
        raise PageMissing
    from starlette.responses import FileResponse

    unchanged = _unchanged(path, request) if request is not None else None
    response = unchanged or _marked(FileResponse(path, media_type=media_type), path)
    if media_type.startswith("text/html"):  # that it is unchanged takes the place of the headers that came with it, too
        response.headers["content-security-policy"] = REPORT_POLICY
    return response


def _unchanged(path: Path, request: "Request") -> "Response | None":
    return as_bytes(b"", "text/plain", 304) if request.headers.get("if-none-match") == f'"{seen_mark(path)}"' else None


def _marked(response: "Response", path: Path) -> "Response":
    response.headers["etag"] = f'"{seen_mark(path)}"'
    return response
