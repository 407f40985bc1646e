"""What hostile or careless clients send: bytes that are no request, too many requests, and connections that do nothing.

Memory is the daemon's at its peak over that at rest; after each fault it must serve as before.
"""

import json
import resource
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.conftest import SMALL, Wire
from tests.faults.conftest import Found
from tests.faults.forked import Forked, daemon
from tests.faults.measure import memory_watched, percentile, pings_while, told

PIECE = 1 << 20
_most: list[float] = [0.0]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """One daemon for all that must leave it as it was."""
    home = Path(tmp_path_factory.mktemp("r", numbered=True))
    with daemon(home, line_timeout=3600.0) as served:
        yield served


@contextmanager
def bounded_memory(running: Forked, found: Found) -> Iterator[None]:
    """It takes less than 64 MB more meanwhile."""
    with memory_watched(running.pid) as memory:
        yield
    found(f"{memory.over_rest_mb:.1f} MB over rest")
    _most[0] = max(_most[0], memory.over_rest_mb)
    found.headline("rss_over_rest_mb", _most[0])
    assert memory.over_rest_mb < 64


@contextmanager
def bounded(running: Forked, found: Found) -> Iterator[None]:
    """And serves afterwards."""
    with bounded_memory(running, found):
        yield
    with _patient(running) as wire:
        assert wire.result("render", SMALL)["image_path"]


@pytest.mark.faults(
    "a line of 1 GB", "refused with -32600, its connection goes on; under 64 MB over rest, ping as quick as ever"
)
def test_a_line_of_a_gigabyte(running: Forked, found: Found) -> None:
    with bounded(running, found), running.wire() as wire, running.wire() as other, ThreadPoolExecutor(1) as pool:

        def send() -> None:
            for _ in range(1024):
                wire.send_bytes(b"x" * PIECE)
            wire.send_bytes(b"\n")

        sending = pool.submit(send)
        taken = pings_while(other, lambda: not sending.done(), least=100)
        sending.result()
        error = wire.read()["error"]
        assert (error["code"], wire.result("ping")["pid"]) == (-32600, running.pid)
    found(told(taken, "ping meanwhile"))
    assert percentile(taken, 0.99) < 50


@pytest.mark.faults(
    "20 clients ask for status 64 times a line, on and on, and never read",
    "they are hung up on or wait; under 64 MB over rest, the others are served",
)
def test_clients_that_never_read(running: Forked, found: Found) -> None:
    line = json.dumps([{"jsonrpc": "2.0", "id": i, "method": "status"} for i in range(64)]).encode() + b"\n"
    with bounded(running, found), ExitStack() as stack, running.wire() as other:
        deaf = [stack.enter_context(running.wire()) for _ in range(20)]
        for wire in deaf:
            wire.socket.setblocking(False)
        until, sent = time.monotonic() + 3, 0
        while time.monotonic() < until:
            for wire in deaf:
                with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                    sent += wire.socket.send(line * 50)
        taken = pings_while(other, lambda: False, least=100)
    found(f"{sent >> 20} MB of requests taken; {told(taken, 'ping meanwhile')}")


SERVED_ON = {"jsonrpc": "2.0", "id": "on", "method": "ping"}
BAD, REQUEST, PARAMS, METHOD = -32700, -32600, -32602, -32601


def ping(method: bytes = b"ping", id_: bytes = b"1", more: bytes = b"") -> bytes:
    return b'{"jsonrpc":"2.0","id":%s,"method":"%s"%s}' % (id_, method, more)


def render(params: bytes) -> bytes:
    return ping(b"render", more=b',"params":{"prompt":"a",%s}' % params)


def many(count: int) -> bytes:
    return b",".join(b'"p%d":1' % i for i in range(count))


