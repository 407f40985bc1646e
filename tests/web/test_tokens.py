"""WebTokens outlive a start, are their owner's alone, and are told to be unusable where they are."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.web.guard import Right
from kilnmark.web.errors import TokensUnusable
from kilnmark.web.tokens import WebTokens, load_tokens


def test_they_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "kilnmark" / "web-tokens.json"
    made = load_tokens(path)
    assert load_tokens(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made.rights == {made.write: Right.WRITE, made.read: Right.READ}


def test_new_ones_are_others(tmp_path: Path) -> None:
    path = tmp_path / "web-tokens.json"
    assert not {load_tokens(path).read, load_tokens(path).write} & set(load_tokens(path, renew=True).rights)


def test_a_file_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "web-tokens.json"
    load_tokens(path)
    path.chmod(0o640)
    with pytest.raises(TokensUnusable, match="chmod 600"):
        load_tokens(path)


@pytest.mark.parametrize("text", ["{}", "[", '{"read": "short", "write": "short", "secret": "short"}'])
def test_a_file_without_tokens_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "web-tokens.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(TokensUnusable, match="kilnmark web token --new"):
        load_tokens(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [("secret", "whsec_" + "a" * 41), ("secret", "a" * 44), ("read", "a" * 24 + "; Path=/"), ("write", "a b" * 12)],
)
def test_what_cannot_be_signed_or_sent_with_is_told(tmp_path: Path, field: str, value: str) -> None:
    path = tmp_path / "web-tokens.json"
    written = msgspec.structs.replace(load_tokens(path), **{field: value})
    path.write_bytes(msgspec.json.encode(written))
    with pytest.raises(TokensUnusable, match="kilnmark web token --new"):
        load_tokens(path)


def test_two_that_start_at_once_have_the_same(tmp_path: Path) -> None:
    path = tmp_path / "web-tokens.json"
    start = threading.Barrier(8)

    def load(_: int) -> WebTokens:
        start.wait(5)
        return load_tokens(path)

    with ThreadPoolExecutor(8) as many:
        assert set(many.map(load, range(8))) == {load_tokens(path)}
