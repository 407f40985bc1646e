"""What commands that look at the farm, or change what it does, have in common: a connection, and whose jobs."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kilnmark.farm.broker.credentials import address_of
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.patience import ELECTION, patiently
from kilnmark.farm.cli.options import credentials_of
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.farm.names import token_of
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
        FarmNotUsable: Credentials are of another submitter, or the farm knows none of that name.
        FarmError: The farm cannot be reached, or does not let these in.
    """
    who = credentials_of(credentials)
    async with farm_link(address_of(address, who), who) as link:
        if who is not None and who.role == "submitter":
            if submitter not in (None, who.name):
                raise FarmNotUsable("--submitter", f"these credentials are of {who.name!r}; leave the option out")
            yield AskedAs(link, [who.name])
            return
        there = await patiently(lambda: submitters_at(link), ELECTION)
        if submitter is not None and token_of(submitter) not in there:
            known = ", ".join(there) or "nobody"
            raise FarmNotUsable("--submitter", f"the farm knows no submitter {submitter!r}, but {known}; name one")
        yield AskedAs(link, there if submitter is None else [submitter])