LINES: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "5 million nested brackets": (b"[" * 5_000_000, (REQUEST,)),
    "500,000 nested brackets, as many as a line holds": (b"[" * 500_000 + b"]" * 500_000, (BAD,)),
    "150,000 nested objects": (b'{"a":' * 150_000 + b"1" + b"}" * 150_000, (BAD,)),
    "bytes that are no UTF-8": (ping(b"ping\xff\xfe"), (BAD,)),
    "an overlong encoding of a slash": (ping(b"\xc0\xaf"), (BAD,)),
    "a lone surrogate, escaped": (render(b'"tier":"\\ud800"'), (BAD, PARAMS)),
    "a lone surrogate, encoded": (ping(b"\xed\xa0\x80"), (BAD,)),
    "NaN for a number": (render(b'"guidance":NaN'), (BAD,)),
    "-Infinity for a number": (render(b'"guidance":-Infinity'), (BAD,)),
    "1e999 for a number": (render(b'"guidance":1e999'), (PARAMS,)),
    "a whole number of 100,000 digits": (render(b'"seed":' + b"9" * 100_000), (PARAMS,)),
    "an id of 1e999": (ping(id_=b"1e999"), (REQUEST,)),
    "an id of 4 KB": (ping(id_=b'"' + b"i" * 4096 + b'"'), (REQUEST,)),
    "an id that is an object": (ping(id_=b'{"a":1}'), (REQUEST,)),
    "a byte order mark before a request": (b"\xef\xbb\xbf" + ping(), (BAD,)),
    "a NUL byte behind a request": (ping() + b"\0", (BAD,)),
    "UTF-16": (ping().decode().encode("utf-16"), (BAD,)),
    "an HTTP request": (b"GET / HTTP/1.1\r", (BAD,)),
    "the beginning of a TLS handshake": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (BAD,)),
    "a batch of 65 requests": (b"[" + b",".join([ping()] * 65) + b"]", (REQUEST,)),
    "an empty batch": (b"[]", (REQUEST,)),
    "a method of 100,000 characters": (ping(b"m" * 100_000), (METHOD,)),
    "10,000 unknown parameters": (ping(more=b',"params":{%s}' % many(10_000)), (PARAMS,)),
    "a field that no request has": (ping(more=b',"extra":1'), (REQUEST,)),
}
"""Lines, and the code of the error that each is answered with."""


@pytest.mark.parametrize("name", LINES)
@pytest.mark.faults("a line: {name}", "answered with its error; the connection and the daemon go on")
def test_lines_that_are_no_request(running: Forked, found: Found, name: str) -> None:
    line, codes = LINES[name]
    with running.wire() as wire:
        wire.send_bytes(line + b"\n")
        replies = [wire.read()]
        wire.send_bytes(json.dumps(SERVED_ON).encode() + b"\n")
        replies.append(wire.read())
    found(f"answered with {replies[0]['error']['code']}")
    assert replies[0]["error"]["code"] in codes
    assert (replies[1]["id"], replies[1]["result"]["pid"]) == ("on", running.pid)


@pytest.mark.faults("every request of a batch has the same id", "each is answered")
def test_duplicate_ids(running: Forked, found: Found) -> None:
    with running.wire() as wire:
        wire.send_bytes(json.dumps([SERVED_ON] * 10).encode() + b"\n")
        replies = wire.read()
        renders = [{**SERVED_ON, "method": "render", "params": {**SMALL, "seed": seed}} for seed in range(3)]
        wire.send_bytes(b"".join(json.dumps(render).encode() + b"\n" for render in renders))
        seeds = sorted(wire.read()["result"]["seed"] for _ in range(3))
    found(f"{len(replies)} of 10 in a batch, {len(seeds)} of 3 renders side by side")
    assert ([reply["id"] for reply in replies], seeds) == (["on"] * 10, [0, 1, 2])


@pytest.mark.faults(
    "20 clients ask at once for a render under one `job_id`, and one for another picture under it",
    "one render, one picture for all; the other is refused with -32010",
)
def test_one_job_id_for_many(home: Path, found: Found) -> None:
    asked = {**SMALL, "steps": 5, "job_id": "shared", "cache": False}
    with daemon(home, pace=0.01) as running, ExitStack() as stack:
        clients = [stack.enter_context(running.wire()) for _ in range(20)]
        renders = [client.send("render", asked) for client in clients]
        with running.wire() as other:
            while other.result("status")["queue"]["running"] == 0:
                pass
            refused = other.error("render", {**asked, "seed": 8})["code"]
            replies = [client.reply(render) for client, render in zip(clients, renders, strict=True)]
            painted = other.result("status")["rendered"]
    paths = {reply["result"]["image_path"] for reply in replies}
    found(f"{len(replies)} answers, {len(paths)} picture, {painted} painted; the other {refused}")
    assert (len(paths), painted, refused) == (1, 1, -32010)


