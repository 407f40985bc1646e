"""The commands that ask a running daemon something: render, status, ping, warm-up, stop.

Each turns options into one call of `Client` and a result into one document or one table. Errors are left to `cli`.
"""

import os
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from kilnmark.client.cli.exits import exit_code_of_reports
from kilnmark.client.cli.left import telling_uncancelled
from kilnmark.client.cli.options import (
    ScaledPath,
    draft_option,
    extra_lora_option,
    given_picture,
    json_option,
    scaled_path,
    seconds,
    socket_option,
)
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.client.errors import StopTimeout
from kilnmark.client.sync import Client
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.catalog import PRIORITIES
from kilnmark.protocol.wire.address import LOCK_SUFFIX
from kilnmark.protocol.wire.replies import ShutdownResult

__all__ = ["farewell", "ping", "render", "status", "stop", "warm_up"]

_LOOK_AGAIN = 0.05
"""Seconds between two looks at whether the socket is gone; nothing announces it."""


_COMING = 60.0
"""Seconds for which a daemon is waited for that is being started."""


class Pinged(msgspec.Struct, frozen=True, kw_only=True):
    """Who answered, and how long it took."""

    version: str
    pid: int
    uptime_s: float
    round_trip_ms: float


@click.command()
@socket_option
@json_option
def ping(socket: str | None, *, as_json: bool) -> None:
    """Ask whether the daemon answers, and how fast.

    It ends with 69 where there is no daemon, and with 1 where one says nothing for 30 seconds.
    """
    with Client(socket) as client:
        client.ping()
        started = time.perf_counter()
        answer = client.ping()
        elapsed = (time.perf_counter() - started) * 1000
    pinged = Pinged(version=answer.version, pid=answer.pid, uptime_s=answer.uptime_s, round_trip_ms=round(elapsed, 3))
    if as_json:
        write_document(pinged)
    else:
        write_line(f"kilnmark {pinged.version}, process {pinged.pid}: {pinged.round_trip_ms:.2f} ms")


@click.command()
@socket_option
@json_option
def status(socket: str | None, *, as_json: bool) -> None:
    """Show what the daemon holds and does.

    It ends with 1 where no worker gets ready, or the first base could not be held.
    """
    from kilnmark.client.cli.views.status import show_status
    from kilnmark.client.cli.views.tables import console

    with Client(socket) as client:
        result = client.status()
    if as_json:
        write_document(result)
    else:
        show_status(console(), result)
    if result.state in ("degraded", "failed"):
        click.get_current_context().exit(ExitCode.FAILED)


@click.command("warm-up")
@click.option("--variant", metavar="NAME", help="The base to warm. [default: the one the daemon was started with]")
@click.option(
    "--wait",
    is_flag=False,
    flag_value=_COMING,
    type=seconds,
    metavar="[SECONDS]",
    help=f"Wait for a daemon that is still to come, such as one that is just being started: {_COMING:g} seconds, or as "
    "many as are given.",
)
@socket_option
@json_option
def warm_up(socket: str | None, *, variant: str | None, wait: float | None, as_json: bool) -> None:
    """Wait until a base is warm."""
    from kilnmark.client.cli.views.progress import progress_bar
    from kilnmark.client.cli.views.tables import console, show_warm_up

    with Client(socket, start_timeout=wait or 0.0) as client, progress_bar("warming"):
        result = client.warm_up(variant)
    if as_json:
        write_document(result)
    else:
        show_warm_up(console(), result)


@click.command()
@click.option("--drain", is_flag=True, help="Finish the accepted renders first.")
@click.option(
    "--timeout",
    type=seconds,
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until the daemon has left.",
)
@socket_option
@json_option
def stop(socket: str | None, *, drain: bool, timeout: float, as_json: bool) -> None:
    """Tell the daemon to leave, and wait until it has.

    Where a service manager holds its socket, that stays, and the next client starts another daemon.
    """
    with Client(socket) as client:
        path = Path(client.socket)
        identity, lives = _identity(path), _holder(path)
        answer = client.shutdown(drain=drain)
    deadline = time.monotonic() + timeout
    while _identity(path) == identity and (lives is None or _is_there(lives)):
        if time.monotonic() > deadline:
            raise StopTimeout(timeout, str(path))
        time.sleep(_LOOK_AGAIN)
    if as_json:
        write_document(answer)
    else:
        write_line(farewell(answer, drain=drain))


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells one socket from the next at the same path; None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _holder(path: Path) -> int | None:
    """The process that serves a socket, by its lock; None where it is not seen, as from another container."""
    try:
        pid = int(path.with_name(path.name + LOCK_SUFFIX).read_text())
    except (OSError, ValueError):
        return None
    return pid if pid > 0 and _is_there(pid) else None


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def farewell(answer: ShutdownResult, *, drain: bool = False) -> str:
    """What becomes of the renders; draining ends, too, where no worker gets ready to finish them.

    Args:
        drain: It was asked to finish them.
    """
    if not answer.jobs:
        return "stopped"
    count = "1 render was" if answer.jobs == 1 else f"{answer.jobs} renders were"
    if answer.draining:
        return f"stopped; {count} finished first" + (", or left to the next daemon" if answer.kept else "")
    ends = "left to the next daemon" if answer.kept else "ended"
    return f"stopped; {count} {ends}" + (", since no worker is there to finish any" if drain else "")


