"""Who may do what at the broker: one table, of which its configuration, its refusals and a page for people are made.

Subjects are written as they are where the farm's streams are. `{me}` is whoever asks, `{submitter}` each submitter.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kilnmark.farm.broker.credentials import FarmRole
from kilnmark.farm.names import CANCELS, CONTENT, LOST, NODES, PARTITIONS, WORK, drain_subject, warm_subject

__all__ = [
    "API",
    "FARM_API",
    "RIGHTS",
    "FarmRight",
    "allows",
    "inbox_of",
    "rights_table",
    "roles_that_may",
    "subjects_of",
]

API = "$JS.API"
"""What requests about streams begin with, where the streams are."""

FARM_API = "kiln.api"
"""What the same begin with for whoever lives beside them, in an account of their own."""

_RESULTS, _PICTURES = "kiln-results-{%s}", "kiln-pictures-{%s}"
_WARM, _DRAIN = warm_subject("X").replace("X", "*"), drain_subject("X").replace("X", "{me}")


@dataclass(frozen=True)
class FarmRight:
    """One thing that a role may do.

    Attributes:
        role: Whose right it is. An operator may do everything.
        purpose: What for.
        way: It sends to the subjects, or hears what is sent to them.
        subjects: Which.
        of_nodes: Nodes answer there, and not the broker.
    """

    role: FarmRole
    purpose: str
    way: Literal["sends", "hears"]
    subjects: tuple[str, ...]
    of_nodes: bool = False


def _read(bucket: str) -> tuple[str, ...]:
    stream = f"KV_{bucket}"
    return (
        f"{API}.STREAM.INFO.{stream}",
        f"{API}.CONSUMER.CREATE.{stream}",
        f"{API}.CONSUMER.INFO.{stream}.*",
        f"{API}.DIRECT.GET.{stream}",
        f"{API}.DIRECT.GET.{stream}.>",
        f"$JS.FC.{stream}.>",
    )


def _fetch(store: str) -> tuple[str, ...]:
    stream = f"OBJ_{store}"
    return (
        f"{API}.STREAM.NAMES",
        f"{API}.STREAM.INFO.{stream}",
        f"{API}.STREAM.MSG.GET.{stream}",
        f"{API}.CONSUMER.CREATE.{stream}",
        f"{API}.CONSUMER.INFO.{stream}.*",
        f"$JS.FC.{stream}.>",
    )


def _put(store: str) -> tuple[str, ...]:
    stream = f"OBJ_{store}"
    return (
        f"{API}.STREAM.INFO.{stream}",
        f"{API}.STREAM.MSG.GET.{stream}",
        f"{API}.STREAM.PURGE.{stream}",
        f"$O.{store}.C.*",
        f"$O.{store}.M.*",
    )


_COUNTS = (f"{API}.CONSUMER.LIST.{WORK}", f"{API}.CONSUMER.INFO.{WORK}.*")
_EACH_RESULTS, _MY_RESULTS = _RESULTS % "submitter", _RESULTS % "me"
_EACH_PICTURES, _MY_PICTURES = _PICTURES % "submitter", _PICTURES % "me"

RIGHTS: tuple[FarmRight, ...] = (
    FarmRight(
        "node",
        "take work, say that it goes on, and that it is done",
        "sends",
        (
            f"{API}.STREAM.INFO.{WORK}",
            f"{API}.DIRECT.GET.{WORK}",
            f"{API}.CONSUMER.CREATE.{WORK}.*.kiln.work.>",
            *_COUNTS,
            f"{API}.CONSUMER.MSG.NEXT.{WORK}.*",
            f"$JS.ACK.{WORK}.>",
        ),
    ),
    FarmRight("node", "pass work on that it does not do", "sends", ("kiln.work.*.*.*.*.*",)),
    FarmRight("node", "see what partitions ask for", "sends", _read(PARTITIONS)),
    FarmRight("node", "see who else takes work", "sends", _read(NODES)),
    FarmRight("node", "see what nobody wants any more", "sends", _read(CANCELS)),
    FarmRight("node", "say how it is", "sends", (f"$KV.{NODES}.{{me}}",)),
    FarmRight("node", "fetch files that jobs need", "sends", _fetch(CONTENT)),
    FarmRight(
        "node",
        "write how a job ended, and see whether another did before",
        "sends",
        (
            f"{API}.STREAM.INFO.KV_{_EACH_RESULTS}",
            f"{API}.DIRECT.GET.KV_{_EACH_RESULTS}.$KV.{_EACH_RESULTS}.*",
            f"$KV.{_EACH_RESULTS}.*",
        ),
    ),
    FarmRight("node", "put pictures", "sends", _put(_EACH_PICTURES)),
    FarmRight("node", "answer whoever asks for a base", "hears", (_WARM,), of_nodes=True),
    FarmRight("node", "be told to leave", "hears", (_DRAIN,), of_nodes=True),
    FarmRight("submitter", "hand in work of its own", "sends", ("kiln.work.*.*.*.{me}.*",)),
    FarmRight("submitter", "say what work asks for", "sends", (*_read(PARTITIONS), f"$KV.{PARTITIONS}.>")),
    FarmRight("submitter", "take back work of its own", "sends", (*_read(CANCELS), f"$KV.{CANCELS}.{{me}}.*")),
    FarmRight("submitter", "hand in files that jobs need", "sends", (*_fetch(CONTENT), *_put(CONTENT))),
    FarmRight("submitter", "read how its jobs ended", "sends", (*_read(_MY_RESULTS), f"$KV.{_MY_RESULTS}.>")),
    FarmRight(
        "submitter", "fetch its pictures, and clear them away", "sends", (*_fetch(_MY_PICTURES), *_put(_MY_PICTURES))
    ),
    FarmRight("submitter", "see which bases are served", "sends", _read(NODES)),
    FarmRight("submitter", "see how much work waits", "sends", _COUNTS),
    FarmRight("submitter", "ask nodes for a base", "sends", (_WARM,), of_nodes=True),
    FarmRight("viewer", "see the nodes", "sends", _read(NODES)),
    FarmRight("viewer", "see what work asks for", "sends", _read(PARTITIONS)),
    FarmRight("viewer", "see what nobody wants any more", "sends", _read(CANCELS)),
    FarmRight("viewer", "see how jobs ended", "sends", _read(_EACH_RESULTS)),
    FarmRight(
        "viewer",
        "see how much work waits, and how full the broker is",
        "sends",
        (
            *_COUNTS,
            f"{API}.STREAM.NAMES",
            f"{API}.STREAM.LIST",
            *(f"{API}.STREAM.INFO.{each}" for each in (WORK, LOST, f"OBJ_{CONTENT}", f"OBJ_{_EACH_PICTURES}")),
        ),
    ),
)
"""All of them."""


def inbox_of(role: str, token: str) -> str:
    """What answers to somebody are sent to, without the last token: nobody else may hear them."""
    return f"_INBOX_{role}_{token}" if role else f"_INBOX_{token}"


def subjects_of(right: FarmRight, me: str, submitters: Sequence[str]) -> Iterator[str]:
    """The subjects of a right of somebody.

    Args:
        me, submitters: As `token_of` has their names.
    """
    for subject in right.subjects:
        for submitter in submitters if "{submitter}" in subject else [""]:
            yield subject.replace("{me}", me).replace("{submitter}", submitter)


def allows(role: FarmRole, way: str, subject: str) -> bool:
    """Whether somebody of a role may send to a subject, or hear it, in whatever name."""
    if role == "operator":
        return True
    return any(
        right.role == role and right.way == way and _pattern(each).fullmatch(subject)
        for right in RIGHTS
        for each in right.subjects
    )


def roles_that_may(way: str, subject: str) -> tuple[FarmRole, ...]:
    """Of those that may, an operator last; upper and lower case are the same, as a broker's refusals have them."""
    roles: tuple[FarmRole, ...] = ("node", "submitter", "viewer", "operator")
    return tuple(role for role in roles if allows(role, way, subject))


def rights_table() -> str:
    """The table as Markdown, a line a right."""
    lines = ["| who | may | subjects |", "|---|---|---|", "| operator | do everything | `>` |"]
    for right in RIGHTS:
        heard = "hears " if right.way == "hears" else ""
        lines.append(f"| {right.role} | {right.purpose} | {heard}{', '.join(f'`{each}`' for each in right.subjects)} |")
    return "\n".join(lines) + "\n"


_WILD = {"{me}": "[^.]+", "{submitter}": "[^.]+", "*": "[^.]+", ">": ".+"}


def _pattern(subject: str) -> re.Pattern[str]:
    parts = re.split(r"(\{me\}|\{submitter\}|\*|>)", subject)
    return re.compile("".join(_WILD.get(part) or re.escape(part) for part in parts), re.IGNORECASE)
