"""The site as files: every page, with the pictures on them, in a folder that needs no server and no network.

Nothing of what it shows is changed, and nothing else is put there. Written over an older export, it takes its place
file by file; what does not belong to it any more is left.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from kilnmark.client.web.files import inside, sent_as, thumbnail
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.errors import LabError, RunUnusable
from kilnmark.lab.pages import places
from kilnmark.lab.pages.batches import count_line, shown_decisions
from kilnmark.lab.pages.render import ASSETS, LabSite, asset
from kilnmark.lab.pages.views import view_of_run
from kilnmark.lab.run.found import FoundBatch, FoundRun, find_in
from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.exits import ExitCode

__all__ = ["ExportRefused", "Exported", "export_site"]


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        index: The page to open.
        pages: How many pages there are.
        pictures: How many pictures.
        missing: What is not on them, and why.
    """

    index: Path
    pages: int
    pictures: int
    missing: tuple[str, ...]


class ExportRefused(LabError):
    """An export would be written among what it shows.

    Args:
        goal: Where it was to go.
    """

    kind = "export_refused"
    exit_code = ExitCode.USAGE

    def __init__(self, goal: str) -> None:
        super().__init__(goal)
        self.goal = goal

    def __str__(self) -> str:
        return f"{self.goal} holds a run or a batch, or is within one; name a folder of its own for the export"


def export_site(root: Path, goal: Path) -> Exported:
    """Write the site over a folder.

    Args:
        root: What is shown.
        goal: Where to; made when absent.

    Raises:
        ExportRefused: It is among the runs themselves, or they are in it.
        RunUnusable: It cannot be written.
    """
    found = find_in(root)
    _check_goal([*(run.folder for run in found.runs), *(batch.folder for batch in found.batches)], goal)
    site = LabSite(root, found, root.absolute().name or ".", live=False)
    try:
        return _Export(site, goal).write()
    except OSError as error:
        raise RunUnusable(error.filename or str(goal), error.strerror or str(error), "name another folder") from error


def _check_goal(folders: list[Path], goal: Path) -> None:
    real = goal.resolve()
    known = [folder.resolve() for folder in folders]
    if any(real.is_relative_to(folder) or folder.is_relative_to(real) for folder in known):
        raise ExportRefused(str(goal))


class _Export:
    def __init__(self, site: LabSite, goal: Path) -> None:
        self._site = site
        self._goal = goal
        self._pages = 0
        self._pictures = 0
        self._missing: list[str] = []

    def write(self) -> Exported:
        for name in ASSETS:
            self._put(name, asset(name))
        for run in self._site.found.runs:
            self._write_run(run)
        for batch in self._site.found.batches:
            self._write_batch(batch)
        for document in self._site.found.documents:
            self._write_document(document)
        self._page(places.INDEX, self._site.index())
        return Exported(self._goal / places.INDEX, self._pages, self._pictures, tuple(self._missing))

    def _write_run(self, run: FoundRun) -> None:
        page = self._site.run(run)
        if page is None:
            self._missing.append(run.problem)
            return
        place = f"{places.RUNS}/{run.place}"
        self._page(f"{place}/{places.INDEX}", page)
        for address in sorted(set(_addresses(run))):
            kind, _, name = unquote(address, errors="surrogateescape").partition("/")
            folder = run.sources if kind == places.SOURCES else run.folder
            self._picture(folder, name, f"{place}/{kind}/{name}", small=kind != places.FILES)
        for name in _beside_reports(run):
            self._copy(f"{place}/{places.FILES}/{name}", run.folder / name)

    def _write_batch(self, batch: FoundBatch) -> None:
        try:
            shown = shown_decisions(batch)
        except UnusableContent as error:
            self._missing.append(str(error))
            return
        if batch.manifest is None:
            self._missing.append(batch.problem)
            return
        page = places.page_of_place(places.BATCHES, batch.place)
        names = {"name": batch.place, "line": count_line(shown), "shown": shown, "csrf": ""}
        self._page(page, self._site.fill("batch.html", page, batch.place, crumbs=[batch.place], **names))
        for one in shown:
            if one.address:
                place = f"{places.BATCHES}/{batch.place}"
                self._picture(batch.folder, one.file, f"{place}/{places.SMALL}/{one.file}", small=True)
                self._picture(batch.folder, one.file, f"{place}/{places.FILES}/{one.file}", small=False)

    def _write_document(self, document: str) -> None:
        page = self._site.document(document)
        if page is None:
            self._missing.append(f"{document} cannot be read")
            return
        self._page(f"{places.DOCUMENTS}/{document}.html", page)
        folder = (self._site.root / document).parent
        beside = document.rpartition("/")[0]
        for name in sorted(path.name for path in folder.iterdir()):
            path = inside(folder, name)
            if path and sent_as(path):
                self._picture(folder, name, f"{places.DOCUMENTS}/{beside}/{name}", small=False)

    def _page(self, place: str, text: str) -> None:
        self._put(place, text.encode("utf-8", "backslashreplace"))
        self._pages += 1

    def _picture(self, folder: Path, name: str, place: str, *, small: bool) -> None:
        path = inside(folder, name)
        if path is None:
            self._missing.append(f"{name} is not in {folder.name}")
            return
        if not small:
            self._copy(place, path)
            return
        try:
            self._put(place, thumbnail(path))
        except OSError as error:
            self._missing.append(str(error))
            return
        self._pictures += 1

    def _copy(self, place: str, path: Path) -> None:
        goal = self._made(place)
        with path.open("rb") as source, written_whole(goal, alone=True) as file:
            shutil.copyfileobj(source, file)
        self._pictures += 1

    def _put(self, place: str, data: bytes) -> None:
        with written_whole(self._made(place), alone=True) as file:
            file.write(data)

    def _made(self, place: str) -> Path:
        goal = self._goal.joinpath(*place.split("/"))
        goal.parent.mkdir(parents=True, exist_ok=True)
        return goal


def _beside_reports(run: FoundRun) -> Iterator[str]:
    """What the gate's page shows: all that lies in its folder and may be shown, from the run's folder."""
    found = run.state.verification if run.state else None
    report = inside(run.folder, found.report) if found else None
    if report is None:
        return
    folder = run.folder.resolve()
    for path in sorted(report.parent.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if inside(run.folder, name) and sent_as(path, texts=True):
            yield name


def _addresses(run: FoundRun) -> Iterator[str]:
    """Of every picture on the page of a run, from that page, and of the reports and logs that it leads to."""
    view = view_of_run(run, "")
    if view is None:
        return
    for tile in view.tiles:
        yield from (one for one in (tile.picture, tile.whole, *tile.sources) if one)
    if view.sheet:
        yield view.sheet[1]
    yield from (fact.address for fact in (*view.training, *view.checks) if fact.address)
