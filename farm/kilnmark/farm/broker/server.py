"""The broker as a process of ours: found, configured, started, waited for, and ended."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kilnmark.farm.errors import FarmNotInstalled, FarmNotUsable
from kilnmark.keymaps.files.atomic import written_whole

__all__ = ["BrokerServer", "ServerSettings", "broker_server", "configuration", "find_server"]

_START = 10.0
"""Seconds in which it has to answer."""


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """How a broker is run.

    Attributes:
        store: The folder that everything lies in.
        listen: The address.
        port: 0: a free one.
        authorization: Of its configuration, as `permissions` writes it; empty: nobody is asked.
        tls: Paths of the certificate and its key; None: not encrypted.
    """

    store: Path
    listen: str = "127.0.0.1"
    port: int = 4222
    authorization: str = field(default="", repr=False)
    tls: tuple[Path, Path] | None = None


@dataclass(frozen=True)
class BrokerServer:
    """One that runs.

    Attributes:
        address: Where it listens.
        process: It.
    """

    address: str
    process: asyncio.subprocess.Process


def find_server() -> Path:
    """Where nats-server is: beside this Python, as its package puts it, else on PATH.

    Raises:
        FarmNotInstalled: It is in neither place.
    """
    own = Path(sys.executable).with_name("nats-server")
    found = str(own) if own.is_file() else shutil.which("nats-server")
    if found is None:
        raise FarmNotInstalled
    return Path(found)


def configuration(settings: ServerSettings, port: int) -> str:
    """What the server reads: acknowledged is what has been synced to disk."""
    tls = ""
    if settings.tls is not None:
        tls = f'tls {{ cert_file: "{settings.tls[0]}", key_file: "{settings.tls[1]}" }}\n'
    return (
        f'listen: "{settings.listen}:{port}"\n'
        f'server_name: "kilnmark-farm"\n'
        f'jetstream {{ store_dir: "{settings.store}", sync_interval: always }}\n'
        f"max_payload: 8MB\n"
        f"{tls}{settings.authorization}"
    )


@asynccontextmanager
async def broker_server(settings: ServerSettings) -> AsyncIterator[BrokerServer]:
    """Run a broker until the block ends.

    Raises:
        FarmError: It cannot be found, or does not start; with what it wrote.
    """
    binary, port = find_server(), settings.port or _free_port(settings.listen)
    try:
        settings.store.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = settings.store / "nats-server.conf"
        with written_whole(config, mode=0o600) as file:
            file.write(configuration(settings, port).encode())
    except OSError as error:
        raise FarmNotUsable(str(settings.store), f"{error.strerror or error}; name another with --store") from error
    log = settings.store / "nats-server.log"
    process = await asyncio.create_subprocess_exec(
        str(binary), "-c", str(config), "-l", str(log), stdin=asyncio.subprocess.DEVNULL, start_new_session=True
    )
    try:
        await _until_it_listens(process, settings.listen, port, log)
        yield BrokerServer(f"{'tls' if settings.tls else 'nats'}://{settings.listen}:{port}", process)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _until_it_listens(process: asyncio.subprocess.Process, host: str, port: int, log: Path) -> None:
    async with asyncio.timeout(_START):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
    raise FarmNotUsable(f"the broker on port {port}", f"ended at once: {_last_words(log)}")


def _last_words(log: Path) -> str:
    words = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line for line in reversed(words) if "[FTL]" in line or "[ERR]" in line), "it wrote nothing")


def _free_port(host: str) -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
