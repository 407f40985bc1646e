"""The command line as a process: documents, exit codes, colours, bars and Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.client import Client, PingResult, RenderResult, ShutdownResult, StatusResult, WarmUpResult, sync_link
from kilnmark.client.cli.commands.asking import farewell
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.otel.receiver import Receiver
from kilnmark.otel.setup import STOP_DEADLINE
from tests.client.batch.packs import make_packs
from tests.client.conftest import (
    KILNMARK,
    FakeDaemon,
    cancelled_afterwards,
    listening,
    on_a_terminal,
    peer_that_says,
    silent_daemon,
)
from tests.client.here import run_here
from tests.daemon.fakeds import faked

Run = Callable[..., subprocess.CompletedProcess[str]]

SIZE = ("--width", "64", "--height", "64", "--steps", "1")
SMALL = (*SIZE, "--seed", "7", "--no-cache")


def error_in(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    document = msgspec.json.decode(done.stdout, type=dict[str, dict[str, Any]])
    assert set(document) == {"error"}
    assert set(document["error"]) == {"code", "kind", "message", "retryable", "job_id", "detail", "trace_id"}
    return document["error"]


@pytest.mark.parametrize(
    ("command", "document"), [("ping", PingResult), ("status", StatusResult), ("warm-up", WarmUpResult)]
)
def test_json_is_one_document_and_nothing_else(run: Run, command: str, document: type) -> None:
    done = run(command, "--json")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    msgspec.json.decode(done.stdout, type=document)


def test_a_base_to_warm_is_named_and_one_that_the_daemon_may_not_hold_is_refused(run: Run) -> None:
    assert run("warm-up", "--variant", "standin").returncode == 0
    done = run("warm-up", "--variant", "dev", "--json")
    assert "--base dev" in error_in(done)["message"]


@pytest.mark.parametrize("command", ["ping", "status", "warm-up"])
def test_without_json_it_is_for_people(run: Run, daemon: FakeDaemon, command: str) -> None:
    done = run(command)
    assert (done.returncode, done.stderr) == (0, "")
    assert not done.stdout.startswith("{")
    assert "\x1b" not in done.stdout


def test_a_socket_that_is_named_is_used(run: Run, daemon: FakeDaemon) -> None:
    done = run("ping", "--socket", str(daemon.socket), "--json", KILNMARK_SOCKET="/nowhere/daemon.sock")
    assert msgspec.json.decode(done.stdout)["pid"] == daemon.pid


def test_a_render_with_a_healthy_adapter_is_done(run: Run, healthy: Path) -> None:
    done = run("render", "a kiln", "--lora", f"{healthy}:0.5", "--json", *SMALL)
    assert done.returncode == 0
    result = msgspec.json.decode(done.stdout, type=RenderResult)
    assert Path(result.image_path).is_file()
    assert [(report.verdict, report.scale) for report in result.loras] == [("engaged", 0.5)]


def test_scales_by_blocks_are_sent_and_shown(run: Run, healthy: Path) -> None:
    scaled = ("render", "a kiln", "--lora", f"{healthy}:0.5,double=0.25,single.1-2=1", *SMALL)
    result = msgspec.json.decode(run(*scaled, "--json").stdout, type=RenderResult)
    assert result.loras[0].asked_blocks == {"double": 0.25, "single.1-2": 1.0}
    shown = run(*scaled)
    assert shown.returncode == 0
    assert "0.5, double 0.25, single.1-2 1" in " ".join(shown.stdout.split())


def test_the_same_render_again_is_the_same_picture_unless_it_is_wanted_anew(run: Run) -> None:
    asked = ("render", "a kiln", "--json", "--seed", "71", "--priority", "high", *SIZE)
    replies = [run(*asked, *more) for more in ((), (), ("--no-cache",))]
    first, again, anew = (msgspec.json.decode(done.stdout, type=RenderResult) for done in replies)
    assert (first.cached, again.cached, anew.cached) == (False, True, False)
    assert first.image_path == again.image_path != anew.image_path


def test_a_render_shows_the_picture_and_the_adapters(run: Run, healthy: Path) -> None:
    done = run("render", "a kiln", "--lora", str(healthy), *SMALL)
    assert (done.returncode, done.stderr) == (0, "")
    picture = next(line for line in done.stdout.splitlines() if line.startswith("picture"))
    assert Path(picture.removeprefix("picture").strip()).is_file()
    assert "engaged" in done.stdout


def test_a_dead_adapter_ends_with_3_and_its_table(run: Run, healthy: Path, dead: Path) -> None:
    done = run("render", "a kiln", "--lora", str(healthy), "--lora", str(dead), *SMALL)
    assert (done.returncode, done.stdout) == (3, "")
    assert [line.split()[1] for line in done.stderr.splitlines() if line.startswith(("healthy", "dead"))] == [
        "engaged",
        "noop",
    ]
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_a_dead_adapter_is_in_the_document_of_the_error(run: Run, dead: Path) -> None:
    done = run("render", "a kiln", "--lora", str(dead), "--json", *SMALL)
    error = error_in(done)
    assert (done.returncode, error["code"], error["kind"]) == (3, -32008, "adapter_not_engaged")
    assert [report["verdict"] for report in error["detail"]["loras"]] == ["noop"]


def test_a_picture_made_with_a_dead_adapter_still_ends_with_3(run: Run, dead: Path) -> None:
    done = run("render", "a kiln", "--lora", str(dead), "--on-mismatch", "warn", "--json", *SMALL)
    assert done.returncode == 3
    assert Path(msgspec.json.decode(done.stdout, type=RenderResult).image_path).is_file()


def test_a_file_that_is_not_there_ends_with_3(run: Run, daemon: FakeDaemon) -> None:
    done = run("render", "a kiln", "--lora", str(daemon.folder / "absent.safetensors"), "--json", *SMALL)
    assert (done.returncode, error_in(done)["kind"]) == (3, "adapter_refused")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("render",), "usage"),
        (("render", "a kiln", "--steps", "many"), "usage"),
        (("render", "a kiln", "--steps", "1000"), "invalid_params"),
        (("render", "a kiln", "--width", "100"), "invalid_params"),
        (("render", "a kiln", "--lora", "/x:nan"), "invalid_params"),
        (("render", "a kiln", "--tier", "moon"), "invalid_params"),
        (("render", "a kiln", "--timeout", "nan"), "usage"),
        (("serve", "--variant", "moon"), "usage"),
        (("serve", "--quantize", "7"), "usage"),
        (("bake",), "usage"),
    ],
)
def test_a_wrong_word_ends_with_2(daemon: FakeDaemon, arguments: tuple[str, ...], kind: str) -> None:
    env = {"KILNMARK_SOCKET": str(daemon.socket)}
    done = run_here(*arguments, "--json", env=env)
    assert (done.returncode, error_in(done)["kind"]) == (2, kind)
    assert run_here(*arguments, env=env).stdout == ""


@pytest.mark.parametrize("command", ["ping", "status", "warm-up", "stop", "render"])
def test_no_daemon_ends_with_69(run: Run, folder: Path, command: str) -> None:
    arguments = (command, "a kiln") if command == "render" else (command,)
    done = run(*arguments, "--json", "--socket", str(folder / "absent.sock"))
    error = error_in(done)
    assert (done.returncode, error["kind"], error["code"]) == (69, "daemon_unavailable", None)
    assert "kilnmark serve" in error["message"]


def test_a_render_that_takes_too_long_ends_with_1(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_link, "_FAREWELL", 0.05)
    with silent_daemon(folder) as path:
        done = run("render", "a kiln", "--timeout", "0.2", "--json", "--socket", str(path))
    assert (done.returncode, error_in(done)["kind"]) == (1, "render_timeout")


def test_a_socket_that_is_held_ends_with_75_and_stays_with_its_daemon(run: Run, daemon: FakeDaemon) -> None:
    command = [KILNMARK, "serve", "--socket", str(daemon.socket), "--lora-root", str(daemon.folder)]
    command += ["--output-dir", str(daemon.folder / "other")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 75
    assert str(daemon.socket) in done.stderr
    assert msgspec.json.decode(run("ping", "--json").stdout)["pid"] == daemon.pid


def test_stop_returns_when_the_socket_is_gone(run: Run, folder: Path) -> None:
    with faked(folder) as running:
        done = run("stop", "--json", "--socket", str(running.socket))
        assert not running.socket.exists()
        assert done.returncode == 0
        assert msgspec.json.decode(done.stdout, type=ShutdownResult).jobs == 0
        assert running.process.wait(30) == 0


LEAVER = """
import os, socket, sys
path = sys.argv[1]
with socket.socket(socket.AF_UNIX) as bound:
    bound.bind(path)
    bound.listen()
    open(path + ".lock", "w").write(str(os.getpid()))
    print("listening", flush=True)
    client, _ = bound.accept()
    client.recv(65536)
    client.sendall(b'{"jsonrpc":"2.0","id":1,"result":{"draining":false,"jobs":0}}' + b"\\n")
