"""The site as an application: which page or picture an address stands for, and what the forms on them do.

It is asked only by whom the `guard` lets through. The folder is looked through for every page, so that none is older
than the folder. Starlette is imported when the application is made.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from kilnmark.client.batch.errors import BatchError, NoSuchPicture
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.run.decisions import decide_picture
from kilnmark.client.batch.run.manifest import MANIFEST
from kilnmark.client.web.errors import FormRefused
from kilnmark.client.web.files import inside
from kilnmark.client.web.forms import read_form
from kilnmark.client.web.guard import Gate, Guard
from kilnmark.lab.errors import LabError
from kilnmark.lab.judging.blind import BlindJudging, Choice, Side
from kilnmark.lab.judging.errors import VoteRefused
from kilnmark.lab.judging.report import read_judgement
from kilnmark.lab.pages import places
from kilnmark.lab.pages.answers import PageMissing, as_bytes, as_page, as_small, as_whole, led_to, there
from kilnmark.lab.pages.batches import count_line, seen_mark, shown_decisions
from kilnmark.lab.pages.render import ASSETS, SPANS, LabSite, asset, sorry_page
from kilnmark.lab.pages.watch import FolderWatch
from kilnmark.lab.run.found import (
    FoundBatch,
    FoundRun,
    FoundWork,
    find_in,
    found_batch,
    found_run,
    is_document,
    located,
)
from kilnmark.lab.run.plan import PLAN
from kilnmark.protocol.content.problems import UnusableContent

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["site_application"]

GATE: Final = Gate("lab", "kilnmark lab serve", sorry_page, ASSETS)

_CHOICES: dict[str, Choice] = {"left": "left", "right": "right", "unsure": "unsure"}
_SIDES: dict[str, Side] = {"left": "left", "right": "right"}
_SAME = {"yes": True, "no": False}


def site_application(root: Path, typed: str, *, token: str, port: int, person: str, watch: FolderWatch) -> Guard:
    """The application, guarded.

    Args:
        root: The folder that is shown.
        typed: The folder as it stands in commands that are to be copied.
        token: That the printed address carries.
        port: The one that is listened on.
        person: Who decides about pictures.
        watch: Follows the folder.
    """
    pages = _Pages(root, typed, person, watch)
    guard = Guard(pages.application(), token, port, GATE)
    pages.guard = guard
    return guard


class _Pages:
    guard: Guard

    def __init__(self, root: Path, typed: str, person: str, watch: FolderWatch) -> None:
        self._root = root
        self._typed = typed
        self._person = person
        self._watch = watch

    def application(self) -> "Starlette":
        from starlette.applications import Starlette
        from starlette.routing import Route

        return Starlette(
            routes=[
                Route("/events", self._events),
                Route("/{path:path}", self._answering(self._get), methods=["GET"]),
                Route("/{path:path}", self._answering(self._post), methods=["POST"]),
            ]
        )

    def _answering(
        self, answer: "Callable[[Request], Awaitable[Response]]"
    ) -> "Callable[[Request], Awaitable[Response]]":
        """With the page that says why, where there is no other."""

        async def answered(request: "Request") -> "Response":
            try:
                return await answer(request)
            except PageMissing as error:
                return as_page(sorry_page("Not there", str(error), back=True), 404)
            except FormRefused as error:
                return as_page(sorry_page("Not so", str(error), back=True), 400)
            except (VoteRefused, NoSuchPicture) as error:
                return as_page(sorry_page("Not counted", str(error), back=True), 409)
            except (LabError, BatchError, UnusableContent, OSError) as error:
                return as_page(sorry_page("It cannot be read", str(error), back=True), 500)

        return answered

    async def _events(self, request: "Request") -> "Response":  # noqa: ARG002 - Starlette's
        from starlette.responses import StreamingResponse

        return StreamingResponse(self._watch.events(), media_type="text/event-stream")

    async def _get(self, request: "Request") -> "Response":
        return await asyncio.to_thread(self._page, request)

    def _site(self) -> LabSite:
        """The pages but the index, which alone needs all that there is."""
        return LabSite(self._root, FoundWork((), (), ()), self._typed, live=True)

    def _page(self, request: "Request") -> "Response":
        path: str = request.path_params["path"]
        if path in ASSETS:
            return as_bytes(asset(path), ASSETS[path])
        kind, _, rest = path.partition("/")
        if path in {"", places.INDEX}:
            site = LabSite(self._root, find_in(self._root), self._typed, live=True)
            days = request.query_params.get("days", "")
            return as_page(site.index(int(days) if days in map(str, SPANS) else SPANS[0]))
        if kind == places.RUNS:
            return self._of_run(rest, request)
        if kind == places.BATCHES:
            return self._of_batch(rest, request)
        if kind == places.DOCUMENTS:
            return self._of_document(rest)
        raise PageMissing

    def _of_run(self, rest: str, request: "Request") -> "Response":
        run, tail = self._run(rest)
        kind, _, name = tail.partition("/")
        if tail in {"", places.INDEX}:
            if run.problem:
                return as_page(sorry_page("It cannot be read", run.problem, back=True), 500)
            return as_page(there(self._site().run(run)))
        if kind == places.JUDGING:
            return self._judging(run, name, request)
        if kind == places.SOURCES:
            return as_small(inside(run.sources, name), request)
        if kind == places.SMALL:
            return as_small(inside(run.folder, name), request)
        if kind == places.FILES:
            return as_whole(inside(run.folder, name), request, texts=True)
        raise PageMissing

    def _run(self, rest: str) -> tuple[FoundRun, str]:
        found = located(self._root, rest, PLAN)
        if found is None:
            raise PageMissing
        folder, place, tail = found
        return found_run(folder, place), tail

    def _of_batch(self, rest: str, request: "Request") -> "Response":
        found = located(self._root, rest, MANIFEST)
        if found is None:
            raise PageMissing
        folder, place, tail = found
        kind, _, name = tail.partition("/")
        if tail in {"", places.INDEX}:
            return self._decisions(found_batch(folder, place))
        if kind == places.SMALL:
            return as_small(inside(folder, name), request)
        if kind == places.FILES:
            return as_whole(inside(folder, name), request, texts=False)
        raise PageMissing

    def _decisions(self, batch: FoundBatch) -> "Response":
        if batch.manifest is None:
            return as_page(sorry_page("It cannot be read", batch.problem, back=True), 500)
        shown = shown_decisions(batch)
        page = places.page_of_place(places.BATCHES, batch.place)
        names = {"name": batch.place, "line": count_line(shown), "shown": shown, "csrf": self.guard.form_token}
        return as_page(self._site().fill("batch.html", page, batch.place, crumbs=[batch.place], **names))

    def _of_document(self, rest: str) -> "Response":
        document = rest.removesuffix(".html")
        if rest != document and is_document(document):
            return as_page(there(self._site().document(document)))
        beside = is_document(f"{rest.rpartition('/')[0]}/a.md")
        return as_whole(inside(self._root, rest) if beside else None, None, texts=False)

    def _judging(self, run: FoundRun, rest: str, request: "Request") -> "Response":
        number, _, tail = rest.partition("/")
        blind, voter = self._blind(run, number), request.query_params.get("voter", "").strip()
        if tail == "side":
            side = _SIDES.get(request.query_params.get("side", ""))
            if side is None:
                raise PageMissing
            return as_bytes(blind.picture(voter, request.query_params.get("pair", ""), side), "image/png")
        if tail not in {"", places.INDEX}:
            raise PageMissing
        pairs = blind.pairs(voter) if voter else ()
        pair = next((one for one in pairs if one.chosen is None), None)
        asked = {"voter": voter, "pair": pair.name if pair else ""}
        return as_page(
            self._site().fill(
                "blind.html",
                f"{places.RUNS}/{run.place}/{places.JUDGING}/{number}/{places.INDEX}",
                "Which one is real?",
                crumbs=[run.place],
                voter=voter,
                pair=pair,
                of=len(pairs),
                done=sum(one.chosen is not None for one in pairs),
                left=urlencode(asked | {"side": "left"}),
                right=urlencode(asked | {"side": "right"}),
                question=blind.question,
                agreement=blind.agreement(),
                back=places.run_page(run),
                csrf=self.guard.form_token,
            )
        )

    def _blind(self, run: FoundRun, number: str) -> BlindJudging:
        """The judging of a number. It is looked for among those that the state names, so that no path is made of it."""
        for judged in run.state.judgements if run.state else ():
            folder = run.folder / judged.folder
            if folder.name == f"judge-{number}" and (report := read_judgement(folder)) is not None:
                return BlindJudging(run.folder, folder, report)
        raise PageMissing

    async def _post(self, request: "Request") -> "Response":
        form = await read_form(request, self.guard)
        kind, _, rest = str(request.path_params["path"]).partition("/")
        if kind == places.BATCHES:
            return await asyncio.to_thread(self._decide, rest, form)
        if kind == places.RUNS:
            return await asyncio.to_thread(self._vote, rest, form)
        raise PageMissing

    def _decide(self, rest: str, form: dict[str, str]) -> "Response":
        found = located(self._root, rest, MANIFEST)
        if found is None or found[2] != "decide" or form.get("word") not in set(PickWord):
            raise PageMissing
        file = form.get("file", "")
        folder, place, _ = found
        path = inside(folder, file)
        if path is None or seen_mark(path) != form.get("seen"):
            raise NoSuchPicture(str(folder), file, "it was painted again since you looked at it")
        reason = " ".join(form.get("reason", "").split())
        decide_picture(folder, file, PickWord(form["word"]), by=self._person, reason=reason)
        return led_to(places.quoted(places.page_of_place(places.BATCHES, place)))

    def _vote(self, rest: str, form: dict[str, str]) -> "Response":
        run, tail = self._run(rest)
        kind, number, verb = (*tail.split("/"), "", "")[:3]
        chosen = _CHOICES.get(form.get("chosen", ""))
        if (kind, verb) != (places.JUDGING, "vote") or chosen is None:
            raise PageMissing
        same = _SAME.get(form.get("same", ""))
        vote = self._blind(run, number).vote(form.get("voter", ""), form.get("pair", ""), chosen, same=same)
        page = places.quoted(f"{places.RUNS}/{run.place}/{places.JUDGING}/{number}/")
        return led_to(f"{page}?{urlencode({'voter': vote.voter})}")
