"""The panel in a real browser, served by the real command: in every state, at both widths, in both schemes, by keys."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client import Client
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.jobs.events import decode_event, jobs_of
from kilnmark.daemon.journal.file import JournalFile, JournalRow
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import Cancelled
from tests.client.batch.browser import AXE, Browser, open_browser

pytestmark = pytest.mark.browser

DESKTOP, PHONE = (1280, 900), (390, 844)
PROMPTS = ("a red fox in the snow", "a harbour at dusk, ink on paper", "an old lighthouse keeper, portrait")


class Panel:
    """A daemon with a fake worker, the web process beside it, and the browser that was let in."""

    def __init__(self, browser: Browser, daemon: InProcessDaemon, worker: FakeWorker, address: str) -> None:
        self.browser = browser
        self.daemon = daemon
        self.worker = worker
        self.address = address
        self.root = address.partition("?")[0]
        browser.go(address)

    def go(self, page: str = "") -> Browser:
        self.browser.go(self.root + page)
        return self.browser

    def render(self, prompt: str, *loras: str, seed: int = 7, job_id: str | None = None) -> None:
        paths = [str(self.daemon.loras / f"{name}.safetensors") for name in loras]
        with Client(self.daemon.socket) as client, suppress(Cancelled):
            client.render(
                prompt, lora_paths=paths, on_mismatch="warn", width=96, height=64, steps=4, seed=seed, job_id=job_id
            )

    @contextmanager
    def rendering(self) -> Iterator[None]:
        """One is painted and two wait."""
        self.worker.hold("denoise")
        threads = [threading.Thread(target=self.render, args=(prompt, "oak")) for prompt in PROMPTS]
        for thread in threads:
            thread.start()
        with Client(self.daemon.socket) as client:
            while (queue := client.jobs_list().queue).running + queue.normal < 3:
                pass
        try:
            yield
        finally:
            self.worker.hold()
            for thread in threads:
                thread.join(30)


@contextmanager
def served(window: Browser, state: Path, script: Script | None = None, **settings: Any) -> Iterator[Panel]:
    worker = FakeWorker(script or Script(verdicts={"ash": Verdict.NOOP, "elm": Verdict.PARTIAL}))
    with InProcessDaemon(worker, **settings) as daemon:
        for name in ("ash", "oak", "elm"):
            make_adapter(daemon.loras / f"{name}.safetensors", rank=1, blocks=1)
        words = [
            sys.executable,
            "-u",
            "-m",
            "kilnmark.client.cli",
            "web",
            "--port",
            "0",
            "--socket",
            str(daemon.socket),
        ]
        env = os.environ | {"XDG_STATE_HOME": str(state)}
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as server:
            assert server.stdout is not None
            try:
                window.size(*DESKTOP)
                window.media(prefers_color_scheme="light", prefers_reduced_motion="reduce")
                yield Panel(window, daemon, worker, server.stdout.readline().removeprefix("open ").strip())
            finally:
                window.go("about:blank")
                server.send_signal(signal.SIGINT)
                server.wait(20)
        assert server.returncode in {0, 130}


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def panel(tmp_path: Path, window: Browser) -> Iterator[Panel]:
    with served(window, tmp_path) as one:
        yield one


def looked_at(panel: Panel, name: str, page: str = "") -> None:
    """Axe finds nothing, nothing is wider than the window, and nothing breaks the policy; shots go where asked for."""
    assert AXE.is_file(), "axe-core is missing; `make test-browser` fetches it"
    shots = os.environ.get("PANEL_SHOTS")
    for width, size in (("desktop", DESKTOP), ("phone", PHONE)):
        for scheme in ("light", "dark"):
            panel.browser.size(*size)
            panel.browser.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
            panel.browser.complaints()
            browser = panel.go(page)
            assert browser.run("return document.styleSheets.length") == 1
            browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
            browser.run(AXE.read_text(encoding="utf-8"))
            result = browser.run("return axe.run(document, {resultTypes: ['violations']})")
            found = [(one["id"], [node["target"] for node in one["nodes"]][:5]) for one in result["violations"]]
            assert found == [], f"{name} {width} {scheme}"
            assert len(result["passes"]) > 10
            assert browser.run("return document.documentElement.scrollWidth") == size[0], f"{name} {width}"
            if shots:
                panel.go(page)
                height = browser.run("return document.documentElement.scrollHeight")
                panel.browser.size(size[0], min(2400, max(size[1], height)))
                browser.run("for (const one of document.images) one.loading = 'eager'")
                browser.until("return [...document.images].every(one => one.hidden || one.complete)", value=True)
                browser.screenshot(Path(shots) / f"{name}-{width}-{scheme}.png")
            said = [one for one in browser.complaints() if "status of 503" not in one]
            assert said == []


def test_idle(panel: Panel) -> None:
    looked_at(panel, "empty")
    for seed, prompt in enumerate(PROMPTS):
        panel.render(prompt, "oak", seed=seed)
    looked_at(panel, "idle")
    looked_at(panel, "history", "history")


def test_rendering(panel: Panel) -> None:
    with panel.rendering():
        looked_at(panel, "rendering")


def test_dead_adapter(panel: Panel) -> None:
    panel.render(PROMPTS[0], "oak")
    panel.render(PROMPTS[1], "oak", "ash", "elm", job_id="dead")
    panel.render(PROMPTS[1], "elm", seed=8)
    looked_at(panel, "dead")
    looked_at(panel, "picture", "jobs/dead")


def test_degraded(tmp_path: Path, window: Browser) -> None:
    with served(window, tmp_path, Script(unheld={"standin": "its weights are not there"}), variant="standin") as panel:
        with Client(panel.daemon.socket) as client:
            while client.status().state == "warming":
                pass
        looked_at(panel, "degraded")


def test_a_page_follows_renders_and_says_what_died(panel: Panel) -> None:
    browser = panel.go()
    panel.render(PROMPTS[0], "oak")
    assert browser.until("return document.querySelectorAll('#last .tile').length", 1)
    panel.render(PROMPTS[1], "ash")
    assert browser.until("return document.getElementById('live').textContent", "A dead adapter: 1 renders to look at.")
    browser.click("#acknowledge")
    assert browser.until("return document.querySelectorAll('#dead .banner').length", 0)


def test_steps_are_told_and_a_waiting_render_is_cancelled(panel: Panel) -> None:
    browser = panel.go()
    with panel.rendering():
        assert browser.until("return document.querySelectorAll('#queue tbody tr').length", 2)
        panel.worker.go(2)
        assert browser.until("return document.querySelector('progress').value > 0", value=True)
        browser.click("#queue .stop")
        assert browser.until("return document.querySelectorAll('#queue tbody tr').length", 1)


def test_keys_lead_around(panel: Panel) -> None:
    for seed, prompt in enumerate(PROMPTS):
        panel.render(prompt, seed=seed)
    browser = panel.go()
    browser.press("j", "j", "k")
    assert browser.run("return document.activeElement.querySelector('.words').textContent") == PROMPTS[2]
    browser.press("Enter")
    assert browser.until("return document.querySelector('h1').textContent", PROMPTS[2])
    browser.press("/")
    assert browser.until("return document.activeElement.id", "search")
    browser.press("f", "o", "x", "Enter")
    assert browser.until("return [...document.querySelectorAll('.words')].map(one => one.textContent)", [PROMPTS[0]])


def test_without_scripts_it_still_shows_the_state(panel: Panel) -> None:
    panel.render(PROMPTS[0])
    panel.browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser = panel.go()
    finally:
        panel.browser.cdp("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.run("return document.querySelectorAll('#last .tile').length") == 1


def test_the_daemon_goes_and_comes_back(panel: Panel) -> None:
    browser = panel.go()
    panel.daemon.shut_down()
    panel.daemon.wait_until_ended()
    assert browser.until("return document.querySelector('h1').textContent", "The daemon is away")
    looked_at(panel, "away")


def many_times(path: Path, count: int) -> None:
    """The jobs of a journal once more and once more, each time by other ids, until there are so many."""
    file = JournalFile(path)
    try:
        told = [(document.decode(), jobs_of(decode_event(document))) for document in file.documents()]
        known = {job_id for _, jobs in told for job_id in jobs}
        for turn in range(count // len(known) - 1):
            file.append([JournalRow(*renamed(document, turn, jobs)) for document, jobs in told if jobs])
    finally:
        file.close()


def renamed(document: str, turn: int, jobs: tuple[str, ...]) -> tuple[tuple[str, ...], bytes]:
    for job_id in jobs:
        document = document.replace(f'"{job_id}"', f'"{turn}-{job_id}"')
    return tuple(f"{turn}-{job_id}" for job_id in jobs), document.encode()


TIMED = """
    const took = [];
    for (let turn = 0; turn < 11; turn += 1) {
      const begun = performance.now();
      await (await fetch(arguments[0])).text();
      took.push(performance.now() - begun);
    }
    return took.sort((one, other) => one - other)[5];