"""
"""A daemon that leaves its socket, as one does whose socket is its service manager's."""


def test_stop_returns_when_the_daemon_is_gone_and_another_holds_its_socket(run: Run, folder: Path) -> None:
    command = [sys.executable, "-S", "-c", LEAVER, str(folder / "d.sock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        reaper = threading.Thread(target=daemon.wait)
        reaper.start()
        done = run("stop", "--timeout", "60", "--socket", str(folder / "d.sock"))
        reaper.join()
    assert (done.returncode, done.stdout) == (0, "stopped\n")
    assert (folder / "d.sock").is_socket()


def test_stop_does_not_wait_for_ever(run: Run, folder: Path) -> None:
    leaving = b'{"jsonrpc":"2.0","id":1,"result":{"draining":true,"jobs":2}}\n'
    with peer_that_says(folder, leaving) as path:
        done = run("stop", "--timeout", "0.2", "--json", "--socket", str(path))
    assert (done.returncode, error_in(done)["kind"]) == (1, "stop_timeout")


def test_stop_without_renders_says_nothing_of_them(run: Run, folder: Path) -> None:
    with InProcessDaemon(socket=folder / "d.sock") as running:
        done = run("stop", "--drain", "--socket", str(running.socket))
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ShutdownResult(draining=True, jobs=2, kept=True), "2 renders were finished first, or left to the next daemon"),
        (ShutdownResult(draining=False, jobs=1, kept=True), "1 render was left to the next daemon"),
        (ShutdownResult(draining=False, jobs=2), "2 renders were ended"),
    ],
)
def test_stop_says_what_becomes_of_the_renders(answer: ShutdownResult, told: str) -> None:
    assert farewell(answer) == f"stopped; {told}"


