"""The review served, in two real browsers: each sees what the other decides, and pictures that come. Run by
`make test-browser`.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.run.manifest import read_manifest
from tests.client.batch.browser import AXE, Browser, open_browser
from tests.client.cli.commands.test_batch import Bench, copy_of, fresh
from tests.client.conftest import FakeDaemon

pytestmark = pytest.mark.browser

DESKTOP, PHONE = (1280, 900), (390, 844)
GO = "document.querySelectorAll('.card .shot')[arguments[0]].focus()"
WORDS = "return [...document.querySelectorAll('.card')].map(c => c.dataset.word).sort().join()"
TOAST = "const part = document.querySelector('#toast'); return part.hidden ? '' : part.firstChild.textContent"
SEEDS = "return [...document.querySelectorAll('.card .seed')].map(s => s.textContent).join()"
DIFFER = (
    "return Promise.all([...document.querySelectorAll('#seeds-list img')].map(async (image) => { await image.decode();"
    "const canvas = document.createElement('canvas'), pen = canvas.getContext('2d'); pen.drawImage(image, 0, 0, 8, 8);"
    "return pen.getImageData(0, 0, 8, 8).data.join(); })).then(([one, other]) => one !== other)"
)
DRAWN = "return [...document.querySelectorAll('.card .shot img')].every(i => i.complete && i.naturalWidth > 0)"


@contextmanager
def served(out: Path, socket: object, by: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A review as a process, by its printed address."""
    words = [sys.executable, "-u", "-m", "kilnmark.client.cli", "review", str(out), "--by", by, "--socket", str(socket)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().removeprefix("open ").strip(), server
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


@pytest.fixture(scope="module")
def windows() -> Iterator[tuple[Browser, Browser]]:
    with open_browser() as one, open_browser() as other:
        yield one, other


@pytest.fixture(scope="module")
def painted(daemon: FakeDaemon, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = fresh(daemon, tmp_path_factory.mktemp("out"))
    bench.paint("--world", "mire")
    return bench


@pytest.fixture
def bench(painted: Bench, tmp_path: Path) -> Bench:
    return copy_of(painted, tmp_path / "out")


@pytest.fixture
def browser(windows: tuple[Browser, Browser]) -> Browser:
    windows[0].size(*DESKTOP)
    windows[0].media(prefers_color_scheme="light")
    return windows[0]


def test_two_people_see_at_once_what_the_other_decides_and_nothing_is_lost(
    windows: tuple[Browser, Browser], bench: Bench, daemon: FakeDaemon
) -> None:
    ada, ben = windows
    with served(bench.out, daemon.socket, "Ada") as (one, _), served(bench.out, daemon.socket, "Ben") as (other, _):
        ada.go(one)
        ben.go(other)
        ada.complaints(), ben.complaints()
        ada.run(GO, 0)
        ben.run(GO, 1)
        ada.press("a")
        ben.press("x", *"dull", "Enter")
        assert ada.until(WORDS, "accepted,rejected")
        assert ben.until(WORDS, "accepted,rejected")
        note = "return [...document.querySelectorAll('.pick')].map(p => p.textContent).sort().join('|')"
        assert ada.run(note) == ben.run(note) == "Accepted by Ada|Rejected by Ben: dull"
        ada.press("u")
        assert ben.until(WORDS, "open,rejected")
        assert (ada.complaints(), ben.complaints()) == ([], [])
    said = {word.by for pick in PicksFiles.of(bench.out).read().entries for one in pick.pictures for word in one.said}
    assert said == {"Ada", "Ben"}


def test_a_re_roll_shows_the_new_picture_when_it_comes_to_everybody(
    windows: tuple[Browser, Browser], bench: Bench, daemon: FakeDaemon
) -> None:
    ada, ben = windows
    with served(bench.out, daemon.socket, "Ada") as (address, _):
        ada.go(address)
        ben.go(address)
        ada.complaints()
        before = ada.run(SEEDS)
        ada.run(GO, 0)
        ada.press("r")
        assert ada.until(
            f"return document.querySelectorAll('.card .seed').length && ({SEEDS[7:]}) !== '{before}'", True
        )
        now = ada.run(SEEDS)
        assert ben.until(SEEDS, now)
        assert ada.until(DRAWN, True)
        assert set(now.split(",")) == {str(each.seed) for each in read_manifest(bench.out).pictures}
        ada.run(GO, 0)
        ada.press("c")
        lines = (
            "return [...document.querySelectorAll('#seeds-list .where')].map(p => p.textContent.split(' · ')[1]).join()"
        )
        assert ada.until(lines, "now,before")
        assert ada.until(DIFFER, True)
        ada.press("Escape", "u")
        assert ada.until(SEEDS, before)
        assert ada.complaints() == []


def test_without_a_daemon_a_re_roll_says_why_not(browser: Browser, bench: Bench, tmp_path: Path) -> None:
    with served(bench.out, tmp_path / "nobody.sock", "Ada") as (address, _):
        browser.go(address)
        browser.run(GO, 0)
        browser.press("a")
        assert browser.until(WORDS, "accepted,open")
        browser.run(GO, 0)
        browser.press("r")
        assert browser.until(f"return ({{t: (() => {{ {TOAST} }})()}}).t.startsWith('it is not painted again')", True)


def test_a_server_that_is_gone_is_told_and_what_it_did_not_keep_is_not_shown_as_kept(
    browser: Browser, bench: Bench, daemon: FakeDaemon
) -> None:
    with served(bench.out, daemon.socket, "Ada") as (address, server):
        browser.go(address)
        server.kill()
        server.wait(20)
        browser.run(GO, 0)
        browser.press("a")
        assert browser.until(
            TOAST, "The server does not answer: start `kilnmark review` again, and open the address that it prints"
        )
        assert browser.run(WORDS) == "open,open"
        assert browser.until("return document.querySelector('#away').hidden", False)
    browser.complaints()
    assert PicksFiles.of(bench.out).read().entries == ()


def test_a_stranger_without_the_token_sees_nothing(browser: Browser, bench: Bench, daemon: FakeDaemon) -> None:
    with served(bench.out, daemon.socket, "Ada") as (address, _):
        browser.go(address.partition("?")[0])
        assert browser.run("return document.body.textContent").startswith("Who are you?")
    browser.complaints()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(
    browser: Browser, bench: Bench, daemon: FakeDaemon, size: tuple[int, int], scheme: str
) -> None:
    browser.size(*size)
    browser.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    with served(bench.out, daemon.socket, "Ada") as (address, _):
        browser.go(address)
        browser.run(GO, 0)
        browser.press("a", "Enter")
        # The page's policy lets no script in but its own; what the debugger brings is not asked.
        browser.cdp("Page.setBypassCSP", enabled=True)
        browser.run(AXE.read_text(encoding="utf-8"))
        result = browser.run("return axe.run(document, {resultTypes: ['violations', 'incomplete']})")
        browser.cdp("Page.setBypassCSP", enabled=False)
    assert [(found["id"], [node["target"] for node in found["nodes"]][:5]) for found in result["violations"]] == []
