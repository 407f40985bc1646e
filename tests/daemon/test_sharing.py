"""Equal requests in flight are one render: one picture, and a reply, progress and an end of its own for each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from tests.daemon.conftest import SMALL, FakeDaemon, Wire
from tests.daemon.shuttered import Shuttered
from tests.pinhole import write_for_pinhole

SHARED: dict[str, Any] = {**SMALL, "steps": 3, "_meta": {"progressToken": "t"}}
LEVELS = ("low", "normal", "high")


@pytest.fixture(autouse=True)
def held(daemon: FakeDaemon) -> Iterator[None]:
    """Every render waits at each of its denoise steps."""
    daemon.worker.hold("denoise")
    yield
    daemon.worker.hold()


def numbers(daemon: FakeDaemon) -> tuple[int, int, int]:
    """What is counted: pictures, failures, and jobs that got another's picture."""
    status = daemon.status()
    return status["rendered"], status["failed"], status["queue"]["shared"]


def test_equal_requests_at_once_are_one_picture_with_a_reply_for_each(wire: Wire, daemon: FakeDaemon) -> None:
    rendered, failed, shared = numbers(daemon)
    ids = [wire.send("render", SMALL) for _ in range(5)]
    wire.result("ping")
    daemon.worker.hold()
    results = [message["result"] for message in (wire.read() for _ in ids)]
    assert len({result["job_id"] for result in results}) == 5
    assert len({result["image_path"] for result in results}) == 1
    assert {result["cached"] for result in results} == {False}
    assert numbers(daemon) == (rendered + 1, failed, shared + 4)


def test_one_that_joins_a_running_render_hears_of_its_progress_and_is_listed_with_it(
    wire: Wire, other: Wire, daemon: FakeDaemon
) -> None:
    first = other.send("render", {**SHARED, "job_id": "first"})
    other.progressed("denoise 0/")
    second = wire.send("render", {**SHARED, "job_id": "second"})
    wire.result("ping")
    daemon.worker.go()
    wire.progressed("denoise 1/")
    jobs = {job["job_id"]: job for job in daemon.status()["jobs"]}
    assert (jobs["first"]["state"], jobs["first"]["shared_with"]) == ("running", None)
    assert (jobs["second"]["state"], jobs["second"]["shared_with"]) == ("running", "first")
    daemon.worker.hold()
    one, two = other.reply(first)["result"], wire.reply(second)["result"]
    assert (one["job_id"], two["job_id"]) == ("first", "second")
    assert one["image_path"] == two["image_path"]
    assert two["timings"]["queue_ms"] == 0


def test_each_job_of_a_shared_render_is_known_by_its_own_name_afterwards(wire: Wire, daemon: FakeDaemon) -> None:
    ids = [wire.send("render", {**SMALL, "job_id": name}) for name in ("twin-a", "twin-b")]
    wire.result("ping")
    daemon.worker.hold()
    pictures = {message["result"]["image_path"] for message in (wire.read() for _ in ids)}
    for name in ("twin-a", "twin-b"):
        again = wire.result("render", {**SMALL, "job_id": name})
        assert (again["job_id"], again["cached"], {again["image_path"]}) == (name, True, pictures)


@pytest.mark.parametrize("leaves_first", [False, True], ids=["the one that joined", "the one that began it"])
def test_one_of_two_jobs_is_cancelled_and_the_other_gets_the_picture(
    wire: Wire, other: Wire, daemon: FakeDaemon, leaves_first: bool
) -> None:
    first = other.send("render", SHARED)
    other.progressed("denoise 0/")
    second = wire.send("render", SHARED)
    wire.result("ping")
    daemon.worker.go()
    wire.progressed("denoise 1/")
    leaving, left, staying, stays = (other, first, wire, second) if leaves_first else (wire, second, other, first)
    leaving.send("$/cancelRequest", {"id": left}, id=None)
    assert leaving.reply(left)["error"]["code"] == -32800
    daemon.worker.hold()
    assert Path(staying.reply(stays)["result"]["image_path"]).is_file()


def test_who_comes_when_the_one_that_began_it_has_left_gets_the_picture_too(
    wire: Wire, other: Wire, daemon: FakeDaemon
) -> None:
    first = other.send("render", SHARED)
    other.progressed("denoise 0/")
    second = wire.send("render", SHARED)
    wire.result("ping")
    other.send("$/cancelRequest", {"id": first}, id=None)
    assert other.reply(first)["error"]["code"] == -32800
    third = other.send("render", SHARED)
    other.result("ping")
    daemon.worker.hold()
    one, two = wire.reply(second)["result"], other.reply(third)["result"]
    assert one["image_path"] == two["image_path"]
    assert daemon.status()["jobs"] == []


