"""What Phoenix and Prometheus answer, by their own HTTP interfaces. What is asked, and what it means, others say."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec

__all__ = ["Phoenix", "Prometheus", "Value", "wait_until"]

PATIENCE: Final = 60.0
"""Seconds that an answer may take to be the one that is waited for."""

_AT_ONCE: Final = 1000
"""Spans of one answer of Phoenix's, its most."""

_LOOK_AGAIN: Final = 0.25


@dataclass(frozen=True)
class Value:
    """One series of an answer, as it is at the moment."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Phoenix:
    """A trace store, asked for a project's spans.

    Attributes:
        address: Where it answers.
        project: As the spans' resource names it.
    """

    address: str
    project: str

    def spans(self, **like: str) -> Sequence[Any]:
        """Its spans, or those that are so.

        Args:
            like: Of Phoenix's own parameters: `trace_id`, `name`, `status_code`; `attribute` is `name:value`.
        """
        found: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            words = {**like, "limit": _AT_ONCE, **({"cursor": cursor} if cursor else {})}
            page = _get(f"{self.address}/v1/projects/{self.project}/spans", words)
            found += page["data"]
            cursor = page["next_cursor"]
        return found


@dataclass(frozen=True)
class Prometheus:
    """A metrics store."""

    address: str

    def query(self, expr: str) -> Sequence[Value]:
        """What an expression comes to now."""
        result = self._asked("query", {"query": expr})["result"]
        return [Value(each["metric"], float(each["value"][1])) for each in result]

    def has_shown(self, expr: str, seconds: float) -> bool:
        """Whether it has come to anything within the last so many seconds."""
        now = time.time()
        words = {"query": expr, "start": str(now - seconds), "end": str(now), "step": "1"}
        series = self._asked("query_range", words)["result"]
        return any(value not in {"NaN", "+Inf"} for each in series for _, value in each["values"])

    def names(self) -> Sequence[str]:
        """Of everything that is stored."""
        names: list[str] = self._asked("label/__name__/values", {})
        return names

    def firing(self) -> set[str]:
        """The alerts that fire."""
        return {
            each["labels"]["alertname"] for each in self._asked("alerts", {})["alerts"] if each["state"] == "firing"
        }

    def _asked(self, what: str, words: Mapping[str, str]) -> Any:
        return _get(f"{self.address}/api/v1/{what}", words)["data"]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Look again and again.

    Raises:
        TimeoutError: naming what did not come.
    """
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {PATIENCE:g} s")
        time.sleep(_LOOK_AGAIN)


def _get(address: str, words: Mapping[str, object]) -> Any:
    with urlopen(f"{address}?{urlencode(words)}", timeout=PATIENCE) as answer:  # noqa: S310 - an address of ours
        return msgspec.json.decode(answer.read())
