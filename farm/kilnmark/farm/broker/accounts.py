"""The part of the broker's configuration that says who is let in: an account for each submitter and viewer, and one
for all nodes, beside that of the streams.

Whoever asks names where the answer goes, and the broker would send it there though the asker may not. From an account
of one's own nothing leads anywhere but to what its imports name, so an answer can do no harm.
"""

from collections.abc import Iterator, Sequence

from kilnmark.farm.broker.people import Person
from kilnmark.farm.broker.rights import API, FARM_API, RIGHTS, FarmRight, inbox_of, subjects_of
from kilnmark.farm.names import token_of

__all__ = ["accounts", "as_asked"]

_STREAMS, _NODES = "FARM", "NODES"
_PATIENCE = "15m"
"""For which an answer is waited for: a base may be loaded meanwhile."""

_EXPORTS = (f"{API}.>", "$JS.ACK.>", "$JS.FC.>", "$KV.>", "$O.>", "kiln.work.>")
_OF_NODES = ("kiln.warm.*", "kiln.drain.*")

_Config = dict[str, object]


def as_asked(subject: str) -> str:
    """How a subject of the streams is called outside their account."""
    return FARM_API + subject.removeprefix(API) if subject.startswith(API + ".") else subject


def accounts(people: Sequence[Person]) -> _Config:
    """All accounts.

    Args:
        people: Whom the broker knows.
    """
    submitters = [token_of(each.name) for each in people if each.role == "submitter"]
    others = [each for each in people if each.role in ("submitter", "viewer")]
    nodes = [each for each in people if each.role == "node"]
    inboxes = [f"{inbox_of(each.role, token_of(each.name))}.>" for each in (*others, *nodes)]
    streams: _Config = {
        "jetstream": "enabled",
        "users": [{"nkey": each.key} for each in people if each.role == "operator"],
        "exports": [
            *({"service": each, "response_type": "stream"} for each in _EXPORTS),
            *({"stream": each} for each in inboxes),
        ],
        "imports": [{"service": {"account": _NODES, "subject": each}} for each in _OF_NODES],
    }
    answering = {"exports": [{"service": each, "response_threshold": _PATIENCE} for each in _OF_NODES]}
    made: _Config = {_STREAMS: streams, _NODES: _account(nodes, submitters) | answering}
    for each in others:
        made[f"{each.role.upper()}_{token_of(each.name)}"] = _account([each], submitters)
    return made


def _account(people: Sequence[Person], submitters: Sequence[str]) -> _Config:
    services: dict[tuple[str, str], _Config] = {}
    for each in people:
        for right, subject in _subjects(each, "sends", submitters):
            account = _NODES if right.of_nodes else _STREAMS
            services[account, subject] = {
                "service": {"account": account, "subject": subject},
                "to": as_asked(subject),
            }
    inboxes = [f"{inbox_of(each.role, token_of(each.name))}.>" for each in people]
    return {
        "users": [_user(each, submitters) for each in people],
        "imports": [*services.values(), *({"stream": {"account": _STREAMS, "subject": each}} for each in inboxes)],
    }


def _user(person: Person, submitters: Sequence[str]) -> _Config:
    heard = [subject for _, subject in _subjects(person, "hears", submitters)]
    permissions: _Config = {
        "publish": {"allow": [as_asked(subject) for _, subject in _subjects(person, "sends", submitters)]},
        "subscribe": {"allow": [f"{inbox_of(person.role, token_of(person.name))}.>", *heard]},
    }
    if heard:
        permissions["allow_responses"] = {"max": 1, "expires": _PATIENCE}
    return {"nkey": person.key, "permissions": permissions}


def _subjects(person: Person, way: str, submitters: Sequence[str]) -> Iterator[tuple[FarmRight, str]]:
    for right in RIGHTS:
        if right.role == person.role and right.way == way:
            for subject in subjects_of(right, token_of(person.name), submitters):
                yield right, subject
