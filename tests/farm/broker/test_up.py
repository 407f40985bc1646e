"""A broker that is kept up: by whom it is asked, what it survives, and what it refuses to be run as."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from nats.js.errors import APIError

from kilnmark.client.cli.main import kilnmark
from kilnmark.farm.broker import server as server_module
from kilnmark.farm.broker import up as up_module
from kilnmark.farm.broker.certificate import own_certificate
from kilnmark.farm.broker.credentials import load_credentials
from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.room import StoreRoom
from kilnmark.farm.broker.server import ServerSettings, broker_server, config_of, find_server, free_port, pid_of
from kilnmark.farm.broker.setup import FarmPlan
from kilnmark.farm.broker.up import KeptUp, UpSettings, keep_up, look_after
from kilnmark.farm.errors import BrokerAway, BrokerFull, BrokerNotTrusted, BrokerRefused, FarmError, FarmNotUsable
from kilnmark.farm.status.reading import read_status


@contextlib.asynccontextmanager
async def up(settings: UpSettings) -> AsyncIterator[KeptUp]:
    told: asyncio.Future[KeptUp] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(keep_up(settings, told.set_result))
    try:
        both: list[asyncio.Future[Any]] = [running, told]
        await asyncio.wait(both, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        yield told.result() if told.done() else running.result()  # type: ignore[misc]  # the latter raises
    finally:
        await end_tasks(running)


def test_it_lets_in_whom_it_names_and_writes_no_seed_but_into_their_credentials(tmp_path: Path) -> None:
    async def ask() -> None:
        async with up(UpSettings(store=tmp_path, port=0, invited=[("ann", "submitter"), ("desk", "node")])) as kept:
            for path in sorted((tmp_path / "credentials").iterdir()):
                assert path.stat().st_mode & 0o777 == 0o600
                who = load_credentials(path, {})
                assert who is not None
                assert who.addresses == kept.addresses
                async with farm_link(kept.addresses[0], who) as link:
                    assert (await link.broker_time()).tzinfo is not None

    asyncio.run(ask())
    seeds = [json.loads(path.read_text())["seed"].encode() for path in (tmp_path / "credentials").iterdir()]
    assert len(seeds) == 3
    others = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "credentials"]
    assert not any(seed in path.read_bytes() for path in others for seed in seeds)
    assert config_of(tmp_path).stat().st_mode & 0o777 == 0o600


def test_the_next_start_knows_the_same_people_and_another(tmp_path: Path) -> None:
    async def ask() -> list[str]:
        async with up(UpSettings(store=tmp_path, port=0, invited=[("ann", "submitter")])):
            handed_over = tmp_path / "credentials" / "submitter-ann.json"
            who = load_credentials(handed_over, {})
            handed_over.unlink()
        async with up(UpSettings(store=tmp_path, port=0, invited=[("bob", "submitter")])) as kept:
            async with farm_link(kept.addresses[0], who) as link:
                await link.js.key_value("kiln-results-ann")
            return [person.name for person in kept.people]

    assert asyncio.run(ask()) == ["operator", "ann", "bob"]


def test_an_operator_whose_credentials_are_gone_is_made_anew(tmp_path: Path) -> None:
    async def ask() -> None:
        for _ in range(2):
            async with up(UpSettings(store=tmp_path, port=0)) as kept:
                assert [person.name for person in kept.people] == ["operator"]
            (tmp_path / "credentials" / "operator.json").unlink()

    asyncio.run(ask())


def test_a_name_that_this_machine_does_not_know_is_for_others(tmp_path: Path) -> None:
    async def ask() -> tuple[str, ...]:
        async with up(UpSettings(store=tmp_path, port=0, own_tls=True, hosts=["forge.invalid"])) as kept:
            return kept.addresses

    assert asyncio.run(ask())[0].startswith("tls://forge.invalid:")


def test_who_is_revoked_is_let_in_no_more(tmp_path: Path) -> None:
    async def ask() -> None:
        async with up(UpSettings(store=tmp_path, port=0, invited=[("ann", "submitter"), ("bob", "submitter")])):
            who = load_credentials(tmp_path / "credentials" / "submitter-ann.json", {})
        async with up(UpSettings(store=tmp_path, port=0, revoked=["ann"])) as kept:
            assert [person.name for person in kept.people] == ["operator", "bob"]
            with pytest.raises(BrokerRefused, match="does not let these credentials of a submitter in"):
                async with farm_link(kept.addresses[0], who):
                    pass
        with pytest.raises(FarmNotUsable, match="nobody of that name is let in; those are: bob"):
            await keep_up(UpSettings(store=tmp_path, port=0, revoked=["ann"]), print)

    asyncio.run(ask())


def test_a_broker_that_runs_elsewhere_is_set_up_and_looked_after(tmp_path: Path) -> None:
    async def ask() -> None:
        async with broker_server(ServerSettings(store=tmp_path, port=0)) as server:
            told = asyncio.Event()
            looking = asyncio.create_task(look_after(server.address, None, FarmPlan(submitters=["ann"]), told.set))
            await asyncio.wait_for(told.wait(), 20)
            async with farm_link(server.address) as link:
                await link.js.key_value("kiln-results-ann")
            await end_tasks(looking)

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--broker", "nats://127.0.0.1:9"], "whoever hands work in has a place at the broker; name them"),
        (["--tls-cert", "a.pem"], "a certificate and its key go together; give --tls-key too"),
    ],
)
def test_half_of_what_is_needed_is_told(tmp_path: Path, words: list[str], said: str) -> None:
    with pytest.raises(FarmNotUsable, match=said):
        CliRunner().invoke(kilnmark, ["farm", "up", "--store", str(tmp_path), *words], catch_exceptions=False)


def test_a_broker_that_dies_is_started_again_and_its_links_go_on(tmp_path: Path) -> None:
    async def ask() -> None:
        settings = UpSettings(store=tmp_path, port=0, invited=[("ann", "submitter")])
        async with up(settings) as kept:
            who = load_credentials(tmp_path / "credentials" / "submitter-ann.json", {})
            async with farm_link(kept.addresses[0], who) as link:
                await link.js.publish("kiln.work.n.s.low.ann.job", b"{}")
                os.kill(int(pid_of(tmp_path).read_text()), signal.SIGKILL)
                with pytest.raises(BrokerAway, match="connection"), link.telling("hand in work"):
                    await link.js.publish("kiln.work.n.s.low.ann.job", b"{}")
                with pytest.raises(APIError, match="maximum messages per subject"):
                    await link.js.publish("kiln.work.n.s.low.ann.job", b"{}")

    asyncio.run(ask())


async def handed_in_until(link: FarmLink, ends: Callable[[FarmError | None], bool]) -> None:
    """Hand jobs in, one after another, until the broker's answer to one is this; while it is started again, wait."""
    async with asyncio.timeout(20):
        for number in itertools.count():
            error: FarmError | None = None
            try:
                with link.telling("hand in work"):
                    await link.js.publish(f"kiln.work.n.s.low.ann.{time.monotonic_ns()}-{number}", b"{}")
            except FarmError as raised:
                error = raised
            if ends(error):
                return


