"""What a benchmark hands on: figures, headlines, and what could not be measured. No clock and no model lives here.

Every line goes to the file that `BENCH_FIGURES` names the moment it is known, so that a run that is cut short keeps
what it had. `scripts/bench.py` makes the table, the plot and the JSON object of them.
"""

import os
from pathlib import Path

import msgspec

__all__ = ["FIGURES", "Fault", "Figure", "Headline", "Line", "Missing", "Platform", "encode", "read_lines", "tell"]

FIGURES = "BENCH_FIGURES"
"""The environment variable with the file that lines are appended to; without it they are printed only."""


class _Tagged(msgspec.Struct, frozen=True, kw_only=True, tag_field="line"):
    pass


class Figure(_Tagged, frozen=True, kw_only=True, tag="figure"):
    """One measured thing.

    Attributes:
        part: `switch`, `step`, ...: what `make bench ONLY=` takes.
        base: `standin`, `directory`, `q8`, ...
        what: The action, in words.
        who: Whose way of doing it: `kilnmark`, `mflux, rebuilt`, ...
        value: The median, in `unit`.
        unit: `ms`, `share`, `KiB`, ...
        ratio: Of this to `against`, the median over rounds that measured both; None where nothing is compared.
        against: What stands below the ratio's line.
        rounds: Times that it was measured.
    """

    part: str
    base: str
    what: str
    who: str
    value: float
    unit: str = "ms"
    ratio: float | None = None
    against: str = ""
    rounds: int = 1


class Headline(_Tagged, frozen=True, kw_only=True, tag="headline"):
    """One of the names that the JSON object has at its top."""

    name: str
    value: float


class Missing(_Tagged, frozen=True, kw_only=True, tag="missing"):
    """A cell of the table that stays empty, and why."""

    part: str
    base: str
    what: str
    who: str
    reason: str


class Platform(_Tagged, frozen=True, kw_only=True, tag="platform"):
    """Facts of the machine or of an environment beside it, such as versions.

    Attributes:
        parts: What was measured there, where it was not the whole run; empty: everything else.
    """

    facts: dict[str, str]
    parts: tuple[str, ...] = ()


class Fault(_Tagged, frozen=True, kw_only=True, tag="fault"):
    """One fault that was injected.

    Attributes:
        theme: `kills`, `disk`, ...: what `make faults ONLY=` takes.
        what: What was done.
        promised: What is right then.
        found: What was measured; where the promise is broken, how.
        kept: Whether it held.
    """

    theme: str
    what: str
    promised: str
    found: str
    kept: bool


Line = Fault | Figure | Headline | Missing | Platform

_decoder: "msgspec.json.Decoder[Line]" = msgspec.json.Decoder(Line)


def tell(line: Line) -> None:
    """Hand a line on."""
    if path := os.environ.get(FIGURES):
        with Path(path).open("ab") as file:
            file.write(encode(line))
    if isinstance(line, Figure):
        ratio = "" if line.ratio is None else f"  {line.ratio:.3g} of {line.against}"
        print(f"{line.part} | {line.base} | {line.what} | {line.who}: {line.value:.4g} {line.unit}{ratio}")


def encode(line: Line) -> bytes:
    """One line of a file of them."""
    return msgspec.json.encode(line) + b"\n"


def read_lines(path: Path) -> list[Line]:
    """All lines of a run, in the order they came."""
    return [_decoder.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []
