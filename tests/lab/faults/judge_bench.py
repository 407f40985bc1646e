"""`lab judge` at a fake judge: killed while it paints, asks and writes, and gone on with as a person would.

A judge that remembers idempotency keys gives every reply that was paid for. One that does not cannot: what was cut off
is told, and asked and paid again only once a person has said so. That is no call that was paid twice, and no reply that
was lost in silence; both would be counted.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kilnmark.client.testing import fake_daemon
from kilnmark.lab.judging.calls import Calls
from kilnmark.lab.judging.prepare import folder_of
from kilnmark.lab.judging.report import read_judgement
from kilnmark.lab.run.folder import read_state
from kilnmark.lab.run.spending import spent_of
from tests.lab.faults.mortal import Ended
from tests.lab.judging.runs import make_judgeable
from tests.lab.judging.servers import KEY, TOKENS, FakeJudge

__all__ = ["JudgingBench", "JudgingServer", "forgetful_bench", "judging_server", "remembering_bench"]

PRICE_IN, PRICE_OUT = 3.0, 15.0
COST = (TOKENS[0] * PRICE_IN + TOKENS[1] * PRICE_OUT) / 1_000_000
LIMIT = 2.0


@dataclass(frozen=True)
class JudgingServer:
    """Who paints, and who judges.

    Attributes:
        judge: The fake.
        socket: Of the daemon.
        templates: Runs to be copied, by whether the judge remembers keys.
    """

    judge: FakeJudge
    socket: Path
    templates: Mapping[bool, Path]


@contextmanager
def judging_server(folder: Path) -> Iterator[JudgingServer]:
    """A daemon whose pictures are a fake's, and a fake judge."""
    folder.mkdir(parents=True, exist_ok=True)
    with fake_daemon(lora_roots=(folder.parent,), variant="mini") as daemon, FakeJudge() as judge:
        given: dict[str, Any] = {"judge": "openai", "model": "eye", "base_url": f"{judge.url}/v1"}
        given |= {"deadline": 10.0, "patience": 0.0}
        prices: dict[str, Any] = {"price_in": PRICE_IN, "price_out": PRICE_OUT, "seeds": (1, 2)}
        templates = {
            remembers: make_judgeable(folder / str(remembers), limit=LIMIT, idempotent=remembers, **given, **prices)
            for remembers in (True, False)
        }
        yield JudgingServer(judge, daemon.socket, templates)


def forgetful_bench(home: Path, server: JudgingServer) -> "JudgingBench":
    """At a judge that charges for every call."""
    return _bench(home, server, remembers=False)


def remembering_bench(home: Path, server: JudgingServer) -> "JudgingBench":
    """At a judge that charges once for a key."""
    return _bench(home, server, remembers=True)


def _bench(home: Path, server: JudgingServer, *, remembers: bool) -> "JudgingBench":
    template = server.templates[remembers]
    home.mkdir()
    shutil.copytree(template, home / "run")
    (home / "set").symlink_to(template.parent / "set")
    server.judge.anew()
    server.judge.remembers = remembers
    server.judge.script = ["good", "misfit", "good"]
    return JudgingBench(home, server, remembers=remembers)


class JudgingBench:
    """One judging of two cells, in which one reply does not fit.

    Args:
        home: Its own folder.
        server: Who paints and who judges.
        remembers: Whether the judge remembers keys.
    """

    secret = KEY

    def __init__(self, home: Path, server: JudgingServer, *, remembers: bool) -> None:
        self.home = home
        self._judge = server.judge
        self._remembers = remembers
        self.run = home / "run"
        self.words: tuple[str, ...] = ("lab", "judge", str(self.run), "--socket", str(server.socket))

    @property
    def environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "OPENAI_API_KEY": self.secret}

    def let_kill(self, pid: int, call: int, how: str) -> None:
        self._judge.victim = (pid, call, how)

    def calls(self) -> int:
        return len(self._judge.asked)

    def after(self, ended: Ended) -> tuple[str, ...]:
        """A person who is told that a call may have been paid for has it asked and paid for once more."""
        return (*self.words, "--ask-again") if "--ask-again" in ended.said else self.words

    def paid_twice(self) -> int:
        """Calls that were sent and charged again without anybody's word: each has a key of its own."""
        return sum(count - 1 for count in Counter(self._judge.paid).values())

    def lost(self) -> int:
        """Replies that were paid for and are neither there nor told of, and cells that are not judged in the end."""
        calls = Calls(folder_of(self.run, 1))
        known = calls.costs()
        silent = sum(key not in known or (self._remembers and not calls.is_settled(key)) for key in self._judge.paid)
        report = read_judgement(folder_of(self.run, 1))
        return silent + (2 if report is None else 2 - report.judged)

    def over_budget(self) -> int:
        """More charged than the budget has, or than the run knows of."""
        state = read_state(self.run)
        charged = COST * len(self._judge.paid)
        known = 0.0 if state is None else spent_of(state)
        return int(charged > LIMIT) + int(charged > known + 1e-9)