@pytest.mark.faults(
    "a client sends a render, closes its sending side and waits", "it gets its picture, and then the end"
)
def test_a_half_closed_client(running: Forked, found: Found) -> None:
    with running.wire() as wire:
        wire.send("render", {**SMALL, "seed": 81})
        wire.socket.shutdown(socket.SHUT_WR)
        result = wire.read()["result"]
        with pytest.raises(EOFError):
            wire.read()
    found("its picture, then the end of the stream")
    assert Path(result["image_path"]).is_file()


@pytest.mark.faults(
    "1,000 clients send a render and are gone", "their renders are given up, none waits; the others are served"
)
def test_clients_that_are_gone(home: Path, found: Found) -> None:
    with daemon(home, pace=0.001, connection_limit=2000, queue_limit=5000) as running, running.wire() as other:
        for seed in range(1000):
            with running.wire() as wire:
                wire.send("render", {**SMALL, "steps": 100, "seed": seed})
        deadline = time.monotonic() + 30
        while (status := other.result("status"))["jobs"] and time.monotonic() < deadline:
            pass
        assert other.result("render", SMALL)["image_path"]
    found(f"{len(status['jobs'])} jobs left, {status['rendered']} pictures made for nobody")
    assert (status["jobs"], status["rendered"] < 10) == ([], True)


@pytest.mark.faults(
    "a line drips in, a byte each 20 ms, for longer than `line_timeout` (1 s here, 30 s by default)",
    "told so and hung up on in time; the others are served at once",
)
def test_a_dripping_line(home: Path, found: Found) -> None:
    with daemon(home, line_timeout=1.0) as running, running.wire() as wire, running.wire() as other:
        began = time.monotonic()
        dripped = 0
        while not select.select([wire.socket], [], [], 0.02)[0] and dripped < 1000:
            wire.send_bytes(b" " if dripped else b"[")
            dripped += 1
            assert other.result("ping")
        took = time.monotonic() - began
        error = wire.read()["error"]
        with pytest.raises((EOFError, ConnectionResetError)):
            wire.read()
    found(f"hung up on after {took:.2f} s and {dripped} bytes")
    assert (error["code"], 0.9 < took < 3) == (-32600, True)


@pytest.mark.faults(
    "10,000 connections in a burst, each gone at once", "the daemon answers afterwards; under 64 MB over rest"
)
def test_a_burst_of_connections(running: Forked, found: Found) -> None:
    outcomes: Counter[str] = Counter()
    with bounded(running, found), running.wire() as other:
        for i in range(10_000):
            with socket.socket(socket.AF_UNIX) as client:
                client.setblocking(False)
                try:
                    client.connect(str(running.socket))
                    outcomes["connected"] += 1
                except BlockingIOError:
                    outcomes["found the backlog full"] += 1
            if i % 1000 == 0:
                assert other.result("ping")["pid"] == running.pid
    found(", ".join(f"{count} {what}" for what, count in outcomes.items()))


@pytest.mark.faults(
    "1,000 connections that stay and say nothing, with room for 256",
    "the rest is told -32001 and hung up on; those who were there are served, and new ones once there is room",
)
def test_connections_that_stay(home: Path, found: Found) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with daemon(home) as running, running.wire() as early:
        assert early.result("ping")
        with ExitStack() as stack, memory_watched(running.pid) as memory:
            clients = [stack.enter_context(_patient(running)) for _ in range(1000)]
            refused = 0
            for client in clients[300:]:
                refused += client.read()["error"]["code"] == -32001
            assert early.result("ping")["pid"] == running.pid
        deadline = time.monotonic() + 20
        while not _is_served(running):
            assert time.monotonic() < deadline
    found(f"{refused} of the last 700 told so; {memory.over_rest_mb:.1f} MB over rest")
    assert (refused, memory.over_rest_mb < 64) == (700, True)


