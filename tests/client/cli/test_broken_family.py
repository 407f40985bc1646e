"""A package whose family cannot be used: who needs families is told of it in a sentence, nobody else is bothered."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.client.conftest import KILNMARK
from tests.installed import install


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    folder = install(tmp_path / "packages", row="raise RuntimeError('half written')")
    return {**os.environ, "PYTHONPATH": str(folder)}


def run(env: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([KILNMARK, *arguments], env=env, capture_output=True, text=True, check=False)


def test_a_command_that_needs_families_names_the_package_and_the_mend(env: dict[str, str], tmp_path: Path) -> None:
    ended = run(env, "lora", "inspect", str(tmp_path))
    assert ended.returncode == 1
    assert "the family 'pinhole' of pinhole (pinhole:FAMILY) cannot be imported: half written" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_one_that_needs_none_works(env: dict[str, str], tmp_path: Path) -> None:
    ended = run(env, "ping", "--socket", str(tmp_path / "d.sock"))
    assert ended.returncode == 69
    assert "pinhole" not in ended.stderr
