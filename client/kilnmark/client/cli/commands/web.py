"""The `web` group and `mcp`: the web process and its rooms are named, never imported, until they are asked for."""

from importlib import import_module

import click

from kilnmark.client.cli.options import socket_option

__all__ = ["mcp", "web"]


class _Web(click.Group):
    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        return self._there().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return self._there().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._there().get_command(ctx, cmd_name)

    @staticmethod
    def _there() -> click.Group:
        found: click.Group = import_module("kilnmark.web.cli.main").web
        return found


@click.group(cls=_Web, short_help="The panel and the API for pictures, over HTTP.")
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