def test_a_broker_whose_disk_is_full_says_so_and_goes_on_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    enough, none = StoreRoom(free=100 << 20, kept=1 << 20), StoreRoom(free=1000, kept=1 << 20)
    room = [enough]
    monkeypatch.setattr(up_module, "store_room", lambda _: room[0])
    monkeypatch.setattr(up_module, "_LOOK", 0.02)

    async def ask() -> None:
        async with up(UpSettings(store=tmp_path, port=0, invited=[("ann", "submitter")])) as kept:
            who = load_credentials(tmp_path / "credentials" / "submitter-ann.json", {})
            async with farm_link(kept.addresses[0], who) as link:
                room[0] = none
                await handed_in_until(link, lambda error: isinstance(error, BrokerFull))
                full = await read_status(link, ["ann"])
                room[0] = enough
                await handed_in_until(link, lambda error: error is None)
                assert (full.is_full, (await read_status(link, ["ann"])).is_full) == (True, False)

    asyncio.run(ask())
    assert "is full: the broker takes nothing new until there is room" in caplog.text
    assert "there is room again" in caplog.text
    assert "did not hand in work; free some there" in str(BrokerFull("nats://desk:4222", "hand in work"))


def test_the_next_start_writes_nothing_that_is_there_for_which_a_full_disk_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = UpSettings(store=tmp_path, port=0, invited=[("ann", "submitter")])
    port = free_port("127.0.0.1", 0)
    kept = ["people.json", "credentials/operator.json", "nats-server.conf.full", "nats-server.pid", "lock"]

    async def ask() -> list[tuple[int, int]]:
        async with up(replace(settings, port=port)):
            return [((tmp_path / name).stat().st_ino, (tmp_path / name).stat().st_size) for name in kept]

    first = asyncio.run(ask())
    monkeypatch.setattr(up_module, "store_room", lambda _: StoreRoom(free=0, kept=1 << 20))
    assert asyncio.run(ask()) == first


@pytest.mark.parametrize(("free", "out", "back"), [(0, True, False), (15, False, False), (20, False, True)])
def test_what_a_store_may_take_and_when_it_takes_nothing(free: int, out: bool, back: bool) -> None:
    room = StoreRoom(free=free, kept=10)
    assert (room.is_out, room.is_back) == (out, back)
    assert room.limit(used=100) == 95 + free


def test_a_broker_left_over_from_a_killed_program_is_ended_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if Path("/proc/self").exists():
        monkeypatch.setenv("PATH", "")  # as in containers, which have no ps

    async def ask() -> None:
        first, then = ServerSettings(store=tmp_path, port=0), UpSettings(store=tmp_path, port=0)
        async with broker_server(first) as left_over, up(then):
            assert await asyncio.wait_for(left_over.process.wait(), 10) is not None

    asyncio.run(ask())


