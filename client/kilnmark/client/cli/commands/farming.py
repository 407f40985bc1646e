"""The options by which many machines paint a batch. The farm is named, never imported, until one is asked for."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from kilnmark.client.cli.paths import HomePath

if TYPE_CHECKING:
    from kilnmark.client.batch.run.paints import Paints
    from kilnmark.protocol.wire.status import StatusResult

__all__ = ["FARM_OPTIONS", "AskedFarm"]


_DOOR = "kilnmark.farm.submit.door"

_SAID = {
    "credentials": "--farm-credentials",
    "submitter": "--submitter",
    "detached": "--detach",
    "race": "--race",
    "content_anew": "--content-anew",
    "shared": "--shared",
}
"""How what is for a farm alone was said."""


@dataclass(frozen=True, kw_only=True)
class AskedFarm:
    """Which farm is to paint, and as whom it is asked.

    Attributes:
        address: Of its broker; empty: as the environment or the credentials have it; None: the daemon paints.
        credentials: A file of them; None: those of the environment, if there are any.
        content_anew: Files are sent though they lie at the broker.
        shared: A folder that its nodes put pictures into.
        submitter: As whom, where credentials do not say.
        detached: All is handed in, and nothing waited for.
        race: The last pictures that take far longer than their like are asked of a second node.
    """

    address: str | None
    credentials: Path | None
    content_anew: bool
    shared: Path | None
    submitter: str | None
    detached: bool
    race: bool

    @property
    def painter(self) -> str:
        """What paints, in a word."""
        return "daemon" if self.address is None else "farm"

    def require_fitting(self, notify_url: str | None, *, force: bool) -> None:
        """See that all that is asked goes together.

        Args:
            notify_url: Where the end of the batch is to be told.
            force: What is there is painted, too.

        Raises:
            UsageError: It does not.
            ClientError: No broker is named anywhere, or credentials cannot be read.
        """
        if self.address is None:
            given = [said for name, said in _SAID.items() if getattr(self, name)]
            if given:
                raise click.UsageError(f"{given[0]} is for a batch that a farm paints; give --farm, or leave it out")
            return
        if notify_url is not None:
            problem = "--notify-url: daemons tell of ends, and a farm asks none of this machine"
            raise click.UsageError(f"{problem}; leave it out, and go by the exit code of this command")
        if self.detached and force:
            problem = "--force and --detach: pictures that are painted anew are taken in by whoever waits for them"
            raise click.UsageError(f"{problem}; leave one of the two out")

        if self.detached and self.race:
            raise click.UsageError("--race: pictures are raced for whoever waits for them; leave it out, or wait")
        door: Any = import_module(_DOOR)
        door.require_broker(self)

    def status(self) -> "StatusResult":
        """What the farm paints on now.

        Raises:
            ClientError: It cannot be asked, or no machine of it paints.
        """
        door: Any = import_module(_DOOR)
        return cast("StatusResult", asyncio.run(door.farm_status(self)))

    def painting(self, out: Path, what: str) -> "AbstractAsyncContextManager[Paints]":
        """Who paints while the block lasts.

        Args:
            out: The folder of the batch.
            what: What asks, for whoever looks at the farm: `batch poi`.
        """
        door = import_module(_DOOR)
        opened = door.farm_painter(self, out, what)
        return cast("AbstractAsyncContextManager[Paints]", opened)


FARM_OPTIONS = (
    click.option(
        "--farm",
        "address",
        is_flag=False,
        flag_value="",
        metavar="[URL]",
        help="Have a farm paint, by its broker: nats://HOST:PORT, or tls://. Without a value: KILNMARK_FARM, or as the "
        "credentials say.",
    ),
    click.option(
        "--farm-credentials",
        "credentials",
        type=HomePath(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="As whom the farm is asked. [env: KILNMARK_FARM_CREDENTIALS]",
    ),
    click.option("--submitter", metavar="NAME", help="The same, where the farm asks nobody."),
    click.option("--detach", "detached", is_flag=True, help="Hand all in, and leave; the same without it takes it in."),
    click.option("--race", is_flag=True, help="Have a second node paint the last ones, where they take long."),
    click.option("--content-anew", is_flag=True, help="Send the farm all files though it has them."),
    click.option(
        "--shared",
        type=HomePath(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="The folder that the farm's nodes put pictures into, where they do.",
    ),
)
