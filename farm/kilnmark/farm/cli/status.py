"""`kilnmark farm status`: nodes, jobs, rate, and what waits for what."""

import asyncio
import sys
import time
from pathlib import Path

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.views.document import write_document
from kilnmark.farm.broker.patience import ELECTION, patiently
from kilnmark.farm.cli.asking import asked_farm
from kilnmark.farm.cli.options import farm_options
from kilnmark.farm.status.documents import FarmStatus
from kilnmark.farm.status.reading import read_status

__all__ = ["status"]

_EVERY = 2.0
"""Seconds between two looks, or as many times as long as one takes as `_SHARE` says."""
_SHARE = 10


@click.command(short_help="Show nodes, jobs, and what waits for what.")
@farm_options
@click.option("--submitter", metavar="NAME", help="Only jobs of this one.")
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@json_option
def status(address: str | None, credentials: Path | None, submitter: str | None, *, watch: bool, as_json: bool) -> None:
    """Show the nodes, their bases and memory; jobs by state; the rate; dead adapters; and what waits for what.

    A submitter sees its own jobs, and all nodes. Ages are by the broker's clock.
    """
    asyncio.run(_show(address, credentials, submitter, watch=watch, as_json=as_json))


async def _show(
    address: str | None, credentials: Path | None, submitter: str | None, *, watch: bool, as_json: bool
) -> None:
    async with asked_farm(address, credentials, submitter) as asked:
        while True:
            began = time.monotonic()
            found = await patiently(lambda: read_status(asked.link, asked.submitters), ELECTION)
            if watch and sys.stdout.isatty():
                click.clear()
            _tell(found, as_json=as_json)
            if not watch:
                return
            await asyncio.sleep(max(_EVERY, _SHARE * (time.monotonic() - began)))


def _tell(found: FarmStatus, *, as_json: bool) -> None:
    from kilnmark.client.cli.views.tables import console
    from kilnmark.farm.status.views import show_farm

    if as_json:
        write_document(found)
    else:
        show_farm(console(), found)
