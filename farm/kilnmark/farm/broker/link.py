"""A connection to the broker that outlives its restarts, and the one place where its client's errors become ours."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from kilnmark.farm.broker.address import is_encrypted, servers_of
from kilnmark.farm.broker.connection import Refusals, connection, refused_subject
from kilnmark.farm.broker.credentials import FarmCredentials
from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.broker.nearby import found_broker
from kilnmark.farm.broker.rights import API, FARM_API, inbox_of, roles_that_may
from kilnmark.farm.errors import (
    BrokerAway,
    BrokerFull,
    BrokerNotTrusted,
    BrokerRefused,
    FarmNotInstalled,
    FarmNotSetUp,
    FarmNotUsable,
)
from kilnmark.farm.names import FULL_BROKER, NODES, token_of

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

__all__ = ["FarmLink", "farm_link"]

_logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5.0
"""Seconds for which a broker is waited for at first; afterwards it is waited for as long as the connection is held."""

_NO_ROOM = frozenset({10023, 10047})
"""What the broker says of what it has no room for (`JSInsufficientResourcesErr`, `JSStorageResourcesExceededErr`)."""

REPLY_TIMEOUT = 10.0
"""Seconds for each request to the broker: longer than it takes to be started again."""

_NO_STREAMS = "its streams do not: it runs without JetStream, `nats-server -js`, or its cluster has no leader yet"


@dataclass(frozen=True)
class FarmLink:
    """A broker that is connected to.

    Attributes:
        address: Where it is.
        name: As whom.
        role: As what; empty where the broker asks nobody.
        nc: The connection.
        js: Its streams.
        refusals: What the broker refuses.
        api: What subjects of requests about streams begin with, for whoever does without `js`.
    """

    address: str
    name: str
    role: str
    nc: "Client"
    js: "JetStreamContext"
    refusals: Refusals
    api: str = API

    @property
    def is_full(self) -> bool:
        """Whether the broker takes nothing, since its disk is full, by how it calls itself."""
        return bool(self.nc._server_info.get("server_name") == FULL_BROKER)  # noqa: SLF001 - it has no other name for it

    async def broker_time(self) -> datetime:
        """What the broker's clock says, to which all ages are taken.

        Raises:
            FarmError: It does not answer, or has no farm.
        """
        with self.telling("look at the nodes"):
            reply = await self.nc.request(f"{self.api}.STREAM.INFO.KV_{NODES}", b"", timeout=REPLY_TIMEOUT)
        told = msgspec.json.decode(reply.data, type=_Told)
        if told.ts is None:
            raise FarmNotSetUp(self.address, "farm", "`kilnmark farm up`")
        return told.ts

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Words for what fails at the broker within the block.

        Args:
            what: What is tried, behind "does not let ...".

        Raises:
            FarmError: Instead of what its client raises.
        """
        import nats.errors
        import nats.js.errors

        try:
            yield
        except (nats.errors.NoRespondersError, nats.js.errors.ServiceUnavailableError) as error:
            if _says_full(error):
                raise BrokerFull(self.address, what) from error
            raise BrokerAway(self.address, _NO_STREAMS) from error
        except nats.errors.MaxPayloadError as error:
            reason = f"no message may be larger than {self.nc.max_payload} bytes; raise `max_payload` there"
            raise FarmNotUsable(self.address, f"does not {what}: {reason}") from error
        except (nats.errors.TimeoutError, TimeoutError) as error:
            self._unless_denied(error)
            reason = "it does not answer" if not self.nc.is_connected else f"it did not {what} in time"
            raise BrokerAway(self.address, reason) from error
        except (nats.errors.ConnectionClosedError, nats.errors.StaleConnectionError, OSError) as error:
            self._unless_denied(error)
            raise BrokerAway(self.address, str(error) or type(error).__name__) from error
        except (nats.js.errors.BucketNotFoundError, nats.js.errors.NotFoundError) as error:
            raise FarmNotSetUp(self.address, f"place to {what}", "`kilnmark farm up`") from error
        except nats.errors.Error as error:
            if _says_full(error):
                raise BrokerFull(self.address, what) from error
            if (refused := refused_subject(str(error))) is not None:
                raise BrokerRefused(self.address, what, self.role, _who_may(*refused)) from error
            self._unless_denied(error)
            raise BrokerAway(self.address, f"{what}: {error}") from error

    def _unless_denied(self, error: Exception) -> None:
        if self.refusals.denied:
            raise BrokerRefused(self.address, "in", self.role) from error


def _says_full(error: Exception) -> bool:
    """Whether the broker refused something for want of room."""
    return getattr(error, "err_code", None) in _NO_ROOM or "no space left" in str(error)


class _Told(msgspec.Struct):
    ts: datetime | None = None


