"""Brokers that say on their network where they are, and how one is found by that: mDNS, if asked.

What is found is no more than an address: whether it is the farm's broker, its certificate proves.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.errors import BrokerAway, FarmNotInstalled, FarmNotUsable

__all__ = ["announced", "found_broker"]

_KIND = "_kilnmark-farm._tcp.local."
_PATIENCE = 3.0
"""Seconds for which a network is listened to."""

_ANSWER = 1 / 3
"""Of them, for what one says of itself, beside being there."""

_OTHERS = 1.0
"""More seconds for others, once one has said where it is."""


@asynccontextmanager
async def announced(name: str, address: str, interfaces: Sequence[str] = ()) -> AsyncIterator[str]:
    """Say where a broker is, until the block ends. Gives the name that it has there: another, where somebody had it.

    Args:
        name: Of the broker on this network.
        address: Where it is reached.
        interfaces: Addresses of this machine on whose networks it is said; none: all.

    Raises:
        FarmNotInstalled: The packages of the farm are not here.
    """
    try:
        from zeroconf import ServiceInfo
        from zeroconf.asyncio import AsyncZeroconf
    except ImportError as error:
        raise FarmNotInstalled from error
    there = urlsplit(address)
    info = ServiceInfo(
        _KIND,
        f"{name}.{_KIND}",
        port=there.port,
        server=f"{name}.local.",
        properties={"address": address},
    )
    spoken = AsyncZeroconf(interfaces=list(interfaces)) if interfaces else AsyncZeroconf()
    try:
        await (await spoken.async_register_service(info, allow_name_change=True))
        yield info.name.removesuffix(f".{_KIND}")
    finally:
        await spoken.async_unregister_all_services()
        await spoken.async_close()


async def found_broker(
    address: str, interfaces: Sequence[str] = (), patience: float = _PATIENCE, known: Sequence[str] = ()
) -> str:
    """The address itself; of `mdns:` that of the broker that says where it is, of `mdns:name` that of one by its name.

    Args:
        address: As it was said.
        interfaces: As those of `announced`.
        patience: Seconds for which it is listened.
        known: Where the broker is that is meant, as far as somebody knows: of several it is the one.

    Raises:
        BrokerAway: None says anything.
        FarmNotUsable: Several do.
        FarmNotInstalled: The packages of the farm are not here.
    """
    if not address.startswith("mdns:"):
        return address
    try:
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf
    except ImportError as error:
        raise FarmNotInstalled from error
    wanted = address.removeprefix("mdns:").removeprefix("//")
    answers: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    found: dict[str, str] = {}
    asking: set[asyncio.Task[None]] = set()

    async def ask(name: str) -> None:
        info = AsyncServiceInfo(_KIND, name)
        info.load_from_cache(listening.zeroconf)
        if (
            "address" not in info.decoded_properties
        ):  # else all is there that it says of itself, which is no host's address
            await info.async_request(listening.zeroconf, int(patience * _ANSWER * 1000))
        if said := info.decoded_properties.get("address"):
            answers.put_nowait((name.removesuffix(f".{_KIND}"), said))

    def hear(*, name: str, **_: object) -> None:
        if not wanted or name.removesuffix(f".{_KIND}") == wanted:
            asking.add(asyncio.create_task(ask(name)))

    listening = AsyncZeroconf(interfaces=list(interfaces)) if interfaces else AsyncZeroconf()
    browser = AsyncServiceBrowser(listening.zeroconf, _KIND, handlers=[hear])
    try:
        async with asyncio.timeout(patience) as listened:
            while True:
                name, said = await answers.get()
                if wanted or said in known:
                    return said
                if not found:
                    listened.reschedule(asyncio.get_running_loop().time() + _OTHERS)
                found[name] = said
    except TimeoutError:
        return _the_one(address, wanted, found)
    finally:
        await browser.async_cancel()
        await end_tasks(*asking)
        await listening.async_close()


def _the_one(address: str, wanted: str, found: Mapping[str, str]) -> str:
    if not found:
        who = f"a broker named {wanted!r}" if wanted else "a broker"
        raise BrokerAway(address, f"nobody on this network says that it is {who}")
    if len(set(found.values())) > 1:
        names = ", ".join(f"mdns:{name} ({said})" for name, said in sorted(found.items()))
        raise FarmNotUsable(address, f"several brokers are on this network; name one: {names}")
    return next(iter(found.values()))
