"""`kilnmark farm work`: this machine's daemon joins a farm."""

import asyncio
import contextlib
import itertools
import socket
from pathlib import Path
from typing import Any

import click

from kilnmark.client.cli.options import WholeNumber, nbytes, socket_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.batch import counted
from kilnmark.client.cli.views.document import write_line
from kilnmark.client.tracing import traced_command
from kilnmark.farm.broker.credentials import FarmCredentials, address_of
from kilnmark.farm.cli.ending import when_told_to_end
from kilnmark.farm.cli.options import credentials_of, farm_options
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.farm.node.node import FarmNode, NodeSettings
from kilnmark.farm.node.work import LEASE
from kilnmark.otel.measures import Measures

__all__ = ["work"]


@click.command(short_help="Join this machine's daemon to a farm.")
@farm_options
@socket_option
@click.option("--name", metavar="NAME", help="Of this node. [default: its credentials', else the machine's]")
@click.option(
    "--content",
    type=HomePath(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where adapters are kept, below one of the daemon's adapter roots. [default: `farm` in the last of those]",
)
@click.option(
    "--content-budget",
    "budget",
    type=nbytes,
    default="50GB",
    show_default=True,
    metavar="SIZE",
    help="How much stays.",
)
@click.option(
    "--depth",
    type=WholeNumber(1, 16),
    default=2,
    show_default=True,
    metavar="N",
    help="Jobs that the daemon has at once.",
)
@click.option(
    "--lease",
    type=click.FloatRange(min=1.0, max=3600.0),
    default=LEASE,
    show_default=True,
    metavar="SECONDS",
    help="After so long without a word from its node a job is another's; the same on every node.",
)
@click.option(
    "--shared",
    type=HomePath(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Put pictures into this folder, which submitters read too, and not into the broker.",
)
def work(address: str | None, credentials: Path | None, socket: str | None, name: str | None, **given: Any) -> None:
    """Join this machine's daemon to a farm, until Ctrl-C: what it has is finished then. A second Ctrl-C gives it back.

    The daemon is one of `kilnmark serve`, and nothing of it changes: whoever asks it for pictures meanwhile is served
    as before.
    """
    who = credentials_of(credentials)
    settings = NodeSettings(name=_named(name, who), **given)
    with traced_command(measured=True, service="kilnmark-farm-node") as measures:
        asyncio.run(_work(address_of(address, who), who, socket, settings, measures))


def _named(said: str | None, who: FarmCredentials | None) -> str:
    """The node's name; that of its credentials, where they are of a node.

    Raises:
        FarmNotUsable: Another was said.
    """
    if who is None or who.role != "node":
        return said or socket.gethostname().split(".")[0] or "node"
    if said is not None and said != who.name:
        raise FarmNotUsable("--name", f"these credentials are of the node {who.name!r}; leave the option out")
    return who.name


async def _work(
    address: str, who: FarmCredentials | None, socket: str | None, settings: NodeSettings, measures: Measures
) -> None:
    from kilnmark.client.aio import AsyncClient
    from kilnmark.farm.broker.link import farm_link

    async with farm_link(address, who, name=settings.name) as link, AsyncClient(socket, away_timeout=5.0) as client:
        node = FarmNode(link, client, settings, measures)
        running = asyncio.create_task(node.run(lambda: write_line(f"{settings.name} works for {address}", aside=True)))

        signals = itertools.count(1)

        def leave() -> None:
            if next(signals) > 1:  # one that it is told to drain by, from elsewhere, is none
                running.cancel()
                return
            node.drain()
            _say("finishing what is here; Ctrl-C again gives it back")

        when_told_to_end(leave)
        with contextlib.suppress(asyncio.CancelledError):
            await running
        _say(f"{settings.name} left: {counted(node.about.done, 'picture')}, {node.about.failed} failed")


def _say(words: str) -> None:
    with contextlib.suppress(OSError):  # the terminal is closed
        write_line(words, aside=True)
