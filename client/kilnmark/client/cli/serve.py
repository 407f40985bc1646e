"""The `serve` command: options to settings, then this process becomes the daemon.

The daemon is named, never imported: what it needs is not part of the light installation, and its settings are one
JSON argument that it checks itself.
"""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import UNSET, UnsetType

from kilnmark.client.cli.commands import write_document
from kilnmark.client.cli.options import NamedBase, json_option, named_base, nbytes, socket_option
from kilnmark.client.dial import socket_path
from kilnmark.client.errors import DaemonNotInstalled
from kilnmark.protocol.picture.catalog import VARIANTS

__all__ = ["ServeSettings", "daemon_command", "data_folder", "require_daemon", "serve"]

_PACKAGES = ("mflux", "uvloop")


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon is started with; every path is absolute.

    Attributes:
        socket: Where it listens.
        variant: A name of the catalog or of `bases`, or a directory that mflux can load.
        bases: Where the other bases are that requests may name; None leaves it to the daemon.
        base_memory: Bytes that all bases together may take; None leaves it to the daemon.
        quantize: 3 to 8 bits; None keeps a base as it is stored.
        output_dir: Where it writes pictures.
        lora_roots: The folders adapters are read from.
        packs: The folder of content packs; None: there is none.
        queue_limit: Renders that may wait. Left out, as the numbers below, the daemon decides.
        batch_delay: Seconds for which renders of the stack that is on the base may go before older ones.
        cache_bytes, adapter_cache_bytes, stack_cache_bytes: Of finished pictures, adapters and stacks to hold.
    """

    socket: str
    variant: str
    bases: dict[str, str] | None = None
    base_memory: int | None = None
    quantize: int | None
    output_dir: str
    lora_roots: list[str]
    packs: str | None = None
    queue_limit: int | UnsetType = UNSET
    batch_delay: float | UnsetType = UNSET
    cache_bytes: int | UnsetType = UNSET
    adapter_cache_bytes: int | UnsetType = UNSET
    stack_cache_bytes: int | UnsetType = UNSET


def data_folder(env: Mapping[str, str], *, platform: str, home: Path) -> Path:
    """The folder that a user's own files of this program live in.

    `$XDG_DATA_HOME/kilnmark`, else on macOS `~/Library/Application Support/kilnmark`, else `~/.local/share/kilnmark`.
    """
    if named := env.get("XDG_DATA_HOME"):
        return Path(named) / "kilnmark"
    if platform == "darwin":
        return home / "Library" / "Application Support" / "kilnmark"
    return home / ".local" / "share" / "kilnmark"


@click.command()
@click.option(
    "--variant",
    default="standin",
    show_default=True,
    metavar="NAME|DIR",
    help=f"The base to hold at once: {', '.join(VARIANTS)}, a name of --base, or a directory that mflux can load.",
)
@click.option(
    "--base",
    "bases",
    type=named_base,
    multiple=True,
    metavar="NAME|DIR|NAME=DIR",
    help="Let requests name this base too; repeatable. [default: every name above where --variant is one that mflux "
    "fetches, else standin only]",
)
@click.option(
    "--base-memory",
    type=nbytes,
    metavar="SIZE",
    help="What all bases together may take, such as 24GB; the least recently used leave first. [default: 85% of the "
    "device's memory]",
)
@click.option("--quantize", type=click.Choice(["3", "4", "5", "6", "8"]), help="Bits of the base's linear layers.")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where pictures are written. [default: pictures, in your data folder for kilnmark]",
)
@click.option(
    "--lora-root",
    "lora_roots",
    type=click.Path(exists=True, file_okay=False),
    multiple=True,
    metavar="DIR",
    help="Read adapters below this folder only; repeatable. [default: here, and loras in your data folder]",
)
@click.option(
    "--packs",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Content packs that renders may name by --genre and --world; their adapters are read too.",
)
@click.option(
    "--queue-limit",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Renders that may wait; one more is refused. [default: 1000]",
)
@click.option(
    "--batch-delay",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="How long renders of the stack that is on the base may go before older ones; 0 for never. [default: 30]",
)
@click.option(
    "--picture-cache",
    "cache_bytes",
    type=nbytes,
    metavar="SIZE",
    help="Pictures that may be the answer to an equal request again; 0 for none. [default: 2GiB]",
)
@click.option(
    "--adapter-cache",
    "adapter_cache_bytes",
    type=nbytes,
    metavar="SIZE",
    help="Adapters to hold as they were read. [default: 2GiB]",
)
@click.option(
    "--stack-cache",
    "stack_cache_bytes",
    type=nbytes,
    metavar="SIZE",
    help="Stacks that each base holds ready to be put on again. [default: 2GiB]",
)
@socket_option
@json_option
def serve(  # noqa: PLR0913 - one an option
    *,
    socket: str | None,
    variant: str,
    bases: tuple[NamedBase, ...],
    base_memory: int | None,
    quantize: str | None,
    output_dir: str | None,
    lora_roots: tuple[str, ...],
    packs: str | None,
    as_json: bool,
    **limits: Any,
) -> None:
    """Run the daemon here, until `kilnmark stop` or Ctrl-C.

    With --json its settings are the document; what happens later is written to stderr.
    """
    require_daemon()
    data = data_folder(os.environ, platform=sys.platform, home=Path.home())
    settings = ServeSettings(
        socket=socket_path(socket),
        variant=_variant(variant, [base.name for base in bases]),
        bases={base.name: base.place for base in bases} or None,
        base_memory=base_memory,
        quantize=None if quantize is None else int(quantize),
        output_dir=str(Path(output_dir or data / "pictures").absolute()),
        lora_roots=[str(Path(root).absolute()) for root in lora_roots or (".", data / "loras")],
        packs=None if packs is None else str(Path(packs).absolute()),
        **{name: limit for name, limit in limits.items() if limit is not None},
    )
    if as_json:
        write_document(settings)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, daemon_command(settings))  # noqa: S606 - our own interpreter


def daemon_command(settings: ServeSettings) -> list[str]:
    """The daemon's command line.

    `-P` keeps the current folder off Python's path: people start the daemon among files they fetched from anywhere,
    and one named like a module must not be run.
    """
    return [sys.executable, "-P", "-m", "kilnmark.daemon", msgspec.json.encode(settings).decode()]


def _variant(named: str, bases: Sequence[str]) -> str:
    if named in VARIANTS or named in bases:
        return named
    if Path(named).is_dir():
        return str(Path(named).absolute())
    known = ", ".join([*VARIANTS, *bases])
    raise click.BadParameter(f"{named!r} is neither a directory nor one of {known}", param_hint="--variant")


def require_daemon() -> None:
    """Raises DaemonNotInstalled where only the light installation is."""
    missing = tuple(name for name in _PACKAGES if importlib.util.find_spec(name) is None)
    if missing:
        raise DaemonNotInstalled(missing, "daemon" if sys.platform == "darwin" else "cpu")