def test_stop_does_not_say_that_renders_were_finished_which_no_worker_could_finish() -> None:
    ended, left = ShutdownResult(draining=False, jobs=1), ShutdownResult(draining=False, jobs=2, kept=True)
    assert farewell(ended, drain=True) == "stopped; 1 render was ended, since no worker is there to finish any"
    assert farewell(left, drain=True).startswith("stopped; 2 renders were left to the next daemon, since no worker")


@pytest.mark.parametrize("arguments", [("ping",), ("render", "a kiln", "--json")])
def test_ctrl_c_ends_with_130(folder: Path, arguments: tuple[str, ...]) -> None:
    with listening(folder) as (path, listener), on_a_terminal(*arguments, "--socket", str(path)) as (process, _):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(30)
            assert connection.recv(65536)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    if "--json" in arguments:
        assert msgspec.json.decode(out)["error"]["kind"] == "interrupted"


def test_ctrl_c_cancels_the_render(daemon: FakeDaemon) -> None:
    with cancelled_afterwards(daemon) as job_id:
        arguments = ("render", "a kiln", "--width", "64", "--height", "64", "--steps", "100", "--job-id", job_id)
        with on_a_terminal(*arguments, "--socket", str(daemon.socket)) as (process, screen):
            assert screen.read_until(b"denoise", 60)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert process.returncode == 130


