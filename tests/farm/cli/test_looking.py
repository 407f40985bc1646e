"""`kilnmark farm status`, `dead`, `cancel` and `drain`, beside a real broker."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.client.cli.main import kilnmark
from kilnmark.client.request import RenderRequest
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.documents import FarmJob, FarmNeeds, FarmResult
from kilnmark.farm.errors import FarmNotUsable, NoNode
from kilnmark.farm.names import results_of, token_of
from kilnmark.farm.submit.client import FarmClient
from kilnmark.farm.submit.results import Results
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.replies import JobError
from kilnmark.protocol.wire.requests import RenderParams
from tests.farm.nodes import nodes_at


@pytest.fixture(scope="module")
def nodes(broker: str) -> Iterator[Mapping[str, InProcessDaemon]]:
    with nodes_at(broker, {"anvil": FakeWorker(Script(verdicts={"moss": Verdict.NOOP}))}) as daemons:
        yield daemons


def said(broker: str, *arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(kilnmark, ["farm", *arguments, "--farm", broker, "--json"], catch_exceptions=False)
    document: dict[str, Any] = msgspec.json.decode(result.stdout)
    return document | {"code": result.exit_code}


def words(broker: str, *arguments: str) -> str:
    return CliRunner().invoke(kilnmark, ["farm", *arguments, "--farm", broker], catch_exceptions=False).output


def at(broker: str, work: Callable[[FarmLink], Coroutine[Any, Any, Any]]) -> Any:
    async def ask() -> Any:
        async with farm_link(broker) as link:
            return await work(link)

    return asyncio.run(ask())


def hand_in(broker: str, *requests: dict[str, Any], detached: bool = False) -> str:
    asked = [cast("RenderRequest", {"steps": 1, "seed": 1, **each}) for each in requests]

    async def ask(link: FarmLink) -> str:
        client = FarmClient(link, "ann", Path("unused"), what="a test", detached=detached)
        async for _ in client.render_many(asked):
            pass
        return client.submission

    found: str = at(broker, ask)
    return found


@pytest.mark.usefixtures("nodes")
def test_status_shows_nodes_jobs_submissions_and_dead_adapters(broker: str, tmp_path: Path) -> None:
    moss = make_adapter(tmp_path / "moss.safetensors", rank=1, blocks=1)
    submission = hand_in(
        broker,
        {"prompt": "a hill", "job_id": "hill"},
        {"prompt": "a fen", "job_id": "fen", "lora_paths": [moss]},
        {"prompt": "a bog", "job_id": "bog", "lora_paths": [moss], "on_mismatch": "warn"},
    )
    told = said(broker, "status")
    (node,) = told["nodes"]
    assert (node["name"], node["problem"], [base["variant"] for base in node["bases"]]) == ("anvil", "", ["standin"])
    assert node["seen_s"] < 30
    (mine,) = [each for each in told["submissions"] if each["submission"] == submission]
    assert (mine["what"], mine["jobs"], mine["open"], mine["done"], mine["failed"]) == ("a test", 3, 0, 2, 1)
    (dead,) = told["dead_adapters"]
    assert (dead["name"], dead["verdict"], dead["jobs"], dead["painted"]) == ("moss", "noop", 1, 1)
    assert told["a_minute"] > 0
    shown = words(broker, "status")
    assert "anvil: " in shown
    assert f"{submission}, a test of ann: all 3 ended; 2 done, 1 failed" in shown
    assert "moss is noop, 1 job failed by it, 1 picture made for all that: " in shown


@pytest.mark.usefixtures("nodes")
def test_a_job_that_is_taken_back_ends_so_and_is_painted_when_it_is_handed_in_again(
    broker: str, nodes: Mapping[str, InProcessDaemon]
) -> None:
    worker = nodes["anvil"].worker
    worker.hold("denoise")
    try:
        submission = hand_in(
            broker, *({"prompt": f"a mill {each}", "job_id": f"mill-{each}"} for each in range(6)), detached=True
        )
        told = said(broker, "cancel", "--submission", submission)
        assert (len(told["cancelled"]), told["ended"]) == (6, [])
    finally:
        worker.hold()
    assert said(broker, "cancel", "mill-1")["ended"] == ["mill-1"]
    with pytest.raises(FarmNotUsable, match="ann has handed in none called 'mil-1'; none is taken back"):
        said(broker, "cancel", "mill-1", "mil-1")
    hand_in(broker, {"prompt": "a mill 1", "job_id": "mill-1"})
    found = at(broker, lambda link: Results(link, "ann").find("mill-1"))
    assert found.result.state == "done"


def test_a_submission_that_nobody_knows_is_told(broker: str) -> None:
    with pytest.raises(FarmNotUsable, match="none is called 'never'; `kilnmark farm status` shows them"):
        said(broker, "cancel", "--submission", "never")


@pytest.mark.usefixtures("nodes")
def test_a_dead_job_is_listed_with_its_reason_and_handed_out_again(broker: str) -> None:
    hand_in(broker, {"prompt": "a well", "job_id": "before"})

    async def die(link: FarmLink) -> None:
        done = await Results(link, "ann").find("before")
        assert done is not None
        asked = RenderParams(prompt="a well", seed=3, steps=1)
        needs = FarmNeeds(variant="standin", version=_version(), keymaps=_keymaps())
        job = FarmJob(job_id="well", submitter="ann", submission="s", needs=needs, asked=asked)
        error = JobError(code=-32003, kind="worker_lost", message="the worker died each time", retryable=True)
        ended = FarmResult(
            job_id="well",
            submitter="ann",
            submission="s",
            state="dead",
            error=error,
            first_line="Killed",
            deliveries=5,
            nodes=("anvil",),
            job=job,
        )
        results = await link.js.key_value(results_of("ann"))
        await results.create(token_of("well"), msgspec.json.encode(ended))

    at(broker, die)
    (letter,) = said(broker, "dead")["letters"]
    assert (letter["job_id"], letter["reason"], letter["first_line"], letter["deliveries"], letter["nodes"]) == (
        "well",
        "the worker died each time",
        "Killed",
        5,
        ["anvil"],
    )
    shown = words(broker, "dead")
    assert "well of ann, 5 times at anvil: the worker died each time; it began with: Killed" in shown
    assert "`kilnmark farm dead --again JOB` hands one out once more" in shown
    assert words(broker, "dead", "hill") == "hill is not dead; `kilnmark farm dead` lists those that are\n"
    assert said(broker, "dead", "hill")["code"] == 1
    assert said(broker, "dead", "well", "--again")["letters"][0]["again"] == "sent"
    hand_in(broker, {"prompt": "a well", "job_id": "after"})  # which its node takes behind it
    assert said(broker, "dead")["letters"] == []


def test_a_submitter_that_the_farm_does_not_know_is_told_by_those_it_knows(broker: str) -> None:
    with pytest.raises(FarmNotUsable, match="knows no submitter 'bob', but ann; name one"):
        words(broker, "status", "--submitter", "bob")
    assert said(broker, "status", "--submitter", "ann")["code"] == 0


def test_a_drained_node_finishes_and_leaves(broker: str) -> None:
    absent = "called 'nobody' or 'none' answers; those that ever joined: "
    with nodes_at(broker, {"bellows": FakeWorker()}), pytest.raises(NoNode, match=absent):
        words(broker, "drain", "nobody", "bellows", "none")  # which is told for all that
    states = {node["name"]: node["state"] for node in said(broker, "status")["nodes"]}
    assert states["bellows"] == "left"
    assert words(broker, "drain", "bellows") == "bellows has left\n"


def _version() -> str:
    from importlib.metadata import version

    return version("kilnmark")


def _keymaps() -> str:
    from kilnmark.farm.content.local import keymaps_digest

    return keymaps_digest()
