"""A broker is found on its network by what it says of itself; here the network is loopback."""

import asyncio
import os

import pytest

from kilnmark.farm.broker import nearby
from kilnmark.farm.broker.nearby import announced, found_broker
from kilnmark.farm.errors import BrokerAway, FarmNotUsable

_LOOPBACK = ["127.0.0.1"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else is on this network who would object to a name, or miss a word that is said once more too soon."""
    for name in ("_CHECK_TIME", "_REGISTER_TIME", "_UNREGISTER_TIME"):
        monkeypatch.setattr(f"zeroconf._core.{name}", 20)
    monkeypatch.setattr(nearby, "_KIND", f"_kiln-{os.getpid()}._tcp.local.")  # tests of other processes are on it, too


def test_a_broker_that_says_where_it_is_is_found_by_its_name_or_by_none() -> None:
    async def ask() -> list[str]:
        async with announced("desk", "tls://desk.local:4222", _LOOPBACK) as name:
            assert name == "desk"
            return await asyncio.gather(*(found_broker(address, _LOOPBACK) for address in ("mdns:desk", "mdns:")))

    assert asyncio.run(ask()) == ["tls://desk.local:4222"] * 2


def test_who_says_nothing_is_not_found_and_that_is_told() -> None:
    with pytest.raises(BrokerAway, match="nobody on this network says that it is a broker named 'other'"):
        asyncio.run(found_broker("mdns:other", _LOOPBACK, patience=0.1))


def test_an_address_is_itself() -> None:
    assert asyncio.run(found_broker("nats://127.0.0.1:4222")) == "nats://127.0.0.1:4222"


def test_of_several_brokers_the_one_that_is_known_is_meant_or_one_is_to_be_named() -> None:
    async def ask() -> str:
        async with (
            announced("desk", "tls://desk.local:4222", _LOOPBACK),
            announced("forge", "tls://forge.local:4222", _LOOPBACK),
        ):
            with pytest.raises(FarmNotUsable, match=r"name one: mdns:desk \(tls://desk.local:4222\), mdns:forge"):
                await found_broker("mdns:", _LOOPBACK)
            return await found_broker("mdns:", _LOOPBACK, known=["tls://forge.local:4222"])

    assert asyncio.run(ask()) == "tls://forge.local:4222"
