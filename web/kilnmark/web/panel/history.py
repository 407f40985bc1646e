"""What was painted, looked through: filters as a form sends them, and a page of what the daemon finds."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from kilnmark.client.aio import AsyncClient
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.jobs import JobInfo

__all__ = ["HistoryAsk", "HistoryView", "history_view"]

PAGE: Final = 48
"""Pictures on a page."""

_STATES = ("done", "failed", "cancelled")
_LONGEST = 200


class HistoryAsk(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; empty: whatever that is.

    Attributes:
        text: In the prompt or in the name of an adapter.
        genre, tier, adapter, variant: By name.
        verdict: That of one of its adapters.
        state: How it ended.
        day: Of its acceptance in UTC, `2026-01-31`.
        problem: What is wrong with what was asked for, in a sentence.
    """

    text: str = ""
    genre: str = ""
    tier: str = ""
    adapter: str = ""
    variant: str = ""
    verdict: str = ""
    state: str = ""
    day: str = ""
    problem: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "HistoryAsk":
        """From the fields of a form."""
        names = (name for name in cls.__struct_fields__ if name != "problem")
        fields = {name: query.get(name, "").strip()[:_LONGEST] for name in names}
        return cls(**fields, problem=_problem(fields))

    @property
    def fields(self) -> dict[str, str]:
        """Those that are given."""
        given = msgspec.structs.asdict(self)
        return {name: value for name, value in given.items() if value and name != "problem"}

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of `jobs_page`."""
        options: dict[str, Any] = dict(self.fields)
        options["states"] = [options.pop("state")] if self.state else list(_STATES)
        if day := options.pop("day", ""):
            options |= {"since": day, "until": day}
        return options

    def address(self, **others: str) -> str:
        """Of a page of this search."""
        return f"/history?{urlencode(self.fields | others)}"


class HistoryView(NamedTuple):
    """A page of what was found.

    Attributes:
        ask: What was looked for.
        jobs: The latest first.
        older: The address of the page that goes on; empty: there is none.
        first: Whether this is the first page.
        verdicts, states: What can be chosen.
    """

    ask: HistoryAsk
    jobs: tuple[JobInfo, ...]
    older: str
    first: bool
    verdicts: tuple[str, ...] = tuple(Verdict)
    states: tuple[str, ...] = _STATES


async def history_view(client: AsyncClient, ask: HistoryAsk, cursor: str) -> HistoryView:
    """One page.

    Raises:
        KilnmarkError: the daemon does not answer, or not that.
    """
    if ask.problem:
        return HistoryView(ask, (), "", first=True)
    found = await client.jobs_page(cursor or None, PAGE, **ask.options)
    older = ask.address(cursor=found.next) if found.next else ""
    return HistoryView(ask, tuple(found.jobs), older, first=not cursor)


def _problem(fields: Mapping[str, str]) -> str:
    if fields["verdict"] and fields["verdict"] not in tuple(Verdict):
        return f"No verdict is called so; there are {', '.join(Verdict)}."
    if fields["state"] and fields["state"] not in _STATES:
        return f"Nothing ends so; there are {', '.join(_STATES)}."
    try:
        if fields["day"]:
            date.fromisoformat(fields["day"])
    except ValueError:
        return "That is no day; write one as 2026-01-31."
    return ""
