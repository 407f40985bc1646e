"""A broker kept up: started on a store that nobody else holds, set up, looked after, and started again when it dies."""

import asyncio
import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kilnmark.farm.broker.accounts import accounts
from kilnmark.farm.broker.certificate import own_certificate
from kilnmark.farm.broker.credentials import FarmCredentials, FarmRole, load_credentials
from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.broker.held import held_store
from kilnmark.farm.broker.keeper import Keeper
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.nearby import announced
from kilnmark.farm.broker.people import OPERATOR, Person, credentials_file, invite, revoke
from kilnmark.farm.broker.room import bytes_of, store_room
from kilnmark.farm.broker.server import BrokerServer, ServerSettings, broker_server, config_of, free_port, pid_of
from kilnmark.farm.broker.setup import KEPT, FarmPlan, set_up
from kilnmark.farm.errors import BrokerNotTrusted, FarmNotUsable
from kilnmark.otel.measures import Measures

__all__ = ["Beside", "KeptUp", "UpSettings", "keep_up", "look_after"]

_logger = logging.getLogger(__name__)

Beside = Callable[[FarmLink], Coroutine[Any, Any, None]]
"""What goes on beside a keeper, on its link."""

_SOON, _TRIES = 5.0, 3
"""A broker that ends within so many seconds, so often in a row, is not started again."""

_LOOK, _SELDOM = 1.0, 60
"""Seconds between two looks at the room on its disk; after so many of them, one at what of it the store has."""

_NO_ROOM = "the disk of %s is full: the broker takes nothing new until there is room; free some there"
_ROOM_AGAIN = "there is room again on the disk of %s: the broker takes work"


@dataclass(frozen=True, kw_only=True)
class UpSettings:
    """What is asked of a broker that is kept up.

    Attributes:
        store: The folder that everything of it lies in.
        listen: The address that it listens on.
        port: 0: a free one.
        hosts: By which others reach it; none: as its address has it.
        tls: A certificate and its key; None: nothing is encrypted, or `own_tls`.
        tls_ca: What a certificate of one's own authority is signed by; None: the systems know who.
        own_tls: Make a certificate.
        announce: Say on the network where it is.
        invited: Names and roles that are let in, beside those that were before.
        revoked: Names that are let in no more.
        kept: Seconds for which results and pictures stay.
    """

    store: Path
    listen: str = "127.0.0.1"
    port: int = 4222
    hosts: Sequence[str] = ()
    tls: tuple[Path, Path] | None = None
    tls_ca: Path | None = None
    own_tls: bool = False
    announce: bool = False
    invited: Sequence[tuple[str, FarmRole]] = ()
    revoked: Sequence[str] = ()
    kept: float = KEPT


@dataclass(frozen=True)
class KeptUp:
    """A broker that is up.

    Attributes:
        addresses: Where it is reached.
        people: Whom it lets in.
        announced: Its name on this network; empty: it is not said there.
    """

    addresses: tuple[str, ...]
    people: tuple[Person, ...]
    announced: str = ""


