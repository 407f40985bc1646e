"""Renders that start from pictures, through the whole daemon: what is painted from is what was asked for."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.pictures.cache import read_record
from kilnmark.protocol.picture.record import PictureRecord
from tests.daemon.conftest import SMALL, Wire
from tests.keymaps.pictures.shown import colours, put, saved

DATA = saved(colours())
INLINE = {"data": base64.b64encode(DATA).decode()}


class Kiln:
    """A daemon with a folder of pictures."""

    def __init__(self, daemon: InProcessDaemon, wire: Wire, folder: Path) -> None:
        self.daemon, self.wire, self.folder = daemon, wire, folder

    @property
    def kept(self) -> list[Path]:
        return [path for path in (self.daemon.pictures / ".sent").rglob("*") if path.is_file()]

    def render(self, picture: object, **more: object) -> dict[str, Any]:
        return self.wire.result("render", asked(picture, **more))


def asked(picture: object, **more: object) -> dict[str, object]:
    return {**SMALL, "init_image": picture, **more}


@pytest.fixture
def kiln(tmp_path: Path) -> Any:
    with InProcessDaemon(image_roots=(tmp_path,)) as daemon, Wire(daemon.socket) as wire:
        yield Kiln(daemon, wire, tmp_path)


def record_of(result: dict[str, Any]) -> PictureRecord:
    record = read_record(Path(result["image_path"]))
    assert record is not None
    return record


def test_reply_and_record_tell_its_content_and_strength(kiln: Kiln) -> None:
    path = put(kiln.folder)
    result = kiln.render(str(path), strength=0.7)
    assert result["start"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert result["strength"] == 0.7
    assert (record_of(result).start, record_of(result).strength) == (result["start"], 0.7)
    assert any("was stretched to 64 x 64" in warning for warning in result["warnings"])


def test_the_cache_knows_a_picture_by_its_content_and_not_by_its_name(kiln: Kiln) -> None:
    first = kiln.render(str(put(kiln.folder)))
    again = kiln.render(str(put(kiln.folder, "other.png")))
    assert (again["cached"], again["image_path"]) == (True, first["image_path"])
    assert not kiln.render("a.png", strength=0.5)["cached"]
    put(kiln.folder, image=colours(64, 64))
    changed = kiln.render("a.png")
    assert not changed["cached"]
    assert changed["start"] != first["start"]


def test_one_that_is_changed_while_it_waits_is_not_painted_from(kiln: Kiln) -> None:
    path = put(kiln.folder)
    kiln.daemon.worker.hold("adapters")
    waiting = kiln.wire.send("render", asked(str(path)))
    kiln.wire.status_once(lambda status: status["queue"]["running"] == 1)
    put(kiln.folder, image=colours(64, 64))
    kiln.daemon.worker.hold()
    error = kiln.wire.reply(waiting)["error"]
    assert (error["code"], error["data"]["kind"]) == (-32012, "picture_refused")
    assert "is not the picture any more" in error["message"]
    assert str(path) in error["message"]


def test_what_comes_within_a_request_is_kept_as_long_as_its_job_is_open(kiln: Kiln) -> None:
    kiln.daemon.worker.hold("denoise")
    waiting = kiln.wire.send("render", asked(INLINE, job_id="ferry"))
    kiln.wire.status_once(lambda status: status["queue"]["running"] == 1)
    assert [path.read_bytes() for path in kiln.kept] == [DATA]
    kiln.daemon.worker.hold()
    assert kiln.wire.reply(waiting)["result"]["start"] == hashlib.sha256(DATA).hexdigest()
    assert kiln.kept == []


def test_the_same_picture_within_the_same_request_is_the_same_job(kiln: Kiln) -> None:
    first = kiln.render(INLINE, job_id="ferry")
    assert kiln.render(INLINE, job_id="ferry")["image_path"] == first["image_path"]
    another = {"data": base64.b64encode(saved(colours(64))).decode()}
    error = kiln.wire.error("render", asked(another, job_id="ferry"))
    assert error["data"]["kind"] == "job_id_taken"


@pytest.mark.parametrize(
    ("picture", "more", "words"),
    [
        ("/etc/hostname", {}, "outside the image roots"),
        ("gone.png", {}, "no such file"),
        ({"data": base64.b64encode(b"a mill").decode()}, {}, "is no picture of a kind that is read"),
        (None, {"reference_images": ["a.png"]}, "takes no reference pictures"),
    ],
)
def test_a_refusal_comes_before_anything_waits(kiln: Kiln, picture: object, more: dict[str, Any], words: str) -> None:
    put(kiln.folder)
    assert words in kiln.wire.error("render", asked(picture, **more))["message"]
    assert kiln.wire.result("status")["queue"]["running"] == 0
    assert kiln.kept == []


def test_a_job_of_an_earlier_daemon_finds_what_came_within_its_request(tmp_path: Path) -> None:
    places: dict[str, Any] = {name: tmp_path / name for name in ("journal", "output_dir", "socket")}
    with InProcessDaemon(**places) as daemon, Wire(daemon.socket) as wire:
        daemon.worker.hold("denoise")
        wire.send("render", asked(INLINE, job_id="ferry"))
        wire.status_once(lambda status: status["queue"]["running"] == 1)
        [kept] = (path for path in (places["output_dir"] / ".sent").rglob("*") if path.is_file())
        stray = kept.with_name("stray")
        stray.write_bytes(b"left by a crash")
    with InProcessDaemon(**places) as daemon, Wire(daemon.socket) as wire:
        assert not stray.exists()
        found = wire.result("jobs.wait", {"job_id": "ferry"})
        assert found["result"]["start"] == hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def beside(tmp_path: Path) -> Any:
    """A daemon of a base that takes reference pictures."""
    with (
        InProcessDaemon(image_roots=(tmp_path,), variant="standin:flux2-klein-4b") as daemon,
        Wire(daemon.socket) as wire,
    ):
        yield Kiln(daemon, wire, tmp_path)


def test_references_are_told_by_their_contents_in_order_and_so_is_what_is_cut_of_them(beside: Kiln) -> None:
    paths = [put(beside.folder), put(beside.folder, "b.png", colours(40, 32))]
    named = [str(path) for path in paths]
    result = beside.wire.result("render", {**SMALL, "reference_images": named})
    contents = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert result["references"] == contents
    assert list(record_of(result).references or ()) == contents
    assert result["warnings"] == ["reference_images[1] has 40 x 32 pixels and was cut to the middle 32 x 32"]
    assert beside.wire.result("render", {**SMALL, "reference_images": named})["cached"]
    turned = beside.wire.result("render", {**SMALL, "reference_images": named[::-1]})
    assert not turned["cached"]


def test_a_reference_that_is_exchanged_while_it_waits_is_not_painted_beside(beside: Kiln) -> None:
    path = put(beside.folder)
    beside.daemon.worker.hold("adapters")
    waiting = beside.wire.send("render", {**SMALL, "reference_images": [str(path)]})
    beside.wire.status_once(lambda status: status["queue"]["running"] == 1)
    put(beside.folder, image=colours(64, 64))
    beside.daemon.worker.hold()
    assert beside.wire.reply(waiting)["error"]["data"]["kind"] == "picture_refused"
