"""`kilnmark mcp` as an agent's program starts it: a process whose standard input and output are spoken to."""

import asyncio
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from kilnmark.client.testing import fake_daemon
from tests.client.here import KILNMARK

SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 1, "seed": 7}


@pytest.mark.slow
def test_an_agents_program_starts_it_and_gets_a_picture() -> None:
    async def run(socket: str) -> tuple[list[str], Any]:
        command = StdioServerParameters(command=str(KILNMARK), args=["mcp", "--socket", socket])
        async with asyncio.timeout(60), Client(stdio_client(command)) as asking:
            tools = [tool.name for tool in (await asking.list_tools()).tools]
            return tools, await asking.call_tool("render", {"prompt": "a fox", **SMALL})

    with fake_daemon() as daemon:
        tools, made = asyncio.run(run(str(daemon.socket)))
        assert tools[0] == "render"
        assert not made.is_error
        assert made.structured_content["image_path"].startswith(str(daemon.pictures))
