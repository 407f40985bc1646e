"""Where examples are typed: a home, a runtime folder and a working folder of their own, and the daemon there."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.docs.examples.blocks import ROOT, command_lines
from tests.docs.examples.held import REPLACED, other_tests

__all__ = ["Stage", "lines_of"]

_BIN = Path(sys.executable).parent
_START_S, _COMMAND_S = 120.0, 600.0


class Stage:
    """One person at one machine, from the first line of a page to its last.

    Args:
        folder: An empty one whose path is short enough for a socket.
        files: What makes the files that lie there before, by their places from the working folder; `~/` from the home.
    """

    def __init__(self, folder: Path, files: Mapping[str, Callable[[Path], object]]) -> None:
        self.home, self.work, runtime = folder / "h", folder / "w", folder / "r"
        for each in (self.home, self.work, runtime):
            each.mkdir(mode=0o700)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("KILNMARK_", "OTEL_"))},
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
        }
        shutil.copytree(ROOT / "genre_packs", self.work / "genre_packs")
        for place, make in files.items():
            goal = self.home / place[2:] if place.startswith("~/") else self.work / place
            goal.parent.mkdir(parents=True, exist_ok=True)
            make(goal)
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def type(self, text: str) -> str:
        """Type a block of shell commands; what they print on stdout. One that fails fails the test, with its words."""
        for meant, there in REPLACED.items():
            text = text.replace(meant, there)
        return "".join(self._line(line) for line in lines_of(text))

    def run_python(self, program: str) -> str:
        """Run a program; what it prints."""
        return self._run([sys.executable, "-c", program], program)

    def _line(self, line: str) -> str:
        if other_tests(line):
            return ""
        if line.startswith("kilnmark serve"):
            self._serve(line)
            return ""
        return self._run(["bash", "-euo", "pipefail", "-c", line], line)

    def _run(self, words: list[str], shown: str) -> str:
        done = subprocess.run(
            words, cwd=self.work, env=self.env, capture_output=True, text=True, timeout=_COMMAND_S, check=False
        )
        assert done.returncode == 0, f"{shown}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _serve(self, line: str) -> None:
        self._end()
        log = (self.home / "daemon.log").open("wb")
        self._daemon = subprocess.Popen(
            ["bash", "-c", f"exec {line}"], cwd=self.work, env=self.env, stdout=log, stderr=subprocess.STDOUT
        )
        log.close()
        deadline = time.monotonic() + _START_S
        while subprocess.run(["kilnmark", "ping"], env=self.env, capture_output=True, check=False).returncode:
            assert self._daemon.poll() is None, (self.home / "daemon.log").read_text()
            assert time.monotonic() < deadline, "the daemon does not answer"

    def _end(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(_START_S)
            self._daemon = None


def lines_of(text: str) -> list[str]:
    """The commands of a block, whole, without comments behind them; alternatives one after the other."""
    whole = re.sub(r"\|\n\s*", "| ", re.sub(r"\\\n\s*", " ", text))
    lines: list[str] = []
    for line in filter(None, map(str.strip, whole.splitlines())):
        lines += command_lines(line) if line.startswith("kilnmark ") and "jq" not in line else [line]
    return lines
