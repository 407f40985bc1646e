"""Credentials are read from a file that nobody else may read, or from the environment; and say no seed when printed."""

from pathlib import Path

import msgspec
import pytest

from kilnmark.farm.broker.credentials import VARIABLE, FarmCredentials, load_credentials
from kilnmark.farm.broker.people import new_credentials
from kilnmark.farm.errors import FarmNotUsable


@pytest.fixture
def ann(tmp_path: Path) -> tuple[Path, FarmCredentials]:
    _, who = new_credentials("ann", "submitter", addresses=["nats://127.0.0.1:4222"])
    path = tmp_path / "ann.json"
    path.write_bytes(msgspec.json.encode(who))
    path.chmod(0o600)
    return path, who


def test_they_are_read_from_a_file_and_from_the_environment_either_way(ann: tuple[Path, FarmCredentials]) -> None:
    path, who = ann
    assert load_credentials(path, {}) == who
    assert load_credentials(None, {VARIABLE: str(path)}) == who
    assert load_credentials(None, {VARIABLE: path.read_text()}) == who
    assert load_credentials(None, {}) is None


def test_a_file_that_others_may_read_is_not_used(ann: tuple[Path, FarmCredentials]) -> None:
    path, _ = ann
    path.chmod(0o640)
    with pytest.raises(FarmNotUsable, match="others may read it; say `chmod 600`"):
        load_credentials(path, {})


def test_what_is_no_credentials_is_told_without_what_stands_in_it(ann: tuple[Path, FarmCredentials]) -> None:
    path, who = ann
    for text in (path.read_text()[:-2], path.read_text().replace("submitter", who.seed), f'{{"seed": ["{who.seed}"]}}'):
        path.write_text(text)
        with pytest.raises(FarmNotUsable, match="holds no credentials") as told:
            load_credentials(path, {})
        assert who.seed not in str(told.value)
    path.write_text(msgspec.json.encode(msgspec.structs.replace(who, seed=who.seed[:-1])).decode())
    with pytest.raises(FarmNotUsable, match="a key that is none of a farm's") as told:
        load_credentials(path, {})
    assert who.seed[:-1] not in str(told.value)
    assert who.seed not in repr(who)