async def keep_up(
    settings: UpSettings,
    tell: Callable[[KeptUp], None],
    measures: Measures | None = None,
    beside: Beside | None = None,
) -> None:
    """Run it until this is cancelled.

    Args:
        tell: Called once it is up and its farm is set up.
        measures: Of this process; None: nothing is measured.
        beside: What else goes on with the keeper's link, until it is cancelled.

    Raises:
        FarmError: It cannot be run so, or ends again and again.
    """
    hosts = settings.hosts or _hosts(settings.listen)
    _refuse_bare(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(held_store(settings.store, config_of(settings.store), pid_of(settings.store)))
        tls = settings.tls
        if tls is not None:
            _check_pair(*tls)
        if settings.own_tls:
            tls = own_certificate(settings.store / "tls", [*hosts, *_here(settings.listen)])
        port = free_port(settings.listen, settings.port)
        addresses = tuple(f"{'tls' if tls else 'nats'}://{_bracketed(host)}:{port}" for host in hosts)
        ca = _read(tls[0] if settings.own_tls and tls else settings.tls_ca)
        wanted: list[tuple[str, FarmRole]] = [(OPERATOR, "operator"), *settings.invited]
        revoke(settings.store, settings.revoked)
        people = invite(settings.store, wanted, addresses=addresses, ca=ca)
        operator = load_credentials(credentials_file(settings.store, OPERATOR, "operator"))
        server = ServerSettings(
            store=settings.store, listen=settings.listen, port=port, accounts=accounts(people), tls=tls
        )
        name = ""
        if settings.announce:
            name = await stack.enter_async_context(announced(hosts[0].split(".")[0], addresses[0]))
        plan = FarmPlan(submitters=[each.name for each in people if each.role == "submitter"], kept=settings.kept)
        asked = addresses[0] if settings.tls else f"{'tls' if tls else 'nats'}://{_nearest(settings.listen)}:{port}"
        told = KeptUp(addresses, people, name)
        looking = look_after(asked, operator, plan, lambda: tell(told), measures, beside)
        try:
            await _both(server, looking)
        except BrokerNotTrusted as error:
            reason = f"does not hold here: {error.reason}; give another, and the names that it is for with --host"
            raise FarmNotUsable(f"--tls-cert {tls[0] if tls else ''}", reason) from error


async def _both(server: ServerSettings, looking: Coroutine[Any, Any, None]) -> None:
    """Serve, and look after what is served; what either fails by is raised as it is."""
    started = asyncio.Event()

    async def look() -> None:
        await started.wait()
        await looking

    tasks = [asyncio.create_task(_serve(server, started)), asyncio.create_task(look())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done.pop().result()
    finally:
        await end_tasks(*reversed(tasks))
        looking.close()


async def look_after(
    address: str,
    operator: FarmCredentials | None,
    plan: FarmPlan,
    tell: Callable[[], None],
    measures: Measures | None = None,
    beside: Beside | None = None,
) -> None:
    """Set a farm up at a broker that somebody runs, and keep an eye on it until this is cancelled.

    Args:
        tell: Called once it is set up.
        measures, beside: As those of `keep_up`.

    Raises:
        FarmError: Nobody is there, or does not let this operator do it.
    """
    async with farm_link(address, operator, name="keeper") as link:
        await set_up(link, plan)
        tell()
        looking = asyncio.create_task(beside(link)) if beside else None
        try:
            await Keeper(link, plan.kept, measures=measures).run()
        finally:
            await end_tasks(*([looking] if looking else []))


async def _serve(settings: ServerSettings, started: asyncio.Event) -> None:
    short, was_full = 0, False
    while True:
        began = time.monotonic()
        settings = replace(settings, is_full=_is_full(settings.store, is_full=was_full))
        if settings.is_full != was_full:
            _logger.warning(_NO_ROOM if settings.is_full else _ROOM_AGAIN, settings.store)
            was_full = settings.is_full
        async with broker_server(settings) as server:
            started.set()
            code = await _ended(server, settings)
        if code is None:
            continue
        short = short + 1 if time.monotonic() - began < _SOON else 0
        if short >= _TRIES:
            log = settings.store / "nats-server.log"
            raise FarmNotUsable(str(log), f"the broker ended {short} times at once; what it wrote there says why")
        _logger.warning("the broker ended (%s) and is started again", code)


async def _ended(server: BrokerServer, settings: ServerSettings) -> int | None:
    """What the broker ended with; None: it is to be started again, since it has less room than it had, or more."""
    ending, looks = asyncio.create_task(server.process.wait()), 0
    try:
        while not (await asyncio.wait([ending], timeout=_LOOK))[0]:
            looks += 1
            if _is_full(settings.store, is_full=settings.is_full) != settings.is_full:
                return None
            if looks % _SELDOM == 0 and not settings.is_full:
                room, used = store_room(settings.store), await asyncio.to_thread(bytes_of, settings.store)
                if used + room.kept // 4 > server.limit:
                    return None
        return ending.result()
    finally:
        await end_tasks(ending)


def _is_full(store: Path, *, is_full: bool) -> bool:
    """Whether a broker is to take nothing, that takes something or does not."""
    room = store_room(store)
    return not room.is_back if is_full else room.is_out


def _refuse_bare(settings: UpSettings) -> None:
    loopback = _is_loopback(settings.listen)
    if not loopback and settings.tls is None and not settings.own_tls:
        reason = "others reach it, and nothing would be encrypted; give --tls-new, or --tls-cert and --tls-key"
        raise FarmNotUsable(f"--listen {settings.listen}", reason)
    if settings.announce and loopback:
        raise FarmNotUsable("--announce", f"nobody else reaches {settings.listen}; give --listen 0.0.0.0 and --tls-new")


def _check_pair(certificate: Path, key: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        reason = f"cannot be used with the key {key} ({getattr(error, 'reason', '') or error}); give a pair, in PEM"
        raise FarmNotUsable(f"--tls-cert {certificate}", reason) from error


def _is_loopback(listen: str) -> bool:
    try:
        return ipaddress.ip_address(listen).is_loopback
    except ValueError:
        return listen == "localhost"


def _hosts(listen: str) -> tuple[str, ...]:
    """By which a broker is reached that listens there: on all addresses, by this machine's name."""
    return (socket.gethostname(),) if listen in ("0.0.0.0", "::") else (listen,)  # noqa: S104 - compared with it


def _nearest(listen: str) -> str:
    """Where this machine itself reaches a broker that listens there, whatever its name is and whoever knows that."""
    return "127.0.0.1" if listen in ("0.0.0.0", "::") else _bracketed(listen)  # noqa: S104 - compared with it


def _here(listen: str) -> tuple[str, ...]:
    name = socket.gethostname()
    own = () if listen in ("0.0.0.0", "::") else (listen,)  # noqa: S104 - compared with it
    return ("127.0.0.1", "localhost", name, *((f"{name}.local",) if "." not in name else ()), *own)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _read(path: Path | None) -> str:
    try:
        return path.read_text() if path else ""
    except (OSError, ValueError) as error:
        raise FarmNotUsable(str(path), f"holds no certificate that can be read ({error})") from error