@click.command()
@click.argument("prompt")
@click.option(
    "--lora",
    "loras",
    type=scaled_path,
    multiple=True,
    metavar="PATH[:SCALE[,BLOCKS=SCALE]]",
    help="An adapter and its scale (1 when left out); with others for some blocks behind it, it is that of the rest: "
    "ink.safetensors:0.8,double=0.3,single.20-37=1. Repeat it for a stack, in stack order.",
)
@extra_lora_option
@click.option("--negative-prompt", metavar="TEXT", help="What not to paint, where the base can take it.")
@click.option("--tier", metavar="NAME", help="The kind of picture: portrait, landscape, scene, ...")
@click.option("--variant", metavar="NAME", help="The base to paint on; `kilnmark status` lists those that there are.")
@click.option("--seed", type=int, metavar="N", help="Left out, the daemon draws one and says which.")
@click.option("--steps", type=int, metavar="N", help="Denoise steps, 1 to 100.")
@click.option("--guidance", type=float, metavar="G", help="How closely to follow the prompt, 0 to 30.")
@click.option("--width", type=int, metavar="PIXELS", help="A multiple of 16.")
@click.option("--height", type=int, metavar="PIXELS", help="A multiple of 16.")
@click.option(
    "--init-image", metavar="FILE", help="The picture to start from, below an --image-root of the daemon; see --inline."
)
@click.option(
    "--strength", type=float, metavar="S", help="How much of --init-image stays: 0 nothing, 1 all. [default: 0.4]"
)
@click.option(
    "--reference",
    "reference_images",
    multiple=True,
    metavar="FILE",
    help="A picture that the base looks at while it paints. Repeatable.",
)
@click.option(
    "--inline", is_flag=True, help="Send pictures within the request, to a daemon that cannot read their files."
)
@click.option(
    "--genre", metavar="NAME", help="Compose the stack from this content pack instead of --lora; needs --tier."
)
@click.option("--world", metavar="NAME", help="A setting inside the genre.")
@click.option("--place", metavar="NAME", help="What is painted, by region or name, for the genre's art direction.")
@click.option(
    "--on-mismatch",
    type=click.Choice(["error", "warn"]),
    default="error",
    show_default=True,
    help="When an adapter does not engage wholly: refuse the render, or make it and exit with 3.",
)
@click.option("--job-id", metavar="ID", help="Your own key: the same render is not made twice.")
@click.option(
    "--priority",
    type=click.Choice(PRIORITIES),
    default="normal",
    show_default=True,
    help="Before which other renders it is painted.",
)
@draft_option
@click.option("--probe", is_flag=True, help="Also measure how far each adapter moves a small forward pass.")
@click.option(
    "--no-cache", "cache", flag_value=False, default=True, help="Paint it anew, even when the same picture exists."
)
@click.option("--timeout", type=seconds, metavar="SECONDS", help="Cancel the render when it takes longer.")
@socket_option
@json_option
def render(
    prompt: str,
    *,
    loras: tuple[ScaledPath, ...],
    init_image: str | None,
    reference_images: tuple[str, ...],
    inline: bool,
    timeout: float | None,
    socket: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Make one picture of PROMPT and show what each adapter changed.

    The daemon writes the picture into its output folder. What is not given, the tier decides, else the variant.
    """
    from kilnmark.client.cli.views.progress import progress_bar
    from kilnmark.client.cli.views.tables import console, show_render
    from kilnmark.client.tracing import traced_command

    with traced_command():  # which ends after the result was shown: a collector that hangs takes its time
        with (
            Client(socket, render_timeout=timeout) as client,
            telling_uncancelled(client, named=options["job_id"] is not None),
            progress_bar("render") as on_progress,
        ):
            result = client.render(
                prompt,
                lora_paths=[lora.path for lora in loras],
                lora_scales=[lora.scale for lora in loras],
                lora_block_scales=[lora.blocks for lora in loras],
                init_image=None if init_image is None else given_picture(init_image, inline=inline),
                reference_images=[given_picture(file, inline=inline) for file in reference_images],
                on_progress=on_progress,
                **options,
            )
        if as_json:
            write_document(result)
        else:
            show_render(console(), result)
    click.get_current_context().exit(exit_code_of_reports(result.loras))
