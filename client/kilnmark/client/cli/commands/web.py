"""The `web` group and `mcp`: the web process and its rooms are named, never imported, until they are asked for."""

from importlib import import_module

import click

from kilnmark.client.cli.options import socket_option
from kilnmark.client.cli.parts import PartGroup

__all__ = ["mcp", "web"]


@click.group(
    cls=PartGroup,
    where="kilnmark.web.cli.main:web",
    own_options=True,
    short_help="The panel and the API for pictures, over HTTP.",
)
def web() -> None:
    """The panel and the API for pictures, over HTTP."""


@click.command(short_help="Serve an agent over standard input and output.")
@socket_option
def mcp(socket: str | None) -> None:
    """Serve an agent over standard input and output, by the Model Context Protocol, until it hangs up.

    Its tools are render, compose, inspect, jobs and show. Programs of agents start it: the command is `kilnmark`, its
    argument `mcp`.
    """
    import_module("kilnmark.web.mcp.serve").serve_agents(socket)
