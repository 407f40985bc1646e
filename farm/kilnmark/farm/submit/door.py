"""Into the farm as a submitter: connected, known by a name, and told on the way out what stays behind.

Whoever only asks what the farm paints on looks in here, too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from kilnmark.client.cli.commands.farming import AskedFarm
from kilnmark.client.cli.person import login
from kilnmark.client.cli.views.document import write_line
from kilnmark.farm.broker.credentials import FarmCredentials, address_of, load_credentials
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.patience import ELECTION, patiently
from kilnmark.farm.errors import FarmError, FarmNotSetUp, FarmNotUsable
from kilnmark.farm.names import RESULTS, token_of
from kilnmark.farm.submit.client import FarmClient
from kilnmark.farm.submit.nodes import as_one_daemon, seen_nodes
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["farm_painter", "farm_status", "require_broker", "submitter_of", "submitters_at"]

_MOMENT = 2.0
"""Seconds for which a broker is waited for by whoever can do without."""

FOLDER = ".farm"
"""In the folder of a batch: pictures on their way."""


@asynccontextmanager
async def farm_painter(asked: AskedFarm, out: Path, what: str) -> AsyncIterator[FarmClient]:
    """A farm that paints, until the block ends.

    Args:
        asked: Which, as whom, and how.
        out: The folder that pictures go to in the end; nobody else has some put there meanwhile.
        what: What asks, for people.

    Raises:
        FarmError: It cannot be reached, or does not let these in.
    """
    who = load_credentials(asked.credentials)
    async with farm_link(address_of(asked.address, who), who) as link:
        client = FarmClient(
            link,
            await patiently(lambda: submitter_of(link, who, asked.submitter), ELECTION),
            out / FOLDER,
            what=what,
            shared=asked.shared,
            anew=asked.content_anew,
            race=asked.race,
            detached=asked.detached,
        )
        try:
            yield client
            if not asked.detached:
                client.clear()
        finally:
            await _take_back(client)
            if client.left:
                write_line(_left(client, what, detached=asked.detached), aside=True)
            if asked.detached and (before := len(client.painted_before)):
                painted = "1 job has its picture" if before == 1 else f"{before} jobs have their pictures"
                write_line(f"{painted} from before, which whoever waits is given", aside=True)


async def _take_back(client: FarmClient) -> None:
    """What was to be painted anew, and is asked for by nobody when this has gone."""
    with contextlib.suppress(FarmError, TimeoutError):  # what is not taken back is told of as left
        async with asyncio.timeout(_MOMENT):
            if count := await client.take_back():
                jobs = "1 job is" if count == 1 else f"{count} jobs are"
                write_line(f"{jobs} taken back: what --force asks for is painted for whoever waits alone", aside=True)


def require_broker(asked: AskedFarm) -> None:
    """See that a broker is named, and that credentials can be read; nobody is asked yet.

    Raises:
        FarmNotUsable: None is, or they cannot.
    """
    address_of(asked.address, load_credentials(asked.credentials))


async def farm_status(asked: AskedFarm) -> StatusResult:
    """What the farm paints on now, as one daemon's; nothing is handed in or written.

    Args:
        asked: Which, and as whom.

    Raises:
        FarmError: It cannot be reached, does not let these in, or has no node.
    """
    who = load_credentials(asked.credentials)
    async with farm_link(address_of(asked.address, who), who, wait=_MOMENT) as link:
        return as_one_daemon(await seen_nodes(link), link.address, "")


def _left(client: FarmClient, what: str, *, detached: bool) -> str:
    jobs = "1 job" if client.left == 1 else f"{client.left} jobs"
    back = f"`kilnmark farm cancel --submission {client.submission}` takes them back"
    if detached:
        later = (
            "the same with --wait" if what.startswith("submit") else f"`kilnmark {what} --farm` with the same options"
        )
        seen = f"`kilnmark farm status` shows how far they are, {later} takes the pictures in"
        return f"{jobs} handed in as {client.submission}; {seen}, and {back}"
    stay = "stays" if client.left == 1 else "stay"
    return f"{jobs} {stay} with the farm; the same command goes on with them, and {back}"


async def submitter_of(link: FarmLink, who: FarmCredentials | None, said: str | None = None) -> str:
    """As whom work is handed in.

    Raises:
        FarmNotUsable: Credentials are of somebody who hands in none, or nobody said which of several.
        FarmNotSetUp: The farm has no submitter.
    """
    if who is not None and who.role == "submitter":
        if said not in (None, who.name):
            raise FarmNotUsable("--submitter", f"these credentials are of {who.name!r}; leave the option out")
        return who.name
    if who is not None and who.role != "operator":
        raise FarmNotUsable("--farm-credentials", f"a {who.role} hands in no work; give those of a submitter")
    there = await submitters_at(link)
    if said is not None and token_of(said) in there:
        return said
    if said is not None:
        known = ", ".join(there) or "nobody"
        reason = (
            f"the farm knows no submitter {said!r}, but {known}; name one, or say `kilnmark farm up --submitter NAME`"
        )
        raise FarmNotUsable("--submitter", reason)
    mine = token_of(login())
    if len(there) == 1 or mine in there:
        return mine if mine in there else there[0]
    if not there:
        raise FarmNotSetUp(link.address, "submitter", "`kilnmark farm up --submitter NAME`")
    raise FarmNotUsable("--submitter", f"the farm has several: {', '.join(there)}; name one")


async def submitters_at(link: FarmLink) -> list[str]:
    """The submitters that a farm has, by name.

    Raises:
        FarmError: The broker does not answer, or does not tell these.
    """
    stem, found = f"KV_{RESULTS}", list[str]()
    while True:
        asked = msgspec.json.encode({"offset": len(found)})
        with link.telling("look who hands in work"):
            reply = await link.nc.request(f"{link.api}.STREAM.NAMES", asked, timeout=10)
        page = msgspec.json.decode(reply.data, type=_Names)
        found += page.streams or []
        if not page.streams or len(found) >= page.total:
            return sorted(name.removeprefix(stem) for name in found if name.startswith(stem))


class _Names(msgspec.Struct):
    streams: list[str] | None = None
    total: int = 0
