"""What a Replicate-style remote says of a training, decoded once, and what follows from it. No call is made here."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

__all__ = ["RemotePage", "RemoteTraining", "UploadedFile", "decode", "output_addresses"]

_BETWEEN = re.compile(r"[\s\"',;]+")
"""What stands between words, addresses among them."""


class Metrics(msgspec.Struct, frozen=True):
    """What a training took.

    Attributes:
        predict_time: Seconds that are charged.
        cost: The remote's own figure, where it tells one.
    """

    predict_time: float | None = None
    cost: float | None = None


class RemoteTraining(msgspec.Struct, frozen=True):
    """One training as the remote tells it.

    Attributes:
        id: The remote's name for it.
        status: `starting`, `processing`, `succeeded`, `failed`, `canceled` or `aborted`.
        input: What it was asked with.
        output: Where its files are, in one of several shapes; `output_addresses` knows them.
        logs: All that it wrote until now.
        error: Why it failed.
        created_at, started_at, completed_at: In ISO 8601.
        metrics: What it took.
    """

    id: str
    status: str = ""
    input: Mapping[str, Any] | None = None
    output: Any = None
    logs: str | None = None
    error: Any = None
    created_at: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    metrics: Metrics | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in {"succeeded", "failed", "canceled", "aborted"}

    @property
    def is_under_way(self) -> bool:
        """Whether it waits or works."""
        return self.status in {"starting", "processing", "queued"}

    def is_older(self, moment: datetime) -> bool:
        """Whether it was created before a moment; not, where nobody can tell."""
        created = _time(self.created_at)
        return created is not None and created < moment

    def seconds(self, until: datetime) -> float | None:
        """Seconds that are charged: as the remote tells them, else from its start to its end, or to now."""
        if self.metrics and self.metrics.predict_time is not None:
            return self.metrics.predict_time
        begun = _time(self.started_at)
        if begun is None:
            return 0.0 if self.started_at is None and not self.is_over else None
        return max(0.0, ((_time(self.completed_at) or until) - begun).total_seconds())

    def cost(self, price: float, until: datetime) -> float | None:
        """What it costs until now, in the currency of the price; None: nobody can tell."""
        if self.metrics and self.metrics.cost is not None:
            return self.metrics.cost
        seconds = self.seconds(until)
        return None if seconds is None else seconds * price

    def names(self, *marks: str) -> bool:
        """Whether one of the marks, which no other training has, stands in what it was asked with, as a whole word."""
        words = {word for text in _texts(self.input) for word in _BETWEEN.split(text)}
        return any(mark in words for mark in marks if mark)


class RemotePage(msgspec.Struct, frozen=True):
    """Some of the trainings of an account, newest first.

    Attributes:
        results: The trainings.
        next: The address of the next page; None: this is the last.
    """

    results: tuple[RemoteTraining, ...] = ()
    next: str | None = None


class UploadedFile(msgspec.Struct, frozen=True):
    """A file that a remote has.

    Attributes:
        id: The remote's name for it.
        urls: Addresses by what they are for; `get` is the file's own.
    """

    id: str
    urls: Mapping[str, str]


def decode(body: bytes, kind: type[Any]) -> Any:
    """One document of a remote.

    Raises:
        msgspec.MsgspecError: It is none of this kind.
    """
    return msgspec.json.decode(body, type=kind, strict=False)


def output_addresses(output: Any) -> tuple[str, ...]:
    """Where the files of a training are: a text, a list of them, or an object with `weights` among others."""
    if isinstance(output, Mapping) and output.get("weights"):
        output = output["weights"]
    return tuple(dict.fromkeys(text for text in _texts(output) if text.startswith(("https://", "http://"))))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else None
