"""The review served: what is decided there is in `picks.yaml`, what is drawn anew is painted, pages hear of both."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import pytest

from kilnmark.client.batch.errors import BrokenManifest
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import EntryPick, PickWord
from kilnmark.client.batch.review.app import Review, review_application
from kilnmark.client.batch.review.bell import Bell
from kilnmark.client.batch.review.serve import serve_review
from kilnmark.client.batch.run.decisions import file_hash
from kilnmark.client.batch.run.ledger import open_ledger
from kilnmark.client.batch.run.manifest import MANIFEST, read_manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.web.guard import Guard
from tests.client.cli.commands.test_batch import Bench, copy_of, fresh
from tests.client.conftest import FakeDaemon
from tests.client.web.asking import Answer, ask

PORT, TOKEN = 8422, "a-token-of-a-test"
HOST = f"127.0.0.1:{PORT}"
KNOWN = {"host": HOST, "cookie": f"kilnmark_review_{PORT}={TOKEN}", "origin": f"http://{HOST}"}
WAIT = 20.0

T = TypeVar("T")


@dataclass
class Desk:
    """A folder that is reviewed by somebody who was let in."""

    out: Path
    guard: Guard

    @classmethod
    def at(cls, out: Path, socket: str | None, person: str = "Ada") -> "Desk":
        review = Review(out, PicksFiles.of(out), None, socket, person)
        return cls(out, review_application(review, TOKEN, PORT))

    @property
    def pictures(self) -> list[Picture]:
        return read_manifest(self.out).pictures

    def pick(self, picture: Picture) -> EntryPick:
        return PicksFiles.of(self.out).read().of_entry(picture.entry)

    def sha256(self, picture: Picture) -> str:
        return file_hash(self.out / picture.file)

    async def get(self, path: str) -> Answer:
        return await ask(self.guard, "GET", path, KNOWN, b"", PORT)

    async def post(self, verb: str, **form: str) -> Answer:
        body = urlencode({"csrf": self.guard.form_token, **form}).encode()
        return await ask(self.guard, "POST", f"/{verb}", KNOWN, body, PORT)

    async def say(self, picture: Picture, word: str, reason: str = "") -> Answer:
        return await self.post("decide", file=picture.file, sha256=self.sha256(picture), word=word, reason=reason)

    async def entry(self, picture: Picture) -> Any:
        state = msgspec.json.decode((await self.get("/state")).body)
        return next(each for each in state["entries"] if each["entry"]["name"] == picture.name)

    async def painted(self, picture: Picture) -> Picture:
        """The picture of an entry once nothing is being done about it any more."""
        async with asyncio.timeout(WAIT):
            while (await self.entry(picture))["pending"]:
                pass
        return next(each for each in self.pictures if each.file == picture.file)


@pytest.fixture(scope="module")
def bench(daemon: FakeDaemon, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = fresh(daemon, tmp_path_factory.mktemp("out"))
    bench.paint("--world", "mire")
    return bench


@pytest.fixture
def copy(bench: Bench, tmp_path: Path) -> Bench:
    return copy_of(bench, tmp_path / "out")


@pytest.fixture
def desk(copy: Bench, daemon: FakeDaemon) -> Desk:
    return Desk.at(copy.out, str(daemon.socket))


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(work())


def test_the_page_is_served_with_its_data_its_policy_and_its_pictures(desk: Desk) -> None:
    page = run(lambda: desk.get("/"))
    assert page.status == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    assert desk.guard.form_token in page.text
    assert TOKEN not in page.text
    picture = desk.pictures[0]
    assert run(lambda: desk.get(f"/{picture.file}")).body == (desk.out / picture.file).read_bytes()


@pytest.mark.parametrize("path", ["/picks.yaml", "/.manifest.journal", "/../daemon.sock", "/%2e%2e/x.png", "/ash"])
def test_nothing_else_of_the_folder_is_served(desk: Desk, path: str) -> None:
    assert run(lambda: desk.get(path)).status == 404


def test_nobody_decides_without_cookie_origin_and_token_of_the_page(desk: Desk) -> None:
    body = urlencode({"csrf": desk.guard.form_token}).encode()
    stranger = {name: value for name, value in KNOWN.items() if name != "cookie"}
    elsewhere = {**KNOWN, "origin": "http://evil.example"}
    for headers, status in ((stranger, 401), (elsewhere, 403), ({**KNOWN, "host": "evil.example"}, 421)):
        assert asyncio.run(ask(desk.guard, "POST", "/decide", headers, body, PORT)).status == status
    assert run(lambda: desk.post("decide", csrf="x")).status == 400
    assert run(lambda: desk.get("/decide")).status == 404


def test_a_word_is_in_the_file_when_the_answer_comes(desk: Desk) -> None:
    picture = desk.pictures[0]
    assert run(lambda: desk.say(picture, "rejected", "too   dark")).status == 200
    one = desk.pick(picture).picture(desk.sha256(picture))
    assert one is not None
    assert [(said.word, said.by, said.reason) for said in one.said] == [(PickWord.REJECTED, "Ada", "too dark")]
    run(lambda: desk.say(picture, "open"))
    again = desk.pick(picture).picture(desk.sha256(picture))
    assert again is not None
    assert again.word is PickWord.OPEN


def test_the_page_that_is_a_file_shows_the_decisions_too(desk: Desk) -> None:
    picture, page = desk.pictures[0], desk.out / "index.html"

    async def decide() -> None:
        await desk.say(picture, "rejected", "a reason to be found")
        async with asyncio.timeout(WAIT):
            while "a reason to be found" not in await asyncio.to_thread(page.read_text):
                pass

    run(decide)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"word": "approved"}, 400),
        ({"word": "accepted", "sha256": "0" * 64}, 409),
        ({"word": "accepted", "file": "ash/../picks.yaml"}, 409),
    ],
)
def test_what_cannot_be_meant_decides_nothing(desk: Desk, form: dict[str, str], status: int) -> None:
    answer = run(lambda: desk.post("decide", **{"file": desk.pictures[0].file, **form}))
    assert (answer.status, PicksFiles.of(desk.out).read().entries) == (status, ())


def test_two_people_at_two_servers_lose_nothing_of_each_other(desk: Desk, daemon: FakeDaemon) -> None:
    other = Desk.at(desk.out, str(daemon.socket), "Ben")
    pictures = desk.pictures

    async def decide() -> None:
        mine = (desk.say(each, "accepted") for each in pictures)
        theirs = (other.say(each, "rejected", "no") for each in pictures)
        answers = await asyncio.gather(*mine, *theirs)
        assert {answer.status for answer in answers} == {200}

    run(decide)
    for each in pictures:
        one = desk.pick(each).picture(desk.sha256(each))
        assert one is not None
        assert [said.by for said in one.said] == ["Ada", "Ben"]


def test_a_re_roll_is_painted_by_the_daemon_and_the_other_picture_is_kept(desk: Desk) -> None:
    picture = desk.pictures[0]
    before = (desk.out / picture.file).read_bytes()

    async def roll() -> Picture:
        answer = await desk.post("roll", file=picture.file)
        assert "is painted with seed" in answer.text
        return await desk.painted(picture)

    after = run(roll)
    assert desk.pick(picture).pinned == (after.seed,)
    assert after.seed != picture.seed
    assert (desk.out / picture.file).read_bytes() != before
    [earlier] = read_manifest(desk.out).earlier
    assert (earlier.seed, (desk.out / earlier.file).read_bytes()) == (picture.seed, before)
    assert "is painting" not in (desk.out / "index.html").read_text()

    async def back() -> Picture:
        assert (await desk.post("pin", file=picture.file, seeds="")).text == '{"message":""}'
        return await desk.painted(picture)

    assert run(back).seed == picture.seed
    assert (desk.out / picture.file).read_bytes() == before


def test_without_a_daemon_verbs_work_and_a_re_roll_says_why_not(copy: Bench, tmp_path: Path) -> None:
    desk = Desk.at(copy.out, str(tmp_path / "nobody.sock"))
    picture = desk.pictures[0]
    assert run(lambda: desk.say(picture, "accepted")).status == 200
    answer = run(lambda: desk.post("roll", file=picture.file))
    assert (answer.status, desk.pick(picture).rolls) == (409, 0)
    assert "it is not painted again: no daemon" in answer.text
    pinned = run(lambda: desk.post("pin", file=picture.file, seeds="12"))
    assert "It is pinned, and the next batch paints it" in pinned.text
    assert desk.pick(picture).pinned == (12,)


def test_a_folder_that_does_not_know_its_packs_asks_for_them(copy: Bench, daemon: FakeDaemon) -> None:
    path = copy.out / MANIFEST
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(read_manifest(copy.out), asked=[])))
    desk = Desk.at(copy.out, str(daemon.socket))
    answer = run(lambda: desk.post("roll", file=desk.pictures[0].file))
    assert "name them with --packs DIR" in answer.text


def test_a_re_roll_waits_for_a_batch_that_holds_the_folder(desk: Desk) -> None:
    picture = desk.pictures[0]

    async def roll() -> Picture:
        with open_ledger(desk.out):
            await desk.post("roll", file=picture.file)
            async with asyncio.timeout(WAIT):
                while "waits for the batch" not in (await desk.entry(picture))["pending"]:
                    pass
        return await desk.painted(picture)

    assert run(roll).seed != picture.seed


async def heard(bell: Bell, then: Callable[[], object], count: int) -> list[str]:
    """The names of the first events after something was done."""
    names: list[str] = []
    async for event in bell.events():
        names.append(event.decode().partition("\n")[0].removeprefix("event: "))
        if len(names) == 1:
            then()
        if len(names) > count:
            break
    return names[1:]


def test_what_others_write_rings_the_bell(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.client.batch.review.bell.PAUSE", 0.02)
    files = PicksFiles.of(desk.out)
    bell = Bell(desk.out, files)
    picture = desk.pictures[0]
    said = desk.say(picture, "accepted")
    assert asyncio.run(heard(bell, lambda: asyncio.get_running_loop().create_task(said), 1)) == ["picks"]
    manifest = desk.out / MANIFEST
    assert asyncio.run(heard(bell, lambda: manifest.write_bytes(manifest.read_bytes()), 1)) == ["pictures"]
    assert asyncio.run(heard(bell, lambda: bell.ring("said", "done"), 1)) == ["said"]


def test_a_folder_that_cannot_be_read_is_told_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{")
    review = Review(tmp_path, PicksFiles.of(tmp_path), None, None, "Ada")
    with pytest.raises(BrokenManifest):
        serve_review(review, port=0, tell=pytest.fail)


def test_a_re_roll_draws_nothing_for_an_entry_of_that_name_elsewhere(copy: Bench, daemon: FakeDaemon) -> None:
    words = "chapters:\n- points_of_interest:\n  - {name: Old Kiln, visual_prompt: a kiln of the whole genre}\n"
    (copy.packs.root / "ash/history.yaml").write_text(words)
    copy.paint()
    desk = Desk.at(copy.out, str(daemon.socket))
    rolled, other = sorted(
        (each for each in desk.pictures if each.name == "Old Kiln"), key=lambda each: each.world or ""
    )
    assert run(lambda: desk.post("roll", file=rolled.file)).status == 200
    assert (desk.pick(rolled).rolls, desk.pick(other).is_empty) == (1, True)


def test_no_more_seeds_are_pinned_than_can_be_read_again(desk: Desk) -> None:
    picture = desk.pictures[0]
    many = ",".join(map(str, range(1001)))
    answer = run(lambda: desk.post("pin", file=picture.file, seeds=many))
    assert (answer.status, desk.pick(picture).pinned) == (400, ())
    run(lambda: desk.post("pin", file=picture.file, seeds="5,5"))
    assert desk.pick(picture).pinned == (5,)