def test_two_on_one_store_are_refused(tmp_path: Path) -> None:
    async def ask() -> None:
        async with up(UpSettings(store=tmp_path, port=0)):
            with pytest.raises(FarmNotUsable, match=rf"runs on it already \(process {os.getpid()}\)"):
                await keep_up(UpSettings(store=tmp_path, port=0), print)

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"listen": "0.0.0.0"}, "nothing would be encrypted; give --tls-new, or --tls-cert and --tls-key"),
        ({"announce": True}, "nobody else reaches 127.0.0.1; give --listen 0.0.0.0 and --tls-new"),
        ({"listen": "192.0.2.1", "own_tls": True}, "name another with --listen"),
        ({"invited": [("a b", "node")]}, "is no name for the farm"),
    ],
)
def test_what_it_is_not_run_as_is_told_with_the_mend(tmp_path: Path, settings: dict[str, object], said: str) -> None:
    with pytest.raises(FarmNotUsable, match=said):
        asyncio.run(keep_up(UpSettings(store=tmp_path, port=0, **settings), print))  # type: ignore[arg-type]


def test_what_the_server_itself_ends_by_is_told_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "jetstream").write_text("no folder")
    with pytest.raises(FarmNotUsable, match=r"ended at once: .*(jetstream|JetStream)"):
        asyncio.run(keep_up(UpSettings(store=tmp_path, port=0), print))


def test_a_port_that_another_program_has_is_told(tmp_path: Path) -> None:
    async def ask() -> None:
        async with up(UpSettings(store=tmp_path / "one", port=0)) as kept:
            port = int(kept.addresses[0].rpartition(":")[2])
            with pytest.raises(FarmNotUsable, match=f"port {port}: another program listens there"):
                await keep_up(UpSettings(store=tmp_path / "two", port=port), print)

    asyncio.run(ask())


def test_its_own_certificate_is_trusted_by_its_credentials_alone(tmp_path: Path) -> None:
    async def ask() -> None:
        settings = UpSettings(store=tmp_path, port=0, own_tls=True, invited=[("ann", "submitter")])
        async with up(settings) as kept:
            assert kept.addresses[0].startswith("tls://127.0.0.1:")
            who = load_credentials(tmp_path / "credentials" / "submitter-ann.json", {})
            assert who is not None
            async with farm_link(kept.addresses[0], who) as link:
                await link.js.key_value("kiln-results-ann")
            with pytest.raises(BrokerNotTrusted, match="certificate"):
                async with farm_link(kept.addresses[0], wait=0.5):
                    pass
        first = (tmp_path / "tls" / "certificate.pem").read_bytes()
        async with up(settings):
            assert (tmp_path / "tls" / "certificate.pem").read_bytes() == first

    asyncio.run(ask())


def test_the_server_is_found_where_its_package_has_it() -> None:
    assert find_server().name == "nats-server"
    assert "v2." in subprocess.run([find_server(), "--version"], capture_output=True, text=True, check=True).stdout


def test_the_command_says_whom_it_lets_in_and_what_comes_next_and_ends_with_its_terminal(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "kilnmark.client.cli", "farm", "up", "--store", str(tmp_path), "--port", "0"]
    with subprocess.Popen([*words, "--viewer", "eve", "--node", "lap"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            said = [running.stdout.readline() for _ in range(6)]
            running.send_signal(signal.SIGHUP)  # the terminal is closed
            assert running.wait(20) == 0
        finally:
            running.kill()
    assert said[0].startswith("the broker is up at nats://127.0.0.1:")
    assert str(tmp_path / "credentials" / "viewer-eve.json") in said[3]
    assert "kilnmark farm work --farm" in said[4]
    assert said[5] == "nobody may hand work in yet: --submitter NAME lets somebody in\n"
    with pytest.raises(FarmError):
        asyncio.run(_linked(said[0].split()[5].rstrip(";")))


async def _linked(address: str) -> None:
    async with farm_link(address, wait=0.3):
        pass


def test_a_certificate_that_does_not_hold_is_told_with_its_file(tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path / "one", ["forge.invalid"])
    _, other = own_certificate(tmp_path / "other", ["forge.invalid"])
    settings = UpSettings(store=tmp_path / "store", port=0, tls=(certificate, key), tls_ca=certificate)
    with pytest.raises(FarmNotUsable, match=r"--tls-cert .*certificate.pem: does not hold here: .*; give another"):
        asyncio.run(keep_up(settings, print))
    for pair in ((certificate, other), (tmp_path / "none.pem", key), (key, key)):
        with pytest.raises(FarmNotUsable, match=rf"--tls-cert {pair[0]}: cannot be used with the key {pair[1]} \("):
            asyncio.run(keep_up(replace(settings, tls=pair), print))


def test_what_the_server_says_of_its_settings_is_told(tmp_path: Path) -> None:
    async def ask() -> None:
        async with broker_server(ServerSettings(store=tmp_path, port=0, accounts={"A": {"users": "none"}})):
            pass

    with pytest.raises(FarmNotUsable, match="ended at once: nats-server: Expected users"):
        asyncio.run(ask())


def test_a_broker_that_hears_nothing_is_ended_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_END", 0.1)

    async def ask() -> int | None:
        async with broker_server(ServerSettings(store=tmp_path, port=0)) as server:
            server.process.send_signal(signal.SIGSTOP)
        return server.process.returncode

    assert asyncio.run(ask()) == -signal.SIGKILL
