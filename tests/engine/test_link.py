"""The worker's end of the socket pair, in a process of its own that paints nothing: a lost daemon ends the process."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kilnmark.protocol.wire.asides import ShowPreviews
from kilnmark.protocol.wire.errors import Cancelled, RenderFailed
from kilnmark.protocol.wire.framing import LineSplitter
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.work import (
    Beat,
    CancelRender,
    Command,
    Event,
    Exit,
    Failed,
    RenderCommand,
    decode_event,
    encode,
)

PATIENCE = 30.0
"""Seconds any single wait may take before the test fails."""

PAINTS_NOTHING = """
import socket, sys, time
import kilnmark.engine.link
from kilnmark.engine.link import Link
from kilnmark.protocol.wire.work import Exit, Failed

kilnmark.engine.link.BEAT_INTERVAL = 0.1
link = Link(socket.socket(fileno=int(sys.argv[1])))
link.start()
while not isinstance(command := link.next_command(), Exit):
    while command.prompt == "until cancelled" and not link.is_cancelled(command.job_id):
        time.sleep(0.01)
    while command.prompt == ("until unseen" if link.shows_previews else "until shown"):
        time.sleep(0.01)
    code = -32800 if link.is_cancelled(command.job_id) else -32000
    link.end(Failed(job_id=command.job_id, code=code, message=command.prompt))
"""


class Peer:
    """The daemon's end, and the process at the other one."""

    def __init__(self, connection: socket.socket, process: "subprocess.Popen[str]") -> None:
        self.socket = connection
        self.process = process
        self._lines = LineSplitter(limit=None)
        self._events: list[Event] = []

    def tell(self, *commands: Command) -> None:
        self.socket.sendall(b"".join(encode(command) for command in commands))

    def next_event(self) -> Event:
        while not self._events:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError("the worker hung up")
            self._events += [decode_event(line) for line in self._lines.feed(data) if isinstance(line, bytes)]
        return self._events.pop(0)

    def answer(self) -> Failed:
        """The next event that is no beat; beats alone do not make a wait longer."""
        deadline = time.monotonic() + PATIENCE
        while isinstance(event := self.next_event(), Beat):
            if time.monotonic() > deadline:
                raise TimeoutError("nothing but beats came")
        assert isinstance(event, Failed)
        return event


@contextmanager
def linked() -> Iterator[Peer]:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-c", PAINTS_NOTHING, str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True)
    ours.settimeout(PATIENCE)
    with ours, process:
        try:
            yield Peer(ours, process)
        finally:
            process.kill()


@pytest.fixture
def peer() -> Iterator[Peer]:
    with linked() as peer:
        yield peer


def job(job_id: str, prompt: str = "now") -> RenderCommand:
    return RenderCommand(
        job_id=job_id,
        variant="standin",
        prompt=prompt,
        negative_prompt=None,
        tier=None,
        seed=1,
        steps=1,
        guidance=3.5,
        width=64,
        height=64,
        lora_names=[],
        lora_paths=[],
        lora_scales=[],
        stack=StackInfo(source="none"),
        on_mismatch="error",
    )


def test_commands_are_taken_one_after_the_other(peer: Peer) -> None:
    peer.tell(job("first"), job("second"))
    assert [peer.answer().job_id, peer.answer().job_id] == ["first", "second"]


def test_a_command_may_come_byte_by_byte(peer: Peer) -> None:
    for byte in encode(job("slowly")):
        peer.socket.sendall(bytes([byte]))
    assert peer.answer().job_id == "slowly"


def test_a_cancellation_reaches_the_render_that_is_under_way_and_no_other(peer: Peer) -> None:
    peer.tell(job("under-way", "until cancelled"), job("next"), CancelRender(job_id="under-way"))
    first, second = peer.answer(), peer.answer()
    assert (first.job_id, first.code) == ("under-way", Cancelled.code)
    assert (second.job_id, second.code) == ("next", RenderFailed.code)


def test_that_somebody_looks_at_pictures_is_known_at_once(peer: Peer) -> None:
    peer.tell(job("seen", "until shown"), ShowPreviews(wanted=True))
    assert peer.answer().job_id == "seen"
    peer.tell(job("unseen", "until unseen"), ShowPreviews(wanted=False))
    assert peer.answer().job_id == "unseen"


def test_a_cancelled_render_can_be_told_again(peer: Peer) -> None:
    peer.tell(job("again", "until cancelled"), CancelRender(job_id="again"))
    assert peer.answer().code == Cancelled.code
    peer.tell(job("again"))
    assert peer.answer().code == RenderFailed.code


def test_a_cancellation_that_comes_too_late_does_not_reach_the_same_job_told_again(peer: Peer) -> None:
    peer.tell(job("late"))
    assert peer.answer().code == RenderFailed.code
    peer.tell(CancelRender(job_id="late"), job("late"))
    assert peer.answer().code == RenderFailed.code


def test_told_to_leave_it_cancels_what_is_under_way(peer: Peer) -> None:
    peer.tell(job("under-way", "until cancelled"), Exit())
    assert peer.answer().code == Cancelled.code
    assert peer.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b'{"type":"dance"}',
        b'{"type":"render"}',
        b'{"type":"\xff"}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_command_is_survived(peer: Peer, line: bytes) -> None:
    peer.socket.sendall(line + b"\n")
    peer.tell(job("next"))
    assert peer.answer().job_id == "next"


def test_it_beats_unasked(peer: Peer) -> None:
    assert isinstance(peer.next_event(), Beat)
    assert isinstance(peer.next_event(), Beat)


def test_without_a_daemon_the_process_ends_though_nobody_told_it(peer: Peer) -> None:
    peer.tell(job("endless", "until cancelled"), job("never"))
    assert isinstance(peer.next_event(), Beat)
    peer.socket.close()
    assert peer.process.wait(PATIENCE) == 1
