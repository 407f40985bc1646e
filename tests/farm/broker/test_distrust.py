"""Whoever answers at a broker's address is spoken to only as far as it proves to be the broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kilnmark.farm.broker.certificate import own_certificate
from kilnmark.farm.broker.credentials import FarmCredentials
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.patience import patiently
from kilnmark.farm.errors import BrokerAway, BrokerNotTrusted, BrokerRefused, FarmNotUsable

_INFO = b'INFO {"server_id":"x","version":"2.11.0","auth_required":true,"nonce":"n"}\r\n'


@contextlib.asynccontextmanager
async def speaking(first: bytes, heard: bytearray | None = None) -> AsyncIterator[str]:
    """The address of one that says this to whoever comes, and no more."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        with contextlib.suppress(OSError):
            while said := await reader.read(1024):
                if heard is not None:
                    heard.extend(said)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _came_in(address: str, who: FarmCredentials | None = None) -> None:
    async with farm_link(address, who, wait=0.2):
        pass


@pytest.mark.parametrize("scheme", ["nats", "tls"])
def test_nobody_says_who_it_is_to_a_broker_that_does_not_encrypt_though_it_should(tmp_path: Path, scheme: str) -> None:
    async def ask() -> bytes:
        ca = own_certificate(tmp_path, ["127.0.0.1"])[0].read_text()
        who = FarmCredentials(name="ann", role="submitter", ca=ca if scheme == "nats" else "")
        heard = bytearray()
        async with speaking(_INFO, heard) as address:
            with pytest.raises(BrokerNotTrusted, match="it does not encrypt"):
                await _came_in(f"{scheme}://{address}", who)
        return bytes(heard)

    assert asyncio.run(ask()) == b""


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (b"", "it says nothing"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "empty response"),
        (b"INFO []\r\n", "no broker"),
        (b"INFO {\r\n", "json"),
        (bytes(1 << 18), "no broker"),
    ],
)
def test_what_is_no_broker_is_told_and_not_waited_for_for_ever(first: bytes, said: str) -> None:
    async def ask() -> None:
        async with speaking(first) as address:
            with pytest.raises(BrokerAway, match=said):
                await _came_in(address)

    asyncio.run(ask())


@pytest.mark.parametrize(
    "address", ["nats://", "nats://127.0.0.1:99999", "http://127.0.0.1:1", "nats://h:1,", "", "ws://h"]
)
def test_what_is_no_address_is_told_with_what_one_looks_like(address: str) -> None:
    with pytest.raises(FarmNotUsable, match=r"is no address of a broker; give nats://HOST:PORT"):
        asyncio.run(_came_in(address))


def test_of_several_servers_one_that_is_there_will_do(broker: str) -> None:
    asyncio.run(_came_in(f"nats://127.0.0.1:9,{broker}"))


async def _hung_up_on(link: FarmLink, words: str) -> None:
    await link.nc._process_err(words)


def test_a_broker_that_hangs_up_with_a_word_is_come_back_to(broker: str) -> None:
    """The library's client hangs up for good at most of them."""

    async def ask() -> None:
        async with farm_link(broker) as link:
            await _hung_up_on(link, "'Slow Consumer'")
            assert await patiently(link.broker_time, 5)

    asyncio.run(ask())


def test_whoever_is_let_in_no_more_is_told_that_and_not_that_nobody_is_there(tmp_path: Path) -> None:
    from tests.farm.broker.guarded import guarded_broker

    async def ask(address: str, who: FarmCredentials) -> None:
        async with farm_link(address, who) as link:
            link.nc._signature_cb = lambda _: b"forged"  # as of a key that the broker does not know any more
            await _hung_up_on(link, "'User Authentication Revoked'")
            with pytest.raises(BrokerRefused, match="does not let these credentials of a viewer in"):
                await patiently(link.broker_time, 5)

    with guarded_broker(tmp_path) as broker:
        asyncio.run(ask(broker.address, broker.people["eve"]))


def test_credentials_of_another_role_than_their_key_are_told_at_once(tmp_path: Path) -> None:
    import msgspec

    from tests.farm.broker.guarded import guarded_broker

    async def ask(address: str, who: FarmCredentials) -> None:
        async with farm_link(address, msgspec.structs.replace(who, role="node")) as link:
            with pytest.raises(BrokerRefused):
                await asyncio.wait_for(link.broker_time(), 5)

    with guarded_broker(tmp_path) as broker:
        asyncio.run(ask(broker.address, broker.people["eve"]))
