"""The panel's addresses: who asks for what, and which page or file it is. What is on a page, the views know.

Whoever may only look gets no forms, and the guard lets none of theirs through. Where the daemon does not answer, every
page says so with 503 and comes back by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, cast, get_args
from urllib.parse import quote

from kilnmark.client.web.errors import FormRefused
from kilnmark.client.web.files import sent_as, thumbnail
from kilnmark.client.web.forms import read_form
from kilnmark.client.web.guard import FormSeal, Right, right_of
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.wire.errors import InvalidParams, RequestError, UnknownJob
from kilnmark.web.panel.follow import JobFollower
from kilnmark.web.panel.history import HistoryAsk, history_view
from kilnmark.web.panel.now import Acknowledged, now_view
from kilnmark.web.panel.picture import picture_view
from kilnmark.web.panel.places import PictureRoot
from kilnmark.web.panel.render import ASSETS, asset, fill, sorry_page
from kilnmark.web.site import WebSite

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

__all__ = ["panel_routes"]

_MOST_SEEN = 200


def panel_routes(site: WebSite) -> "list[BaseRoute]":
    """All of them."""
    from starlette.routing import Route

    panel = _Panel(site)
    pages = {"/": panel.now, "/history": panel.history, "/jobs/{job_id:path}": panel.picture}
    files = {
        "/small/{name:path}": panel.small,
        "/whole/{name:path}": panel.whole,
        "/previews/{job_id:path}": panel.seen,
    }
    forms = {"/cancel": panel.cancel, "/move": panel.move, "/acknowledge": panel.acknowledge}
    return [
        *(Route(f"/{name}", partial(_asset, name)) for name in ASSETS),
        Route("/events", panel.events),
        *(Route(path, _answering(answer), methods=["GET"]) for path, answer in (pages | files).items()),
        *(Route(path, _answering(answer), methods=["POST"]) for path, answer in forms.items()),
    ]


class _Panel:
    def __init__(self, site: WebSite) -> None:
        self._link = site.link
        self._seal = FormSeal(site.tokens.write)
        self._follower = JobFollower(site.link)
        self._acknowledged = Acknowledged()
        self._root = PictureRoot("")

    async def now(self, request: "Request") -> "Response":
        view = await now_view(self._link.client, self._follower, self._acknowledged)
        self._root = PictureRoot(view.status.output_dir)
        return self._page(request, "now.html", title=view.status.state, here="now", live=True, view=view)

    async def history(self, request: "Request") -> "Response":
        await self._know_root()
        ask = HistoryAsk.of(request.query_params)
        view = await history_view(self._link.client, ask, request.query_params.get("cursor", ""))
        return self._page(request, "history.html", title="History", here="history", view=view)

    async def picture(self, request: "Request") -> "Response":
        await self._know_root()
        view = await picture_view(self._link.client, self._root, request.path_params["job_id"])
        is_open = view.found.job.state in {"queued", "running"}
        return self._page(request, "picture.html", title=view.found.job.prompt or "A job", live=is_open, view=view)

    async def events(self, _: "Request") -> "Response":
        from starlette.responses import StreamingResponse

        return StreamingResponse(self._follower.events(), media_type="text/event-stream")

    async def seen(self, request: "Request") -> "Response":
        preview = self._follower.preview_of(request.path_params["job_id"])
        return _missing() if preview is None else _bytes(preview.jpeg, "image/jpeg")

    async def small(self, request: "Request") -> "Response":
        await self._know_root()
        file = await asyncio.to_thread(self._root.file, request.path_params["name"])
        return _missing() if file is None else _bytes(await asyncio.to_thread(thumbnail, file), "image/jpeg")

    async def whole(self, request: "Request") -> "Response":
        from starlette.responses import FileResponse

        await self._know_root()
        file = await asyncio.to_thread(self._root.file, request.path_params["name"])
        return _missing() if file is None else FileResponse(file, media_type=sent_as(file))

    async def cancel(self, request: "Request") -> "Response":
        form = await read_form(request, self._seal)
        await self._link.client.cancel(form.get("job_id", ""), "cancelled on the panel")
        return self._back(form)

    async def move(self, request: "Request") -> "Response":
        form = await read_form(request, self._seal)
        if (priority := form.get("priority", "")) not in get_args(Priority):
            raise FormRefused(f"There is no such priority; there are {', '.join(get_args(Priority))}.")
        await self._link.client.jobs_move(form.get("job_id", ""), cast("Priority", priority))
        return self._back(form)

    async def acknowledge(self, request: "Request") -> "Response":
        form = await read_form(request, self._seal)
        self._acknowledged.see(form.get("job_ids", "").split()[:_MOST_SEEN])
        return self._back(form)

    async def _know_root(self) -> None:
        status = self._link.standing.status or await self._link.client.status()
        self._root = PictureRoot(status.output_dir)

    def _back(self, form: dict[str, str]) -> "Response":
        """To the page that the form stood on."""
        from starlette.responses import RedirectResponse

        self._follower.changed()
        page = form.get("page", "")
        return RedirectResponse(f"/jobs/{quote(page, safe='')}" if page else "/", 303)

    def _page(self, request: "Request", template: str, **names: object) -> "Response":
        csrf = self._seal.form_token if right_of(request.scope) >= Right.WRITE else ""
        page = fill(template, csrf=csrf, root=self._root, **names)  # type: ignore[arg-type]  # the template's
        return _html(page)


def _answering(answer: "Callable[[Request], Awaitable[Response]]") -> "Callable[[Request], Awaitable[Response]]":
    """With the page that says why, where there is no other."""

    async def answered(request: "Request") -> "Response":
        try:
            return await answer(request)
        except FormRefused as error:
            return _sorry("Not so", str(error), 400)
        except (InvalidParams, UnknownJob) as error:
            return _sorry("Not there", str(error), 404)
        except RequestError as error:
            return _sorry("The daemon refused", str(error), 409)
        except KilnmarkError as error:
            return _html(fill("away.html", title="away", here="now", live=True, sentence=str(error)), 503)
        except OSError as error:
            return _sorry("It cannot be read", str(error), 500)

    return answered


async def _asset(name: str, _: "Request") -> "Response":
    return _bytes(asset(name), ASSETS[name])


def _missing() -> "Response":
    return _sorry("Not there", "There is no such picture below the daemon's output folder.", 404)


def _sorry(title: str, sentence: str, status: int) -> "Response":
    return _html(sorry_page(title, sentence), status)


def _html(page: str, status: int = 200) -> "Response":
    return _bytes(page.encode("utf-8", "backslashreplace"), "text/html; charset=utf-8", status)


def _bytes(body: bytes, media_type: str, status: int = 200) -> "Response":
    from starlette.responses import Response

    return Response(body, status, media_type=media_type)
