"""The options by which many machines paint a batch. The farm is named, never imported, until one is asked for."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from kilnmark.client.cli.paths import HomePath

if TYPE_CHECKING:
    from kilnmark.client.batch.run.paints import Paints

__all__ = ["FARM_OPTIONS", "AskedFarm"]


@dataclass(frozen=True, kw_only=True)
class AskedFarm:
    """Which farm is to paint, and as whom it is asked.

    Attributes:
        address: Of its broker; None: the daemon paints.
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

    def painting(self, out: Path, what: str) -> "AbstractAsyncContextManager[Paints]":
        """Who paints while the block lasts.

        Args:
            out: The folder of the batch.
            what: What asks, for whoever looks at the farm: `batch poi`.
        """
        door = import_module("kilnmark.farm.submit.door")
        opened = door.farm_painter(self, out, what)
        return cast("AbstractAsyncContextManager[Paints]", opened)


FARM_OPTIONS = (
    click.option(
        "--farm", "address", metavar="URL", help="Have a farm paint, by its broker: nats://HOST:PORT, or tls://."
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
