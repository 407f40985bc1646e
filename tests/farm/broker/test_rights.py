"""Every right, both ways, at a real broker: whoever has it may, and whoever has it not is refused."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from kilnmark.farm.broker.accounts import as_asked
from kilnmark.farm.broker.connection import refused_subject
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.rights import RIGHTS, allows, roles_that_may, subjects_of
from kilnmark.farm.errors import BrokerRefused
from kilnmark.farm.names import NODES, Partition, anew_subject, pictures_of, results_of, work_subject
from tests.farm.broker.guarded import WHO, GuardedBroker, guarded_broker

_PARTITION = Partition("n", "s", "low")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    with guarded_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@contextlib.asynccontextmanager
async def linked(guarded: GuardedBroker, name: str) -> AsyncIterator[FarmLink]:
    async with farm_link(guarded.address, guarded.people[name]) as link:
        yield link


def spelled(subject: str) -> str:
    """A subject that a pattern has."""
    return subject.replace("*", "x").replace(">", "x")


def matches(pattern: str, subject: str) -> bool:
    """Whether the broker's own wildcards have it so."""
    wanted, there = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted, there = wanted[:-1], there[: max(len(wanted) - 1, 0)]
    return len(wanted) == len(there) and all(each in ("*", token) for each, token in zip(wanted, there, strict=True))


async def refusals(guarded: GuardedBroker, name: str, way: str, subjects: list[str]) -> set[str]:
    """Which subjects the broker refuses somebody, as it says itself."""
    import nats

    who, said = guarded.people[name], set[str]()

    async def hear(error: Exception) -> None:
        if (found := refused_subject(str(error))) is not None:
            said.add(found[1])

    nc = await nats.connect(guarded.address, nkeys_seed_str=who.seed, error_cb=hear)
    try:
        for subject in subjects:
            if way == "sends":
                await nc.publish(subject, b"not json")
            else:
                await nc.subscribe(subject)
        await nc.flush()  # this may overtake what was sent
        await nc.flush()
    finally:
        await nc.close()
    return {subject for subject in subjects if subject.lower() in said}


def test_nobody_hears_what_is_answered_to_others(guarded: GuardedBroker) -> None:
    others = ["_INBOX_submitter_ann.>", "_INBOX_operator_operator.>", "_INBOX.>", ">", "kiln.work.>"]
    for name in ("bob", "eve", "desk"):
        assert asyncio.run(refusals(guarded, name, "hears", others)) == set(others)


def test_streams_are_not_asked_for_but_by_the_farm(guarded: GuardedBroker) -> None:
    for name in ("bob", "eve", "desk"):
        direct = ["$JS.API.STREAM.DELETE.KILN_WORK", "kiln.api.STREAM.DELETE.KILN_WORK", "$JS.API.STREAM.NAMES"]
        assert asyncio.run(refusals(guarded, name, "sends", direct)) == set(direct)


def test_a_submitter_hands_in_a_node_does_and_the_submitter_reads(guarded: GuardedBroker) -> None:
    """With the client as it is: watching, taking, acknowledging, files and results."""
    from nats.js import api

    async def ask() -> None:
        async with linked(guarded, "ann") as ann, linked(guarded, "desk") as desk:
            watcher = await (await ann.js.key_value(results_of("ann"))).watchall()
            assert await watcher.updates(5) is None  # type: ignore[no-untyped-call]
            await ann.js.publish(work_subject(_PARTITION, "ann", "job-1"), b"{}")
            settings = api.ConsumerConfig(name="c", durable_name="c", filter_subject="kiln.work.n.s.low.>")
            await desk.js.add_consumer("KILN_WORK", settings)
            taking = await desk.js.pull_subscribe_bind(consumer="c", stream="KILN_WORK")
            [message] = await taking.fetch(1, timeout=5)
            await message.in_progress()
            await desk.js.publish(anew_subject(message.subject), b"{}", stream="KILN_WORK")
            [passed_on] = await taking.fetch(1, timeout=5)
            await passed_on.ack_sync(timeout=5)
            store = await desk.js.object_store(pictures_of("ann"))
            await store.put("picture", b"p" * 300_000)
            await (await desk.js.key_value(results_of("ann"))).create("job-1", b"done")
            await message.ack_sync(timeout=5)
            entry = await watcher.updates(5)  # type: ignore[no-untyped-call]
            assert entry is not None
            assert (entry.key, entry.value) == ("job-1", b"done")
            fetched = await (await ann.js.object_store(pictures_of("ann"))).get("picture")
            assert fetched.data is not None
            assert len(fetched.data) == 300_000
            await watcher.stop()  # type: ignore[no-untyped-call]
            assert (await ann.broker_time()).tzinfo is not None

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("name", "what", "would"),
    [
        ("bob", "read the results of ann", "a node or a submitter or a viewer or an operator"),
        ("eve", "write the results of ann", "a node or a submitter or an operator"),
        ("eve", "hand in work", "a node or a submitter or an operator"),
        ("bob", "take work", "a node or an operator"),
    ],
)
def test_a_refusal_is_told_at_once_with_whose_credentials_would_do(
    guarded: GuardedBroker, name: str, what: str, would: str
) -> None:
    async def ask(link: FarmLink) -> None:
        if what.startswith("read"):
            await link.js.key_value(results_of("ann"))
        elif what.startswith("write"):
            await link.js.publish(f"$KV.{results_of('ann')}.job", b"{}")
        elif what.startswith("hand"):
            await link.js.publish(work_subject(_PARTITION, "ann", "job-2"), b"{}")
        else:
            await link.js.add_consumer("KILN_WORK", name="d", filter_subject="kiln.work.n.s.low.>")

    async def told() -> str:
        async with linked(guarded, name) as link:
            with pytest.raises(BrokerRefused) as refused, link.telling(what):
                await asyncio.wait_for(ask(link), 5)
            return str(refused.value)

    said = asyncio.run(told())
    assert f"does not let these credentials of a {guarded.people[name].role} {what}; give those of {would} with" in said
    assert not any(who.seed in said for who in guarded.people.values())


