"""Pages put together: the templates of this room, filled with what the views say, each value escaped.

Jinja2 is imported when a page is made. Whether a page is served or exported, and to whom, is not known here; `live`
says that somebody can be asked again.
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kilnmark.client.web.files import PICTURE_TYPES, inside
from kilnmark.client.web.house import house_css
from kilnmark.client.web.templates import escaped_templates
from kilnmark.lab.figures.figures import figures_of
from kilnmark.lab.figures.words import figure_rows, span_words
from kilnmark.lab.judging.kappa import Agreement
from kilnmark.lab.pages import places
from kilnmark.lab.pages.markdown import first_heading, rendered
from kilnmark.lab.pages.views import view_of_run
from kilnmark.lab.pages.words import moment, since
from kilnmark.lab.run.found import FoundBatch, FoundRun, FoundWork
from kilnmark.lab.run.next import NextStep, next_steps
from kilnmark.lab.run.standing import RunStanding, RunVerdict, adapter_of_run, cost_of

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["ASSETS", "SPANS", "LabSite", "asset", "fill", "sorry_page"]

ASSETS = {"lab.css": "text/css", "lab.js": "text/javascript", "lab.svg": "image/svg+xml"}
"""What lies beside the pages, and its media type."""

SPANS = (7, 30, 365)
"""Days that figures can be asked for over."""

_CLASSES = {
    RunVerdict.IN_FLIGHT: "open",
    RunVerdict.WAITING: "idle",
    RunVerdict.FAILED: "bad",
    RunVerdict.REJECT: "bad",
    RunVerdict.PROCEED: "good",
    RunVerdict.PROMOTED: "good",
}
_LONGEST_DOCUMENT = 2_000_000
"""Bytes of a document that are shown."""


class _Row(NamedTuple):
    """One run on the index."""

    name: str
    address: str
    standing: RunStanding
    kind: str
    age: str
    cost: str
    next: tuple[NextStep, ...]


class _Listed(NamedTuple):
    """A batch or a document on the index."""

    name: str
    address: str
    title: str
    line: str = ""


class LabSite:
    """The pages over what was found in a folder.

    Args:
        root: The folder.
        found: What was found in it.
        typed: The folder as it stands in commands that are to be copied.
        live: Whether the pages are served, and can do more than be read.
    """

    def __init__(self, root: Path, found: FoundWork, typed: str, *, live: bool) -> None:
        self.root = root
        self.found = found
        self.live = live
        self._typed = typed

    def index(self, days: int = SPANS[0]) -> str:
        """The page of all runs, those in flight first.

        Args:
            days: What the figures are over.
        """
        figures = figures_of(self.found, days=days)
        rows = [row for run in self._newest_first() if (row := self._row(run))]
        flying = [row for row in rows if row.standing.verdict is RunVerdict.IN_FLIGHT]
        broken = [run for run in self.found.runs if run.problem]
        name = self.root.absolute().name or "runs"
        return self._fill(
            "index.html",
            page=places.INDEX,
            title=name,
            heading=name,
            summary=_summary(rows, flying, broken),
            flying=flying,
            resting=[row for row in rows if row not in flying],
            broken=[replace(run, problem=self._inward(run.problem)) for run in broken],
            figures=figure_rows(figures),
            span=span_words(figures),
            spans=SPANS,
            chosen=days,
            batches=[_Listed(one.place, places.batch_page(one), "", _line(one)) for one in self.found.batches],
            documents=[_Listed(one, places.document_page(one), self._title(one)) for one in self.found.documents],
            unread=[self._inward(said) for said in figures.unread if said not in {run.problem for run in broken}],
        )

    def run(self, run: FoundRun) -> str | None:
        """The page of a run; None where it cannot be read."""
        view = view_of_run(run, self._typed_run(run))
        if view is None:
            return None
        view = replace(view, problems=tuple(map(self._inward, view.problems)))
        trigger = f" called by “{view.plan.trigger}”" if view.plan.trigger else " that is always on"
        return self._fill(
            "run.html",
            page=places.page_of_place(places.RUNS, run.place),
            title=view.plan.name,
            crumbs=[run.place],
            view=view,
            teaches=f"A {view.plan.kind}{trigger}, for {view.plan.base}.",
            picked=adapter_of_run(view.state) if view.state else None,
            judging=f"{places.run_page(run).removesuffix(places.INDEX)}{places.JUDGING}/{view.blind}/",
        )

    def document(self, document: str) -> str | None:
        """The page of a document; None where there is none, or where it cannot be read."""
        text = self._text(document)
        if text is None:
            return None
        folder = (self.root / document).parent

        def picture(source: str) -> str | None:
            there = inside(folder, source) is not None and Path(source).suffix.lower() in PICTURE_TYPES
            return source if there else None

        return self._fill(
            "document.html",
            page=f"{places.DOCUMENTS}/{document}.html",
            title=first_heading(text) or document,
            crumbs=[document],
            html=rendered(text, picture=picture),
        )

    def fill(self, template: str, page: str, title: str, *, crumbs: Sequence[str] = (), **names: object) -> str:
        """Another page of the site.

        Args:
            template: Of this room.
            page: Where it stands, from the site's root, not quoted.
            title: In the window's.
            crumbs: What stands behind the site's name on top.
            names: What the template asks for.
        """
        return self._fill(template, page=page, crumbs=crumbs, title=title, **names)

    def _fill(self, template: str, *, page: str, crumbs: Sequence[str] = (), **names: object) -> str:
        return fill(template, root=places.up_to_root(page), live=self.live, crumbs=crumbs, **names)

    def _newest_first(self) -> list[FoundRun]:
        return sorted(self.found.runs, key=lambda run: run.changed, reverse=True)

    def _row(self, run: FoundRun) -> _Row | None:
        if run.plan is None or run.standing is None:
            return None
        return _Row(
            name=run.place,
            address=places.run_page(run),
            standing=run.standing,
            kind=f"{run.plan.kind} for {run.plan.base}",
            age=since(run.changed) or "never touched",
            cost=f"{cost_of(run.state):.2f} {run.plan.budget.currency}",
            next=next_steps(self._typed_run(run), run.plan, run.state, held=run.standing.held),
        )

    def _inward(self, sentence: str) -> str:
        """Paths from the folder on: where that lies is nobody's business to whom pages are sent."""
        return sentence.replace(f"{self.root.absolute()}/", "").replace(f"{self.root}/", "")

    def _typed_run(self, run: FoundRun) -> str:
        within = run.folder.relative_to(self.root).as_posix()
        return self._typed if within == "." else within if self._typed == "." else f"{self._typed}/{within}"

    def _text(self, document: str) -> str | None:
        path = inside(self.root, document)
        if path is None:
            return None
        try:
            return path.read_bytes()[:_LONGEST_DOCUMENT].decode("utf-8", "replace")
        except OSError:
            return None

    def _title(self, document: str) -> str:
        return first_heading(self._text(document) or "") or document.rpartition("/")[2].removesuffix(".md")


