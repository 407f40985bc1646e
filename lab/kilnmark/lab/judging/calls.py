"""The calls of a judging on disk: each written and synced before it is sent, and again when it has ended.

A call that was begun and never ended may have been carried out: whoever was killed in between cannot know. It counts
with the most that it may cost, and is not sent again by itself. Nothing is sent here.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from kilnmark.keymaps.files.atomic import sync_folder
from kilnmark.lab.errors import RunUnusable

__all__ = [
    "CALLS",
    "CUT_OFF",
    "CallBegun",
    "CallDoubted",
    "CallEnded",
    "CallTurnedAway",
    "Calls",
    "CellAskedAgain",
    "JudgeCall",
]

CALLS: Final = "calls.jsonl"

CUT_OFF: Final = "this program ended before the reply came"


class CallBegun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """A call is about to be sent.

    Attributes:
        at: When.
        call: Its number in this judging.
        cell: About which picture, or which pair.
        attempt: 1, or 2 where the first reply did not fit.
        key: The idempotency key.
        most: The most that it may cost.
        base_url: Whom it goes to.
        model: Likewise.
        pictures: The files whose pictures go along.
    """

    at: str
    call: int
    cell: str
    attempt: int
    key: str
    most: float
    base_url: str
    model: str
    pictures: tuple[str, ...]


class CallEnded(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """A reply came.

    Attributes:
        at: When.
        call: The call's number.
        text: The reply.
        cut: Why it may not be whole.
        cost: Of the call; the most that it may cost where the server did not say.
        tokens_in, tokens_out: As the server told them.
        reply_id: What the server calls it.
    """

    at: str
    call: int
    text: str
    cut: str
    cost: float
    tokens_in: int | None = None
    tokens_out: int | None = None
    reply_id: str = ""


class CallTurnedAway(msgspec.Struct, frozen=True, kw_only=True, tag="turned away"):
    """It was not carried out, and costs nothing.

    Attributes:
        at: When.
        call: The call's number.
        said: Why.
    """

    at: str
    call: int
    said: str


class CallDoubted(msgspec.Struct, frozen=True, kw_only=True, tag="doubted"):
    """Nobody can know whether it was carried out.

    Attributes:
        at: When.
        call: The call's number.
        said: What happened.
    """

    at: str
    call: int
    said: str


class CellAskedAgain(msgspec.Struct, frozen=True, kw_only=True, tag="again"):
    """A person wants a picture judged anew, and to pay for it again.

    Attributes:
        at: When.
        cell: Which one.
    """

    at: str
    cell: str


_Entry = CallBegun | CallEnded | CallTurnedAway | CallDoubted | CellAskedAgain


class JudgeCall(msgspec.Struct, frozen=True):
    """One call, as far as it went.

    Attributes:
        begun: What was to be sent.
        end: How it ended.
    """

    begun: CallBegun
    end: CallEnded | CallTurnedAway | CallDoubted

    @property
    def cost(self) -> float:
        """What it cost, where it ended with a reply; 0 otherwise."""
        return self.end.cost if isinstance(self.end, CallEnded) else 0.0


class Calls:
    """The calls of one judging, of which this process alone writes.

    Args:
        folder: The judging's own.

    Raises:
        RunUnusable: They cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / CALLS
        self._entries, self._end = _read(self._path)

    @property
    def count(self) -> int:
        """How many calls were begun and not turned away."""
        return sum(not isinstance(call.end, CallTurnedAway) for call in self._all())

    @property
    def cost(self) -> float:
        """Of all of them."""
        return sum(self.costs().values())

    @property
    def dearest(self) -> JudgeCall | None:
        """The one that cost most of those that ended; None: there are none."""
        ended = [call for call in self._all() if isinstance(call.end, CallEnded)]
        return max(ended, key=lambda call: call.cost, default=None)

    def costs(self) -> Mapping[str, float]:
        """What was paid, by idempotency key; in doubt with the most that it may be."""
        return {key: _cost(calls) for key, calls in self._by_key(self._all()).items()}

    def paid_for(self, cell: str) -> float:
        """What all calls about one picture cost."""
        calls = self._by_key([call for call in self._all() if call.begun.cell == cell])
        return sum(map(_cost, calls.values()))

    def is_settled(self, key: str) -> bool:
        """Whether it is known what a call of this key cost."""
        calls = self._by_key(self._all()).get(key, [])
        return any(isinstance(call.end, CallEnded) for call in calls) or not any(
            isinstance(call.end, CallDoubted) for call in calls
        )

    def of(self, cell: str) -> list[JudgeCall]:
        """Those about one picture, since somebody last wanted it judged anew."""
        since = max((at for at, entry in enumerate(self._entries) if _is_again(entry, cell)), default=-1)
        return [call for call in self._all(since) if call.begun.cell == cell]

    def turn(self, cell: str) -> int:
        """How often somebody wanted it judged anew."""
        return sum(_is_again(entry, cell) for entry in self._entries)

    def next_number(self) -> int:
        """The number of the next call."""
        return 1 + sum(isinstance(entry, CallBegun) for entry in self._entries)

    def add(self, entry: _Entry) -> None:
        """Write one down; it is on disk when this returns.

        Raises:
            RunUnusable: It cannot be written.
        """
        line = msgspec.json.encode(entry) + b"\n"
        try:
            with self._path.open("ab") as file:
                file.truncate(self._end)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            if not self._end:
                sync_folder(self._path.parent)
        except OSError as error:
            raise RunUnusable(str(self._path), error.strerror or str(error), "make room for it") from error
        self._end += len(line)
        self._entries.append(entry)

    def _all(self, since: int = -1) -> list[JudgeCall]:
        entries = self._entries[since + 1 :]
        ends = {entry.call: entry for entry in entries if isinstance(entry, CallEnded | CallTurnedAway | CallDoubted)}
        begun = [entry for entry in entries if isinstance(entry, CallBegun)]
        return [
            JudgeCall(each, ends.get(each.call) or CallDoubted(at=each.at, call=each.call, said=CUT_OFF))
            for each in begun
        ]

    @staticmethod
    def _by_key(calls: Sequence[JudgeCall]) -> Mapping[str, list[JudgeCall]]:
        found: dict[str, list[JudgeCall]] = {}
        for call in calls:
            found.setdefault(call.begun.key, []).append(call)
        return found


def _cost(calls: Sequence[JudgeCall]) -> float:
    """Of calls with one idempotency key, which a server that knows keys charges once."""
    ended = [call.end.cost for call in calls if isinstance(call.end, CallEnded)]
    doubted = [call.begun.most for call in calls if isinstance(call.end, CallDoubted)]
    return sum(ended) if ended else max(doubted, default=0.0)


def _is_again(entry: _Entry, cell: str) -> bool:
    return isinstance(entry, CellAskedAgain) and entry.cell == cell


def _read(path: Path) -> tuple[list[_Entry], int]:
    """The entries, and where the last whole line ends, in bytes: what was cut off after it was never written."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise RunUnusable(str(path), error.strerror or str(error), "make it readable") from error
    *lines, _ = data.split(b"\n")
    try:
        return _decoded(lines), data.rfind(b"\n") + 1
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mend = "put back a copy of it; it says what was paid for"
        raise RunUnusable(str(path), str(error), mend) from error


def _decoded(lines: Sequence[bytes]) -> list[_Entry]:
    return [msgspec.json.decode(line, type=_Entry) for line in lines]
