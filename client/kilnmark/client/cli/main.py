"""The command line's entry: the group of commands, and the one place where errors become exit codes.

Under `--json` an error is a document on stdout like any result; otherwise it is a sentence on stderr.
"""

import io
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click

from kilnmark.client.cli.commands.asking import ping, status, stop, warm_up
from kilnmark.client.cli.commands.batch import batch
from kilnmark.client.cli.commands.completion import completion
from kilnmark.client.cli.commands.config import config
from kilnmark.client.cli.commands.doctor import doctor
from kilnmark.client.cli.commands.farm import farm
from kilnmark.client.cli.commands.jobs import cancel, jobs
from kilnmark.client.cli.commands.lab import lab
from kilnmark.client.cli.commands.lora import lora
from kilnmark.client.cli.commands.models import models
from kilnmark.client.cli.commands.pack import pack
from kilnmark.client.cli.commands.picks import picks
from kilnmark.client.cli.commands.picture import replay, show
from kilnmark.client.cli.commands.render import render
from kilnmark.client.cli.commands.review import review
from kilnmark.client.cli.commands.serve import serve
from kilnmark.client.cli.commands.service import service
from kilnmark.client.cli.commands.socket import socket_command
from kilnmark.client.cli.commands.style import style
from kilnmark.client.cli.commands.trace import trace
from kilnmark.client.cli.commands.web import mcp, web
from kilnmark.client.cli.exits import ErrorBody, ErrorDocument, exit_code_of
from kilnmark.client.cli.options import json_option, wants_json
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.streams import OutputLost, prepare_streams
from kilnmark.client.cli.views.document import write_document
from kilnmark.client.reports import reports_of
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.printable import printable_lines

__all__ = ["kilnmark", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("kilnmark"), prog_name="kilnmark")
def kilnmark() -> None:
    """Keep a FLUX model warm, and prove for every adapter of every picture what it changed.

    \b
    Exit codes:
      0    done
      1    failed
      2    the command line or a parameter is wrong
      3    an adapter did not engage or was refused
      4    `doctor` has warnings, and no fault
      69   no daemon
      75   try again: queue full, or socket held
      130  interrupted
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped


@kilnmark.command()
@click.option(
    "--output",
    type=HomePath(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    metavar="DIR",
    help="Where the pictures, the adapters and the trace are left.",
)
@json_option
def demo(output: Path, *, as_json: bool) -> None:
    """Render with healthy and dead adapters; see which are caught.

    It starts a daemon of its own with `mini`, the small model that comes with kilnmark, and ends it again; nothing is
    downloaded. All pictures are on one sheet, and on a page with what was found of each.
    """
    from kilnmark.client.cli.demo.demo import run
    from kilnmark.client.cli.views.tables import console, show_demo

    _require_folder(output)
    result = run(output, lambda line: click.echo(f"  {line}", err=True))
    if as_json:
        write_document(result)
    else:
        show_demo(console(), result)
    click.get_current_context().exit(ExitCode.DONE if result.holds else ExitCode.FAILED)


def _require_folder(output: Path) -> None:
    """Made where it is absent, and told before anything is painted where nothing can be written in it."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise click.BadParameter(
            f"{str(output)!r} cannot be written in ({error.strerror}); name another folder", param_hint="'--output'"
        ) from error


_COMMANDS = (
    *(serve, service, config, models, render, show, replay, jobs, cancel, status),
    *(trace, socket_command, ping, warm_up, stop),
    *(lora, style, pack, batch, picks, review, lab, farm, web, mcp, doctor, completion),
)

for _command in _COMMANDS:
    kilnmark.add_command(_command)


def main() -> None:
    """Run one command and leave with its exit code."""
    prepare_streams()
    arguments = sys.argv[1:]
    try:
        code = _run(arguments, as_json=wants_json(arguments))
    except OutputLost as error:
        code = exit_code_of(error)
        if not error.is_unread:
            _tell(error, as_json=False)
    sys.exit(code)


def _run(arguments: list[str], *, as_json: bool) -> int:
    try:
        code = kilnmark.main(arguments, prog_name="kilnmark", standalone_mode=False)
        sys.stdout.flush()
    except OutputLost:
        raise
    except KilnmarkError as error:
        _tell(error, as_json=as_json, arguments=arguments)
        return exit_code_of(error)
    except click.ClickException as error:
        _tell_usage(error, as_json=as_json)
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        _tell_interrupted(as_json=as_json)
        return ExitCode.INTERRUPTED
    return int(code or ExitCode.DONE)


def _tell(error: KilnmarkError, *, as_json: bool, arguments: Sequence[str] = ()) -> None:
    from kilnmark.client.cli.door import called, in_options
    from kilnmark.client.cli.views.tables import console, show_failure

    said = in_options(error, called(kilnmark, arguments))
    show_failure(console(stderr=True), said, reports_of(error), getattr(error, "trace_id", ""))
    if as_json:
        write_document(ErrorDocument.of(error))


def _tell_usage(error: click.ClickException, *, as_json: bool) -> None:
    told = io.StringIO()
    error.show(told)
    click.echo(printable_lines(told.getvalue()), nl=False, err=True)
    if as_json:
        write_document(ErrorDocument(ErrorBody(code=None, kind="usage", message=error.format_message())))


def _tell_interrupted(*, as_json: bool) -> None:
    click.echo("interrupted", err=True)
    if as_json:
        write_document(ErrorDocument(ErrorBody(code=None, kind="interrupted", message="interrupted", retryable=True)))
