"""Kills a command of the lab at every point of its work, goes on as a person would, and counts what went wrong.

Which commands there are stands in `benches`; nothing here knows what any of them does.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.faults.benches import Bench, Scenario
from tests.lab.faults.mortal import Death, Ended, begin

__all__ = ["AtCall", "Fate", "Kill", "chains", "kills_of", "undisturbed", "will_be_killed"]

_LIVES = 8
"""More that no command needs to be done, after its deaths."""


@dataclass(frozen=True)
class AtCall:
    """A death that a server brings about.

    Attributes:
        number: Of the call, from 1.
        how: `kill before` it does what it is asked, `kill unanswered` when it has, `kill after` it has answered.
    """

    number: int
    how: str

    def __str__(self) -> str:
        return f"call {self.number}, {self.how}"


Kill = Death | AtCall


@dataclass(frozen=True)
class Fate:
    """What came of one command that was killed.

    Attributes:
        kills: How often it really was.
        paid_twice, lost, over_budget: As the bench counts them.
        leaks: Files that hold its secret.
        said: All that it said, life after life.
    """

    kills: int
    paid_twice: int
    lost: int
    over_budget: int
    leaks: tuple[str, ...]
    said: str

    @property
    def is_good(self) -> bool:
        """Whether nothing of what is promised was broken."""
        return not (self.paid_twice or self.lost or self.over_budget or self.leaks)


def undisturbed(bench: Bench) -> tuple[Ended, int]:
    """One life that nobody ends: what it passed, and its calls."""
    ended = begin(bench.words, bench.environment, bench.home.with_suffix(".log")).run()
    assert ended.code == 0, ended.said
    return ended, bench.calls()


def kills_of(ended: Ended, calls: int) -> Iterator[Kill]:
    """Every point at which a life like this one can end: around each write and each call."""
    for point, times in ended.calls.items():
        for count in range(1, times + 1):
            yield Death(point, count, after=False)
            yield Death(point, count, after=True)
    for number in range(1, calls + 1):
        for how in ("kill before", "kill unanswered", "kill after"):
            yield AtCall(number, how)


def chains(kills: Sequence[Kill], count: int, seed: int) -> Iterator[tuple[Kill, ...]]:
    """Deaths in one life after the other, drawn from all."""
    drawn = random.Random(seed)
    for _ in range(count):
        yield tuple(drawn.choice(kills) for _ in range(drawn.randint(2, 4)))


def will_be_killed(scenario: Scenario, server: Any, home: Path, deaths: Sequence[Kill]) -> Fate:
    """One command that dies of each of these in turn, and is then gone on with until it is done.

    A person reads what it says between, and types what that asks for.
    """
    bench = scenario.bench(home, server)
    words, said, kills = bench.words, list[str](), 0
    waiting = list(deaths)
    for life in range(len(deaths) + _LIVES):
        ended = _live(bench, words, home.with_suffix(f".{life}.log"), waiting.pop(0) if waiting else None)
        said.append(ended.said)
        kills += ended.was_killed
        if ended.code == 0:
            break
        words = bench.words if ended.was_killed else bench.after(ended)
    return Fate(
        kills, bench.paid_twice(), bench.lost(), bench.over_budget(), tuple(_leaks(bench, home)), "\n--\n".join(said)
    )


def _live(bench: Bench, words: Sequence[str], log: Path, death: Kill | None) -> Ended:
    own = death if isinstance(death, Death) else None
    process = begin(words, bench.environment, log, own)
    if isinstance(death, AtCall):
        bench.let_kill(process.pid, bench.calls() + death.number, death.how)
    return process.run()


def _leaks(bench: Bench, home: Path) -> Iterator[str]:
    """Files below a home, and its logs, that hold the secret."""
    secret = bench.secret.encode()
    logs = home.parent.glob(f"{home.name}.*")
    for path in [*home.rglob("*"), *logs]:
        if path.is_file() and secret in path.read_bytes():
            yield str(path)
