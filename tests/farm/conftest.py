"""A broker of its own for each module, as `kilnmark farm up` runs it, and nodes that look for work often."""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.broker.server import ServerSettings, broker_server
from kilnmark.farm.broker.setup import FarmPlan, set_up
from kilnmark.farm.node import node


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """No test waits for a second that decides nothing: for work that does not come, or for a node that may go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(node, "_IDLE", 0.05)
        patch.setattr(node, "_TAKING", 0.05)
        yield


@pytest.fixture(scope="module")
def broker(around_tmp_paths: Path) -> Iterator[str]:
    """The address of one that asks nobody, with a farm and the submitter `ann`."""
    store = Path(tempfile.mkdtemp(prefix="broker-", dir=around_tmp_paths))
    told, over = threading.Event(), threading.Event()
    address: list[str] = []

    async def serve(path: Path) -> None:
        async with broker_server(ServerSettings(store=path, port=0)) as server:
            async with farm_link(server.address) as link:
                await set_up(link, FarmPlan(submitters=["ann"]))
            address.append(server.address)
            told.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(store),))
    thread.start()
    try:
        assert told.wait(20), "the broker did not start"
        yield address[0]
    finally:
        over.set()
        thread.join()
