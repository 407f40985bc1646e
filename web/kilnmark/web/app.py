"""The web process put together: its rooms' routes behind one guard.

Starlette is imported when the application is made. What a page or an answer is, each room knows for itself.
"""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from kilnmark.client.web.guard import Gate, Guard
from kilnmark.web.api.addresses import SIGNED
from kilnmark.web.api.routes import api_routes
from kilnmark.web.health import OPEN, health_routes
from kilnmark.web.panel.render import ASSETS, sorry_page
from kilnmark.web.panel.routes import panel_routes
from kilnmark.web.site import WebSite

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

__all__ = ["web_application"]

PROGRAMS: Final = ("/v1/",)
"""What the paths begin with that programs ask for."""

ROOMS: "Final[tuple[Callable[[WebSite], list[BaseRoute]], ...]]" = (health_routes, api_routes, panel_routes)
"""Each gives its routes, the most special first."""


def web_application(site: WebSite) -> Guard:
    """The application, guarded.

    Args:
        site: What it is made of.
    """
    from starlette.applications import Starlette

    @asynccontextmanager
    async def running(_: "Starlette") -> AsyncGenerator[None]:
        await site.link.begin()
        if site.hooks is not None:
            await site.hooks.begin()
        try:
            yield
        finally:
            if site.hooks is not None:
                await site.hooks.end()
            await site.link.end()

    app = Starlette(routes=[route for room in ROOMS for route in room(site)], lifespan=running)
    gate = Gate(
        "web",
        "kilnmark web",
        sorry_page,
        assets=(*OPEN, *ASSETS),
        open_below=(SIGNED,),
        programs=PROGRAMS,
        told=_told,
        hosts=site.hosts,
    )
    return Guard(app, site.tokens.rights, site.port, gate)


def _told(status: int, sentence: str) -> bytes:
    """In the form that programs for pictures know their errors in."""
    kind = "authentication_error" if status == 401 else "permission_error" if status == 403 else "invalid_request_error"  # noqa: PLR2004 - of HTTP
    return json.dumps({"error": {"message": sentence, "type": kind, "param": None, "code": None}}).encode()