"""


def test_a_history_of_ten_thousand_is_quick(tmp_path: Path, window: Browser) -> None:
    """The first page, one of a search, and one that nothing is on: each under 100 ms in the median."""
    journal, output = tmp_path / "journal", tmp_path / "pictures"
    settings: dict[str, Any] = {"journal": journal, "output_dir": output, "jobs_kept": 12_000}
    with served(window, tmp_path, **settings) as panel:
        for number in range(20):
            lora = ("oak", "elm")[number % 2]
            panel.render(f"{PROMPTS[number % 3]}, {number}", lora, seed=number, job_id=f"job-{number}")
    many_times(journal, 10_000)
    with served(window, tmp_path, **settings) as panel:
        with Client(panel.daemon.socket) as client:
            assert len(client.jobs_list().jobs) == 10_000
        looked_at(panel, "history-10000", "history?verdict=partial")
        panel.browser.size(*DESKTOP)
        browser = panel.go("history")
        pages = ("history", "history?text=harbour", "history?genre=x")
        took = {page: browser.run(TIMED, f"/{page}") for page in pages}
        assert max(took.values()) < 100, took
        for turn in range(20):
            assert browser.until("return document.querySelectorAll('.tile').length", 48)
            browser.go(browser.run("return document.querySelector('[rel=next]').href"))
            assert browser.run("return document.querySelector('.pages a').textContent") == "The latest", turn
