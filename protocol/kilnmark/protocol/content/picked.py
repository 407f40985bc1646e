"""`picks.yaml` as people may look into it and write it: which pictures of a pack's entries were accepted, which were
rejected and why, which seeds are pinned.

The document alone, read wholly or not at all, since half of what was decided would be taken for all of it. What
decisions mean, how two copies are merged and who writes them is the client's part.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from kilnmark.protocol.content.marked_yaml import read_marked
from kilnmark.protocol.content.parsed import parsed, wrong
from kilnmark.protocol.described import describe

__all__ = [
    "MOST_SEEDS",
    "PICKS_FILE",
    "SIZE_LIMIT",
    "PinStamp",
    "WrittenPick",
    "WrittenPicks",
    "WrittenPicture",
    "WrittenWord",
    "parse_picks",
]

PICKS_FILE = "picks.yaml"

MOST_SEEDS = 1_000
"""Of one entry."""

SIZE_LIMIT, _VALUE_LIMIT = 64 << 20, 4_000_000
"""Bytes and values of one document: decisions gather over years, and are worth more than the second that they take."""

_YEARS = range(1971, 9999)
"""Between the first and the last moment there is room for whatever is counted on."""


def _hash(value: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", value):
        raise wrong("is no SHA-256; write 64 digits of 0-9 and a-f")
    return value


def _moment(value: str) -> str:
    """The same moment in UTC with microseconds, so that two can be compared as texts."""
    words = "is no time with its zone; write one, such as 2026-01-31T12:00:00Z"
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise wrong(words) from None
    if moment.tzinfo is None or moment.year not in _YEARS:
        raise wrong(words)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


_Sha256 = Annotated[str, AfterValidator(_hash)]
_Moment = Annotated[str, AfterValidator(_moment)]
_Name = Annotated[str, Field(pattern=r"\S", max_length=1_000)]
_Words = Annotated[str, Field(max_length=2_000)]
_Seed = Annotated[int, Field(ge=0, le=2**53 - 1)]
_Seeds = Annotated[tuple[_Seed, ...], Field(strict=False, max_length=MOST_SEEDS)]


class _PicksPart(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra=describe)


class WrittenWord(_PicksPart):
    """What one person said last of a picture."""

    word: Literal["accepted", "rejected", "open"]
    """What they said; `open` takes back what they said before."""

    by: _Words = ""
    """Who; none where they did not say."""

    at: _Moment | None = None
    """When, ISO 8601 with its zone; what has none counts as older than everything that has one."""

    reason: _Words = ""
    """Why."""


class WrittenPicture(_PicksPart):
    """A picture that somebody said something of."""

    sha256: _Sha256
    """Hash of its bytes, which tells it from every other."""

    seed: _Seed | None = None
    """The seed that it was painted with."""

    inputs: Annotated[str, Field(max_length=64)] = ""
    """As the manifest of its batch has it: a hash over all that decides it."""

    file: Annotated[str, Field(max_length=4096)] = ""
    """Where it lay then, from the folder of its batch."""

    said: Annotated[tuple[WrittenWord, ...], Field(strict=False)] = ()
    """What each person said last."""


class PinStamp(_PicksPart):
    """Who pinned the seeds of an entry."""

    by: _Words = ""
    """Who; none where they did not say."""

    at: _Moment | None = None
    """When, as that of a word."""

    before: _Seeds = ()
    """The seeds that these took the place of."""


class WrittenPick(_PicksPart):
    """What was decided about one entry."""

    genre: _Name
    """The genre's folder."""

    world: _Name | None = None
    """The world's folder; none for what lies in the genre itself."""

    kind: Literal["poi", "portrait", "creature"]
    """Which of the genre's documents has it."""

    name: _Name
    """Its name there."""

    tier: _Name | None = None
    """The tier that its pictures are painted at; none for its kind's own."""

    seed: _Seed | None = None
    """The seed to paint it with; the same as `seeds` with one."""

    seeds: _Seeds | None = None
    """The seeds to paint it with, one a picture; an empty list: those that it would have without."""

    pinned: PinStamp | None = None
    """Who said so; none where it was written by hand."""

    rolls: Annotated[int, Field(ge=0, le=10**9)] = 0
    """How often its seeds were drawn anew."""

    pictures: Annotated[tuple[WrittenPicture, ...], Field(strict=False)] = ()
    """Those that somebody said something of."""

    @model_validator(mode="after")
    def _has_seeds_once(self) -> Self:
        if self.seed is not None and self.seeds is not None:
            raise wrong("says the same as `seeds`; keep one of them", ("seed",))
        if self.pinned is not None and self.pinned_seeds is None:
            raise wrong("says who pinned seeds, and there are none; add `seeds`, or remove it", ("pinned",))
        return self

    @property
    def pinned_seeds(self) -> tuple[int, ...] | None:
        """Its seeds, in whichever way they are written; None where there are none."""
        return self.seeds if self.seed is None else (self.seed,)


class WrittenPicks(_PicksPart):
    """`picks.yaml`."""

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    """Version of this document."""

    picks: Annotated[tuple[WrittenPick, ...], Field(strict=False)] = ()
    """One an entry."""


def parse_picks(data: bytes, file: str) -> WrittenPicks:
    """Read a document.

    Args:
        data: The file's bytes.
        file: What problems are to call it.

    Raises:
        UnusableContent: It cannot be used as it stands; with file, line, entry and mend of every problem.
    """
    marked = read_marked(data, file, size_limit=SIZE_LIMIT, value_limit=_VALUE_LIMIT)
    document, _ = parsed(WrittenPicks, marked)
    return document
