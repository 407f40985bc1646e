"""WebTokens outlive a start, are their owner's alone, and are told to be unusable where they are."""

import stat
from pathlib import Path

import pytest

from kilnmark.client.web.guard import Right
from kilnmark.web.errors import TokensUnusable
from kilnmark.web.tokens import load_tokens


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