def test_an_answer_cannot_be_sent_where_the_asker_may_not_write(guarded: GuardedBroker) -> None:
    """Whoever asks says where the answer goes: the broker must not write it for them into what is others'."""

    async def ask() -> list[str]:
        async with linked(guarded, "bob") as bob, linked(guarded, "operator") as operator:
            for goal in (f"$KV.{results_of('ann')}.forged", f"$KV.{NODES}.forged", "kiln.work.n.s.low.ann.forged"):
                await bob.nc.publish(f"{bob.api}.STREAM.INFO.KV_{NODES}", b"", reply=goal)
            await bob.broker_time()  # asked after those, so they were answered
            found = []
            for stream in (f"KV_{results_of('ann')}", f"KV_{NODES}", "KILN_WORK"):
                state = (await operator.js.stream_info(stream, subjects_filter=">")).state
                found += [subject for subject in state.subjects or {} if "forged" in subject]
            return found

    assert asyncio.run(ask()) == []


def test_a_node_answers_a_submitter_who_asks_for_a_base(guarded: GuardedBroker) -> None:
    async def ask() -> bytes:
        async with linked(guarded, "desk") as desk, linked(guarded, "ann") as ann:

            async def answer(message: object) -> None:
                await message.respond(b"the base")  # type: ignore[attr-defined]

            await desk.nc.subscribe("kiln.warm.dev", queue="nodes", cb=answer)
            await desk.broker_time()  # asked after that, so it is heard by now
            return (await ann.nc.request("kiln.warm.dev", b"", timeout=5)).data

    assert asyncio.run(ask()) == b"the base"


def test_whoever_has_no_credentials_or_those_of_another_broker_is_not_let_in(guarded: GuardedBroker) -> None:
    from kilnmark.farm.broker.people import new_credentials

    _, stranger = new_credentials("ann", "submitter")

    async def ask() -> None:
        with pytest.raises(BrokerRefused, match="does not let anybody without credentials in"):
            async with farm_link(guarded.address):
                pass
        with pytest.raises(BrokerRefused, match="does not let these credentials of a submitter in") as refused:
            async with farm_link(guarded.address, stranger):
                pass
        assert stranger.seed not in str(refused.value) + repr(stranger)

    asyncio.run(ask())


def test_the_table_says_for_each_subject_who_may() -> None:
    assert roles_that_may("sends", "$js.ack.kiln_work.c.1") == ("node", "operator")
    assert roles_that_may("sends", "$JS.API.STREAM.DELETE.KILN_WORK") == ("operator",)
    assert allows("submitter", "sends", "$KV.kiln-results-ann.job")
    assert not allows("viewer", "sends", "$KV.kiln-results-ann.job")


@pytest.mark.parametrize("way", ["sends", "hears"])
def test_each_right_is_had_by_its_role_and_by_no_other(guarded: GuardedBroker, way: str) -> None:
    everything = {
        spelled(subject)
        for right in RIGHTS
        if right.way == way
        for me in ("desk", "lap", "ann", "bob", "eve")
        for subject in subjects_of(right, me, ["ann", "bob"])
    }

    async def ask() -> None:
        for name, role in WHO[1:]:
            patterns = [
                pattern
                for right in RIGHTS
                if (right.way, right.role) == (way, role)
                for pattern in subjects_of(right, name, ["ann", "bob"])
            ]
            mine = {subject for subject in everything if any(matches(each, subject) for each in patterns)}
            assert mine or way == "hears"
            as_said = {as_asked(each): each for each in everything}
            refused = {as_said[each] for each in await refusals(guarded, name, way, sorted(as_said))}
            assert refused == everything - mine, name

    asyncio.run(ask())
