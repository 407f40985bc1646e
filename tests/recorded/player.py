"""Plays a script of requests to a real daemon over a real socket, and hands back what was heard.

Speaks bytes and JSON only; nothing of the product is used, so that the same player serves every version of it.

A line of the script is one turn:

    turn    its name
    say     what is sent, as one line of JSON; or `raw`, text sent as it stands; or `long`, a line of so many bytes
    on      the connection, opened when it is first named; `main` when left out
    hear    how many replies are waited for; 1 when left out. Those of a batch count as one
    until   wait for the progress notification that begins so, instead of a reply
    hushed  notifications are not kept, because how many come depends on time
    beats   the first heartbeat is kept; elsewhere none is, because whether one comes depends on time
    bare    send without a newline
    act     something that is done to the daemon first: a name of `DEEDS`
"""

import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.recorded.home import SETTINGS, make_home
from tests.recorded.normal import normal

__all__ = ["REQUESTS", "Heard", "play", "read_lines", "texts_of"]

REQUESTS = Path(__file__).with_name("requests.ndjson")

PATIENCE = 60.0
"""Seconds any single wait may take."""

Heard = dict[str, Any]


def read_lines(path: Path) -> list[Any]:
    """The JSON values of a file, one a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def play(python: str, keep: Path | None = None) -> list[Heard]:
    """Start the daemon that an interpreter has, go through the script, and tell what was heard at every turn.

    Args:
        python: The interpreter.
        keep: A folder that the pictures are copied to; None lets them go.
    """
    with tempfile.TemporaryDirectory(prefix="kiln-") as name:
        home = Path(name).resolve()
        make_home(home)
        with _daemon(python, home):
            stage = Stage(home)
            try:
                return [stage.play(turn) for turn in read_lines(REQUESTS)]
            finally:
                stage.close()
                if keep is not None:
                    shutil.copytree(home / "pictures", keep, dirs_exist_ok=True)


@contextmanager
def _daemon(python: str, home: Path) -> Iterator[None]:
    settings = json.dumps(SETTINGS).replace("<home>", str(home))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "KILNMARK_"))}
    command = [str(Path(python).absolute()), "-m", "kilnmark.daemon", settings]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=env, cwd=home)
    try:
        _await(lambda: b"listening on" in (home / "log").read_bytes() or process.poll() is not None)
        assert process.poll() is None, (home / "log").read_text()
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _await(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError
        select.select([], [], [], 0.02)


class Stage:
    """One daemon's home and the connections to it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lines: dict[str, _Line] = {}
        self._pictures: set[str] = set()

    def close(self) -> None:
        """Close every connection."""
        for line in self._lines.values():
            line.close()

    def play(self, turn: dict[str, Any]) -> Heard:
        """Do one turn: act, send, wait; what was heard, without time, place and chance."""
        if "act" in turn:
            DEEDS[turn["act"]](self._home)
        on = turn.get("on", "main")
        if on not in self._lines:
            self._lines[on] = _Line(self._home / "daemon.sock")
        line = self._lines[on]
        if (data := self._words(turn)) is not None:
            line.send(data if turn.get("bare") else data + b"\n")
        try:
            messages = line.hear(turn.get("hear", 1), turn.get("until"))
        except (TimeoutError, EOFError) as error:
            raise AssertionError(f"turn {turn['turn']!r}: {error!r}") from error
        heard = list(_kept(messages, hushed=bool(turn.get("hushed")), beats=bool(turn.get("beats"))))
        told: Heard = {"turn": turn["turn"], "heard": normal(heard, str(self._home))}
        if pictures := list(self._new_pictures(heard)):
            told["pictures"] = normal(pictures, str(self._home))
        return told

    def _new_pictures(self, heard: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """What each picture that was not heard of before says of itself: two texts of its PNG."""
        for path in re.findall(r'"image_path": "([^"]+)"', json.dumps(heard)):
            if path not in self._pictures:
                self._pictures.add(path)
                texts = dict(texts_of(Path(path).read_bytes()))
                yield {"kilnmark": json.loads(texts["kilnmark"]), "parameters": texts["parameters"]}

    def _words(self, turn: dict[str, Any]) -> bytes | None:
        if "long" in turn:
            return b"x" * int(turn["long"])
        text = turn["raw"] if "raw" in turn else json.dumps(turn["say"]) if "say" in turn else None
        return None if text is None else str(text).replace("<home>", str(self._home)).encode()


class _Line:
    """One connection, and what came over it that no turn has heard yet."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(str(path))
        self._received = b""

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def hear(self, replies: int, until: str | None) -> list[Any]:
        """Everything up to the last of so many replies, or up to a progress that begins so."""
        messages: list[Any] = []
        while replies or until is not None:
            message = self._read()
            messages.append(message)
            if not _is_note(message):
                replies -= 1
            elif until is not None and message["params"].get("message", "").startswith(until):
                break
        return messages

    def _read(self) -> Any:
        while b"\n" not in self._received:
            data = self._socket.recv(1 << 16)
            if not data:
                raise EOFError("the daemon closed the connection")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)


def _is_note(message: Any) -> bool:
    return isinstance(message, dict) and "method" in message


def _kept(messages: Sequence[Any], *, hushed: bool, beats: bool) -> Iterator[Any]:
    """Replies, those of a batch by id, since their order is free; progress; the first heartbeat where it is wanted."""
    for message in messages:
        if not _is_note(message):
            yield sorted(message, key=json.dumps) if isinstance(message, list) else message
        elif hushed:
            continue
        elif message["method"] == "notifications/progress":
            yield message
        elif beats:
            beats = False
            yield message


def texts_of(png: bytes) -> Iterator[tuple[str, str]]:
    """The uncompressed text chunks of a PNG (PNG 1.2, 11.3.4): latin-1 in tEXt, UTF-8 in iTXt."""
    at = 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        body = png[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack_from(">I", png, at + 8 + length)[0]
        at += length + 12
        if kind == b"tEXt":
            keyword, _, text = body.partition(b"\0")
            yield keyword.decode("latin-1"), text.decode("latin-1")
        elif kind == b"iTXt":
            keyword, _, text = body.partition(b"\0")
            yield keyword.decode("latin-1"), text[2:].split(b"\0", 2)[2].decode()


def _spoil_output(home: Path) -> None:
    (home / "pictures").rename(home / "pictures.away")
    (home / "pictures").write_bytes(b"a file where a folder should be")


def _mend_output(home: Path) -> None:
    (home / "pictures").unlink()
    (home / "pictures.away").rename(home / "pictures")


def _kill_workers(home: Path) -> None:
    """Kill the worker that paints, and the next one once it paints the same."""
    killed: list[int] = []

    def kill_next() -> bool:
        status = _status(home)
        pid = status["worker"]["pid"]
        if status["state"] == "busy" and pid not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        return len(killed) == 2

    _await(kill_next)


def _status(home: Path) -> dict[str, Any]:
    line = _Line(home / "daemon.sock")
    line.send(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n')
    [reply] = line.hear(1, None)
    line.close()
    found: dict[str, Any] = reply["result"]
    return found


DEEDS: dict[str, Callable[[Path], None]] = {
    "spoil output": _spoil_output,
    "mend output": _mend_output,
    "kill workers": _kill_workers,
}
