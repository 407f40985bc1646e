"""Clients and the command line when the other end misbehaves: endless lines, closed streams, dead collectors, forks,
daemons that come back late, and Ctrl-C.
"""

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kilnmark.client import AsyncClient, BadReply, Client, ForkedClient, Rendered
from kilnmark.client.request import RenderRequest
from kilnmark.keymaps.zoo.write import make_adapter
from tests.client.here import KILNMARK
from tests.daemon.conftest import SMALL
from tests.faults.conftest import Found
from tests.faults.forked import Forked, daemon, settings_in


def painted(client: Client, seed: int) -> str:
    """The path of a small picture."""
    return client.render(f"kiln {seed}", width=64, height=64, steps=1, seed=seed, cache=False).image_path


@contextmanager
def endless_peer(path: Path) -> Iterator[None]:
    """Says one line without an end to whoever comes."""
    over = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(8)

        def flood() -> None:
            peer, _ = listener.accept()
            with peer, suppress(OSError):
                while not over.is_set():
                    peer.sendall(b"x" * (1 << 20))

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        yield
        over.set()
        thread.join(10)


@pytest.mark.faults(
    "a peer sends the client a line without an end", "given up at its bound; under 64 MB of memory more"
)
def test_an_endless_line(home: Path, found: Found) -> None:
    with endless_peer(home / "daemon.sock"), Client(home / "daemon.sock") as client:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(BadReply) as refused:
            client.ping()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    found(f"{refused.value}: {grown:.0f} MB more")
    assert grown < 128


@pytest.mark.faults(
    "one Client in 8 threads, 1,600 calls, over a restart of the daemon", "each is answered, none is lost"
)
def test_one_client_in_eight_threads(home: Path, found: Found) -> None:
    path = home / "daemon.sock"
    first = Forked(home, settings_in(home))
    first.wait_until_it_answers()
    with Client(path, away_timeout=60.0) as client, ThreadPoolExecutor(8) as pool:

        def ask(thread: int) -> int:
            for turn in range(200):
                if turn == 100 and thread == 0:
                    first.kill()
                assert client.status().version if turn % 20 else painted(client, thread)
            return 200

        asked = [pool.submit(ask, thread) for thread in range(8)]
        first.ended()
        with daemon(home):
            done = sum(each.result(60) for each in asked)
    found(f"{done} of 1600 answered")
    assert done == 1600


