"""Who is let in to the web process, and what it tells everybody of itself."""

import json
from pathlib import Path

import pytest

from kilnmark.client import Client
from kilnmark.daemon.in_process import InProcessDaemon
from tests.web.asking import HOST, PORT, TOKENS, Asker


@pytest.fixture
def away(tmp_path: Path) -> Asker:
    return Asker(str(tmp_path / "nobody.sock"))


def test_it_lives_without_a_daemon_and_is_not_ready(away: Asker) -> None:
    assert away.get("/healthz").status == 200
    ready = away.get("/readyz")
    assert (ready.status, json.loads(ready.body)) == (503, {"status": "away"})


def test_it_is_ready_once_the_daemon_is() -> None:
    with InProcessDaemon() as daemon, Client(daemon.socket) as client:
        client.warm_up()
        asker = Asker(str(daemon.socket))
        assert asker.get("/readyz").status == 200


def test_a_name_that_is_not_its_own_is_answered_with_nothing(away: Asker) -> None:
    """DNS rebinding: a page of a stranger's whose name leads to this machine."""
    for path in ("/", "/healthz", "/v1/models"):
        answer = away.get(path, host=f"evil.example:{PORT}", authorization=f"Bearer {TOKENS.write}")
        assert answer.status == 421


def test_a_name_that_it_was_given_is_its_own(tmp_path: Path) -> None:
    asker = Asker(str(tmp_path / "nobody.sock"), hosts=(f"mill.local:{PORT}",))
    assert asker.get("/healthz", host=f"mill.local:{PORT}").status == 200


def test_a_program_without_a_token_is_told_in_its_own_form(away: Asker) -> None:
    answer = away.get("/v1/models")
    assert answer.status == 401
    assert json.loads(answer.body)["error"]["type"] == "authentication_error"
    assert "kilnmark web token" in json.loads(answer.body)["error"]["message"]


def test_a_program_that_left_out_v1_is_told_so(away: Asker) -> None:
    for answer in (
        away.post("/images/generations", b"{}", authorization=f"Bearer {TOKENS.write}"),
        away.get("/models", authorization=f"Bearer {TOKENS.write}"),
    ):
        assert (answer.status, "ends in /v1" in json.loads(answer.body)["error"]["message"]) == (404, True)


def test_whoever_may_look_may_change_nothing(away: Asker) -> None:
    answer = away.post("/v1/images/generations", b"{}", authorization=f"Bearer {TOKENS.read}")
    assert (answer.status, json.loads(answer.body)["error"]["type"]) == (403, "permission_error")


def test_a_page_of_another_site_changes_nothing_even_with_a_token(away: Asker) -> None:
    bearer = {"authorization": f"Bearer {TOKENS.write}", "origin": "http://evil.example"}
    assert away.ask("POST", "/v1/images/generations", bearer, b"{}").status == 403


def test_the_address_that_is_printed_becomes_a_cookie(away: Asker) -> None:
    answer = away.get(f"/?token={TOKENS.read}")
    assert answer.status == 303
    assert TOKENS.read in answer.headers["set-cookie"]
    assert away.get("/?token=" + "x" * 32).status == 401


def test_a_token_is_no_way_in_for_programs_by_the_address(away: Asker) -> None:
    assert away.get(f"/v1/models?token={TOKENS.write}").status == 401
    assert away.get("/v1/models", cookie=f"kilnmark_web_{PORT}=x", host=HOST).status == 401


@pytest.mark.parametrize("other", ['odd={"a": [1]}', "=", "a b=c", "odd=\xff\x01", 'half="x', "x[y]=1; Path=/"])
def test_cookies_of_other_servers_on_this_machine_keep_nobody_out(away: Asker, other: str) -> None:
    """Cookies know no ports: whatever listens here once may have set some for this name."""
    ours = f"kilnmark_web_{PORT}={TOKENS.read}"
    for cookie in (f"{other}; {ours}", f"{ours}; {other}"):
        assert away.get("/", cookie=cookie).status != 401
    assert away.get("/", cookie=other).status == 401
