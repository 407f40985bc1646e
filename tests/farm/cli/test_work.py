"""`kilnmark farm work` as a process: it joins, says so, and leaves when it is told to."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from kilnmark.client.testing import fake_daemon
from kilnmark.farm.broker.link import farm_link
from tests.farm.node.handed_in import hand_in, result_of

COMMAND = [str(Path(sys.executable).with_name("kilnmark")), "farm", "work", "--name", "forge", "--lease", "5"]


def test_a_daemon_joins_paints_and_leaves(broker: str) -> None:
    async def ask() -> str:
        async with farm_link(broker) as link:
            await hand_in(link, "by-command")
            return (await result_of(link, "by-command")).node

    with fake_daemon() as daemon:
        command = [*COMMAND, "--farm", broker, "--socket", str(daemon.socket)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert asyncio.run(ask()) == "forge"
            finally:
                process.send_signal(signal.SIGHUP)  # the terminal is closed
            _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said.splitlines()[0] == f"forge works for {broker}"
    assert said.splitlines()[-1] == "forge left: 1 picture, 0 failed"
