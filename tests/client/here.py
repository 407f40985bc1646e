"""The command line within the test's own process: what it writes and ends with, without the second that a start takes.

Terminals, signals, pipes and what may not be imported need a process; documents, words and exit codes do not. A `serve`
that is not refused would become a daemon, which here is a failure.
"""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from unittest import mock

from kilnmark.client.cli.main import main

__all__ = ["KILNMARK", "run_here"]

KILNMARK = str(Path(sys.executable).with_name("kilnmark"))


def _become(*_: object) -> NoReturn:
    raise AssertionError("the process of the tests would have become another")


def run_here(*arguments: str | Path, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run one command, as it would run with its output in pipes.

    Args:
        arguments: Behind the program's name.
        env: Variables beside those of this process.
    """
    words = [str(argument) for argument in arguments]
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with (
        mock.patch.dict(os.environ, env or {}),
        mock.patch.object(sys, "argv", [KILNMARK, *words]),
        mock.patch.object(os, "execv", _become),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(words, code, _written(out), _written(err))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