def test_all_jobs_of_a_render_cancelled_end_it(wire: Wire, other: Wire, daemon: FakeDaemon) -> None:
    before = numbers(daemon)
    endless = {**SHARED, "steps": 100}
    first = other.send("render", {**endless, "job_id": "endless-1"})
    other.progressed("denoise 0/")
    second = wire.send("render", {**endless, "job_id": "endless-2"})
    wire.result("ping")
    daemon.worker.go()
    wire.progressed("denoise 1/")
    for name in ("endless-1", "endless-2"):
        assert wire.result("cancel", {"job_id": name})["cancelled"]
    assert other.reply(first)["error"]["code"] == -32800
    assert wire.reply(second)["error"]["data"]["job_id"] == "endless-2"
    assert numbers(daemon) == (before[0], before[1], before[2] + 1)


def test_a_failure_is_told_to_each_job_under_its_own_name(wire: Wire, other: Wire, daemon: FakeDaemon) -> None:
    dead = make_adapter(daemon.loras / "dead-twice.safetensors", blocks=1, rank=2, dead=True)
    daemon.worker.script.verdicts["dead-twice"] = Verdict.NOOP
    blocking = other.send("render", SHARED)
    other.progressed("denoise 0/")
    asked = {**SMALL, "lora_paths": [str(dead)], "lora_scales": [1.0]}
    ids = {wire.send("render", {**asked, "job_id": name}): name for name in ("dead-1", "dead-2")}
    daemon.worker.hold()
    for message in (wire.read() for _ in ids):
        assert message["error"]["code"] == -32008
        assert message["error"]["data"]["job_id"] == ids[message["id"]]
    assert "result" in other.reply(blocking)


def test_a_file_changed_between_two_requests_makes_them_two_renders(
    wire: Wire, other: Wire, daemon: FakeDaemon
) -> None:
    changing = make_adapter(daemon.loras / "changing.safetensors", blocks=1, rank=2, seed=1)
    asked = {**SHARED, "lora_paths": [str(changing)], "lora_scales": [1.0]}
    first = other.send("render", asked)
    other.progressed("denoise")
    make_adapter(changing, blocks=1, rank=2, seed=2)
    second = wire.send("render", asked)
    daemon.worker.hold()
    [one], [two] = other.reply(first)["result"]["loras"], wire.reply(second)["result"]["loras"]
    assert one["sha256"] != two["sha256"]


def test_a_high_render_is_painted_before_an_older_one(wire: Wire, other: Wire, daemon: FakeDaemon) -> None:
    blocking = other.send("render", SHARED)
    other.progressed("denoise 0/")
    ids = {wire.send("render", {**SMALL, "seed": seed, "priority": name}): name for seed, name in enumerate(LEVELS)}
    wire.result("ping")
    status = daemon.status()
    daemon.worker.hold()
    assert {name: status["queue"][name] for name in LEVELS} == {"low": 1, "normal": 1, "high": 1}
    assert [job["priority"] for job in status["jobs"]] == ["normal", "high", "normal", "low"]
    assert [ids[wire.read()["id"]] for _ in ids] == ["high", "normal", "low"]
    assert "result" in other.reply(blocking)


def test_renders_of_one_stack_run_together(paints: Wire, painter: Shuttered) -> None:
    paths = [write_for_pinhole(painter.loras / f"{name}.safetensors", seed=ord(name[0])) for name in ("oak", "ash")]
    painter.hold("step 1")
    with painter.wire() as other:
        blocking = other.send("render", SHARED)
        other.progressed("denoise 1/")
        before = painter.status()["queue"]["switches"]
        for seed, path in enumerate(paths * 3):
            asked = {**SMALL, "seed": seed, "lora_paths": [str(path)], "lora_scales": [1.0], "job_id": f"stack-{seed}"}
            paints.send("render", asked)
        paints.once_ready(*(f"stack-{seed}" for seed in range(6)))
        painter.release("step 1")
        results = [paints.read()["result"] for _ in range(6)]
        assert [result["loras"][0]["name"] for result in results] == ["oak"] * 3 + ["ash"] * 3
        assert painter.status()["queue"]["switches"] == before + 2
        assert "result" in other.reply(blocking)
