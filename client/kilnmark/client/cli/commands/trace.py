"""`kilnmark trace`: renders as they pass, from a file of traces or from the daemon."""

from pathlib import Path

import click
import msgspec

from kilnmark.client.cli.options import json_option, socket_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.protocol.exits import ExitCode

__all__ = ["trace"]


@click.command(short_help="Renders as they pass, red where an adapter is dead.")
@click.argument("file", required=False, metavar="[FILE]", type=HomePath(exists=True, dir_okay=False, path_type=Path))
@click.option("--live", is_flag=True, help="Those of the daemon, from now on, until Ctrl-C.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written to FILE, until Ctrl-C.")
@click.option("--dead", is_flag=True, help="Show those alone of which an adapter is dead.")
@socket_option
@json_option
def trace(file: Path | None, *, live: bool, follow: bool, dead: bool, socket: str | None, as_json: bool) -> None:
    """Show each render: when, how long, its tier, and of each adapter the keys that matched, and its verdict.

    FILE is what `kilnmark serve --trace-file FILE` writes, or the file exporter of a collector: OTLP's JSON, a line a
    batch. Ends with 3 where an adapter of a render that was shown is dead. With --json each render is one line.
    """
    from kilnmark.client.cli.views.tables import console
    from kilnmark.client.cli.views.trace import show_seen
    from kilnmark.client.sync import Client
    from kilnmark.client.traces.passing import of_daemon, of_file

    if live == (file is not None) or (live and follow):
        raise click.UsageError("give a FILE of traces, or --live; -f is for a file")
    out, any_dead, count = console(), False, 0
    with Client(socket, away_timeout=0.0) as client:  # it ends with its daemon
        seen = of_daemon(client) if file is None else of_file(file, follow=follow, tell=_aside)
        try:
            for render in seen:
                any_dead, count = any_dead or render.dead, count + 1
                if dead and not render.dead:
                    continue
                write_document(render) if as_json else show_seen(out, render)
        except OSError as error:
            raise click.UsageError(f"{file} cannot be read ({error.strerror})") from error
        except msgspec.DecodeError as error:
            raise click.UsageError(
                f"{file} is no file of traces ({error}); `kilnmark serve --trace-file FILE` writes one"
            ) from error
    if file is not None and not count:
        _aside(f"{file} has no render in it")
    click.get_current_context().exit(ExitCode.NOT_ENGAGED if any_dead else ExitCode.DONE)


def _aside(sentence: str) -> None:
    write_line(f"warning: {sentence}", aside=True)
