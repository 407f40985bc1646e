"""The lab's pages in a real browser, served by the real command: at both widths, by keys, and while runs change."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.lab.judging.blind import read_votes
from kilnmark.lab.pages.export import export_site
from kilnmark.lab.run.folder import open_run
from tests.client.batch.browser import AXE, Browser, open_browser
from tests.lab.runs import STATES, fill_judged, make_batch, make_documents, make_run, make_set, said_in

pytestmark = pytest.mark.browser

DESKTOP, PHONE = (1280, 900), (390, 844)
PAGES = {
    "index": "",
    "judging": "runs/judging/",
    "bad": "runs/bad/",
    "failed": "runs/failed/",
    "untouched": "runs/untouched/",
    "document": "documents/docs/goals.md.html",
    "batch": "batches/weatherwright/",
    "name": "runs/judging/judging/1/",
    "pair": "runs/judging/judging/1/?voter=Ada",
}

INDICES = ("index.html", "runs/bad/index.html", "batches/weatherwright/index.html")


def make_all(folder: Path) -> Path:
    make_set(folder)
    make_documents(folder)
    make_batch(folder)
    for name in ("judging", "bad", "failed", "promoted", "untouched"):
        make_run(folder, name, fill_judged)
    return folder


class Served:
    """A folder that is served, and the browser that was let in."""

    def __init__(self, folder: Path, browser: Browser, address: str) -> None:
        self.folder = folder
        self.browser = browser
        self._root = address.partition("?")[0]
        browser.go(address)

    def go(self, page: str) -> Browser:
        self.browser.go(self._root + page)
        return self.browser


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def served(tmp_path: Path, window: Browser) -> Iterator[Served]:
    folder = make_all(tmp_path / "runs")
    words = [sys.executable, "-u", "-m", "kilnmark.client.cli", "lab", "serve", str(folder), "--as", "Ada"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            window.size(*DESKTOP)
            window.media(prefers_color_scheme="light", prefers_reduced_motion="reduce")
            yield Served(folder, window, server.stdout.readline().removeprefix("open ").strip())
        finally:
            window.go("about:blank")
            server.send_signal(signal.SIGINT)
            server.wait(20)
    assert server.returncode in {0, 130}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    served: Served, size: tuple[int, int], scheme: str
) -> None:
    assert AXE.is_file(), "axe-core is missing; `make test-browser` fetches it"
    served.browser.size(*size)
    served.browser.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    found = {}
    for name, page in PAGES.items():
        browser = served.go(page)
        browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
        browser.run(AXE.read_text(encoding="utf-8"))
        result = browser.run("return axe.run(document, {resultTypes: ['violations']})")
        found[name] = [(one["id"], [node["target"] for node in one["nodes"]][:5]) for one in result["violations"]]
        assert len(result["passes"]) > 10
        assert browser.run("return document.documentElement.scrollWidth") == size[0], name
    assert found == {name: [] for name in PAGES}


def test_no_page_breaks_its_own_policy(served: Served) -> None:
    served.browser.complaints()
    for page in PAGES.values():
        served.go(page)
        assert served.browser.run("return document.styleSheets.length") == 1
        assert served.browser.run("return document.body.dataset.live") == ""
    assert served.browser.complaints() == []


def test_what_is_in_flight_is_on_the_first_screen_with_its_command(served: Served) -> None:
    browser = served.go("")
    top = browser.run("return document.querySelector('.flying .command').getBoundingClientRect().bottom")
    assert top < DESKTOP[1]
    browser.size(*PHONE)
    assert browser.run("return document.querySelector('.flying .command').getBoundingClientRect().bottom") < PHONE[1]


def test_a_page_follows_its_run_and_what_is_open_stays_open(served: Served) -> None:
    browser = served.go("runs/untouched/")
    assert browser.run("return document.querySelector('.banner .word').textContent").strip().endswith("at new")
    with open_run(served.folder / "untouched") as run:
        run.change(**STATES["failed"])
    assert browser.until("return document.querySelector('.banner .verdict').textContent.trim()", "✗ FAILED")
    browser.go(browser.run("return location.href").replace("untouched", "bad"))
    browser.click(".tile summary")
    assert browser.run("return document.querySelector('.tile').open") is True
    with open_run(served.folder / "bad") as run:
        run.change(**STATES["good"])
    assert browser.until("return document.querySelector('.banner .verdict').textContent.trim()", "✓ PROCEED")
    assert browser.run("return document.querySelector('.tile').open") is True


def test_a_tile_opens_by_keys_and_says_why(served: Served) -> None:
    browser = served.go("runs/bad/")
    browser.run("document.querySelectorAll('.tile.failed summary')[0].focus()")
    browser.press("Enter")
    said = browser.run("return document.querySelector('.tile[open] .said').innerText")
    assert "identity 0.31 fails: another hand" in said


def test_pictures_are_accepted_and_rejected(served: Served) -> None:
    browser = served.go("batches/weatherwright/")
    browser.run("document.querySelector('.shot [name=reason]').value = 'six fingers'")
    browser.click(".shot button[value=rejected]")
    assert browser.until(
        "return document.querySelector('.summary').textContent", "4 undecided, 0 accepted, 1 rejected, 1 not there"
    )
    browser.click(".shot button[value=accepted]")
    assert browser.until(
        "return document.querySelector('.summary').textContent", "3 undecided, 1 accepted, 1 rejected, 1 not there"
    )
    assert said_in(served.folder / "weatherwright") == {
        ("rejected", "Ada", "six fingers"),
        ("accepted", "Ada", ""),
    }


def test_somebody_judges_blind_to_the_end(served: Served) -> None:
    browser = served.go("runs/judging/")
    browser.click(".act")
    browser.run("document.querySelector('[name=voter]').value = 'Bo'")
    browser.click(".who button")
    for turn in range(6):
        told = f"Pair {turn + 1} of 6, {turn} voted on."
        assert browser.until("return document.querySelector('.summary')?.textContent", told)
        ready = "return [...document.images].length === 2 && [...document.images].every(one => one.naturalWidth > 0)"
        assert browser.until(ready, value=True)
        browser.click("button[value=left]")
    done = "return document.querySelector('.summary')?.textContent.startsWith('Thank you, Bo')"
    assert browser.until(done, value=True)
    assert len(read_votes(served.folder / "judging" / "report" / "judge-1")) == 6


def test_without_the_cookie_there_is_nothing(served: Served) -> None:
    served.browser.cdp("Network.clearBrowserCookies")
    browser = served.go("runs/bad/")
    assert browser.run("return document.querySelector('h1').textContent") == "Who are you?"


def test_the_export_looks_the_same_from_a_disk(window: Browser, tmp_path: Path) -> None:
    export_site(make_all(tmp_path / "runs"), tmp_path / "site")
    window.size(*DESKTOP)
    window.complaints()
    for page in (*INDICES, "documents/docs/goals.md.html"):
        window.open(tmp_path / "site" / page)
        assert window.run("return getComputedStyle(document.body).margin") == "0px", "its style is not there"
        loaded = "return [...document.images].filter(one => one.loading !== 'lazy' && !one.naturalWidth).length"
        assert window.run(loaded) == 0
    assert window.complaints() == []
