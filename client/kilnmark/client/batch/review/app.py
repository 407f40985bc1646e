"""The review as an application: which page or picture an address stands for, and what its verbs do.

It is asked only by whom the `guard` lets through. The folder is read anew for every page. Starlette is imported when
the application is made.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kilnmark.client.batch.errors import NoSuchPicture, NotPaintedAgain
from kilnmark.client.batch.page.data import LiveData, data_json, page_data
from kilnmark.client.batch.page.page import PageRead, filled_page, live_policy, page_read
from kilnmark.client.batch.page.renewed import renew_page
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.picks.saying import moment_now, pinned
from kilnmark.client.batch.review.again import PaintsAgain
from kilnmark.client.batch.review.bell import Bell
from kilnmark.client.batch.run.decisions import decide_picture
from kilnmark.client.batch.run.manifest import MANIFEST, Manifest, read_manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.web.errors import FormRefused
from kilnmark.client.web.files import inside, sent_as
from kilnmark.client.web.forms import read_form
from kilnmark.client.web.guard import Gate, Guard
from kilnmark.protocol.content.picked import MOST_SEEDS
from kilnmark.protocol.errors import KilnmarkError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["GATE", "Review", "review_application"]

_SEED_END = 2**53

_SOON = 1.0
"""Seconds after a decision that the page which is a file is written anew."""


@dataclass(frozen=True)
class Review:
    """What is reviewed.

    Attributes:
        folder: Of the batch.
        files: Where decisions lie.
        packs: The folder of packs; None: as the manifest says.
        socket: The daemon's; None: the usual one.
        person: Who decides.
    """

    folder: Path
    files: PicksFiles
    packs: Path | None
    socket: str | None
    person: str


def _sorry(title: str, sentence: str) -> str:
    return f'<!doctype html><html lang="en"><title>{title}</title><h1>{title}</h1><p>{sentence}</p></html>'


GATE: Final = Gate("review", "kilnmark review", _sorry)


def review_application(review: Review, token: str, port: int) -> Guard:
    """The application, guarded.

    Args:
        review: What is reviewed.
        token: That the printed address carries.
        port: The one that is listened on.
    """
    pages = _Desk(review)
    guard = Guard(pages.application(), token, port, GATE)
    pages.guard = guard
    return guard


class _Desk:
    guard: Guard

    def __init__(self, review: Review) -> None:
        self._review = review
        self._bell = Bell(review.folder, review.files)
        self._renewal: asyncio.Task[None] | None = None
        self._again = PaintsAgain(review.folder, review.files, review.packs, review.socket, self._bell)

    def application(self) -> "Starlette":
        from starlette.applications import Starlette
        from starlette.routing import Route

        verbs = {"decide": self._decide, "pin": self._pin, "roll": self._roll}
        return Starlette(
            routes=[
                Route("/events", self._events),
                Route("/state", _answering(self._state)),
                *(Route(f"/{name}", _answering(self._verb(verb)), methods=["POST"]) for name, verb in verbs.items()),
                Route("/favicon.ico", _no_icon),
                Route("/", _answering(self._page)),
                Route("/{path:path}", _answering(self._file)),
            ]
        )

    async def _events(self, request: "Request") -> "Response":  # noqa: ARG002 - Starlette's
        from starlette.responses import StreamingResponse

        return StreamingResponse(self._bell.events(), media_type="text/event-stream")

    async def _page(self, request: "Request") -> "Response":  # noqa: ARG002 - Starlette's
        from starlette.responses import HTMLResponse

        live = self._live()
        read = await asyncio.to_thread(self._read)
        page = await asyncio.to_thread(filled_page, read, live=live)
        return HTMLResponse(page, headers={"content-security-policy": live_policy(read)})

    async def _state(self, request: "Request") -> "Response":  # noqa: ARG002 - Starlette's
        from starlette.responses import Response

        live = self._live()
        return Response(await asyncio.to_thread(self._state_json, live), media_type="application/json")

    def _state_json(self, live: LiveData) -> str:
        read = self._read()
        return data_json(
            page_data(read.folder, read.manifest, read.shown, read.decided, read.picks, read.pending), live
        )

    def _live(self) -> LiveData:
        return LiveData(csrf=self.guard.form_token, by=self._review.person, version=self._bell.version())

    def _read(self) -> PageRead:
        manifest = read_manifest(self._review.folder)
        return page_read(self._review.folder, manifest, self._review.files, dict(self._again.pending))

    async def _file(self, request: "Request") -> "Response":
        from starlette.responses import FileResponse

        name: str = request.path_params["path"]
        path = inside(self._review.folder, name)
        media_type = sent_as(path, texts=name == MANIFEST) if path else None
        if path is None or media_type is None:
            return _answer("There is no such picture; look at the page again.", 404)
        return FileResponse(path, media_type=media_type)

    def _verb(
        self, verb: "Callable[[dict[str, str], Picture, Manifest], Awaitable[str]]"
    ) -> "Callable[[Request], Awaitable[Response]]":
        """A verb about a picture: its answer is a sentence, which may be empty."""

        async def answered(request: "Request") -> "Response":
            form = await read_form(request, self.guard)
            manifest = await asyncio.to_thread(read_manifest, self._review.folder)
            picture = _picture(self._review.folder, manifest, form.get("file", ""))
            said = await verb(form, picture, manifest)
            self._bell.ring("picks")
            if self._renewal is None or self._renewal.done():
                self._renewal = asyncio.create_task(self._renew())
            return _answer(said)

        return answered

    async def _renew(self) -> None:
        """The page that is a file shows the decisions too, soon after the first of several."""
        await asyncio.sleep(_SOON)
        if why := await asyncio.to_thread(renew_page, self._review.folder, self._review.files):
            self._bell.ring("said", why)

    async def _decide(self, form: dict[str, str], picture: Picture, manifest: Manifest) -> str:
        if form.get("word") not in set(PickWord):
            raise FormRefused("That is no word about a picture.")
        await asyncio.to_thread(
            decide_picture,
            self._review.folder,
            picture.file,
            PickWord(form["word"]),
            by=self._review.person,
            reason=" ".join(form.get("reason", "").split()),
            sha256=form.get("sha256", ""),
            manifest=manifest,
            files=self._review.files,
        )
        return ""

    async def _pin(self, form: dict[str, str], picture: Picture, manifest: Manifest) -> str:
        values = _seeds(form.get("seeds", ""))
        entry, by = picture.entry, self._review.person
        await asyncio.to_thread(
            self._review.files.change,
            lambda picks: picks.with_entry(pinned(picks.of_entry(entry), values, by=by, now=moment_now())),
        )
        there = {each.seed for each in manifest.pictures if each.entry == entry and each.status == "done"}
        if values and there == set(values):
            return ""
        try:
            await self._again.paint(entry)
        except KilnmarkError as error:
            return f"It is pinned, and the next batch paints it; now it was not: {error}"
        return ""

    async def _roll(self, form: dict[str, str], picture: Picture, manifest: Manifest) -> str:  # noqa: ARG002 - a verb's
        seeds = await self._again.roll(picture.entry, self._review.person)
        return f"{picture.name} is painted with seed {', '.join(map(str, seeds))}: it appears here when it is there"


def _picture(folder: Path, manifest: Manifest, file: str) -> Picture:
    for each in (*manifest.pictures, *manifest.earlier):
        if each.file == file:
            return each
    raise NoSuchPicture(str(folder), file, "the manifest names none like that")


def _seeds(given: str) -> list[int]:
    try:
        values = list(dict.fromkeys(int(each) for each in given.split(",") if each))
    except ValueError as error:
        raise FormRefused("Seeds are whole numbers, with commas between them.") from error
    if len(values) > MOST_SEEDS:
        raise FormRefused(f"An entry has {MOST_SEEDS} seeds at most.")
    if any(not 0 <= each < _SEED_END for each in values):
        raise FormRefused("A seed is a whole number from 0 to 2^53 - 1.")
    return values


def _answering(answer: "Callable[[Request], Awaitable[Response]]") -> "Callable[[Request], Awaitable[Response]]":
    """With a sentence that says why, where it cannot be done."""

    async def answered(request: "Request") -> "Response":
        try:
            return await answer(request)
        except FormRefused as error:
            return _answer(str(error), 400)
        except (NoSuchPicture, NotPaintedAgain) as error:
            return _answer(str(error), 409)
        except (KilnmarkError, OSError) as error:
            return _answer(str(error), 500)

    return answered


async def _no_icon(request: "Request") -> "Response":  # noqa: ARG001 - Starlette's
    """Browsers ask for one, and complain where that is an error."""
    from starlette.responses import Response

    return Response(status_code=204)


def _answer(message: str, status: int = 200) -> "Response":
    from starlette.responses import JSONResponse

    return JSONResponse({"message": message}, status)
