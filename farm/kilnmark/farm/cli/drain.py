"""`kilnmark farm drain`: a node finishes what it has, and leaves."""

import asyncio
from pathlib import Path

import click

from kilnmark.client.cli.views.document import write_line
from kilnmark.farm.broker.credentials import address_of
from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.cli.options import credentials_of, farm_options
from kilnmark.farm.errors import NoNode
from kilnmark.farm.names import drain_subject
from kilnmark.farm.submit.nodes import seen_nodes

__all__ = ["drain"]


@click.command(short_help="Let a node finish, and leave.")
@farm_options
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...")
def drain(address: str | None, credentials: Path | None, nodes: tuple[str, ...]) -> None:
    """Let each NODE finish what it has, take nothing more, and leave; its daemon goes on."""
    asyncio.run(_drain(address, credentials, nodes))


async def _drain(address: str | None, credentials: Path | None, nodes: tuple[str, ...]) -> None:
    import nats.errors

    who = credentials_of(credentials)
    async with farm_link(address_of(address, who), who) as link:
        silent = []
        for node in nodes:
            with link.telling("ask a node to leave"):
                try:
                    await link.nc.request(drain_subject(node), b"", timeout=10)
                except (nats.errors.NoRespondersError, nats.errors.TimeoutError):  # or it is there, and hangs
                    silent.append(node)
                    continue
            write_line(f"{node} finishes what it has, and leaves")
        known = {each.info.name: each.info.state for each in await seen_nodes(link)} if silent else {}
        for node in silent:
            if known.get(node) == "left":
                write_line(f"{node} has left")
        if absent := [node for node in silent if known.get(node) != "left"]:
            mend = f"those that ever joined: {', '.join(known) or 'none'}"
            raise NoNode(link.address, f"called {' or '.join(map(repr, absent))} answers", mend)
