"""What commands that look at the farm, or change what it does, have in common: a connection, and whose jobs."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kilnmark.farm.broker.credentials import address_of
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.patience import ELECTION, patiently
from kilnmark.farm.cli.options import credentials_of
from kilnmark.farm.submit.door import submitters_at

__all__ = ["AskedAs", "asked_farm"]


@dataclass(frozen=True)
class AskedAs:
    """The farm, and whose jobs are looked at.

    Attributes:
        link: To its broker.
        submitters: One where credentials are of one, or one was named; else all.
    """

    link: FarmLink
    submitters: Sequence[str]


@asynccontextmanager
async def asked_farm(
    address: str | None, credentials: Path | None, submitter: str | None = None
) -> AsyncIterator[AskedAs]:
    """Connect, and hang up when the block ends.

    Args:
        address, credentials: As the options have them.
        submitter: Whose jobs alone.

    Raises:
        FarmError: The farm cannot be reached, or does not let these in.
    """
    who = credentials_of(credentials)
    async with farm_link(address_of(address, who), who) as link:
        if who is not None and who.role == "submitter":
            yield AskedAs(link, [who.name])
        else:
            there = [submitter] if submitter else await patiently(lambda: submitters_at(link), ELECTION)
            yield AskedAs(link, there)
