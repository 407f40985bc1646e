"""What a web process holds of others: pictures that were sent, forms, and addresses that are over."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.web.api.addresses import LIFETIME, PictureAddresses
from kilnmark.web.api.bodies import _unfolded
from kilnmark.web.api.sent import FOLDER, KEPT_FOR, SentPictures
from tests.web.asking import TOKENS, Asker

PNG = b"\x89PNG\r\n\x1a\n"


def lying(root: Path) -> set[bytes]:
    return {path.read_bytes() for path in (root / FOLDER).iterdir()}


async def sent(pictures: SentPictures, root: Path, *bodies: bytes) -> list[str]:
    async with pictures.kept(root, bodies) as given:
        return given


def age(path: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_picture_that_nobody_sent_for_a_day_is_gone_with_the_next(tmp_path: Path) -> None:
    pictures = SentPictures()
    [old] = asyncio.run(sent(pictures, tmp_path, PNG + b"old"))
    [young] = asyncio.run(sent(pictures, tmp_path, PNG + b"young"))
    age(old, KEPT_FOR + 60)
    age(young, KEPT_FOR - 60)
    asyncio.run(sent(pictures, tmp_path, PNG + b"next"))
    assert lying(tmp_path) == {PNG + b"young", PNG + b"next"}


def test_a_picture_that_is_sent_again_stays_another_day_and_is_mended_where_it_was_spoilt(tmp_path: Path) -> None:
    pictures = SentPictures()
    [path] = asyncio.run(sent(pictures, tmp_path, PNG + b"again"))
    age(path, KEPT_FOR + 60)
    assert asyncio.run(sent(pictures, tmp_path, PNG + b"again")) == [path]
    assert lying(tmp_path) == {PNG + b"again"}
    Path(path).write_bytes(b"cut")
    asyncio.run(sent(pictures, tmp_path, PNG + b"again"))
    assert lying(tmp_path) == {PNG + b"again"}
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_of_too_many_bytes_the_oldest_goes_and_never_one_that_a_request_is_made_of(tmp_path: Path) -> None:
    async def run() -> None:
        pictures = SentPictures(most_bytes=20)
        async with pictures.kept(tmp_path, [PNG + b"in hand"]) as [held]:
            age(held, KEPT_FOR + 60)
            [first] = await sent(pictures, tmp_path, PNG + b"first")
            age(first, 60)
            await sent(pictures, tmp_path, PNG + b"second")
            await sent(pictures, tmp_path, PNG + b"third third third third")
            assert lying(tmp_path) == {PNG + b"in hand", PNG + b"second", PNG + b"third third third third"}
        await sent(pictures, tmp_path, PNG + b"last")
        assert PNG + b"in hand" not in lying(tmp_path)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("cache", "true", True),
        ("cache", "Off", False),
        ("stream", "false", False),
        ("draft", "no", False),
        ("draft", '{"size": 128}', {"size": 128}),
        ("prompt", "true", "true"),
        ("cache", "perhaps", "perhaps"),
    ],
)
def test_yes_and_no_in_a_form_are_understood_where_they_are_meant(name: str, value: str, meant: object) -> None:
    assert _unfolded(name, value) == meant


def test_an_address_is_good_for_its_hour_and_says_when_that_is_over() -> None:
    with InProcessDaemon() as daemon:
        asker = Asker(str(daemon.socket))
        picture = daemon.pictures / "a mill.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(PNG)
        signed = PictureAddresses(TOKENS.secret)
        good, over = (signed.of(picture, daemon.pictures, time.time() - ago) for ago in (60, LIFETIME + 60))
        forged = PictureAddresses("another").of(picture, daemon.pictures, time.time() - LIFETIME - 60)
        assert good is not None
        assert over is not None
        assert forged is not None
        assert asker.get(good).body == PNG
        answer = asker.get(over)
        assert (answer.status, json.loads(answer.body)["error"]["type"]) == (410, "invalid_request_error")
        assert "ask for the picture again" in json.loads(answer.body)["error"]["message"]
        assert asker.get(forged).status == 404
