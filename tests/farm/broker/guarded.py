"""A broker that asks who comes, with one of each role and two submitters."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kilnmark.farm.broker.accounts import accounts
from kilnmark.farm.broker.credentials import FarmCredentials, FarmRole
from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.broker.people import new_credentials
from kilnmark.farm.broker.server import ServerSettings, broker_server
from kilnmark.farm.broker.setup import FarmPlan, set_up

WHO: tuple[tuple[str, FarmRole], ...] = (
    ("operator", "operator"),
    ("desk", "node"),
    ("lap", "node"),
    ("ann", "submitter"),
    ("bob", "submitter"),
    ("eve", "viewer"),
)


@dataclass(frozen=True)
class GuardedBroker:
    """One that runs.

    Attributes:
        address: Where.
        people: Their credentials, by name.
    """

    address: str
    people: dict[str, FarmCredentials]


@contextmanager
def guarded_broker(store: Path) -> Iterator[GuardedBroker]:
    """Run one with its farm set up."""
    made = [new_credentials(name, role) for name, role in WHO]
    people = {who.name: who for _, who in made}
    told, over = threading.Event(), threading.Event()
    address: list[str] = []

    async def serve() -> None:
        settings = ServerSettings(store=store, port=0, accounts=accounts([person for person, _ in made]))
        async with broker_server(settings) as server:
            async with farm_link(server.address, people["operator"]) as link:
                await set_up(link, FarmPlan(submitters=["ann", "bob"]))
            address.append(server.address)
            told.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert told.wait(20), "the broker did not start"
        yield GuardedBroker(address[0], people)
    finally:
        over.set()
        thread.join()