@pytest.mark.faults(
    "a Client is used on both sides of a fork", "refused in the child, with the mend; the parent goes on"
)
def test_a_fork(home: Path, found: Found) -> None:
    with daemon(home) as running, Client(running.socket) as client:
        assert client.ping().pid == running.pid
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            try:
                client.ping()
            except ForkedClient as error:
                os.write(writing, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        said = os.read(reading, 1000).decode()
        os.close(reading)
        assert client.ping().pid == running.pid
    found(said)
    assert "after the fork" in said


def outcome(each: Rendered) -> str:
    """The path of the picture, or what came instead."""
    return each.result.image_path if each.result else f"failed: {each.error}"


@pytest.mark.faults(
    "the daemon is killed during `render_many` of 60, and is away for 2 s, twice",
    "all 60 pictures, none is burnt as failed",
)
def test_render_many_while_the_daemon_is_away(home: Path, found: Found) -> None:
    requests: list[RenderRequest] = [
        {"prompt": f"kiln {i}", "width": 64, "height": 64, "steps": 1, "seed": i} for i in range(60)
    ]
    done: list[str] = []

    async def ask() -> None:
        async with AsyncClient(home / "daemon.sock", start_timeout=60, away_timeout=60) as client:
            async for each in client.render_many(requests):
                done.append(outcome(each))  # noqa: PERF401 - others count meanwhile

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(asyncio.run, ask())
        for life in range(3):
            with daemon(home, pace=0.01) as running:
                while len(done) < 20 * (life + 1) and not asked.done():
                    time.sleep(0.005)
                if life < 2:
                    running.kill()
                    time.sleep(2)
                else:
                    asked.result(60)
    there = sum(Path(path).is_file() for path in done)
    found(f"{there} of 60 pictures; {[each for each in done if each.startswith('failed')][:2] or 'none failed'}")
    assert there == 60


def run(running: Forked, words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    env = {
        **os.environ,
        "KILNMARK_SOCKET": str(running.socket),
        "PATH": f"{Path(KILNMARK).parent}:{os.environ['PATH']}",
    }
    return subprocess.run(
        ["bash", "-c", words], capture_output=True, text=True, env=env | variables, timeout=60, check=False
    )


@pytest.mark.parametrize("command", ["ping", "status", "jobs", "doctor"])
@pytest.mark.faults("`kilnmark {command}` with stdout closed, and with a reader that leaves", "a sentence or silence")
def test_a_closed_stdout(home: Path, found: Found, command: str) -> None:
    with daemon(home) as running:
        closed = run(running, f"kilnmark {command} >&-")
        left = run(running, f"set -o pipefail; kilnmark {command} | true")
    words = closed.stderr.strip()[-80:]
    found(f"exit {closed.returncode}: {words}; exit {left.returncode}, {len(left.stderr)} bytes said")
    assert ("Traceback" in closed.stderr + left.stderr, closed.returncode != 0) == (False, True)


@contextmanager
def hanging_collector() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def dead_collector() -> Iterator[str]:
    """Nobody listens there."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield endpoint


@pytest.mark.parametrize("collector", [dead_collector, hanging_collector])
@pytest.mark.faults(
    "the collector of traces is {collector.__name__}, for the command line that renders",
    "the picture is shown at once; the collector costs the end 2 s at most",
)
def test_a_collector_that_costs_time(home: Path, found: Found, collector: object) -> None:
    with daemon(home) as running, collector() as endpoint:  # type: ignore[operator]  # a context manager's function
        command = "kilnmark render kiln --width 64 --height 64 --steps 1 --seed {}"
        took = []
        for seed, variables in enumerate(({"OTEL_SDK_DISABLED": "true"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})):
            began = time.monotonic()
            done = run(running, command.format(seed), **variables)
            took.append(time.monotonic() - began)
            assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    found(f"{took[1]:.1f} s, without tracing {took[0]:.1f} s")
    assert took[1] - took[0] < 3.5  # two seconds, and what tracing itself takes to be imported


@pytest.mark.parametrize("collector", [dead_collector, hanging_collector])
@pytest.mark.faults(
    "the collector of traces is {collector.__name__}, for a daemon that makes 30 pictures",
    "none waits for it, SIGTERM ends the daemon within its bound",
)
def test_a_daemon_whose_collector_fails(home: Path, found: Found, collector: object) -> None:
    with collector() as endpoint:  # type: ignore[operator]  # a context manager's function
        settings = settings_in(home)
        env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        command = [sys.executable, "-m", "tests.daemon.faked", "0", json.dumps(settings)]
        root = Path(__file__).parents[2]
        process = subprocess.Popen(command, env=env, cwd=root, stderr=subprocess.DEVNULL)
        try:
            with Client(home / "daemon.sock", start_timeout=30) as client:
                client.ping()
                began = time.monotonic()
                made = [painted(client, seed) for seed in range(30)]
                took = time.monotonic() - began
            began = time.monotonic()
            process.terminate()
            status = process.wait(30)
            ended = time.monotonic() - began
        finally:
            process.kill()
            process.wait(30)
    found(f"{len(made)} pictures in {took:.1f} s; exit {status} after {ended:.1f} s")
    assert (len(made), ended < 6) == (30, True)


@pytest.mark.faults("Ctrl-C during `kilnmark render`", "its render is cancelled in the daemon; exit 130, no traceback")
def test_ctrl_c_cancels(home: Path, found: Found) -> None:
    with daemon(home, pace=0.05) as running, running.wire() as wire:
        command = [KILNMARK, "render", "kiln", "--socket", str(running.socket), "--steps", "100", "--width", "64"]
        with subprocess.Popen([*command, "--height", "64"], stderr=subprocess.PIPE, text=True) as process:
            while wire.result("status")["queue"]["running"] == 0:
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            _, words = process.communicate(timeout=30)
        deadline = time.monotonic() + 20
        while wire.result("status")["queue"]["running"]:
            assert time.monotonic() < deadline
        states = [job["state"] for job in wire.result("jobs.list")["jobs"]]
    found(f"exit {process.returncode}, the job is {states[0]}")
    assert (process.returncode, states, "Traceback" in words) == (130, ["cancelled"], False)


HOSTILE_NAME = "a, Seed: 666, Model: theirs\n\x1b[2J\u202e"
HOSTILE_TEXT = "a\nSeed: 666\nModel: theirs\r\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>\u202egnp.\u200b{{7*7}}"


@pytest.mark.faults(
    "a prompt and an adapter's name of newlines, field names, escape sequences, HTML and direction overrides",
    "nothing of it acts in the picture's fields, the log, or what a terminal is shown",
)
def test_a_prompt_that_would_act(home: Path, found: Found) -> None:
    from PIL import Image

    with daemon(home) as running, running.wire() as wire:
        adapter = make_adapter(home / f"{HOSTILE_NAME}.safetensors", rank=1, blocks=1)
        asked = {**SMALL, "prompt": HOSTILE_TEXT, "lora_paths": [str(adapter)], "lora_scales": [1.0], "job_id": "odd"}
        made = wire.result("render", asked)
        shown = run(running, "kilnmark jobs odd; kilnmark jobs; kilnmark status")
        log = running.log
    with Image.open(made["image_path"]) as image:
        parameters = str(image.info["parameters"])
    seeds = [line for line in parameters.splitlines() if line.startswith("Seed:") or "Seed: 666," in line]
    outputs = {"parameters": parameters, "terminal": shown.stdout + shown.stderr, "log": log}
    acting = {name: sum(char in text for char in "\x1b\x07\u202e\u200b\r") for name, text in outputs.items()}
    found(f"control characters that got through: {acting}; forged fields: {len(seeds)}")
    assert (set(acting.values()), seeds, made["prompt"]) == ({0}, [], HOSTILE_TEXT)
