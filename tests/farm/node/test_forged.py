"""What anybody who hands work in may write to the broker, and what becomes of it: nobody's but their own is touched."""

import msgspec
import pytest

from kilnmark.client.testing import fake_daemon
from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.documents import FarmJob, FarmNeeds, PartitionInfo
from kilnmark.farm.names import (
    CANCELS,
    PARTITIONS,
    WORK,
    Partition,
    cancel_key,
    partition_key,
    results_of,
    warm_subject,
    work_subject,
)
from kilnmark.farm.reading import read_document, read_ending, read_job
from kilnmark.farm.submit.jobs import MadeJob
from kilnmark.farm.submit.results import Results
from kilnmark.farm.submit.sending import Sending
from kilnmark.protocol.wire.requests import RenderParams
from tests.farm.node.handed_in import hand_in, result_of
from tests.farm.node.test_node import at, is_empty, node

_DEEP = b'{"x":' + b"[" * 100_000
_NO_TEXT = b'{"job_id":"\xff"}'


def job_of(**said: object) -> FarmJob:
    needs = FarmNeeds(variant="standin", version="0.1.0", keymaps="k")
    asked = RenderParams(prompt="a hill", seed=1)
    made = {"job_id": "hill", "submitter": "ann", "submission": "s", "needs": needs, "asked": asked, **said}
    return FarmJob(**made)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"", b"null", b"{", _DEEP, _NO_TEXT])
def test_what_is_no_document_is_told_as_that_whatever_it_is(data: bytes) -> None:
    for kind in (FarmJob, PartitionInfo, tuple[str, str]):
        with pytest.raises(msgspec.DecodeError):
            read_document(data, kind)
    ending = read_ending(data, "ann", "hill")
    assert (ending.state, ending.submitter, ending.job_id) == ("failed", "ann", "hill")
    assert ending.error is not None
    assert "hand it in again" in ending.error.message


@pytest.mark.parametrize(
    "asked",
    [
        {"lora_paths": ["/srv/own.safetensors"], "lora_scales": [1.0]},
        {"extra_loras": [{"path": "/srv/own.safetensors", "scale": 1.0}]},
        {"init_image": "/srv/own.png"},
        {"reference_images": ["/srv/own.png"]},
        {"genre": "ash"},
        {"variant": "/srv/weights"},
        {"notify_url": "http://127.0.0.1:1/"},
    ],
)
def test_no_job_names_a_file_of_a_nodes_machine(asked: dict[str, object]) -> None:
    told = msgspec.to_builtins(job_of())
    told["asked"] |= asked
    with pytest.raises(msgspec.DecodeError, match="it names files, or what is composed"):
        read_document(msgspec.json.encode(told), FarmJob)


@pytest.mark.parametrize("job_id", ["../../x", "a/b", "", "x" * 65])
def test_no_jobs_id_leads_elsewhere(job_id: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_document(msgspec.json.encode(msgspec.to_builtins(job_of()) | {"job_id": job_id}), FarmJob)


def test_a_job_is_of_whoever_was_let_in_to_hand_it_in() -> None:
    data = msgspec.json.encode(job_of(submitter="bob"))
    with pytest.raises(msgspec.DecodeError, match="it says that it is hill of bob"):
        read_job(data, work_subject(Partition("n", "s", "low"), "ann", "hill", 2))
    assert read_job(data, work_subject(Partition("n", "s", "low"), "bob", "hill", 2)).submitter == "bob"


def test_a_node_goes_on_through_all_that_is_no_work_and_heeds_nobody_for_another(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        partitions, cancels = await link.js.key_value(PARTITIONS), await link.js.key_value(CANCELS)
        other = PartitionInfo(needs=FarmNeeds(variant="other", version="0.1.0", keymaps="k"))
        for key, data in (("a.b.high", _DEEP), ("c.d.low", msgspec.json.encode(other)), ("e=.f.low", b"{}")):
            await partitions.put(key, data)
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket):
                await link.js.publish("kiln.work.a.b.high.ann.deep", _DEEP, stream=WORK)
                await cancels.put(cancel_key("bob", "wanted"), msgspec.json.encode(("ann", "wanted")))
                await cancels.put(cancel_key("bob", "deep"), _DEEP)
                await hand_in(link, "wanted")
                assert (await result_of(link, "wanted")).state == "done"
                reply = await link.nc.request(warm_subject("standin"), b"/srv/weights", timeout=10)
                assert b"under the name of another base" in reply.data
        await link.js.purge_stream(WORK)

    at(broker, work)


def test_a_result_that_nobody_can_read_ends_its_job_and_not_its_node(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        await (await link.js.key_value(results_of("ann"))).put("garbled", _DEEP)
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket):
                await hand_in(link, "garbled")
                await hand_in(link, "behind-it")
                assert (await result_of(link, "behind-it")).state == "done"
        assert await is_empty(link), "what is done is acknowledged before its node has left"
        found = await Results(link, "ann").find("garbled")
        assert found is not None
        assert found.result.state == "failed"

    at(broker, work)


@pytest.mark.parametrize("there", [b"garbage", msgspec.json.encode(PartitionInfo(needs=job_of().needs))])
def test_what_a_partition_asks_for_is_put_right_by_whoever_hands_in_work_of_it(broker: str, there: bytes) -> None:
    job = job_of(needs=FarmNeeds(variant="standin", version="0.1.0", keymaps="k2"), job_id=f"right-{len(there)}")
    key = partition_key(job.partition)

    async def work(link: FarmLink) -> None:
        bucket = await link.js.key_value(PARTITIONS)
        await bucket.put(key, there)
        await Sending(link, "ann").send(MadeJob(job, (), ()))
        assert read_document((await bucket.get(key)).value, PartitionInfo).needs == job.needs
        await link.js.purge_stream(WORK)

    at(broker, work)
