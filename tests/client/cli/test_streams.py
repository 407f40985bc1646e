"""Standard streams that are closed, full or unread: a sentence or silence, an honest exit code, never a traceback."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import click
import pytest

from kilnmark.client.cli.main import kilnmark, main
from kilnmark.client.cli.streams import _Aside, _Output, _text
from tests.client.conftest import KILNMARK, FakeDaemon

ASKING = [["ping"], ["status"], ["jobs"], ["jobs", "nobody"], ["cancel", "nobody"], ["warm-up"], ["render", "a kiln"]]
ALONE = [["config"], ["style", "schema", "genre"], ["lora", "report", "/absent"], ["serve", "--only-settings"]]


def shell(words: str, daemon: FakeDaemon) -> subprocess.CompletedProcess[str]:
    """Run one line of the shell, in which `kilnmark` is ours."""
    env = os.environ | {"KILNMARK_SOCKET": str(daemon.socket), "PATH": f"{Path(KILNMARK).parent}:{os.environ['PATH']}"}
    return subprocess.run(["bash", "-c", words], capture_output=True, text=True, env=env, check=False, timeout=60)


def test_a_closed_stdout_is_a_sentence(daemon: FakeDaemon) -> None:
    done = shell("kilnmark ping >&-", daemon)
    assert (done.returncode, done.stderr) == (1, "error: the result cannot be written to stdout: it is closed\n")


def test_a_reader_that_leaves_is_silence(daemon: FakeDaemon) -> None:
    done = shell("set -o pipefail; kilnmark status | true", daemon)
    assert (done.returncode, done.stderr) == (1, "")


def test_with_every_stream_closed_a_command_still_does_its_work(daemon: FakeDaemon) -> None:
    assert shell("kilnmark warm-up <&- >&- 2>&-", daemon).returncode == 1
    assert shell("kilnmark warm-up <&- >/dev/null 2>&-", daemon).returncode == 0


def test_an_unread_stderr_keeps_the_code_of_the_error(daemon: FakeDaemon) -> None:
    done = shell("set -o pipefail; kilnmark cancel nobody 2>&1 >/dev/null | true", daemon)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@contextlib.contextmanager
def unread() -> Iterator[int]:
    """The end of a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def every_command() -> list[list[str]]:
    def below(command: click.Command, words: list[str]) -> Iterator[list[str]]:
        yield [*words, "--help"]
        if isinstance(command, click.Group):
            for name, child in command.commands.items():
                yield from below(child, [*words, name])

    return [*below(kilnmark, []), *ASKING, *ALONE, ["no-such-command"], ["--version"]]


@pytest.mark.parametrize("as_json", [False, True])
def test_no_command_ends_otherwise_than_by_its_exit_code(daemon: FakeDaemon, *, as_json: bool) -> None:
    assert len(every_command()) > 25
    for words in every_command():
        asked = [*words, "--json"] if as_json and "--help" not in words else words
        with (
            unread() as handle,
            mock.patch.dict(os.environ, {"KILNMARK_SOCKET": str(daemon.socket)}),
            mock.patch.object(sys, "argv", ["kilnmark", *asked]),
            mock.patch.object(sys, "stdout", _text(_Output(handle, "w", closefd=False), sys.stdout)),
            mock.patch.object(sys, "stderr", _text(_Aside(handle, "w", closefd=False), sys.stderr)),
            pytest.raises(SystemExit) as end,
        ):
            main()
        assert end.value.code in (1, 2, 3), words