@pytest.mark.parametrize("command", ["render", pytest.param("batch", marks=pytest.mark.slow)])
def test_ctrl_c_while_the_daemon_is_away_names_what_could_not_be_cancelled(folder: Path, command: str) -> None:
    path, packs = folder / "d.sock", make_packs(folder / "packs", base_seed=7).root
    arguments = {
        "render": ["render", "a kiln", *SMALL],
        "batch": ["batch", "poi", "--packs", str(packs), "--limit", "1", "--out", str(folder / "out")],
    }[command]
    with InProcessDaemon(socket=path, journal=folder / "jobs.sqlite", lora_roots=(folder,)) as daemon:
        daemon.worker.hold("denoise")
        with on_a_terminal(*arguments, "--socket", str(path)) as (process, screen):
            with Client(path, start_timeout=30) as client:
                while not (jobs := client.status().jobs):
                    assert process.poll() is None
            daemon.shut_down()
            daemon.wait_until_ended()
            process.send_signal(signal.SIGINT)
            job_id = jobs[0].job_id
            assert screen.read_until(f"`kilnmark cancel {job_id}` ends it then".encode(), 30), screen.seen
            process.communicate(timeout=30)
    assert process.returncode == 130
    with InProcessDaemon(socket=path, journal=folder / "jobs.sqlite", return_timeout=0), Client(path) as client:
        assert client.jobs_wait(job_id, 30).job.state == "cancelled"
        assert client.status().rendered == 0


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("", True)])
def test_a_bar_is_drawn_on_a_terminal_and_no_color_is_honoured(
    daemon: FakeDaemon, held: FakeWorker, no_color: str, *, coloured: bool
) -> None:
    arguments = ("render", "a kiln", *SMALL, "--socket", str(daemon.socket))
    with on_a_terminal(*arguments, NO_COLOR=no_color) as (process, screen):
        assert screen.read_until(b"denoise", 60)
        held.hold()
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert (b"\x1b[38;5" in screen.seen or b"\x1b[3" in screen.seen) is coloured


@pytest.mark.parametrize("command", ["", "serve", "render", "status", "ping", "warm-up", "stop", "demo"])
def test_help_needs_no_daemon_and_says_what_each_option_is(run: Run, folder: Path, command: str) -> None:
    done = run(*command.split(), "--help", KILNMARK_SOCKET=str(folder / "absent.sock"))
    assert done.returncode == 0
    for line, below in pairwise([*done.stdout.splitlines(), ""]):
        if line.startswith("  --"):
            assert len(line.split("  ")) > 2 or re.match(r" {20,}\S", below), line


def test_a_render_traces_itself_where_a_collector_is_named(run: Run, daemon: FakeDaemon) -> None:
    with Receiver() as collector:
        done = run("render", "a kiln", *SMALL, "--json", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        (span,) = collector.wait_for(bool)
    result = msgspec.json.decode(done.stdout, type=RenderResult)
    assert (span.name, span.service) == ("kilnmark.client.render", "kilnmark-client")
    assert span.trace_id == result.trace_id


@pytest.fixture(scope="module", autouse=True)
def unheard() -> Iterator[Mapping[str, subprocess.Popen[bytes]]]:
    """Renders that trace to a collector that is dead and to one that hangs, begun before all tests here.

    Each waits its deadline. Two minutes are what the exporter would take to give up, far from it on every machine.
    """
    with (
        InProcessDaemon() as daemon,
        socket.create_server(("127.0.0.1", 0)) as hangs,  # it takes connections and never says a word
        ExitStack() as stack,
    ):
        command = [KILNMARK, "render", "a kiln", *SMALL, "--json", "--socket", str(daemon.socket)]
        ports = {"dead": 9, "hangs": hangs.getsockname()[1]}
        renders = {
            name: stack.enter_context(
                subprocess.Popen(
                    command,
                    stdout=subprocess.PIPE,
                    env=os.environ
                    | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_TIMEOUT": "120"},
                )
            )
            for name, port in ports.items()
        }
        yield renders


@pytest.mark.parametrize("collector", ["hangs", "dead"])
def test_a_collector_keeps_nobody_from_the_result_and_then_costs_no_more_than_the_deadline(
    unheard: Mapping[str, subprocess.Popen[bytes]], collector: str
) -> None:
    process = unheard[collector]
    assert process.stdout is not None
    msgspec.json.decode(process.stdout.readline(), type=RenderResult)
    shown = time.monotonic()
    assert process.wait(50) == 0
    assert time.monotonic() - shown < STOP_DEADLINE + 20


def test_an_otel_variable_that_cannot_be_followed_ends_with_2(run: Run, daemon: FakeDaemon) -> None:
    done = run("render", "a kiln", *SMALL, "--json", OTEL_TRACES_EXPORTER="pigeon")
    assert done.returncode == 2
    assert "OTEL_TRACES_EXPORTER is 'pigeon'" in error_in(done)["message"]