@asynccontextmanager
async def farm_link(
    address: str, credentials: FarmCredentials | None = None, *, name: str = "", wait: float = CONNECT_TIMEOUT
) -> AsyncIterator[FarmLink]:
    """Connect, and hang up when the block ends.

    Args:
        address: `nats://host:port`, or `tls://host:port`, or several of one cluster with commas between; `mdns:`, or
            `mdns:name`, looks for it on this network.
        credentials: Who asks; None where the broker asks nobody.
        name: What the connection is called where credentials do not say.
        wait: Seconds for which it is waited for.

    Raises:
        FarmError: Nobody is there, or does not let these in.
    """
    try:
        import nats.errors
    except ImportError as error:
        raise FarmNotInstalled from error
    who = credentials.name if credentials else name or "kilnmark"
    role = credentials.role if credentials else ""
    heard = _Heard()
    address = await found_broker(address, known=credentials.addresses if credentials else ())
    context = _tls(credentials)
    nc = connection(heard.refusals, encrypted=context is not None or is_encrypted(address))
    try:
        connecting = nc.connect(
            list(servers_of(address)),
            name=who,
            error_cb=heard.error,
            disconnected_cb=heard.away,
            reconnected_cb=heard.back,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,  # type: ignore[arg-type]  # any number of seconds
            connect_timeout=2,
            ping_interval=10,
            max_outstanding_pings=2,
            nkeys_seed_str=credentials.seed if credentials and credentials.seed else None,
            inbox_prefix=inbox_of(role, token_of(who)),
            tls=context,
        )
        await _within(wait, connecting)
    except (OSError, TimeoutError, nats.errors.Error) as error:
        await nc.close()
        last = heard.last or _words(error)
        if heard.denied or "authorization" in last.lower():
            raise BrokerRefused(address, "in", role) from error
        if isinstance(error, ssl.SSLCertVerificationError):
            raise BrokerNotTrusted(address, _untrusted(error)) from error
        raise BrokerAway(address, last) from error
    heard.opened = True
    try:
        api = API if role in ("", "operator") else FARM_API
        yield FarmLink(address, who, role, nc, nc.jetstream(timeout=REPLY_TIMEOUT, prefix=api), heard.refusals, api)
    finally:
        heard.opened = False
        with contextlib.suppress(Exception):
            await nc.close()


async def _within(seconds: float, connecting: Coroutine[Any, Any, None]) -> None:
    """Connect, or raise TimeoutError; the client tries for ever, and may not hear that it is told to stop."""
    task = asyncio.create_task(connecting)
    try:
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            raise TimeoutError
        await task
    finally:
        await end_tasks(task)


class _Heard:
    """What the client tells of a connection."""

    def __init__(self) -> None:
        self.refusals = Refusals()
        self.last = self.told = ""
        self.opened = self.denied = False

    async def error(self, error: Exception) -> None:
        self.last = _words(error)
        is_told = self.refusals.hear(error)
        denied = "authorization" in self.last.lower()
        self.denied |= denied  # the broker hangs up then, and that may be heard last
        untrusted = isinstance(error, ssl.SSLCertVerificationError)
        if not self.opened and (denied or untrusted):
            raise error  # it would be tried again until nobody waits
        is_news, self.told = self.last != self.told, self.last
        if denied and self.opened:
            self.refusals.denied = True
            self.refusals.lose(error)
        is_refusal = refused_subject(self.last) is not None and not is_told
        needs_telling = is_refusal or ((denied or untrusted) and is_news)  # the broker is asked again and again
        _logger.log(logging.WARNING if needs_telling else logging.DEBUG, "the broker: %s", self.last)

    async def away(self) -> None:
        from nats.errors import StaleConnectionError

        self.refusals.lose(StaleConnectionError("the connection was lost"))
        if self.opened:
            _logger.warning("the broker is away; it is waited for")

    async def back(self) -> None:
        self.refusals.denied, self.told = False, ""
        _logger.warning("the broker is back")


def _words(error: Exception) -> str:
    """What an error says, of which some say nothing."""
    return str(error) or ("it says nothing" if isinstance(error, TimeoutError) else type(error).__name__)


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    """Why a broker is not trusted, without what the library puts around it."""
    return getattr(error, "verify_message", "") or str(error)


def _who_may(way: str, subject: str) -> tuple[str, ...]:
    prefix = FARM_API + "."
    return roles_that_may(way, f"{API}.{subject.removeprefix(prefix)}" if subject.startswith(prefix) else subject)


def _tls(credentials: FarmCredentials | None) -> ssl.SSLContext | None:
    if credentials is None or not credentials.ca:
        return None
    logging.getLogger("asyncio").addFilter(_is_news)  # once, however often it is said
    try:
        return ssl.create_default_context(cadata=credentials.ca)
    except ssl.SSLError as error:
        raise FarmNotUsable(f"the credentials of {credentials.name}", f"hold no certificate ({error})") from error


def _is_news(record: logging.LogRecord) -> bool:
    """Whether it is worth telling: not how the broker's client reads the end of an encrypted connection."""
    return "eof_received() has no effect when using ssl" not in record.getMessage()
