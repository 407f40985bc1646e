"""`kill -9` of the daemon at every point of its work: no job that anybody heard of is lost, none is done twice.

A first version: each life dies at a named point, or whenever a clock says so, while clients ask for renders by ids of
their own and keep what they heard. The last life must know every one of them.
"""

import random
import select
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kilnmark.daemon.jobs.events import JobEnded, JobReady, RenderBegun, decode_event
from kilnmark.daemon.jobs.jobs import TRIES
from kilnmark.daemon.journal.file import JournalFile
from tests.daemon.conftest import SMALL, Message, Wire
from tests.daemon.faked import POINTS
from tests.daemon.fakeds import Faked, faked

PER_LIFE = 12
"""Renders that are asked for in each life."""


@dataclass
class Heard:
    """What clients were told.

    Attributes:
        jobs: Those that they heard anything of, by id.
        results: The pictures that they were given.
    """

    jobs: set[str] = field(default_factory=set)
    results: dict[str, Message] = field(default_factory=dict)

    def hear(self, message: Message) -> None:
        if message.get("method") == "notifications/progress":
            self.jobs.add(message["params"]["progressToken"])
        elif "result" in message and "image_path" in message["result"]:
            self.jobs.add(message["result"]["job_id"])
            self.results[message["result"]["job_id"]] = message["result"]


def ask(daemon: Faked, names: Sequence[str], heard: Heard) -> None:
    """Ask for renders, and hear what can be heard until all have ended or the daemon is gone."""
    try:
        with daemon.wire() as wire:
            for i, name in enumerate(names):
                asked = {**SMALL, "seed": i % 5, "job_id": name, "cache": i % 3 > 0, "_meta": {"progressToken": name}}
                wire.send("render", asked)
            while not set(names) <= set(heard.results):
                heard.hear(wire.read())
    except OSError:  # gone, or never there
        return
    except EOFError:
        return


def assert_each_ended_once(journal: Path, given_up: set[str]) -> None:
    file = JournalFile(journal)
    events = [decode_event(document) for document in file.documents()]
    file.close()
    ends = Counter(event.job_id for event in events if isinstance(event, JobEnded))
    assert set(ends.values()) == {1}
    begun = Counter(name for event in events if isinstance(event, RenderBegun) for name in event.job_ids)
    joined = {event.job_id: event.joins for event in events if isinstance(event, JobReady) and event.joins is not None}
    assert all(TRIES in (begun[name], begun[joined.get(name, name)]) for name in given_up)
    assert max(begun.values()) <= TRIES


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_job_is_lost_and_none_done_twice_wherever_the_daemon_is_killed(home: Path) -> None:
    chance = random.Random(13)
    heard = Heard()
    lives = [*POINTS, *chance.choices([*POINTS, ""], k=6), "", ""]
    for life, point in enumerate(lives):
        names = [f"{life}-{i}" for i in range(PER_LIFE)]
        dies = (point, str(chance.randint(1, PER_LIFE) if point != "going on" else 1)) if point else ()
        with faked(home, pace=0.002, dies=dies, jobs_kept=10_000) as daemon:
            if point:
                ask(daemon, names, heard)
            else:
                ask(daemon, names[: chance.randint(1, 3)], heard)
                select.select([], [], [], chance.random() * 0.05)
    assert_heard_enough(heard, len(lives))
    with faked(home, jobs_kept=10_000) as daemon, daemon.wire() as wire:
        given_up = given_up_of(wire, heard)
        assert wire.result("shutdown", {"drain": True})["draining"]
        assert daemon.ended() == 0
    assert_each_ended_once(home / "jobs.sqlite", given_up)


def assert_heard_enough(heard: Heard, lives: int) -> None:
    """A test in which nobody hears anything shows nothing."""
    assert len(heard.jobs) > 3 * lives
    assert len(heard.results) > lives // 4  # how many are painted before a daemon dies is the machine's speed


def given_up_of(wire: Wire, heard: Heard) -> set[str]:
    """Wait for everything that was heard of; those whose render was tried as often as it may be."""
    given_up = set()
    for name in heard.jobs:
        ended = wire.result("jobs.wait", {"job_id": name})
        if ended["error"] is not None:
            assert (ended["error"]["code"], ended["error"]["retryable"]) == (-32003, False), ended
            given_up.add(name)
        elif name in heard.results:
            assert ended["result"]["image_path"] == heard.results[name]["image_path"]
            assert Path(ended["result"]["image_path"]).is_file()
    assert not given_up & set(heard.results)
    return given_up