def _patient(running: Forked) -> Wire:
    """A connection, once the backlog has room."""
    while True:
        try:
            return running.wire()
        except BlockingIOError:
            select.select([], [], [], 0.005)


def _is_served(running: Forked) -> bool:
    with running.wire() as wire:
        with suppress(BrokenPipeError):
            wire.send("ping")
        return "result" in wire.read()


@pytest.mark.faults(
    "100,000 requests that last are sent on one connection before any reply is read",
    "1,000 are under way, the rest is refused with -32001; under 64 MB over rest, ping of others under 50 ms at p99",
)
def test_many_requests_in_flight(home: Path, found: Found) -> None:
    codes: Counter[int] = Counter()
    request = ping(b"jobs.wait", more=b',"params":{"job_id":"held"}') + b"\n"
    with daemon(home, pace=60.0) as running, running.wire() as wire, running.wire() as other:
        other.send("render", {**SMALL, "job_id": "held"})
        while other.result("status")["queue"]["running"] == 0:
            pass
        with bounded_memory(running, found):
            sender = threading.Thread(target=wire.send_bytes, args=(request * 100_000,))
            sender.start()
            taken = pings_while(other, lambda: False, least=300)
            for _ in range(99_000):
                codes[wire.read()["error"]["code"]] += 1
            sender.join()
            assert other.result("cancel", {"job_id": "held"})["cancelled"]
            ended = sum(wire.read()["result"]["job"]["state"] == "cancelled" for _ in range(1000))
    found(f"{ended} answered, refused: {dict(codes)}; {told(taken, 'ping meanwhile')}")
    assert (codes, ended) == ({-32001: 99_000}, 1000)
    assert percentile(taken, 0.99) < 50


@pytest.mark.faults(
    "a batch of 64 `jobs.list` over 1,000 jobs, by a client that reads",
    "pages, as many as 16 MB hold, and of each other that it is to be asked for apart; the reader is not taken for a "
    "slow one; under 64 MB over rest",
)
def test_a_batch_of_lists(home: Path, found: Found) -> None:
    calls = [{"jsonrpc": "2.0", "id": i, "method": "jobs.list", "params": {"limit": 1000}} for i in range(64)]
    with daemon(home, request_limit=2000) as running, running.wire() as wire:
        for seed in range(1000):
            wire.send("render", {**SMALL, "seed": seed})
        assert all("result" in wire.read() for _ in range(1000))
        with bounded(running, found):
            wire.send_bytes(json.dumps(calls).encode() + b"\n")
            replies: list[Any] = wire.read()
        size = len(json.dumps(replies))
    pages = [reply["result"]["jobs"] for reply in replies if "result" in reply]
    found(f"{len(pages)} pages of {len(pages[0])} jobs, {size >> 20} MB; {len(replies) - len(pages)} to be asked apart")
    assert len(replies) == 64
    assert {len(page) for page in pages} == {1000}
    assert {reply["error"]["code"] for reply in replies if "error" in reply} == {-32600}
    assert size > 12 << 20


@pytest.mark.faults(
    "descriptors run out in the daemon, clients come on and on",
    "it goes on for those who are in, a new client gets a status from the reserve, and it recovers by itself",
)
def test_descriptors_run_out(home: Path, found: Found) -> None:
    with daemon(home, connection_limit=1000) as running, running.wire() as early, ExitStack() as stack:
        assert early.result("ping")
        used = len(list(Path(f"/proc/{running.pid}/fd").iterdir()))
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (used + 20, used + 20))
        clients = [stack.enter_context(running.wire()) for _ in range(40)]
        answered = 0
        for client in clients:
            client.send("status")
        while select.select([client.socket for client in clients[answered:]], [], [], 1.0)[0]:
            answered += 1
            if answered == len(clients):
                break
        assert early.result("ping")["pid"] == running.pid
        stack.close()
        with running.wire() as late:
            assert late.result("status")["pid"] == running.pid
            assert late.result("render", SMALL)["image_path"]
    found(f"{answered} of 40 answered with 20 descriptors left; a client after them is served and painted for")
    assert answered >= 20
