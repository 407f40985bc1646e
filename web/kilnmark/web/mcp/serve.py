"""`kilnmark mcp`: the server over standard input and output, from its start until the other end is closed.

Nothing but messages of the protocol may be written to standard output.
"""

import asyncio
from importlib.util import find_spec

from kilnmark.client.aio import AsyncClient
from kilnmark.client.tracing import traced_command
from kilnmark.web.mcp.errors import McpNotInstalled

__all__ = ["serve_agents"]


def serve_agents(socket: str | None) -> None:
    """Serve one agent until it hangs up.

    Args:
        socket: The daemon's; None: where it listens when nobody says otherwise. It need not be there yet.

    Raises:
        McpNotInstalled: the packages of the extra are not there.
    """
    if find_spec("mcp") is None:
        raise McpNotInstalled
    with traced_command():
        asyncio.run(_serve(socket))


async def _serve(socket: str | None) -> None:
    from mcp.server.stdio import stdio_server

    from kilnmark.web.mcp.server import agent_server

    async with AsyncClient(socket) as client, stdio_server() as (incoming, outgoing):
        server = agent_server(client)
        await server.run(incoming, outgoing, server.create_initialization_options())
