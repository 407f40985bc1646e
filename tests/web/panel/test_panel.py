"""The panel's pages, asked in this process; the daemon is a real one with a fake worker, or none."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from kilnmark.client import AdapterRefused, Client, RequestError
from kilnmark.client.web.guard import FormSeal
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from kilnmark.web.panel.render import ASSETS
from tests.web.asking import HOST, TOKENS, Answer, Asker

READER = {"authorization": f"Bearer {TOKENS.read}"}
WRITER = {"authorization": f"Bearer {TOKENS.write}"}
SEAL = FormSeal(TOKENS.write)


@pytest.fixture(scope="module")
def daemon() -> Iterator[InProcessDaemon]:
    with InProcessDaemon(FakeWorker(Script(verdicts={"ash": Verdict.NOOP}))) as serving:
        for name in ("ash", "oak"):
            make_adapter(serving.loras / f"{name}.safetensors", rank=1, blocks=1)
        with Client(serving.socket) as client:
            for number, lora in enumerate(["oak", "ash"]):
                client.render(
                    f"a {lora} <b>wood</b>",
                    lora_paths=[str(serving.loras / f"{lora}.safetensors")],
                    on_mismatch="warn",
                    width=64,
                    height=64,
                    steps=2,
                    seed=number,
                    job_id=f"job-{lora}",
                )
        yield serving


@pytest.fixture
def asker(daemon: InProcessDaemon) -> Asker:
    return Asker(str(daemon.socket))


def post(asker: Asker, path: str, **form: str) -> Answer:
    body = urlencode({"csrf": SEAL.form_token} | form).encode()
    return asker.post(path, body, **WRITER, origin=f"http://{HOST}")


def prompts(page: str) -> list[str]:
    return re.findall(r'<span class="words">(.*?)</span>', page)


def test_the_live_page_shows_renders_and_their_badges_and_nothing_of_them_is_markup(asker: Asker) -> None:
    page = asker.get("/", **READER)
    assert page.status == 200
    assert prompts(page.text) == ["a ash &lt;b&gt;wood&lt;/b&gt;", "a oak &lt;b&gt;wood&lt;/b&gt;"]
    assert re.search(r'badge bad">.*?ash</span> <span class="count">\d+/\d+</span>.*? noop</span>', page.text)
    assert re.search(r'badge good">.*?oak</span>', page.text)


def test_a_dead_adapter_is_in_red_until_somebody_has_seen_it(asker: Asker) -> None:
    page = asker.get("/", **WRITER).text
    assert "1 render with a dead adapter" in page
    assert 'value="job-ash "' in page
    assert post(asker, "/acknowledge", job_ids="job-ash").status == 303
    assert "with a dead adapter" not in asker.get("/", **WRITER).text


def test_whoever_may_only_look_gets_no_forms_and_can_post_none(asker: Asker) -> None:
    assert "acknowledge" in asker.get("/", **WRITER).text
    assert 'method="post"' not in asker.get("/", **READER).text
    body = urlencode({"csrf": SEAL.form_token, "job_ids": "job-ash"}).encode()
    assert asker.post("/acknowledge", body, **READER, origin=f"http://{HOST}").status == 403
    assert "with a dead adapter" in asker.get("/", **READER).text


def test_a_form_without_its_seal_changes_nothing(asker: Asker) -> None:
    assert post(asker, "/acknowledge", csrf="x", job_ids="job-ash").status == 400
    assert "with a dead adapter" in asker.get("/", **READER).text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ash", "oak"]),
        ("text=OAK", ["oak"]),
        ("verdict=noop", ["ash"]),
        ("adapter=oak", ["oak"]),
        ("day=2001-01-01", []),
        ("state=failed", []),
        ("genre=ink", []),
    ],
)
def test_the_history_is_looked_through(asker: Asker, query: str, found: list[str]) -> None:
    page = asker.get(f"/history?{query}", **READER)
    assert page.status == 200
    assert [words.split()[1] for words in prompts(page.text)] == found


@pytest.mark.parametrize("query", ["day=yesterday", "verdict=odd", "state=gone"])
def test_a_search_for_what_is_none_says_so(asker: Asker, query: str) -> None:
    assert 'class="banner bad"' in asker.get(f"/history?{query}", **READER).text


def test_a_picture_tells_all_of_itself(asker: Asker, daemon: InProcessDaemon) -> None:
    page = asker.get("/jobs/job-ash", **READER)
    assert page.status == 200
    for told in ("1 dead adapter", "kilnmark replay ", "noop", "&#34;schema&#34;: 1", str(daemon.loras)):
        assert told in page.text
    assert asker.get("/jobs/nobody", **READER).status == 404


def test_pictures_are_shown_and_no_other_file(asker: Asker, daemon: InProcessDaemon) -> None:
    sources = re.findall(r'src="(/small/[^"]+)"', asker.get("/", **READER).text)
    assert len(sources) == 2
    small = asker.get(sources[0], **READER)
    assert (small.status, small.body[:2]) == (200, b"\xff\xd8")
    whole = asker.get(sources[0].replace("small", "whole"), **READER)
    assert whole.body.startswith(b"\x89PNG")
    (daemon.pictures / "note.txt").write_text("x")
    for path in (
        "/whole/note.txt",
        "/whole/../daemon.sock",
        "/small/%2e%2e/loras/oak.safetensors",
        "/whole//etc/passwd",
    ):
        assert asker.get(path, **READER).status == 404


def test_a_waiting_render_is_moved_and_cancelled() -> None:
    worker = FakeWorker()
    with InProcessDaemon(worker) as daemon, Client(daemon.socket) as client, ThreadPoolExecutor() as pool:
        worker.hold("denoise")
        asker = Asker(str(daemon.socket))

        def paint(name: str, seed: int) -> str:
            try:
                with Client(daemon.socket) as own:
                    return own.render(name, job_id=name, width=64, height=64, steps=2, seed=seed).job_id
            except RequestError as error:
                return error.kind

        first = pool.submit(paint, "first", 1)
        while not client.jobs_list(states=["running"]).jobs:
            pass
        second = pool.submit(paint, "second", 2)
        while not client.jobs_list(states=["queued"]).jobs:
            pass
        assert "cancel-second" in asker.get("/", **WRITER).text
        assert "cancel-second" in asker.get("/jobs/second", **WRITER).text
        assert post(asker, "/move", job_id="second", priority="high").status == 303
        assert client.jobs_list(states=["queued"]).jobs[0].priority == "high"
        assert post(asker, "/move", job_id="second", priority="now").status == 400
        assert post(asker, "/cancel", job_id="second", page="second").headers["location"] == "/jobs/second"
        worker.hold()
        assert (first.result(20), second.result(20)) == ("first", "cancelled")
        assert post(asker, "/cancel", job_id="nobody").status == 404


def test_a_render_without_a_picture_has_a_page_that_says_why() -> None:
    with InProcessDaemon(FakeWorker()) as daemon, Client(daemon.socket) as client:
        with pytest.raises(AdapterRefused):
            client.render("a wood", lora_paths=["elm.safetensors"], width=64, height=64, job_id="failed")
        page = Asker(str(daemon.socket)).get("/jobs/failed", **READER)
        assert page.status == 200
        assert "lies outside the adapter roots" in page.text


def test_without_a_daemon_every_page_says_so(tmp_path: Path) -> None:
    away = Asker(str(tmp_path / "nobody.sock"))
    for path in ("/", "/history", "/jobs/one", "/small/a.png"):
        page = away.get(path, **READER)
        assert (page.status, "The daemon is away" in page.text) == (503, True)


def test_what_pages_look_like_is_no_secret_and_all_else_is(asker: Asker) -> None:
    assert [asker.get(f"/{name}").status for name in ASSETS] == [200] * len(ASSETS)
    assert [asker.get(path).status for path in ("/", "/history", "/events", "/jobs/job-ash")] == [401] * 4
