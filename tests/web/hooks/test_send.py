"""A message goes to the address that was meant and to no other, and what is not a yes is told."""

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kilnmark.protocol.wire.notices import BatchEnd, NoticeInfo
from kilnmark.web.hooks.message import EndedMessage, batch_message, signed
from kilnmark.web.hooks.send import NotTaken, post, resolved
from kilnmark.web.tokens import load_tokens
from tests.web.hooks.receiving import receiving

BODY = b'{"type": "job.done"}'
NOTICE = NoticeInfo(
    notice_id="n",
    left="2026-11-28T08:00:00.000+00:00",
    notify_url="https://example.org/told",
    batch=BatchEnd(kind="poi", state="done", out="/o", manifest="/o/m", page="/o/p", total=4, dead=1),
)


def leading_to(*addresses: str) -> Callable[..., Any]:
    return lambda *_, **__: [(0, 0, 0, "", (address, 443)) for address in addresses]


def test_the_signature_is_that_of_standard_webhooks(tmp_path: Path) -> None:
    """Worked out here by its definition, with the key that the secret holds."""
    secret = load_tokens(tmp_path / "tokens.json").secret
    headers = signed(EndedMessage(id="msg_1", url="", body=BODY), secret, 1_700_000_000.9)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mark = hmac.digest(key, b"msg_1.1700000000." + BODY, hashlib.sha256)
    assert headers["webhook-signature"] == "v1," + base64.b64encode(mark).decode()
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_1", "1700000000")


def test_a_message_has_the_same_id_however_often_it_is_made() -> None:
    first, again = batch_message(NOTICE), batch_message(NOTICE)
    assert first.id == again.id
    said = json.loads(first.body)
    assert (said["type"], said["data"]["dead"], said["timestamp"]) == ("batch.done", 1, NOTICE.left)


def test_what_is_taken_is_taken_whole() -> None:
    with receiving() as told:
        post(told.url, BODY, {"webhook-id": "msg_1"})
    [(headers, body)] = told.came
    assert (body, headers["webhook-id"], headers["host"]) == (BODY, "msg_1", told.url.split("/")[2])


@pytest.mark.parametrize(
    ("status", "words", "for_ever"),
    [(500, "answered 500", False), (302, "redirects are not followed", False), (410, "answered 410", True)],
)
def test_what_is_not_taken_is_told(status: int, words: str, for_ever: bool) -> None:
    with receiving() as told:
        told.statuses = [status]
        with pytest.raises(NotTaken, match=words) as caught:
            post(told.url, BODY, {})
    assert caught.value.for_ever is for_ever
    assert len(told.came) == 1


def test_nobody_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotTaken, match=r"127\.0\.0\.1 did not take it"):
            post(f"http://127.0.0.1:{taken.getsockname()[1]}/", BODY, {})


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "0.0.0.0", "192.168.1.4"])
def test_a_name_of_the_open_network_leads_to_no_machine_of_this_one(address: str) -> None:
    """DNS rebinding: the name is allowed, and whoever rules it lets it lead in here."""
    with pytest.raises(NotTaken, match="not reached by a name of the open network"):
        resolved("example.org", 443, leading_to(address))


def test_the_first_address_that_may_be_reached_is() -> None:
    assert resolved("example.org", 443, leading_to("10.0.0.7", "93.184.216.34")) == "93.184.216.34"
    assert resolved("game.lan", 443, leading_to("192.168.1.4")) == "192.168.1.4"
    assert resolved("localhost", 80, leading_to("127.0.0.1")) == "127.0.0.1"
    with pytest.raises(NotTaken):
        resolved("game.lan", 443, leading_to("127.0.0.1"))


def test_a_name_that_no_resolver_takes_is_told() -> None:
    with pytest.raises(NotTaken, match="is not known"):
        resolved("a" * 64 + ".example", 443)


def test_what_no_request_can_say_is_told() -> None:
    with receiving() as told, pytest.raises(NotTaken, match="did not take it"):
        post(told.url + "&é", BODY, {})


def test_an_answer_that_comes_in_drop_by_drop_has_its_end() -> None:
    """Each drop comes well within the time that one read may take."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as others:

        def drip() -> None:
            client, _ = listener.accept()
            with client, suppress(OSError):
                client.settimeout(0.01)
                while True:
                    client.send(b"H")
                    with suppress(TimeoutError):
                        client.recv(65536)

        others.submit(drip)
        with pytest.raises(NotTaken, match=r"no answer in 0\.2 s"):
            post(f"http://127.0.0.1:{listener.getsockname()[1]}/", BODY, {}, within=0.2)
