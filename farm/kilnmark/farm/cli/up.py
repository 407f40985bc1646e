"""`kilnmark farm up`: the broker of a farm, on this machine or looked after elsewhere."""

import asyncio
import getpass
import os
import re
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from kilnmark.client.cli.folders import data_folder
from kilnmark.client.cli.options import WholeNumber
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_line
from kilnmark.client.tracing import traced_command
from kilnmark.farm.broker.credentials import FarmRole, load_credentials
from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.broker.people import credentials_file, known_people
from kilnmark.farm.broker.setup import FarmPlan
from kilnmark.farm.broker.up import KeptUp, UpSettings, keep_up, look_after
from kilnmark.farm.cli.ending import when_told_to_end
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.farm.status.measured import FarmGauges
from kilnmark.otel.measures import Measures

__all__ = ["up"]

_DAY = 86400.0
_SERVICE = "kilnmark-farm"


@click.command(short_help="Start a farm's broker, and keep it up.")
@click.option(
    "--store",
    type=HomePath(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where everything of it lies. [default: `farm` in the folder of pictures and adapters]",
)
@click.option("--listen", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen on.")
@click.option("--port", type=WholeNumber(0, 65535), default=4222, show_default=True, metavar="N", help="0: a free one.")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="A name that other machines reach it by.")
@click.option("--submitter", "submitters", multiple=True, metavar="NAME", help="Let somebody in who hands work in.")
@click.option("--node", "nodes", multiple=True, metavar="NAME", help="Let a machine in that does work.")
@click.option("--viewer", "viewers", multiple=True, metavar="NAME", help="Let somebody in who may look.")
@click.option("--revoke", "revoked", multiple=True, metavar="NAME", help="Let somebody in no more.")
@click.option("--tls-new", "own_tls", is_flag=True, help="Encrypt, by a certificate that is made here.")
@click.option("--tls-cert", type=HomePath(dir_okay=False, path_type=Path), metavar="FILE", help="Encrypt, by this.")
@click.option("--tls-key", type=HomePath(dir_okay=False, path_type=Path), metavar="FILE", help="Its key.")
@click.option(
    "--tls-ca",
    type=HomePath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What --tls-cert is signed by, where machines do not know that.",
)
@click.option("--announce", is_flag=True, help="Say on this network where it is: others find it as `mdns:`.")
@click.option(
    "--kept", type=WholeNumber(1, 3650), default=14, show_default=True, metavar="DAYS", help="For which results stay."
)
@click.option("--broker", metavar="URL", help="Start none: set a farm up at this one, and look after it.")
@click.option(
    "--farm-credentials",
    "credentials",
    type=HomePath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="An operator's, for --broker.",
)
@click.option(
    "--replicas", type=WholeNumber(1, 5), default=1, show_default=True, metavar="N", help="Of everything, at --broker."
)
def up(store: Path | None, broker: str | None, **given: Any) -> None:
    """Start a farm's broker, and keep it up until Ctrl-C: work and results stay in its store.

    Everybody is asked who they are. Credentials are written for whoever is named; the first time, where nobody is, for
    you and this machine. Hand the files over, each to its own. The next start knows all of them.
    """
    place = (store or data_folder(os.environ, platform=sys.platform, home=Path.home()) / "farm").absolute()
    invited: list[tuple[str, FarmRole]] = [
        *((name, "submitter") for name in given["submitters"]),
        *((name, "node") for name in given["nodes"]),
        *((name, "viewer") for name in given["viewers"]),
    ]
    if broker is not None:
        submitters = [name for name, role in invited if role == "submitter"]
        with traced_command(measured=True, service=_SERVICE) as measures:
            asyncio.run(_until_told(_elsewhere(broker, given, submitters, measures)))
        return
    if not invited and not known_people(place):
        invited = [(_as_name(getpass.getuser()), "submitter"), (_as_name(socket.gethostname()), "node")]
    settings = UpSettings(
        store=place,
        listen=given["listen"],
        port=given["port"],
        hosts=given["hosts"],
        tls=_pair(given["tls_cert"], given["tls_key"]),
        tls_ca=given["tls_ca"],
        own_tls=given["own_tls"],
        announce=given["announce"],
        invited=invited,
        revoked=given["revoked"],
        kept=given["kept"] * _DAY,
    )
    with traced_command(measured=True, service=_SERVICE) as measures:
        running = keep_up(settings, lambda kept: _tell(place, kept), measures, FarmGauges(measures).follow)
        asyncio.run(_until_told(running))


async def _until_told(running: Coroutine[Any, Any, None]) -> None:
    """Go on until a signal says that it is over."""
    task, over = asyncio.create_task(running), asyncio.Event()
    when_told_to_end(over.set)
    told = asyncio.create_task(over.wait())
    await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
    await end_tasks(told, *(() if task.done() else (task,)))
    if not task.cancelled():
        task.result()


async def _elsewhere(broker: str, given: dict[str, Any], submitters: list[str], measures: Measures) -> None:
    if not submitters:
        raise FarmNotUsable("--submitter", "whoever hands work in has a place at the broker; name them")
    plan = FarmPlan(submitters=submitters, replicas=given["replicas"], kept=given["kept"] * _DAY)
    told = f"the farm at {broker} is set up and looked after"
    who = load_credentials(given["credentials"])
    await look_after(broker, who, plan, lambda: write_line(told), measures, FarmGauges(measures).follow)


def _tell(store: Path, kept: KeptUp) -> None:
    write_line(f"the broker is up at {', '.join(kept.addresses)}; its store is {store}")
    for each in kept.people:
        path = credentials_file(store, each.name, each.role)
        write_line(f"{each.role:<10} {each.name:<16} {path if path.exists() else '(handed over)'}")
    if kept.announced:
        write_line(f"on this network it is mdns:{kept.announced}")
    where, roles = f"--farm {kept.addresses[0]} --farm-credentials FILE", {each.role for each in kept.people}
    work = f"joins, beside its daemon, with: kilnmark farm work {where}"
    write_line(f"a machine {work}" if "node" in roles else "no machine may work yet: --node NAME lets one in")
    batch = f"work is handed in with: kilnmark batch poi --packs DIR {where}"
    write_line(batch if "submitter" in roles else "nobody may hand work in yet: --submitter NAME lets somebody in")


def _pair(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if (certificate is None) != (key is None):
        raise FarmNotUsable("--tls-cert", "a certificate and its key go together; give --tls-key too")
    return None if certificate is None or key is None else (certificate, key)


def _as_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", text.split(".", maxsplit=1)[0])[:64] or "me"
