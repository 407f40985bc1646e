"""Nobody sees a page or changes anything but who opened the address that was printed, on this machine."""

import pytest

from kilnmark.client.web.guard import POLICY
from tests.lab.pages.asking import HOST, PORT, TOKEN, Asker

COOKIE = f"kilnmark_lab_{PORT}={TOKEN}"


@pytest.mark.parametrize(
    "host", ["", "evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"127.0.0.1.evil.example:{PORT}"]
)
def test_another_host_is_refused_even_with_the_token(asker: Asker, host: str) -> None:
    answer = asker.ask("GET", f"/?token={TOKEN}", {"host": host, "cookie": COOKIE})
    assert answer.status == 421
    assert TOKEN not in answer.text + str(answer.headers)


def test_the_printed_address_sets_a_cookie_and_leaves_no_token_behind(asker: Asker) -> None:
    answer = asker.ask("GET", f"//evil.example/?token={TOKEN}", {"host": HOST})
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert answer.headers["set-cookie"] == f"{COOKIE}; HttpOnly; SameSite=Strict; Path=/"


@pytest.mark.parametrize(
    ("path", "cookie"),
    [("/", ""), ("/", f"kilnmark_lab_{PORT}=x"), ("/?token=x", COOKIE), ("/", f"other={TOKEN}"), ("/events", "")],
)
def test_without_the_token_there_is_nothing(asker: Asker, path: str, cookie: str) -> None:
    answer = asker.ask("GET", path, {"host": HOST, "cookie": cookie})
    assert answer.status == 401
    assert "judging" not in answer.text


def test_every_page_forbids_what_it_does_not_need(asker: Asker) -> None:
    headers = asker.get("/").headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", f"https://{HOST}"])
def test_a_form_of_another_site_changes_nothing(asker: Asker, origin: str) -> None:
    assert asker.post("/batches/x/decide", {}, origin=origin).status == 403


def test_a_form_without_its_token_changes_nothing(asker: Asker) -> None:
    assert asker.post("/batches/x/decide", {"csrf": "x"}).status == 400
    assert asker.guard.form_token != TOKEN


def test_nothing_else_is_done(asker: Asker) -> None:
    assert asker.ask("PUT", "/", asker.known).status == 405
