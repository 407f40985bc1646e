"""The page for agents: what it says of the tools is so, and its example starts them."""

import asyncio
import json
import re
from pathlib import Path

from click.testing import CliRunner
from mcp import Client

from kilnmark.client import AsyncClient
from kilnmark.client.cli.main import kilnmark
from kilnmark.web.mcp.server import agent_server

PAGE = (Path(__file__).parents[3] / "docs" / "mcp.md").read_text(encoding="utf-8")


def test_its_table_has_every_tool() -> None:
    async def told() -> list[str]:
        async with AsyncClient("/nowhere.sock") as client, Client(agent_server(client)) as asking:
            return [tool.name for tool in (await asking.list_tools()).tools]

    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == asyncio.run(told())


def test_its_example_is_a_command_that_there_is() -> None:
    [written] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    [server] = json.loads(written)["mcpServers"].values()
    assert server["command"] == "kilnmark"
    helped = CliRunner().invoke(kilnmark, [*server["args"], "--help"])
    assert (helped.exit_code, "Model Context Protocol" in helped.stdout) == (0, True)
