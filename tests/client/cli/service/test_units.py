"""The units of systemd: as systemd reads them where it is installed, and with nothing in them that it would replace."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.client.cli.service.sealed import SealedFile, state_of
from kilnmark.client.cli.service.systemd import device_opener
from kilnmark.client.cli.service.units import SERVICE, SOCKET, command_of, quoted, service_unit, socket_unit
from tests.client.cli.service.conftest import Planned

ODD = "a \"b\" \\c %h $HOME 'd' ü;#"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_systemd_finds_nothing_to_say_about_them(tmp_path: Path, planned: Planned) -> None:
    plan = planned({"HF_HOME": ODD, "XDG_DATA_HOME": f"{tmp_path}/{ODD}"}, output_dir=ODD, drain_timeout="0")
    for name, text in ((SERVICE, service_unit(plan)), (SOCKET, socket_unit(plan))):
        SealedFile(tmp_path / name, text).write()
        assert state_of(tmp_path / name) == "ours"
    (tmp_path / "default.target").write_text("[Unit]\nDescription=x\n")
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    command = ["systemd-analyze", "--user", "--man=no", "verify", str(tmp_path / SERVICE), str(tmp_path / SOCKET)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)
    own = [line for line in (done.stdout + done.stderr).splitlines() if "kilnmark" in line]
    assert (done.returncode, own) == (0, [])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_systemd_would_have_something_to_say(tmp_path: Path, planned: Planned) -> None:
    wrong = service_unit(planned()).replace("OOMPolicy=continue", "OOMPolicy=hope")
    (tmp_path / SERVICE).write_text(wrong)
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    command = ["systemd-analyze", "--user", "--man=no", "verify", str(tmp_path / SERVICE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)
    assert "OOM policy" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("plain", "plain"),
        ("/a/b-c=d", "/a/b-c=d"),
        ("", '""'),
        ("a b", '"a b"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("100%", "100%%"),
        ("a 100%", '"a 100%%"'),
        ("it's", '"it\'s"'),
        (";", '";"'),
        ("#", '"#"'),
        ("$HOME", "$HOME"),
    ],
)
def test_a_word_stays_a_word(word: str, text: str) -> None:
    assert quoted(word) == text


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])), min_size=1))
def test_a_command_is_read_back_as_it_was(words: list[str]) -> None:
    line = " ".join(quoted(word) for word in words)
    assert command_of(f"Type=notify\nExecStart=:{line}\nUMask=0077\n") == words


def test_dollars_are_left_alone_since_the_command_begins_with_a_colon(planned: Planned) -> None:
    text = service_unit(planned(output_dir="$HOME"))
    assert "\nExecStart=:/" in text
    assert "/$HOME" in text


def test_a_card_that_is_opened_with_roots_rights_is_not_kept_from_it(
    tmp_path: Path, planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\nNoNewPrivileges=yes\n" in service_unit(planned())
    program = tmp_path / "nvidia-modprobe"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    before = device_opener()
    program.chmod(0o4755)
    assert (before, device_opener()) == (None, str(program))
    text = service_unit(planned(), device_opener())
    assert str(program) in text
    assert not {"NoNewPrivileges", "RestrictNamespaces", "SystemCallFilter"} & {
        line.partition("=")[0] for line in text.splitlines()
    }


def test_a_longer_drain_is_waited_for(planned: Planned) -> None:
    assert "\nTimeoutStopSec=660\n" in service_unit(planned(drain_timeout="600"))
