"""Callers that go on asking while their daemon dies under them, each in its own way, and what each of them got.

Every way that the product offers is here: the blocking client, the asyncio one, `kilnmark batch`, and a stranger that
speaks JSON-RPC batches and knows nothing but the socket.
"""

import asyncio
import itertools
import json
import select
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from kilnmark.client import AsyncClient, Client
from kilnmark.client.batch.run.ledger import read_record
from kilnmark.client.request import RenderRequest
from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.protocol.exits import ExitCode
from tests.client.batch.packs import make_packs
from tests.client.here import KILNMARK
from tests.daemon.conftest import Wire

__all__ = ["Caller", "Got", "Single", "callers_of", "ends_of"]

AWAY = 120.0
"""Seconds that a caller waits for a daemon that is not there."""

PLACES = 24
"""Pictures of one batch."""


@dataclass(frozen=True)
class Got:
    """What became of one picture that somebody waited for.

    Attributes:
        who: The caller.
        prompt: What was asked for.
        job_id: The job that was answered; empty where there was no answer.
        path: Of the picture, if there is one.
        sha256: As it was told.
        problem: What came instead.
    """

    who: str
    prompt: str
    job_id: str = ""
    path: str = ""
    sha256: str = ""
    problem: str = ""

    @property
    def is_its_picture(self) -> bool:
        """There is a picture, whole, and it shows what was asked for."""
        if not self.path or not is_unspoilt(self.path, self.sha256):
            return False
        record = read_record(Path(self.path))
        return record is not None and record.prompt == self.prompt


@dataclass
class Caller(ABC):
    """Asks again and again, on a thread of its own, until told that it is enough."""

    socket: Path
    over: threading.Event
    name: str
    got: list[Got] = field(default_factory=list)
    defect: BaseException | None = None

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for turn in itertools.count():
                if self.over.is_set():
                    return
                self.ask(turn)
        except BaseException as error:  # noqa: BLE001 - told to whoever joins
            self.defect = error

    @abstractmethod
    def ask(self, turn: int) -> None:
        """Ask for some pictures, and keep what came."""

    def asked(self, turn: int, i: int = 0) -> dict[str, Any]:
        """A small picture of a prompt that nobody else asks for."""
        return {
            "prompt": f"{self.name}, {turn}, {i}",
            "seed": i,
            "width": 64,
            "height": 64,
            "steps": 1 + (turn + i) % 4,
            "cache": i % 2 == 0,
        }


class Single(Caller):
    """One picture after the other."""

    def ask(self, turn: int) -> None:
        asked = self.asked(turn)
        named = f"{self.name}-{turn}" if turn % 2 else None
        with Client(self.socket, start_timeout=AWAY, away_timeout=AWAY) as client:
            result = client.render(**asked, job_id=named)
        self.got.append(Got(self.name, asked["prompt"], result.job_id, result.image_path, result.image_sha256))


class Many(Caller):
    """`render_many` of the asyncio client."""

    def ask(self, turn: int) -> None:
        requests: list[RenderRequest] = [self.asked(turn, i) for i in range(16)]  # type: ignore[misc]  # of options

        async def ask() -> None:
            async with AsyncClient(self.socket, start_timeout=AWAY, away_timeout=AWAY) as client:
                async for each in client.render_many(requests, ordered=False):
                    prompt = each.request["prompt"]
                    if each.result is None:
                        self.got.append(Got(self.name, prompt, problem=str(each.error)))
                        continue
                    result = each.result
                    self.got.append(Got(self.name, prompt, result.job_id, result.image_path, result.image_sha256))

        asyncio.run(ask())


class Stranger(Caller):
    """JSON-RPC batches by hand: what was not answered is sent again under the same ids."""

    def ask(self, turn: int) -> None:
        asked = {f"{self.name}-{turn}-{i}": self.asked(turn, i) for i in range(12)}
        calls = [
            {"jsonrpc": "2.0", "id": job_id, "method": "render", "params": {**params, "job_id": job_id}}
            for job_id, params in asked.items()
        ]
        for reply in self._replies(json.dumps(calls).encode() + b"\n"):
            job_id, result = reply["id"], reply.get("result")
            prompt = asked[job_id]["prompt"]
            if result is None:
                self.got.append(Got(self.name, prompt, job_id, problem=str(reply["error"])))
            else:
                self.got.append(Got(self.name, prompt, result["job_id"], result["image_path"], result["image_sha256"]))

    def _replies(self, line: bytes) -> list[Any]:
        deadline = time.monotonic() + AWAY
        while time.monotonic() < deadline:
            try:
                with Wire(self.socket) as wire:
                    wire.send_bytes(line)
                    replies: list[Any] = wire.read()
                    return replies
            except (OSError, EOFError):
                select.select([], [], [], 0.02)
        raise TimeoutError("no daemon came back")


class Batch(Caller):
    """`kilnmark batch` on packs of its own, as a process."""

    def ask(self, turn: int) -> None:
        home = self.socket.parent / f"{self.name}-{turn}"
        packs = make_packs(home / "packs", base_seed=turn * 1000)
        places = "".join(f"      - {{name: Place {i}, visual_prompt: place {i}}}\n" for i in range(PLACES))
        packs.write("worlds/mire/history.yaml", f"chapters:\n  - title: One\n    points_of_interest:\n{places}")
        out = home / "out"
        command = [KILNMARK, "batch", "poi", "--packs", str(packs.root), "--out", str(out), "--json"]
        command += ["--socket", str(self.socket), "--lora-root", str(packs.root)]
        done = self._run_again_while_nobody_is_there(command)
        if done.returncode != 0:
            self.got.append(Got(self.name, f"batch {turn}", problem=f"exit {done.returncode}: {done.stderr[-400:]}"))
            return
        manifest = msgspec.json.decode((out / "manifest.json").read_bytes())
        for picture in manifest["pictures"]:
            path = str(out / picture["file"])
            self.got.append(Got(self.name, picture["prompt"], picture["job_id"], path, "", picture.get("reason") or ""))
        missing = PLACES + 1 - len(manifest["pictures"])
        self.got += [Got(self.name, f"batch {turn}", problem="not in the manifest")] * missing

    def _run_again_while_nobody_is_there(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        """A command that finds no daemon at its start says so and ends; whoever types it does so again."""
        deadline = time.monotonic() + AWAY
        while True:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode != ExitCode.NO_DAEMON or time.monotonic() > deadline:
                return done


def callers_of(socket: Path, over: threading.Event) -> list[Caller]:
    """All kinds of them, already asking."""
    return [
        *(Single(socket, over, f"single-{i}") for i in range(3)),
        *(Many(socket, over, f"many-{i}") for i in range(2)),
        Stranger(socket, over, "stranger"),
        Batch(socket, over, "batch"),
    ]


def ends_of(callers: list[Caller], within: float) -> Iterator[Got]:
    """What each of them got, once all have ended."""
    deadline = time.monotonic() + within
    for caller in callers:
        caller.thread.join(max(0.0, deadline - time.monotonic()))
        assert not caller.thread.is_alive(), f"{caller.name} still waits after {len(caller.got)} pictures"
        if caller.defect is not None:
            raise AssertionError(f"{caller.name} met {caller.defect!r}") from caller.defect
        yield from caller.got
