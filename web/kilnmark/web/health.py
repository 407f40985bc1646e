"""Whether the process lives and whether a picture can be had, for whoever supervises it; nothing else is told."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from kilnmark.web.site import WebSite

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

__all__ = ["OPEN", "health_routes"]

OPEN = ("healthz", "readyz")
"""Paths that everybody may ask for, without their first slash."""


def health_routes(site: WebSite) -> "list[BaseRoute]":
    """`/healthz`: this process answers. `/readyz`: 200 where the daemon takes renders, else 503."""
    from starlette.routing import Route

    return [Route("/healthz", _alive), Route("/readyz", _ready(site))]


async def _alive(request: "Request") -> "Response":  # noqa: ARG001 - Starlette's
    from starlette.responses import JSONResponse

    return JSONResponse({"status": "ok"})


def _ready(site: WebSite) -> "Callable[[Request], Awaitable[Response]]":
    async def answered(request: "Request") -> "Response":  # noqa: ARG001 - Starlette's
        from starlette.responses import JSONResponse

        status = site.link.standing.status
        state = "away" if status is None else status.state
        return JSONResponse({"status": state}, 200 if site.link.standing.is_ready else 503)

    return answered
