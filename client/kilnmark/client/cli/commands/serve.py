"""The `serve` command: settings from wherever they are said, then this process becomes the daemon.

The daemon is named, never imported: what it needs is not part of the light installation, and its settings are one
JSON argument that it checks itself.
"""

import importlib.util
import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.settings.options import SettingsCommand, gathered
from kilnmark.client.dial import looked_at, socket_path
from kilnmark.client.errors import DaemonNotInstalled
from kilnmark.protocol.printable import printable

if TYPE_CHECKING:
    from kilnmark.client.cli.settings.gather import Gathered
    from kilnmark.protocol.settings import Settings

__all__ = ["config_option", "daemon_command", "require_daemon", "require_packs", "serve"]

_PACKAGES = ("mflux", "uvloop")

NO_BASE = """\
No base is named, so this is the stand-in: its pictures are noise, and only show
what adapters do. `--variant mini` paints small pictures at once, and nothing is
fetched for it. A real one, as `--variant dev`, wants its licence accepted, a
token, disk and memory: `kilnmark models list`, docs/first-model.md.
"""
"""What is said where nobody names a base."""

config_option = click.option(
    "--config",
    type=HomePath(),
    metavar="FILE",
    help="Read settings from this TOML file. [default: $KILNMARK_CONFIG, else config.toml in your configuration folder "
    "for kilnmark]",
)


@click.command(cls=SettingsCommand)
@config_option
@click.option("--only-settings", is_flag=True, hidden=True)
@json_option
def serve(config: str | None, *, only_settings: bool, as_json: bool, **options: object) -> None:
    """Run the daemon here, until `kilnmark stop` or Ctrl-C.

    What no option says, a variable or a file may: `kilnmark config` shows each setting and who says it. With --json the
    settings are the document; what happens later is written to stderr.
    """
    require_daemon()
    found = gathered(options, config)
    settings = found.settings
    if not only_settings and found.said["socket"].origin == "default":
        _tell_of_others(str(settings.socket))
    require_packs(found)
    if as_json or only_settings:
        click.echo(settings.model_dump_json())
    if only_settings:
        return
    if found.said["variant"].origin == "default":
        click.echo(NO_BASE, err=True, nl=False)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [*daemon_command(settings), _again()])  # noqa: S606 - our own interpreter


def _tell_of_others(socket: str) -> None:
    """Clients that name no socket take the first place that is served, and may pass over a second daemon."""
    other = socket_path(None)
    if other != socket and looked_at(other) is None:
        problem = f"note: a daemon of yours listens at {other} already"
        click.echo(f"{problem}, and clients may find that instead: `kilnmark socket` says which", err=True)


def require_packs(found: "Gathered") -> None:
    """Tells of a folder of packs without a genre.

    Raises:
        click.BadParameter: It is a genre itself, named instead of the folder that it lies in.
    """
    from kilnmark.client.pack_files import PackFolder
    from kilnmark.protocol.content.packs import pack_names, refuse_genre
    from kilnmark.protocol.content.problems import UnusableContent

    if (folder := found.settings.packs) is None:
        return
    files = PackFolder(folder)
    try:
        refuse_genre(files)
    except UnusableContent as error:
        raise click.BadParameter(f"{folder}/{error}", param_hint=found.said["packs"].where) from error
    with suppress(UnusableContent):  # `status` tells what cannot be listed
        if not pack_names(files):
            words = f"note: there is no genre in {folder} yet; `kilnmark pack init` begins one"
            click.echo(printable(words), err=True)


def daemon_command(settings: "Settings") -> list[str]:
    """The daemon's command line.

    `-P` keeps the current folder off Python's path: people start the daemon among files they fetched from anywhere,
    and one named like a module must not be run.
    """
    return [sys.executable, "-P", "-m", "kilnmark.daemon", settings.model_dump_json()]


def _again() -> str:
    """How the daemon reads its settings again: this command once more, which says them and ends."""
    said = [argument for argument in sys.argv[1:] if argument != "--json"]
    return json.dumps([sys.executable, "-P", "-m", "kilnmark.client.cli", *said, "--only-settings"])


def require_daemon() -> None:
    """Raises DaemonNotInstalled where only the light installation is."""
    missing = tuple(name for name in _PACKAGES if importlib.util.find_spec(name) is None)
    if missing:
        raise DaemonNotInstalled(missing, "daemon" if sys.platform == "darwin" else "cpu")
