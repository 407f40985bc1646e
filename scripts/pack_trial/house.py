"""The processes of a trial: a daemon, commands, and a review server; each is ended by its own id.

What is done with them is not known here.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from io import FileIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

__all__ = ["Done", "House", "Server"]

_KILNMARK: Final = (sys.executable, "-u", "-m", "kilnmark.client.cli")
_LONGEST = 7200.0
"""Seconds that one command may take; on a machine with much else to do, a batch of 80 takes long."""

_ANSWER = 60.0
"""Seconds that a server may take to answer, or to end."""

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ADDRESS = re.compile(r"open http://127\.0\.0\.1:(\d+)/\?token=(\S+)")


@dataclass(frozen=True)
class Done:
    """A command that has ended.

    Attributes:
        code: Its exit code; negative: the signal that ended it.
        seconds: That it took.
    """

    code: int
    out: str
    err: str
    seconds: float

    def document(self) -> dict[str, Any]:
        """What `--json` wrote."""
        document: dict[str, Any] = msgspec.json.decode(self.out)
        return document


@dataclass(frozen=True)
class Server:
    """A review that is served, to somebody who was let in."""

    process: "subprocess.Popen[str]"
    port: int
    token: str

    @property
    def address(self) -> str:
        """What it printed."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    def form_token(self) -> str:
        """What every form has to send along."""
        state: dict[str, str] = msgspec.json.decode(self._ask("GET", "/state", None)[1])
        return state["csrf"]

    def decide(self, csrf: str, file: str, word: str, reason: str) -> bool:
        """Post a decision; whether it was acknowledged."""
        body = urlencode({"csrf": csrf, "file": file, "word": word, "reason": reason})
        return self._ask("POST", "/decide", body)[0] == HTTPStatus.OK

    def _ask(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        host = f"127.0.0.1:{self.port}"
        headers = {"Cookie": f"kilnmark_review_{self.port}={self.token}", "Origin": f"http://{host}"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@dataclass(frozen=True)
class House:
    """A folder with everything in it, and the words of the daemon that paints there.

    Attributes:
        root: Of packs, pictures, sockets and logs.
        variant: The base.
    """

    root: Path
    variant: str

    @property
    def packs(self) -> Path:
        """The folder of packs."""
        return self.root / "packs"

    @property
    def pictures(self) -> Path:
        """The folder of the batch."""
        return self.root / "pictures"

    @property
    def published(self) -> Path:
        """Where a game would look."""
        return self.root / "game"

    @property
    def socket(self) -> Path:
        """The daemon's."""
        return self.root / "daemon.sock"

    @property
    def log(self) -> Path:
        """What the daemon says."""
        return self.root / "serve.log"

    def run(self, *words: str) -> Done:
        """A command, until it ends."""
        began = time.monotonic()
        with self.started(*words) as process:
            out, err = process.communicate(timeout=_LONGEST)
        return Done(process.returncode, out, err, time.monotonic() - began)

    def seen(self, *words: str) -> Done:
        """A command whose stdout is a terminal of 80 columns; what stands there, without its colours."""
        screen, keyboard = os.openpty()
        began = time.monotonic()
        with os.fdopen(screen, "rb", buffering=0) as shown, tempfile.TemporaryFile("w+") as aside:
            process = subprocess.Popen(
                [*_KILNMARK, *words],
                stdin=subprocess.DEVNULL,
                stdout=keyboard,
                stderr=aside,
                env=self._env() | {"TERM": "xterm"},
            )
            os.close(keyboard)
            text = _all_of(shown)
            code = process.wait(_ANSWER)
            aside.seek(0)
            return Done(code, _COLOUR.sub("", text), aside.read(), time.monotonic() - began)

    def killed(self, after: float, *words: str) -> bool:
        """A command that is killed after so many seconds; whether it was at work then."""
        with self.started(*words) as process:
            timer = threading.Timer(after, process.kill)
            timer.start()
            process.communicate(timeout=_LONGEST)
            timer.cancel()
        return process.returncode == -signal.SIGKILL

    @contextmanager
    def started(self, *words: str) -> "Iterator[subprocess.Popen[str]]":
        """A command at work; whatever happens, it does not outlive this."""
        process = subprocess.Popen(
            [*_KILNMARK, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._env(),
        )
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """The daemon, warm."""
        words = ["serve", "--socket", str(self.socket), "--variant", self.variant, "--packs", str(self.packs)]
        words += ["--output-dir", str(self.root / "data"), "--journal", str(self.root / "journal")]
        with self.log.open("w") as log:
            process = subprocess.Popen([*_KILNMARK, *words], stdout=log, stderr=log, env=self._env(), cwd=self.root)
        try:
            warm = self.run("warm-up", "--wait", "120", "--socket", str(self.socket))
            if warm.code:
                raise RuntimeError(f"the daemon did not come: {warm.err}{self.log.read_text()}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(_ANSWER)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @contextmanager
    def review(self, folder: Path, by: str) -> Iterator[Server]:
        """A review server; told to stop at the end, where it was not killed before."""
        with self.started("review", str(folder), "--by", by, "--socket", str(self.socket)) as process:
            if process.stdout is None or not (found := _ADDRESS.match(process.stdout.readline())):
                raise RuntimeError("the review printed no address")
            yield Server(process, int(found[1]), found[2])
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(_ANSWER)

    def rendered(self) -> int:
        """How many pictures the daemon has painted."""
        count: int = self.run("status", "--json", "--socket", str(self.socket)).document()["rendered"]
        return count

    def _env(self) -> dict[str, str]:
        """Nothing of this person's own settings, and 80 columns."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("KILNMARK_")}
        return kept | {"COLUMNS": "80"}


def _all_of(screen: FileIO) -> str:
    """What comes from a terminal until its other side is closed, which Linux tells as an error."""
    seen = b""
    while True:
        try:
            data = screen.read(65536)
        except OSError:
            data = b""
        if not data:
            return seen.decode()
        seen += data