def fill(template: str, *, root: str, live: bool, crumbs: Sequence[str] = (), **names: object) -> str:
    """A page of a template."""
    made = datetime.now(UTC).isoformat()
    return _templates().get_template(template).render(root=root, live=live, crumbs=crumbs, made=made, **names)


def sorry_page(title: str, sentence: str, *, back: bool = False) -> str:
    """A page that says why there is no other, with nothing on it that a stranger may not see.

    Args:
        title: In a word or two.
        sentence: Why.
        back: It leads to the index, which whoever is asked for this page may see.
    """
    return fill("sorry.html", root="/", live=False, title=title, sentence=sentence, back=back)


def asset(name: str) -> bytes:
    """What lies beside the pages."""
    own = (files("kilnmark.lab.pages") / "templates" / name).read_bytes()
    return house_css() + own if name == "lab.css" else own


@cache
def _templates() -> "Environment":
    """The templates, each value of theirs escaped, each name of theirs known."""
    from markupsafe import Markup

    templates = escaped_templates(lambda name: asset(name).decode())
    templates.filters.update(
        moment=moment,
        shell=shlex.join,
        kappa=_kappa,
        verdict_class=_CLASSES.__getitem__,
        # What `markdown` made, in which all that people wrote is escaped.
        ours=Markup,
    )
    return templates


def _kappa(agreement: Agreement) -> str:
    if agreement.kappa is None:
        return "not to be told: " + ("one person voted" if agreement.people < 2 else "all always said the same")  # noqa: PLR2004 - one agrees with nobody
    return f"{agreement.kappa:.2f} ({agreement.method}, {agreement.people} people, {agreement.items} pairs)"


def _summary(rows: Sequence[_Row], flying: Sequence[_Row], broken: Sequence[FoundRun]) -> str:
    count = len(rows) + len(broken)
    lost = f", {len(broken)} cannot be read" if broken else ""
    return f"{count} run{'' if count == 1 else 's'}, {len(flying) or 'none'} in flight{lost}"


def _line(batch: FoundBatch) -> str:
    if batch.manifest is None:
        return "its manifest cannot be read"
    done = sum(picture.status == "done" for picture in batch.manifest.pictures)
    return f"{done} of {len(batch.manifest.pictures)} pictures"
